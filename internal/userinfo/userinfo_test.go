package userinfo_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jsonappend/appendtest"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/internal/userinfo"
	"latchkey.dev/internal/wire"
)

type endpoint struct {
	*tokentest.Fixture

	handler *userinfo.Handler
	app     tokentest.App
	grant   store.Grant
}

func newEndpoint(t testing.TB, adjust ...func(*issuer.Issuer)) *endpoint {
	t.Helper()
	f := tokentest.New(t, adjust...)
	e := &endpoint{Fixture: f, app: f.App()}
	e.handler = userinfo.New(userinfo.Config{Issuer: f.Issuer, Store: f.Store, Mint: f.Mint, LastUse: f.LastUse})
	e.grant = f.Grant(e.app, "openid profile email orders.read")
	return e
}

func (e *endpoint) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	if err := e.handler.ServeUserInfo(w, r); err != nil {
		wire.WriteError(w, r, err)
	}
	return w
}

func get(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/oauth/userinfo", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func post(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/oauth/userinfo", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func withScopes(scopes string) func(*mint.Access) {
	return func(a *mint.Access) { a.Scopes = tokentest.Scopes(scopes) }
}

func TestOIDCCore_5_4_ClaimsByScope(t *testing.T) {
	for _, kind := range []string{issuer.Opaque, issuer.JWT} {
		e := newEndpoint(t, func(i *issuer.Issuer) { i.AccessToken.Kind = kind })
		for scopes, want := range map[string]string{
			"openid":             `{"sub":"usr_ada","account_id":"acc_shop"}`,
			"openid email":       `{"sub":"usr_ada","email":"ada@shop.example","email_verified":true,"account_id":"acc_shop"}`,
			"openid profile":     `{"sub":"usr_ada","name":"Ada Lovelace","locale":"en","updated_at":1772366400,"account_id":"acc_shop"}`,
			"openid orders.read": `{"sub":"usr_ada","account_id":"acc_shop"}`,
		} {
			token, _ := e.Access(e.grant, withScopes(scopes))
			w := e.serve(get(token))
			if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || got != want {
				t.Errorf("%s, %s: %d %s\nwant %s", kind, scopes, w.Code, got, want)
			}
			if w.Header().Get("Cache-Control") != "no-store" {
				t.Error("personal data may be cached")
			}
		}
	}
}

func TestOIDCCore_5_3_1_WhereTheTokenMayStand(t *testing.T) {
	e := newEndpoint(t)
	token, _ := e.Access(e.grant)
	header := func(r *http.Request) *http.Request {
		r.Header.Set("Authorization", "Bearer "+token)
		return r
	}
	bare := httptest.NewRequest(http.MethodPost, "/oauth/userinfo", nil)
	inQuery := httptest.NewRequest(http.MethodGet, "/oauth/userinfo?access_token="+token, nil)
	put := httptest.NewRequest(http.MethodPut, "/oauth/userinfo", nil)
	for name, test := range map[string]struct {
		request *http.Request
		status  int
	}{
		"GET with header":             {get(token), http.StatusOK},
		"POST with header":            {header(bare), http.StatusOK},
		"POST form with header":       {header(post("")), http.StatusOK},
		"POST form with body":         {post("access_token=" + token), http.StatusOK},
		"both":                        {header(post("access_token=" + token)), http.StatusBadRequest},
		"in the query":                {inQuery, http.StatusBadRequest},
		"query and body":              {withQuery(post("access_token="+token), "access_token="+token), http.StatusBadRequest},
		"twice in the body":           {post("access_token=a&access_token=b"), http.StatusBadRequest},
		"another method":              {put, http.StatusMethodNotAllowed},
		"nowhere":                     {get(""), http.StatusUnauthorized},
		"nowhere, POST":               {post("x=y"), http.StatusUnauthorized},
		"something that is not token": {get("a b"), http.StatusBadRequest},
	} {
		w := e.serve(test.request)
		if w.Code != test.status {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, test.status)
		}
		challenge := w.Header().Get("WWW-Authenticate")
		if test.status == http.StatusBadRequest && !strings.HasPrefix(challenge, `Bearer realm="`) { // RFC 6750 §3
			t.Errorf("%s: the challenge is %q", name, challenge)
		}
	}
}

func withQuery(r *http.Request, query string) *http.Request {
	r.URL.RawQuery = query
	return r
}

