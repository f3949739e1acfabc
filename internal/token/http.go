package token

import (
	"net/http"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/wire"
)

// ServeToken is the standards' face of the endpoint: POST /oauth/token (RFC 6749 §3.2).
func (h *Handler) ServeToken(w http.ResponseWriter, r *http.Request) error {
	form, err := wire.Form(r, "resource") // RFC 8707 §2: several may be named
	if err != nil {
		return err
	}
	credentials, err := client.CredentialsFrom(r, form)
	if err != nil {
		return err
	}
	principal, err := h.principal(r)
	if err != nil {
		return err
	}
	response, err := h.Token(r.Context(), Request{
		GrantType: oauth.GrantType(form.Get("grant_type")), Client: credentials,
		Code: form.Get("code"), RedirectURI: form.Get("redirect_uri"), CodeVerifier: form.Get("code_verifier"),
		RefreshToken: form.Get("refresh_token"), DeviceCode: form.Get("device_code"), Scope: form.Get("scope"), Resources: form.List("resource"),
		Assertion: form.Get("assertion"), Address: wire.RequestAddress(r), Principal: principal,
	})
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, &response)
}

// principal is the service account that is signed in, where the issuer asks for one.
func (h *Handler) principal(r *http.Request) (*serviceaccount.Principal, error) {
	if !h.Issuer.Policy.ServiceSession || h.ServiceAccounts == nil {
		return nil, nil //nolint:nilnil // nobody needs to be
	}
	return h.ServiceAccounts.Current(r)
}
