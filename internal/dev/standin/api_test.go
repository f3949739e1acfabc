package standin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey.dev/internal/dev/standin"
)

// newAPI is the stand-in with an issuer that knows the tokens reader, writer and whatever else a test calls active.
func newAPI(t *testing.T, revoked *atomic.Bool) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	issuer := httptest.NewServer(mux)
	t.Cleanup(issuer.Close)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"introspection_endpoint":%q}`, issuer.URL, issuer.URL+"/introspect")
	})
	mux.HandleFunc("POST /introspect", func(w http.ResponseWriter, r *http.Request) {
		scope, ok := map[string]string{"reader": "orders:read", "writer": "orders:read orders:write"}[r.FormValue("token")]
		if !ok || revoked.Load() {
			_, _ = io.WriteString(w, `{"active":false}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"active":true,"token_type":"Bearer","sub":"u1","client_id":"c1","aud":"http://api.localhost","scope":%q,"account_id":"acc1"}`, scope)
	})
	api, err := standin.New(t.Context(), standin.Config{
		Name: "Orders", Issuer: issuer.URL, Resource: "http://api.localhost", ClientID: "api", ClientSecret: "secret", Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func ask(api http.Handler, method, path, token, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://api.localhost"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w
}

func TestScopesGuardOrders(t *testing.T) {
	api := newAPI(t, new(atomic.Bool))
	order := `{"item":"Cup","quantity":1}`
	cases := []struct {
		method, path, token, body string
		status                    int
	}{
		{"GET", "/orders", "", "", 401},
		{"GET", "/orders", "unknown", "", 401},
		{"GET", "/orders", "reader", "", 200},
		{"POST", "/orders", "reader", order, 403},
		{"POST", "/orders", "writer", order, 201},
		{"POST", "/orders", "writer", `{"item":"","quantity":1}`, 400},
		{"POST", "/orders", "writer", `{"item":"Cup","quantity":0}`, 400},
		{"POST", "/orders", "writer", `{"item":"Cup","item":"Cap","quantity":1}`, 400},
		{"GET", "/me", "reader", "", 200},
		{"GET", "/me", "", "", 401},
		{"GET", "/.well-known/oauth-protected-resource", "", "", 200},
		{"DELETE", "/orders", "writer", "", 405},
	}
	for _, c := range cases {
		if w := ask(api, c.method, c.path, c.token, c.body); w.Code != c.status {
			t.Errorf("%s %s as %q %s: %d, want %d: %s", c.method, c.path, c.token, c.body, w.Code, c.status, w.Body)
		}
	}
}

func TestRevokedTokenStopsAtOnce(t *testing.T) {
	revoked := new(atomic.Bool)
	api := newAPI(t, revoked)
	if w := ask(api, "GET", "/orders", "reader", ""); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	revoked.Store(true)
	if w := ask(api, "GET", "/orders", "reader", ""); w.Code != 401 || !strings.Contains(w.Header().Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOrdersAreKeptByAccountAndBounded(t *testing.T) {
	api := newAPI(t, new(atomic.Bool))
	count := func() int {
		var got struct {
			AccountID string           `json:"account_id"`
			Orders    []map[string]any `json:"orders"`
		}
		w := ask(api, "GET", "/orders", "reader", "")
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.AccountID != "acc1" {
			t.Fatalf("%v: %s", err, w.Body)
		}
		return len(got.Orders)
	}
	before := count()
	for range 120 {
		ask(api, "POST", "/orders", "writer", `{"item":"Cup","quantity":1}`)
	}
	if after := count(); before != 3 || after != 100 {
		t.Errorf("%d orders, then %d", before, after)
	}
}
