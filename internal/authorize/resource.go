package authorize

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"latchkey.dev/internal/oauth"
)

// mostResources bounds how many APIs one token is for.
const mostResources = 10

// checkResource: absolute, without fragment, and one of the issuer's (RFC 8707 §2).
func (h *Handler) checkResource(_ context.Context, p *proven) error {
	if len(p.request.Resources) > mostResources {
		return oauth.InvalidTarget("resource is given more than %d times", mostResources)
	}
	for _, resource := range p.request.Resources {
		u, err := url.Parse(resource)
		if err != nil || !u.IsAbs() || strings.Contains(resource, "#") {
			return oauth.InvalidTarget("resource must be an absolute URI without a fragment (RFC 8707 section 2)")
		}
		known, allowed := h.Issuer.Resource(resource)
		if !allowed {
			return oauth.InvalidTarget("the resource %s is not one that this issuer makes tokens for", resource)
		}
		if !slices.Contains(p.checked.Resources, known) {
			p.checked.Resources = append(p.checked.Resources, known)
		}
	}
	return nil
}
