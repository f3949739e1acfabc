package token_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"latchkey.dev/internal/jsonappend/appendtest"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/token"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/internal/wire"
)

// serve answers a request as the server does.
func (e *endpoint) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	if err := e.handler.ServeToken(w, r); err != nil {
		wire.WriteError(w, r, err)
	}
	return w
}

func TestRFC6749_5_1_TheAnswerOnTheWire(t *testing.T) {
	e := newEndpoint(t)
	w := e.serve(tokentest.PostForm("/oauth/token", e.app, url.Values{
		"grant_type": {"authorization_code"}, "code": {e.Code(e.grant)}, "redirect_uri": {tokentest.RedirectURI}, "code_verifier": {tokentest.Verifier},
	}))
	var body map[string]any
	e.Must(json.Unmarshal(w.Body.Bytes(), &body))
	if w.Code != http.StatusOK || body["token_type"] != "Bearer" || body["expires_in"] != float64(3600) || body["scope"] != allScopes {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		if text, ok := body[name].(string); !ok || text == "" {
			t.Errorf("%s is missing", name)
		}
	}
	if len(body) != 6 {
		t.Errorf("members nobody knows: %v", body)
	}
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", w.Header())
	}
}

func TestRFC6749_3_2_BadRequestsOnTheWire(t *testing.T) {
	e := newEndpoint(t)
	machine := url.Values{"grant_type": {"client_credentials"}}
	for _, test := range []struct {
		name   string
		status int
		code   string
		make   func() *http.Request
	}{
		{"GET", http.StatusMethodNotAllowed, "invalid_request", func() *http.Request { return httptest.NewRequest(http.MethodGet, "/oauth/token", nil) }},
		{"JSON", http.StatusUnsupportedMediaType, "invalid_request", func() *http.Request {
			r := tokentest.PostForm("/oauth/token", e.app, machine)
			r.Header.Set("Content-Type", "application/json")
			return r
		}},
		{"parameters in the query", http.StatusBadRequest, "invalid_request", func() *http.Request {
			return tokentest.PostForm("/oauth/token?grant_type=client_credentials", e.app, url.Values{})
		}},
		{"a parameter twice", http.StatusBadRequest, "invalid_request", func() *http.Request {
			return tokentest.PostForm("/oauth/token", e.app, url.Values{"grant_type": {"client_credentials", "client_credentials"}})
		}},
		{"basic and a secret in the body", http.StatusBadRequest, "invalid_request", func() *http.Request {
			return tokentest.PostForm("/oauth/token", e.app, url.Values{"grant_type": {"client_credentials"}, "client_secret": {"x"}})
		}},
		{"a body of 70 kB", http.StatusRequestEntityTooLarge, "invalid_request", func() *http.Request {
			return tokentest.PostForm("/oauth/token", e.app, url.Values{"grant_type": {strings.Repeat("x", 70_000)}})
		}},
		{"a wrong secret", http.StatusUnauthorized, "invalid_client", func() *http.Request {
			r := tokentest.PostForm("/oauth/token", e.app, machine)
			r.SetBasicAuth(e.app.ID, "wrong")
			return r
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := e.serve(test.make())
			var body map[string]any
			e.Must(json.Unmarshal(w.Body.Bytes(), &body))
			if w.Code != test.status || body["error"] != test.code {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, test.status, test.code)
			}
			if test.code == "invalid_client" && !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic ") { // §5.2
				t.Errorf("WWW-Authenticate %q", w.Header().Get("WWW-Authenticate"))
			}
		})
	}
}

func TestSeveralResourcesMayBeNamed(t *testing.T) {
	e := newEndpoint(t)
	w := e.serve(tokentest.PostForm("/oauth/token", e.app, url.Values{
		"grant_type": {"client_credentials"}, "resource": {e.Issuer.Resources[0], e.Issuer.Resources[1]},
	}))
	if w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func BenchmarkClientCredentials(b *testing.B) {
	e := newEndpoint(b)
	body := url.Values{"grant_type": {"client_credentials"}, "scope": {"orders.read"}}
	b.ReportAllocs()
	for b.Loop() {
		if w := e.serve(tokentest.PostForm("/oauth/token", e.app, body)); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}

func BenchmarkRefresh(b *testing.B) {
	e := newEndpoint(b)
	current := e.redeemed(func(c *store.Code) { c.Binding.Scopes = c.Binding.Scopes[1:] }).RefreshToken
	b.ReportAllocs()
	for b.Loop() {
		current = e.must(e.refreshRequest(current)).RefreshToken
	}
}

func TestResponseWritesItselfAsEncodingJSONDoes(t *testing.T) {
	appendtest.Same(t, (*token.Response).AppendJSON)
}
