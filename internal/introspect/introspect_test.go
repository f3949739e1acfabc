package introspect_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"
	"time"

	"latchkey.dev/internal/introspect"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jsonappend/appendtest"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/internal/wire"
)

type endpoint struct {
	*tokentest.Fixture

	handler  *introspect.Handler
	app, api tokentest.App
	grant    store.Grant
}

func newEndpoint(t testing.TB, adjust ...func(*issuer.Issuer)) *endpoint {
	t.Helper()
	f := tokentest.New(t, adjust...)
	e := &endpoint{Fixture: f, app: f.App(), api: f.App(tokentest.Introspects)}
	e.handler = introspect.New(introspect.Config{Issuer: f.Issuer, Store: f.Store, Clients: f.Clients, Mint: f.Mint, LastUse: f.LastUse})
	e.grant = f.Grant(e.app, "openid orders.read orders.write")
	return e
}

func (e *endpoint) ask(caller tokentest.App, token string) introspect.Response {
	e.Helper()
	response, err := e.handler.Introspect(e.Context(), introspect.Request{Client: caller.Credentials(), Token: token})
	e.Must(err)
	return response
}

// inactive holds the answer to RFC 7662 §2.2: nothing is said but that.
func (e *endpoint) inactive(caller tokentest.App, token, reason string) {
	e.Helper()
	record := &reqlog.Record{}
	response, err := e.handler.Introspect(reqlog.With(e.Context(), record), introspect.Request{Client: caller.Credentials(), Token: token})
	e.Must(err)
	if !reflect.DeepEqual(response, introspect.Response{}) {
		e.Errorf("%+v, want nothing but inactive", response)
	}
	if record.Reason != reason {
		e.Errorf("the log's reason is %q, want %q", record.Reason, reason)
	}
}

func TestRFC7662_2_2_AnActiveToken(t *testing.T) {
	for _, kind := range []string{issuer.Opaque, issuer.JWT} {
		e := newEndpoint(t, func(i *issuer.Issuer) { i.AccessToken.Kind = kind })
		token, access := e.Access(e.grant)
		want := introspect.Response{
			Active: true, Scope: "openid orders.read orders.write", ClientID: e.app.ID, TokenType: "Bearer", Subject: e.User.ID,
			ExpiresAt: access.ExpiresAt.Unix(), IssuedAt: access.IssuedAt.Unix(), Audience: []string{e.Issuer.Audience},
			Issuer: e.Issuer.URL, JTI: access.JTI, AccountID: e.Account.ID, GrantID: e.grant.ID,
		}
		for _, caller := range []tokentest.App{e.app, e.api} {
			if got := e.ask(caller, token); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v\nwant %+v", kind, got, want)
			}
		}
	}
}

func TestAnAppsOwnTokenIsNotLoggedAsAPersons(t *testing.T) {
	e := newEndpoint(t)
	own := e.OwnGrant(e.app, "orders.read")
	token, _ := e.Access(own, func(a *mint.Access) { a.Subject = a.ClientID })
	record := &reqlog.Record{}
	response, err := e.handler.Introspect(reqlog.With(e.Context(), record), introspect.Request{Client: e.app.Credentials(), Token: token})
	e.Must(err)
	if !response.Active || response.Subject != e.app.ID || record.Grant != own.ID || record.User != "" {
		t.Errorf("%+v is logged as %+v", response, record)
	}
}