func TestRFC6750_3_1_Refusals(t *testing.T) {
	for _, test := range []struct {
		name      string
		status    int
		challenge string // what WWW-Authenticate must hold
		token     func(e *endpoint) string
	}{
		{"no token", http.StatusUnauthorized, `Bearer realm=`, func(*endpoint) string { return "" }},
		{"a forged token", http.StatusUnauthorized, `error="invalid_token"`, func(*endpoint) string { return "lk_at_AAAA" }},
		{"an expired token", http.StatusUnauthorized, `error="invalid_token"`, func(e *endpoint) string {
			token, _ := e.Access(e.grant)
			e.Advance(time.Hour)
			return token
		}},
		{"a disconnected app", http.StatusUnauthorized, `error="invalid_token"`, func(e *endpoint) string {
			token, _ := e.Access(e.grant)
			e.RevokeGrant(e.grant.ID)
			return token
		}},
		{"openid was taken back", http.StatusForbidden, `scope="openid"`, func(e *endpoint) string {
			token, _ := e.Access(e.grant)
			e.Tx(func(tx *store.Tx) error {
				_, _, err := tx.SaveConsent(store.Consent{
					Issuer: e.Issuer.Name, UserID: e.User.ID, AccountID: e.Account.ID, ClientID: e.app.ID, Declined: tokentest.Scopes("openid"),
				})
				return err
			})
			return token
		}},
		{"without openid", http.StatusForbidden, `error="insufficient_scope"`, func(e *endpoint) string {
			token, _ := e.Access(e.grant, withScopes("profile email"))
			return token
		}},
		{"a client's own token", http.StatusForbidden, `error="insufficient_scope"`, func(e *endpoint) string {
			token, _ := e.Access(e.grant, func(a *mint.Access) { a.FamilyID, a.GrantID, a.Subject = "", "", e.app.ID })
			return token
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := newEndpoint(t)
			w := e.serve(get(test.token(e)))
			challenge := w.Header().Get("WWW-Authenticate")
			if w.Code != test.status || !strings.Contains(challenge, test.challenge) {
				t.Errorf("%d %s %s", w.Code, challenge, w.Body)
			}
			if test.name == "no token" && strings.Contains(challenge, "error=") {
				t.Errorf("§3.1: no error code without a token, got %s", challenge)
			}
		})
	}
}

func TestRFC9068_4_ATokenForAnotherAPIOpensNothing(t *testing.T) {
	e := newEndpoint(t)
	stock := e.Issuer.Resources[0]
	for _, test := range []struct {
		audience []string
		status   int
	}{
		{[]string{stock}, http.StatusUnauthorized},
		{[]string{stock, e.Issuer.Audience}, http.StatusOK},
		{[]string{e.Issuer.URL}, http.StatusOK},
		{nil, http.StatusUnauthorized},
	} {
		token, _ := e.Access(e.grant, func(a *mint.Access) { a.Audience = test.audience })
		w := e.serve(get(token))
		if w.Code != test.status || w.Code != http.StatusOK && !strings.Contains(w.Header().Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("aud %q: %d %v %s", test.audience, w.Code, w.Header(), w.Body)
		}
	}
}

func TestRoleScopesFollowTheRoleAtUserInfo(t *testing.T) {
	e := newEndpoint(t, func(is *issuer.Issuer) {
		is.Policy.RoleScopes = true
		is.Scopes = append(is.Scopes, issuer.Scope{Name: "email", Roles: []issuer.Role{issuer.RoleOwner}})
	})
	token, _ := e.Access(e.grant)
	if w := e.serve(get(token)); !strings.Contains(w.Body.String(), e.User.Email) {
		t.Errorf("an owner's: %d %s", w.Code, w.Body)
	}
	e.Tx(func(tx *store.Tx) error {
		if err := tx.CreateUser(store.User{Issuer: e.Issuer.Name, ID: "usr_boss", Email: "boss@shop.example"}); err != nil {
			return err
		}
		if err := tx.AddMember(store.Member{Issuer: e.Issuer.Name, AccountID: e.Account.ID, UserID: "usr_boss", Role: issuer.RoleOwner}); err != nil {
			return err
		}
		return tx.SetRole(e.Issuer.Name, e.Account.ID, e.User.ID, issuer.RoleMember)
	})
	if w := e.serve(get(token)); w.Code != http.StatusOK || strings.Contains(w.Body.String(), e.User.Email) {
		t.Errorf("a member's: %d %s", w.Code, w.Body)
	}
}

func TestARevokedTokenSaysWhy(t *testing.T) {
	e := newEndpoint(t)
	token, _ := e.Access(e.grant)
	e.RevokeGrant(e.grant.ID)
	var body map[string]any
	e.Must(json.Unmarshal(e.serve(get(token)).Body.Bytes(), &body))
	if body["reason"] != "revoked_by_user" {
		t.Errorf("%v", body)
	}
}

func TestDatabaseTroubleIs503(t *testing.T) {
	e := newEndpoint(t)
	token, _ := e.Access(e.grant)
	e.Unavailable()
	if w := e.serve(get(token)); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestABrowserAsksFirst(t *testing.T) {
	e := newEndpoint(t)
	r := httptest.NewRequest(http.MethodOptions, "/oauth/userinfo", nil)
	r.Header.Set("Origin", "https://shop.example")
	w := e.serve(r)
	if w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func BenchmarkUserInfo(b *testing.B) {
	e := newEndpoint(b)
	token, _ := e.Access(e.grant)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.handler.UserInfo(b.Context(), userinfo.Request{AccessToken: token}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestResponseWritesItselfAsEncodingJSONDoes(t *testing.T) {
	appendtest.Same(t, (*userinfo.Response).AppendJSON)
}
