package introspect

import (
	"net/http"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/wire"
)

// ServeIntrospect is the standards' face of the endpoint: POST /oauth/introspect (RFC 7662 §2.1).
func (h *Handler) ServeIntrospect(w http.ResponseWriter, r *http.Request) error {
	form, err := wire.Form(r)
	if err != nil {
		return err
	}
	credentials, err := client.CredentialsFrom(r, form)
	if err != nil {
		return err
	}
	response, err := h.Introspect(r.Context(), Request{Client: credentials, Token: form.Get("token")})
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, &response)
}