func TestRFC7662_2_1_WhoMayAsk(t *testing.T) {
	e := newEndpoint(t)
	token, _ := e.Access(e.grant)
	e.inactive(e.App(), token, oauth.ReasonWrongClient)
	for name, caller := range map[string]tokentest.App{"public": e.App(tokentest.Public), "nobody": {Client: &store.Client{}}} {
		_, err := e.handler.Introspect(t.Context(), introspect.Request{Client: caller.Credentials(), Token: token})
		var meant *oauth.Error
		if !errors.As(err, &meant) || meant.Code != oauth.CodeInvalidClient {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := e.handler.Introspect(t.Context(), introspect.Request{Client: e.api.Credentials()})
	var meant *oauth.Error
	if !errors.As(err, &meant) || meant.Code != oauth.CodeInvalidRequest {
		t.Errorf("no token: %v", err)
	}
}

func TestRFC7662_2_2_WhatEndsAToken(t *testing.T) {
	for _, test := range []struct {
		name, reason string
		end          func(e *endpoint, access mint.Access)
	}{
		{"the user disconnected the app", oauth.ReasonRevokedByUser, func(e *endpoint, _ mint.Access) { e.RevokeGrant(e.grant.ID) }},
		{"its family ended", oauth.ReasonReused, func(e *endpoint, access mint.Access) {
			e.Tx(func(tx *store.Tx) error { return tx.RevokeFamily(e.Issuer.Name, access.FamilyID, oauth.ReasonReused) })
		}},
		{"it was given back", oauth.ReasonRevoked, func(e *endpoint, access mint.Access) {
			e.Tx(func(tx *store.Tx) error { return tx.RevokeToken(access.JTI, access.ExpiresAt) })
		}},
		{"all the app's tokens were revoked", oauth.ReasonRevoked, func(e *endpoint, _ mint.Access) {
			e.Must(e.Clients.RevokeTokens(e.Context(), e.app.ID, ""))
		}},
		{"the app was suspended", oauth.ReasonClientSuspended, func(e *endpoint, _ mint.Access) {
			e.Must(e.Clients.SetStatus(e.Context(), e.app.ID, store.ClientSuspended, ""))
		}},
		{"the app was deleted", oauth.ReasonUnknown, func(e *endpoint, _ mint.Access) { e.Must(e.Clients.Delete(e.Context(), e.app.ID, "")) }},
		{"the user was suspended", oauth.ReasonUserSuspended, func(e *endpoint, _ mint.Access) {
			e.Tx(func(tx *store.Tx) error { return tx.SuspendUser(e.Issuer.Name, e.User.ID, true) })
		}},
		{"it expired", oauth.ReasonExpired, func(e *endpoint, _ mint.Access) { e.Advance(e.Issuer.Lifetimes.AccessToken) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := newEndpoint(t)
			token, access := e.Access(e.grant)
			if !e.ask(e.api, token).Active {
				t.Fatal("not active to begin with")
			}
			test.end(e, access)
			e.inactive(e.api, token, test.reason)
		})
	}
}

func TestAForgedTokenCostsNoRead(t *testing.T) {
	e := newEndpoint(t)
	token, _ := e.Access(e.grant)
	e.ask(e.api, token)
	e.Unavailable()
	e.inactive(e.api, "lk_at_AAAA", oauth.ReasonUnknown)
	e.inactive(e.api, token[:len(token)-4]+"AAAA", oauth.ReasonUnknown)
	if _, err := e.handler.Introspect(t.Context(), introspect.Request{Client: e.api.Credentials(), Token: token}); !tokentest.IsUnavailable(err) {
		t.Errorf("a token of ours with no database: %v, want unavailable", err)
	}
}

func TestTheScopeIsWhatTheUserAllowsNow(t *testing.T) {
	e := newEndpoint(t)
	token, _ := e.Access(e.grant)
	e.Tx(func(tx *store.Tx) error {
		_, _, err := tx.SaveConsent(store.Consent{
			Issuer: e.Issuer.Name, UserID: e.User.ID, AccountID: e.Account.ID, ClientID: e.app.ID,
			Declined: tokentest.Scopes("orders.write"), Allowed: tokentest.Scopes("stock.read"),
		})
		return err
	})
	if got := e.ask(e.api, token).Scope; got != "openid orders.read" {
		t.Errorf("scope %q: what was taken back is gone, what was given since is not in this token", got)
	}
}

func TestATokenWhoseScopeWasTakenBackHasEnded(t *testing.T) {
	e := newEndpoint(t)
	token, access := e.Access(e.grant)
	refresh, err := e.Mint.RefreshToken(e.Family(e.grant).ID, 1)
	e.Must(err)
	e.Tx(func(tx *store.Tx) error {
		_, _, err := tx.SaveConsent(store.Consent{
			Issuer: e.Issuer.Name, UserID: e.User.ID, AccountID: e.Account.ID, ClientID: e.app.ID,
			Declined: access.Scopes, Allowed: tokentest.Scopes("stock.read"),
		})
		return err
	})
	e.inactive(e.api, token, oauth.ReasonRevokedByUser)
	e.inactive(e.api, refresh, oauth.ReasonRevokedByUser)
}

func TestAClientsOwnToken(t *testing.T) {
	e := newEndpoint(t)
	now := e.Store.Now()
	token, err := e.Mint.AccessToken(t.Context(), mint.Access{
		Subject: e.app.ID, ClientID: e.app.ID, Scopes: tokentest.Scopes("orders.read"), Audience: []string{e.Issuer.Audience},
		IssuedAt: now, ExpiresAt: now.Add(time.Hour),
	})
	e.Must(err)
	if got := e.ask(e.api, token); !got.Active || got.Subject != e.app.ID || got.Scope != "orders.read" || got.GrantID != "" {
		t.Errorf("%+v", got)
	}
	e.Must(e.Clients.SetStatus(t.Context(), e.app.ID, store.ClientSuspended, ""))
	e.inactive(e.api, token, oauth.ReasonClientSuspended)
}

func TestRefreshTokens(t *testing.T) {
	e := newEndpoint(t)
	family := e.Family(e.grant)
	first, err := e.Mint.RefreshToken(family.ID, 1)
	e.Must(err)
	second, err := e.Mint.RefreshToken(family.ID, 2)
	e.Must(err)
	got := e.ask(e.app, first)
	if !got.Active || got.TokenType != "" || got.Subject != e.User.ID || got.ClientID != e.app.ID || got.ExpiresAt != family.ExpiresAt.Unix() {
		t.Errorf("%+v", got)
	}
	e.inactive(e.App(), first, oauth.ReasonWrongClient)
	if !e.ask(e.app, second).Active {
		t.Error("one that is ahead of a database that lost its rotation is not active, but rotates")
	}
	e.Tx(func(tx *store.Tx) error { return tx.RotateRefreshToken(family.ID, 1, 2, family.ExpiresAt) })
	e.inactive(e.app, first, oauth.ReasonReused)
	if !e.ask(e.api, second).Active {
		t.Error("the successor is not active")
	}
	e.RevokeGrant(e.grant.ID)
	e.inactive(e.api, second, oauth.ReasonRevokedByUser)
	never, err := e.Mint.RefreshToken(e.Store.NewID(), 1)
	e.Must(err)
	e.inactive(e.api, never, oauth.ReasonUnknown)
	e.Advance(e.Issuer.Lifetimes.RefreshToken)
	e.inactive(e.api, second, oauth.ReasonExpired)
}

func TestAskingIsUsing(t *testing.T) {
	e := newEndpoint(t)
	token, _ := e.Access(e.grant)
	e.ask(e.api, token)
	e.Must(e.LastUse.Flush(t.Context()))
	grant, err := e.Store.Grant(t.Context(), e.Issuer.Name, e.grant.ID)
	e.Must(err)
	if grant.LastUsedAt.Never() {
		t.Error("the connection was not used")
	}
}

func (e *endpoint) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	if err := e.handler.ServeIntrospect(w, r); err != nil {
		wire.WriteError(w, r, err)
	}
	return w
}

func TestRFC7662_2_2_OnTheWire(t *testing.T) {
	e := newEndpoint(t)
	token, _ := e.Access(e.grant)
	w := e.serve(tokentest.PostForm("/oauth/introspect", e.api, url.Values{"token": {"nonsense"}, "token_type_hint": {"whatever"}}))
	if got := w.Body.String(); w.Code != http.StatusOK || got != "{\"active\":false}\n" {
		t.Errorf("%d %s", w.Code, got)
	}
	w = e.serve(tokentest.PostForm("/oauth/introspect", e.api, url.Values{"token": {token}}))
	var body map[string]any
	e.Must(json.Unmarshal(w.Body.Bytes(), &body))
	if body["active"] != true || body["aud"] != e.Issuer.Audience || body["token_type"] != "Bearer" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = e.serve(tokentest.PostForm("/oauth/introspect", tokentest.App{}, url.Values{"token": {token}}))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("without credentials: %d %s", w.Code, w.Body)
	}
}

func BenchmarkIntrospect(b *testing.B) {
	e := newEndpoint(b)
	token, _ := e.Access(e.grant)
	request := introspect.Request{Client: e.api.Credentials(), Token: token}
	b.ReportAllocs()
	for b.Loop() {
		if response, err := e.handler.Introspect(b.Context(), request); err != nil || !response.Active {
			b.Fatal(err)
		}
	}
}

func TestResponseWritesItselfAsEncodingJSONDoes(t *testing.T) {
	appendtest.Same(t, (*introspect.Response).AppendJSON)
}
