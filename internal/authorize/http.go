package authorize

import (
	"errors"
	"net/http"

	"latchkey.dev/internal/destination"
	"latchkey.dev/internal/wire"
)

// ServeAuthorize answers GET and POST alike (OpenID Connect Core §3.1.2.1).
func (h *Handler) ServeAuthorize(w http.ResponseWriter, r *http.Request) error {
	params, err := parameters(r)
	if err != nil { // a repeated client_id or redirect_uri proves nothing, so this is a page too
		return err
	}
	flow, err := h.Authorize(r.Context(), RequestFrom(params))
	if refusal := (*destination.Refusal)(nil); errors.As(err, &refusal) {
		_ = wire.Note(r.Context(), refusal)
		wire.Redirect(w, r, refusal.Location())
		return nil
	}
	if err != nil {
		return h.Pages.ShowRefusal(w, r, err)
	}
	return h.Pages.Proceed(w, r, flow)
}

func parameters(r *http.Request) (wire.Params, error) {
	if r.Method == http.MethodPost {
		return wire.Form(r, repeatable)
	}
	return wire.Query(r, repeatable)
}
