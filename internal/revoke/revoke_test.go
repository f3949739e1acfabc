package revoke_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/revoke"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/internal/wire"
)

type endpoint struct {
	*tokentest.Fixture

	handler *revoke.Handler
	app     tokentest.App
	grant   store.Grant
}

func newEndpoint(t testing.TB, adjust ...func(*issuer.Issuer)) *endpoint {
	t.Helper()
	f := tokentest.New(t, adjust...)
	e := &endpoint{Fixture: f, app: f.App()}
	e.handler = revoke.New(revoke.Config{Issuer: f.Issuer, Store: f.Store, Clients: f.Clients, Mint: f.Mint})
	e.grant = f.Grant(e.app, "orders.read")
	return e
}

func (e *endpoint) revoke(token string) error {
	return e.handler.Revoke(e.Context(), revoke.Request{Client: e.app.Credentials(), Token: token})
}

func (e *endpoint) ended(access mint.Access) string {
	e.Helper()
	state, err := e.Store.TokenState(e.Context(), store.TokenRef{
		Issuer: e.Issuer.Name, JTI: access.JTI, FamilyID: access.FamilyID, ClientID: access.ClientID, IssuedAt: access.IssuedAt,
	})
	e.Must(err)
	return state.Ended
}

func TestRFC7009_2_1_AnAccessTokenEndsAlone(t *testing.T) {
	for _, kind := range []string{issuer.Opaque, issuer.JWT} {
		e := newEndpoint(t, func(i *issuer.Issuer) { i.AccessToken.Kind = kind })
		token, access := e.Access(e.grant)
		_, sibling := e.Access(e.grant, func(a *mint.Access) { a.FamilyID = access.FamilyID })
		e.Must(e.revoke(token))
		e.Must(e.revoke(token)) // §2.2: again is no error
		if e.ended(access) != oauth.ReasonRevoked || e.ended(sibling) != "" {
			t.Errorf("%s: it is %q, its sibling %q", kind, e.ended(access), e.ended(sibling))
		}
		if n := tokentest.Count(e.Events(), store.EventTokenRevoked); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
	}
}

func TestRFC7009_2_1_ARefreshTokenEndsItsAuthorization(t *testing.T) {
	e := newEndpoint(t)
	_, access := e.Access(e.grant)
	_, other := e.Access(e.grant)
	first, err := e.Mint.RefreshToken(access.FamilyID, 1)
	e.Must(err)
	e.Tx(func(tx *store.Tx) error { return tx.RotateRefreshToken(access.FamilyID, 1, 2, access.ExpiresAt) })
	e.Must(e.revoke(first)) // an older one names the same authorization
	e.Must(e.revoke(first))
	if e.ended(access) != oauth.ReasonRevoked || e.ended(other) != "" {
		t.Errorf("its access token is %q, another device's %q", e.ended(access), e.ended(other))
	}
	grant, err := e.Store.Grant(t.Context(), e.Issuer.Name, e.grant.ID)
	if e.Must(err); !grant.RevokedAt.Never() {
		t.Error("the connection ended, and the user sees it no more")
	}
	if n := tokentest.Count(e.Events(), store.EventTokenRevoked); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

func TestRFC7009_2_2_AnInvalidTokenIsNoError(t *testing.T) {
	e := newEndpoint(t)
	never, err := e.Mint.RefreshToken(e.Store.NewID(), 1)
	e.Must(err)
	expired, _ := e.Access(e.grant)
	e.Advance(e.Issuer.Lifetimes.AccessToken)
	for _, token := range []string{"nonsense", "lk_at_AAAA", "lk_rt_AAAA", "a.b.c", never, expired} {
		if err := e.revoke(token); err != nil {
			t.Errorf("%.20q: %v", token, err)
		}
	}
	if n := tokentest.Count(e.Events(), store.EventTokenRevoked); n != 0 {
		t.Errorf("nothing was revoked, and %d events say so", n)
	}
}

func TestRFC7009_2_1_Refusals(t *testing.T) {
	e := newEndpoint(t)
	token, access := e.Access(e.grant)
	refresh, err := e.Mint.RefreshToken(access.FamilyID, 1)
	e.Must(err)
	other := e.App()
	wrong := e.app.Credentials()
	wrong.Secret = "lk_cs_wrong"
	for _, test := range []struct {
		name         string
		request      revoke.Request
		code, reason string
	}{
		{"another client's access token", revoke.Request{Client: other.Credentials(), Token: token}, oauth.CodeInvalidGrant, oauth.ReasonWrongClient},
		{"another client's refresh token", revoke.Request{Client: other.Credentials(), Token: refresh}, oauth.CodeInvalidGrant, oauth.ReasonWrongClient},
		{"a wrong secret", revoke.Request{Client: wrong, Token: token}, oauth.CodeInvalidClient, oauth.ReasonWrongSecret},
		{"no token", revoke.Request{Client: e.app.Credentials()}, oauth.CodeInvalidRequest, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := e.handler.Revoke(t.Context(), test.request)
			var meant *oauth.Error
			if !errors.As(err, &meant) || meant.Code != test.code || meant.Reason != test.reason {
				t.Errorf("%v", err)
			}
		})
	}
	if e.ended(access) != "" {
		t.Error("a refused request revoked the token")
	}
}

func TestRFC7009_2_2_1_DatabaseTroubleIsNotARevocation(t *testing.T) {
	e := newEndpoint(t)
	token, access := e.Access(e.grant)
	refresh, err := e.Mint.RefreshToken(access.FamilyID, 1)
	e.Must(err)
	e.Must(e.revoke("nonsense")) // the client is in memory now
	e.Unavailable()
	for _, given := range []string{token, refresh} {
		if err := e.revoke(given); !tokentest.IsUnavailable(err) {
			t.Errorf("%v, want unavailable", err)
		}
	}
}

func TestRFC7009_2_OnTheWire(t *testing.T) {
	e := newEndpoint(t)
	app := e.App(tokentest.Public)
	token, access := e.Access(e.Grant(app, "orders.read"))
	w := httptest.NewRecorder()
	r := tokentest.PostForm("/oauth/revoke", app, url.Values{"token": {token}, "token_type_hint": {"refresh_token"}}) // a wrong hint is no harm
	if err := e.handler.ServeRevoke(w, r); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusOK || w.Body.String() != "{}\n" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	if e.ended(access) != oauth.ReasonRevoked {
		t.Error("a public client could not give its token back")
	}
	get := httptest.NewRequest(http.MethodGet, "/oauth/revoke?token=x", nil)
	w = httptest.NewRecorder()
	wire.WriteError(w, get, e.handler.ServeRevoke(w, get))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
}
