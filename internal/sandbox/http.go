package sandbox

import (
	"errors"
	"net/http"
	"strconv"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// Path is where faults are asked for: the page, and below it the address for programs.
const (
	Path       = "/sandbox"
	PathFaults = Path + "/faults"
)

// ServeFaults is for programs: POST /sandbox/faults with {"fault", "token", "times"}.
func (h *Handler) ServeFaults(w http.ResponseWriter, r *http.Request) error {
	var order Order
	if err := wire.JSON(r, &order); err != nil {
		return err
	}
	done, err := h.Do(r.Context(), order)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, done)
}

// Show is the page: GET /sandbox.
func (h *Handler) Show(w http.ResponseWriter, r *http.Request) error {
	return h.Pages.Render(w, r, http.StatusOK, web.Sandbox{})
}

// Press is its form: POST /sandbox. The token is not shown again.
func (h *Handler) Press(w http.ResponseWriter, r *http.Request) error {
	form, err := wire.Form(r)
	if err != nil {
		return err
	}
	times, _ := strconv.Atoi(form.Get("times")) // what is no number is one
	done, err := h.Do(r.Context(), Order{Fault: form.Get("fault"), Token: form.Get("token"), Times: times})
	if refused, ok := errors.AsType[*oauth.Error](err); ok {
		return h.Pages.Render(w, r, http.StatusUnprocessableEntity, web.Sandbox{Problem: refused.Description})
	}
	if err != nil {
		return err
	}
	return h.Pages.Render(w, r, http.StatusOK, web.Sandbox{Done: done.Fault, App: done.ClientID, Times: done.Times})
}
