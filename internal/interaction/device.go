package interaction

import (
	"errors"
	"net/http"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// Device is a device that waits for the answer to a request, in the place of an app that is called back (RFC 8628 §3.3).
type Device struct {
	// Hash names its device code.
	Hash []byte `json:"hash"`
	// UserCode is what it shows, for the person to compare.
	UserCode string `json:"code"`
}

// proveDevice makes sure that the device still waits. Who allowed it is sent back to it; of a code that is over nobody learns more.
func (h *Handler) proveDevice(t *turn) error {
	device, err := h.Store.DeviceCode(t.r.Context(), h.Issuer.Name, t.flow.Request.Device.Hash)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return deviceCodeEnded()
	case err != nil:
		return err
	case !device.DeniedAt.Never():
		return h.answeredBefore(t, web.DeviceAnswered{})
	case !device.AllowedAt.Never() && t.session != nil && t.session.UserID == device.Grant.UserID:
		return h.allowedBefore(t, device.Grant.AccountID)
	case device.Answered() || device.ExpiresAt <= h.now():
		return deviceCodeEnded()
	}
	return nil
}

// allowedBefore meets someone who came back to a flow that they allowed: pressed Back, or Allow twice.
func (h *Handler) allowedBefore(t *turn, accountID string) error {
	account, err := h.Store.Account(t.r.Context(), h.Issuer.Name, accountID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return h.answeredBefore(t, web.DeviceAnswered{Account: web.Account{ID: account.ID, Name: account.Name}, Allowed: true})
}

func (h *Handler) answeredBefore(t *turn, page web.DeviceAnswered) (err error) {
	if page.Flow, err = h.view(t); err != nil {
		return err
	}
	return &refusedPage{
		status: http.StatusOK, page: page, reason: oauth.AccessDenied("the device was answered before").With(oauth.ReasonReused),
	}
}

func deviceCodeEnded() error {
	return &refusedPage{
		status: http.StatusGone, page: web.DeviceCodeEnded{}, reason: oauth.AccessDenied("the device's code is over").With(oauth.ReasonExpired),
	}
}

// allowDevice gives the waiting device what a code would hold. The first answer stays, whoever gave it.
func allowDevice(tx *store.Tx, device *Device, code store.Code) error {
	code.Hash = device.Hash
	return firstAnswer(tx.AllowDevice(code))
}

func (h *Handler) denyDevice(tx *store.Tx, device *Device) error {
	return firstAnswer(tx.DenyDevice(h.Issuer.Name, device.Hash))
}

func firstAnswer(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return errAnswered
	}
	return err
}

// backToDevice says that it is done: the device finds out by itself.
func (h *Handler) backToDevice(t *turn) error {
	account := t.outcome.Account
	return h.showIn(t, http.StatusOK, func(flow web.Flow) web.Page {
		return web.DeviceAnswered{Flow: flow, Account: web.Account{ID: account.AccountID, Name: account.AccountName}, Allowed: true}
	})
}

func (h *Handler) refuseDevice(t *turn, reason *oauth.Error) error {
	_ = wire.Note(t.r.Context(), reason)
	return h.showIn(t, http.StatusOK, func(flow web.Flow) web.Page { return web.DeviceAnswered{Flow: flow} })
}
