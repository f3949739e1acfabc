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
	if err != nil {
		return err
	}
	for _, name := range params.Repeated() {
		if name == "client_id" || name == "redirect_uri" { // it proves nothing, so this is a page too
			return wire.RepeatedParameter(name)
		}
	}
	return h.Answer(w, r, RequestFrom(params))
}

// Answer takes the person on with a request, whichever wire it came over.
func (h *Handler) Answer(w http.ResponseWriter, r *http.Request, request Request) error {
	flow, err := h.Authorize(r.Context(), request)
	if refusal := (*destination.Refusal)(nil); errors.As(err, &refusal) {
		return answerRefusal(w, r, refusal)
	}
	if err != nil {
		return h.Pages.ShowRefusal(w, r, err)
	}
	return h.Pages.Proceed(w, r, flow)
}

func answerRefusal(w http.ResponseWriter, r *http.Request, refusal *destination.Refusal) error {
	location, err := refusal.Location()
	if err != nil {
		return err
	}
	_ = wire.Note(r.Context(), refusal)
	wire.Redirect(w, r, location)
	return nil
}

func parameters(r *http.Request) (wire.Params, error) {
	if r.Method == http.MethodPost {
		return wire.Form(r, repeatable, wire.AnyParameter)
	}
	return wire.Query(r, repeatable, wire.AnyParameter)
}
