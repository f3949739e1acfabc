package authorize

import (
	"context"

	"latchkey.dev/internal/oauth"
)

// checkRequestObject refuses what is not served: to ignore a signed request would be to ignore what it protects.
func (h *Handler) checkRequestObject(_ context.Context, p *proven) error {
	if p.request.RequestObject != "" {
		return oauth.RequestNotSupported("the request parameter is not served; send the parameters themselves")
	}
	return nil
}

// checkRequestURI: nothing is ever fetched from an address that a request names.
func (h *Handler) checkRequestURI(_ context.Context, p *proven) error {
	if p.request.RequestURI != "" {
		return oauth.RequestURINotSupported("the request_uri parameter is not served; send the parameters themselves")
	}
	return nil
}

func (h *Handler) checkRegistration(_ context.Context, p *proven) error {
	if p.request.Registration != "" {
		return oauth.RegistrationNotSupported("the registration parameter is not served; register the app first")
	}
	return nil
}
