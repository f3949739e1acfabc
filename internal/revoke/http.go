package revoke

import (
	"net/http"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/wire"
)

// ServeRevoke is the standards' face of the endpoint: POST /oauth/revoke (RFC 7009 §2.1). The answer's body says nothing (§2.2), in
// JSON, because some libraries read every answer as JSON and take an empty one for a failure.
func (h *Handler) ServeRevoke(w http.ResponseWriter, r *http.Request) error {
	form, err := wire.Form(r)
	if err != nil {
		return err
	}
	credentials, err := client.CredentialsFrom(r, form)
	if err != nil {
		return err
	}
	if err := h.Revoke(r.Context(), Request{Client: credentials, Token: form.Get("token")}); err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, struct{}{})
}
