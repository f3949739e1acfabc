package token

import (
	"context"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// loadClient is the client credentials grant (RFC 6749 §4.4): the client acts for itself, so what it may have is what it
// registered and the catalogue opens to machines. Nothing is read beyond the client that was authenticated from memory.
func (h *Handler) loadClient(_ context.Context, client *store.Client, request Request) (authorization, error) {
	if client.Public() { // RFC 6749 §4.4: confidential clients only
		return authorization{}, oauth.UnauthorizedClient("client_credentials is only for clients with a secret")
	}
	scopes := h.Issuer.Scopes.Machine(client.Metadata.Scope)
	if len(scopes) == 0 {
		return authorization{}, oauth.InvalidScope("this client registered no scope that a client may have without a user")
	}
	a := authorization{client: client, subject: client.ID, scopes: scopes, now: h.Store.Now()}
	if len(request.Resources) > 0 { // it may name any of the issuer's (RFC 8707 §2); otherwise the default is meant
		a.resources = h.anyResource()
	}
	return a, nil
}

func (h *Handler) anyResource() []string {
	return append([]string{h.defaultAudience()}, h.Issuer.Resources...)
}

// writeNothing: an access token is never stored.
func writeNothing(context.Context, authorization) error { return nil }
