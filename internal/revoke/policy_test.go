package revoke_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/revoke"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
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

func TestAnAccessTokenThatProvesARefreshIsRevokedForAsLongAsItCould(t *testing.T) {
	e := newEndpoint(t, func(is *issuer.Issuer) { is.Policy.RefreshByAccessToken = true })
	token, access := e.Access(e.grant)
	early, earlyAccess := e.Access(e.grant)
	e.Must(e.revoke(early))
	e.Advance(e.Issuer.Lifetimes.AccessToken + time.Minute)
	e.Must(e.revoke(token)) // it has expired, and would still prove a refresh
	e.Advance(e.Issuer.Lifetimes.RefreshToken / 2)
	_, err := e.Store.Prune(t.Context(), store.Horizon{Expired: e.Store.Now().Add(-store.KeepEnded)})
	e.Must(err)
	if e.ended(access) != oauth.ReasonRevoked || e.ended(earlyAccess) != oauth.ReasonRevoked {
		t.Errorf("revoked expired it is %q, revoked in time %q", e.ended(access), e.ended(earlyAccess))
	}
	if n := tokentest.Count(e.Events(), store.EventTokenRevoked); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	useless, _ := e.Access(e.grant)
	e.Advance(e.Issuer.Lifetimes.RefreshToken)
	e.Must(e.revoke(useless))
	if n := tokentest.Count(e.Events(), store.EventTokenRevoked); n != 2 {
		t.Errorf("what is of no use any more cost a write: %d events", n)
	}
}

func TestAnAppsOwnTokenIsNotWrittenDownAsAPersons(t *testing.T) {
	e := newEndpoint(t)
	token, _ := e.Access(e.OwnGrant(e.app, "orders.read"), func(a *mint.Access) { a.Subject = a.ClientID })
	e.Must(e.revoke(token))
	events, err := e.Store.EventsOfAccount(t.Context(), e.Issuer.Name, e.Account.ID, store.LastEvent, 100)
	e.Must(err)
	if !slices.ContainsFunc(events, func(told store.Event) bool {
		return told.Type == store.EventTokenRevoked && told.UserID == "" && told.ClientID == e.app.ID
	}) {
		t.Errorf("%+v", events)
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
