package authorize

import (
	"context"
	"slices"
	"strings"

	"latchkey.dev/internal/destination"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
)

// proveRedirectURI is destination.Prove: exact, but for the port of a loopback address, where the platform allows that. An OpenID Connect
// request names it even where the client could use no other (Core §3.1.2.1).
func (h *Handler) proveRedirectURI(_ context.Context, d *draft) error {
	if d.request.RedirectURI == "" && slices.Contains(strings.Fields(d.request.Scope), oidc.ScopeOpenID) {
		return oauth.InvalidRequest("redirect_uri is missing; an OpenID Connect request names it")
	}
	to, refused := destination.Prove(d.client.Metadata.RedirectURIs, d.request.RedirectURI)
	if refused != nil {
		return refused
	}
	if h.Issuer.Policy.ExactRedirectURIs && !slices.Contains(d.client.Metadata.RedirectURIs, to.URI()) {
		return destination.NotRegistered()
	}
	d.to = to
	return nil
}
