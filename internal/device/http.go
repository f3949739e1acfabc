package device

import (
	"net/http"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/wire"
)

// ServeDeviceAuthorization is the standards' face of the endpoint: POST /oauth/device_authorization (RFC 8628 §3.1).
func (h *Handler) ServeDeviceAuthorization(w http.ResponseWriter, r *http.Request) error {
	form, err := wire.Form(r, "resource")
	if err != nil {
		return err
	}
	credentials, err := client.CredentialsFrom(r, form)
	if err != nil {
		return err
	}
	response, err := h.Authorize(r.Context(), Request{Client: credentials, Scope: form.Get("scope"), Resources: form.List("resource")})
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, response)
}
