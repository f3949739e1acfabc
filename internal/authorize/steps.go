package authorize

import (
	"context"
	"errors"

	"latchkey.dev/internal/destination"
	"latchkey.dev/internal/interaction"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// endpoints is a set of the endpoints at which an authorization can begin.
type endpoints uint8

// The endpoints that share these checks.
const (
	atAuthorize endpoints = 1 << iota
	atDevice              // RFC 8628 §3.1, whose client has proven itself by authenticating
)

// proof establishes whom an answer may go to. Until all have held there is no *proven, so nothing can be redirected: their
// errors are shown to the person as a page (RFC 6749 §4.1.2.1).
type proof struct {
	parameter string
	section   string
	runs      endpoints
	prove     func(*Handler, context.Context, *draft) error
}

// check reads one parameter of a request whose client and redirect URI are proven. Its *oauth.Error goes to the client by
// redirect, since only *proven can make such an error; trouble of ours stays ours.
type check struct {
	parameter string
	section   string
	runs      endpoints
	check     func(*Handler, context.Context, *proven) error
}

// The checks, in order.
var (
	proofs = []proof{
		{"client_id", "RFC 6749 §2.2", atAuthorize, (*Handler).proveClient},
		{"redirect_uri", "OAuth 2.1 §2.3.1, RFC 8252 §7.3", atAuthorize, (*Handler).proveRedirectURI},
	}
	checks = []check{
		{"any", "RFC 6749 §3.1", atAuthorize, (*Handler).checkRepeated},
		{"state", "RFC 6749 §4.1.1", atAuthorize, (*Handler).checkState},
		{"response_type", "RFC 6749 §3.1.1", atAuthorize, (*Handler).checkResponseType},
		{"response_mode", "OAuth 2.0 Multiple Response Types §2.1", atAuthorize, (*Handler).checkResponseMode},
		{"request", "OpenID Connect Core §3.1.2.6, §6.1", atAuthorize, (*Handler).checkRequestObject},
		{"request_uri", "OpenID Connect Core §3.1.2.6, §6.2", atAuthorize, (*Handler).checkRequestURI},
		{"registration", "OpenID Connect Core §3.1.2.6, §7.2.1", atAuthorize, (*Handler).checkRegistration},
		{"scope", "RFC 6749 §3.3", atAuthorize | atDevice, (*Handler).checkScope},
		{"code_challenge", "OAuth 2.1 §4.1.1, RFC 7636 §4.4.1", atAuthorize, (*Handler).checkPKCE},
		{"resource", "RFC 8707 §2", atAuthorize | atDevice, (*Handler).checkResource},
		{"nonce", "OpenID Connect Core §3.1.2.1", atAuthorize, (*Handler).checkNonce},
		{"prompt", "OpenID Connect Core §3.1.2.1", atAuthorize, (*Handler).checkPrompt},
		{"max_age", "OpenID Connect Core §3.1.2.1", atAuthorize, (*Handler).checkMaxAge},
		{"id_token_hint", "OpenID Connect Core §3.1.2.1", atAuthorize, (*Handler).checkIDTokenHint},
		{"login_hint", "OpenID Connect Core §3.1.2.1", atAuthorize, (*Handler).readLoginHint},
		{"ui_locales", "OpenID Connect Core §3.1.2.1", atAuthorize, (*Handler).readUILocales},
	}
)

// draft is a request of which nothing is known yet.
type draft struct {
	request Request
	client  *store.Client
	to      destination.Destination
}

// proven is a request whose client and redirect URI belong together, with what the checks made of it so far.
type proven struct {
	request Request
	client  *store.Client
	to      destination.Destination
	checked interaction.Request
}

// refuse makes the one kind of error that is redirected, out of those that are meant for the client.
func (p *proven) refuse(err error) error {
	if meant := (*oauth.Error)(nil); errors.As(err, &meant) {
		return p.to.Refuse(meant)
	}
	return err
}

// prove runs the proofs.
func (h *Handler) prove(ctx context.Context, at endpoints, request Request) (*proven, error) {
	d := &draft{request: request}
	for _, step := range proofs {
		if step.runs&at == 0 {
			continue
		}
		if err := step.prove(h, ctx, d); err != nil {
			return nil, err
		}
	}
	return &proven{
		request: request, client: d.client, to: d.to.Carrying(request.State, h.Issuer.URL).In(h.Pages.Shapes[request.Face]),
		checked: interaction.Request{ClientID: d.client.ID, RedirectURI: request.RedirectURI, State: request.State, Face: request.Face},
	}, nil
}

// check runs the checks.
func (h *Handler) check(ctx context.Context, at endpoints, p *proven) error {
	for _, step := range checks {
		if step.runs&at == 0 {
			continue
		}
		if err := step.check(h, ctx, p); err != nil {
			return p.refuse(err)
		}
	}
	return nil
}
