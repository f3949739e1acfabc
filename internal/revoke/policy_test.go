package revoke_test

import (
	"errors"
	"testing"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/revoke"
)

func TestRevokeByTokenNeedsTheTokenInsteadOfTheSecret(t *testing.T) {
	e := newEndpoint(t, func(is *issuer.Issuer) { is.Policy.RevokeByToken = true })
	token, access := e.Access(e.grant)
	ask := func(clientID, token string) error {
		return e.handler.Revoke(e.Context(), revoke.Request{Client: client.Credentials{ID: clientID, Method: oauth.AuthMethodNone}, Token: token})
	}
	var refused *oauth.Error
	if err := ask("app_nobody", token); !errors.As(err, &refused) || refused.Code != oauth.CodeInvalidClient {
		t.Errorf("a client that there is not: %v", err)
	}
	if err := ask(e.App().ID, token); !errors.As(err, &refused) || refused.Reason != oauth.ReasonWrongClient || e.ended(access) != "" {
		t.Errorf("RFC 7009 §2.1, another client's token: %v", err)
	}
	e.Must(ask(e.app.ID, "unknown"))
	e.Must(ask(e.app.ID, token))
	if e.ended(access) != oauth.ReasonRevoked {
		t.Errorf("it is %q", e.ended(access))
	}
	wrong := e.app.Credentials()
	wrong.Secret = "wrong"
	if err := e.handler.Revoke(e.Context(), revoke.Request{Client: wrong, Token: token}); !errors.As(err, &refused) || refused.Reason != oauth.ReasonWrongSecret {
		t.Errorf("a secret that is sent is checked: %v", err)
	}
}

func TestRevokeByTokenIsOffByItself(t *testing.T) {
	e := newEndpoint(t)
	token, access := e.Access(e.grant)
	err := e.handler.Revoke(e.Context(), revoke.Request{Client: client.Credentials{ID: e.app.ID, Method: oauth.AuthMethodNone}, Token: token})
	if refused := (*oauth.Error)(nil); !errors.As(err, &refused) || refused.Code != oauth.CodeInvalidClient || e.ended(access) != "" {
		t.Errorf("%v", err)
	}
}
