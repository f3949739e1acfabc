package authorize

import (
	"context"

	"latchkey.dev/internal/oauth"
)

// checkResponseType: code is all there is (OAuth 2.1 §4.1.1).
func (h *Handler) checkResponseType(_ context.Context, p *proven) error {
	switch {
	case p.request.ResponseType == "":
		return oauth.InvalidRequest("response_type is missing; send response_type=code")
	case p.request.ResponseType != oauth.ResponseTypeCode:
		return oauth.UnsupportedResponseType("only response_type=code is served (OAuth 2.1 section 4.1.1)")
	case !mayUseCodes(p.client):
		return oauth.UnauthorizedClient("this app is not registered for the grant type authorization_code")
	}
	return nil
}

// checkResponseMode: what is not served is refused rather than ignored, since the client would wait for an answer elsewhere.
func (h *Handler) checkResponseMode(_ context.Context, p *proven) error {
	if mode := p.request.ResponseMode; mode != "" && mode != "query" {
		return oauth.InvalidRequest("only response_mode=query is served")
	}
	return nil
}
