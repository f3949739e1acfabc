package device

import (
	"errors"
	"net/http"
	"strings"

	"latchkey.dev/internal/interaction"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/throttle"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// ShowEnter asks for the code that a device shows. A link or QR code brings it along; even then the person compares it and says so,
// for the link may be somebody else's (RFC 8628 §3.3.1, §5.4).
func (h *Handler) ShowEnter(w http.ResponseWriter, r *http.Request) error {
	query, err := wire.Query(r)
	if err != nil {
		return err
	}
	page := web.EnterCode{}
	if code, err := readUserCode(query.Get(string(web.FieldUserCode))); err == nil {
		page = web.EnterCode{UserCode: formatUserCode(code), FromLink: true}
	}
	return h.Pages.Render(w, r, http.StatusOK, page)
}

// Enter looks the code up and begins the person's way to consent.
func (h *Handler) Enter(w http.ResponseWriter, r *http.Request) error {
	form, err := wire.Form(r)
	if err != nil {
		return err
	}
	typed := form.Get(string(web.FieldUserCode))
	code, err := readUserCode(typed)
	if err != nil {
		return h.mistaken(w, r, typed)
	}
	limited, err := h.limits.Spend(r.Context(), enterLimits(r.Context(), code)...)
	if err != nil {
		return err
	}
	if !limited.Never() {
		return h.limited(w, r, typed, limited)
	}
	device, err := h.Store.FindDeviceCode(r.Context(), h.Issuer.Name, h.hash(code))
	if errors.Is(err, store.ErrNotFound) || err == nil && (device.Answered() || device.ExpiresAt <= h.Store.Now()) {
		return h.mistaken(w, r, typed) // one answer for all that is over: it tells nobody which codes there are
	}
	if err != nil {
		return err
	}
	return h.ask(w, r, &device, formatUserCode(code))
}

// ask takes the person through sign-in, account and consent; the answer goes to the device.
func (h *Handler) ask(w http.ResponseWriter, r *http.Request, device *store.DeviceCode, userCode string) error {
	flow, tooLong := h.People.Begin(interaction.Request{
		ClientID: device.ClientID, Scopes: device.Binding.Scopes, Resources: device.Binding.Resources,
		Device: &interaction.Device{Hash: device.Hash, UserCode: userCode},
	})
	if tooLong != nil {
		return tooLong
	}
	return h.People.Proceed(w, r, flow)
}

func (h *Handler) mistaken(w http.ResponseWriter, r *http.Request, typed string) error {
	problem := web.ProblemUserCodeWrong
	if strings.TrimSpace(typed) == "" {
		problem = web.ProblemUserCodeMissing
	}
	return h.Pages.Render(w, r, http.StatusUnprocessableEntity, web.EnterCode{
		UserCode: typed, Errors: web.Errors{{Field: web.FieldUserCode, Problem: problem}},
	})
}

func (h *Handler) limited(w http.ResponseWriter, r *http.Request, typed string, until micros.Time) error {
	w.Header().Set("Retry-After", throttle.RetryAfter(until, h.Store.Now()))
	return h.Pages.Render(w, r, http.StatusTooManyRequests, web.EnterCode{UserCode: typed, Until: until.Time()})
}
