package authorize

import (
	"context"

	"latchkey.dev/internal/oauth"
)

// checkScope: every scope must be in the catalogue and in the app's registration, which is also the default (RFC 6749 §3.3). That of
// an app that registered itself is the default only.
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
	if h.Issuer.Policy.DropScopes {
		return h.dropScopes(p, requested)
	}
	if unknown := h.Issuer.Scopes.Unknown(requested); unknown != "" {
		return oauth.InvalidScope("the scope %s does not exist here", unknown)
	}
	if beyond := requested.Minus(registered); len(beyond) > 0 && !p.client.Metadata.AnyScope {
		return oauth.InvalidScope("the scope %s is not registered for this app", beyond[0])
	}
	p.checked.Scopes = requested
	return nil
}

// dropScopes leaves out what the app may not have, where the platform does that instead of refusing.
func (h *Handler) dropScopes(p *proven, requested oauth.ScopeSet) error {
	p.checked.Scopes = nil
	for _, name := range requested {
		_, known := h.Issuer.Scopes.Find(name)
		if known && (p.client.Metadata.AnyScope || p.client.Metadata.Scope.Has(name)) {
			p.checked.Scopes = append(p.checked.Scopes, name)
		}
	}
	if len(p.checked.Scopes) == 0 { // RFC 6749 §3.3: there is nothing to go on with
		return oauth.InvalidScope("none of the scopes is registered for this app")
	}
	return nil
}
