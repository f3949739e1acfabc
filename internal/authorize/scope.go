package authorize

import (
	"context"

	"latchkey.dev/internal/oauth"
)

// checkScope: every scope must be in the catalogue and in the app's registration, which is also the default (RFC 6749 §3.3).
func (h *Handler) checkScope(_ context.Context, p *proven) error {
	requested, err := oauth.ParseScope(p.request.Scope)
	if err != nil {
		return err
	}
	registered := p.client.Metadata.Scope
	if len(requested) == 0 {
		requested = registered
	}
	if len(requested) == 0 {
		return oauth.InvalidScope("scope is missing, and the app has none registered to take instead")
	}
	if unknown := h.Issuer.Scopes.Unknown(requested); unknown != "" {
		return oauth.InvalidScope("the scope %s does not exist here", unknown)
	}
	if beyond := requested.Minus(registered); len(beyond) > 0 {
		return oauth.InvalidScope("the scope %s is not registered for this app", beyond[0])
	}
	p.checked.Scopes = requested
	return nil
}
