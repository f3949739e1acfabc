package bearer_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"latchkey.dev/bearer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func body(t testing.TB, res *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func wantStatus(t testing.TB, res *http.Response, status int) {
	t.Helper()
	if res.StatusCode != status {
		t.Errorf("status %d, want %d; %s %s", res.StatusCode, status, res.Header.Get("WWW-Authenticate"), body(t, res))
	}
}

// wantChallenge checks status and error code of a refusal.
func wantChallenge(t testing.TB, res *http.Response, status int, code string) {
	t.Helper()
	wantStatus(t, res, status)
	challenge := res.Header.Get("WWW-Authenticate")
	if !strings.HasPrefix(challenge, `Bearer realm="`) {
		t.Errorf("challenge %q", challenge)
	}
	if got := strings.Contains(challenge, `error="`+code+`"`); !got && code != "" {
		t.Errorf("challenge %q, want error %q", challenge, code)
	}
	if strings.Contains(challenge, "error") && code == "" {
		t.Errorf("challenge %q tells a caller without credentials about an error", challenge)
	}
	if res.Header.Get("Cache-Control") != "no-store" {
		t.Error("a refusal may be cached")
	}
}

func TestGoodToken(t *testing.T) {
	s := newAuthServer(t)
	for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			key := newKey(t, alg, "k-"+string(alg))
			s.publish(key)
			res := call(s.jwtGuard(t), key.sign(t, s.claims(nil)), "orders:read", "profile")
			wantStatus(t, res, http.StatusOK)
			if got := body(t, res); got != "user-1 via app-1 may orders:read,profile" {
				t.Errorf("handler saw %q", got)
			}
		})
	}
}

func TestTokenInContext(t *testing.T) {
	s := newAuthServer(t)
	key := newKey(t, jose.ES256, "k")
	s.publish(key)
	raw := key.sign(t, s.claims(map[string]any{"aud": []string{"https://other.test", audience}, "account_id": "acc-9"}))
	token, err := s.jwtGuard(t).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	var extra struct {
		Account string `json:"account_id"`
	}
	if err := token.Claims(&extra); err != nil || extra.Account != "acc-9" {
		t.Errorf("claims: %+v, %v", extra, err)
	}
	if token.Issuer != s.URL || token.ID != "t-1" || len(token.Audience) != 2 || !token.Expiry.After(token.IssuedAt) {
		t.Errorf("token %+v", token)
	}
	if bearer.FromContext(context.Background()) != nil {
		t.Error("a token out of nowhere")
	}
}

func TestRFC6750_3_NoCredentialsNoError(t *testing.T) {
	s := newAuthServer(t)
	guard := s.jwtGuard(t)
	wantChallenge(t, call(guard, ""), http.StatusUnauthorized, "")
	basic := bearerRequest("")
	basic.SetBasicAuth("a", "b")
	wantChallenge(t, send(guard, basic), http.StatusUnauthorized, "")
	if n := s.metaFetches.Load(); n != 0 {
		t.Errorf("%d fetches for requests without a token", n)
	}
}

func TestRFC6750_3_1_InsufficientScopeNamesScope(t *testing.T) {
	s := newAuthServer(t)
	key := newKey(t, jose.ES256, "k")
	s.publish(key)
	res := call(s.jwtGuard(t), key.sign(t, s.claims(nil)), "orders:read", "orders:write")
	wantChallenge(t, res, http.StatusForbidden, "insufficient_scope")
	if !strings.Contains(res.Header.Get("WWW-Authenticate"), `scope="orders:read orders:write"`) {
		t.Errorf("challenge %q", res.Header.Get("WWW-Authenticate"))
	}
	var told map[string]string
	if err := json.NewDecoder(res.Body).Decode(&told); err != nil || told["scope"] != "orders:read orders:write" {
		t.Errorf("body %v, %v", told, err)
	}
}

func TestRFC6750_2_OneMethodOnly(t *testing.T) {
	s := newAuthServer(t)
	key := newKey(t, jose.ES256, "k")
	s.publish(key)
	guard, good := s.jwtGuard(t), key.sign(t, s.claims(nil))
	cases := map[string]func(*http.Request){
		"token in the query": func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "access_token=" + good
		},
		"header and query": func(r *http.Request) { r.URL.RawQuery = "access%5Ftoken=" + good },
		"two headers":      func(r *http.Request) { r.Header.Add("Authorization", "Bearer "+good) },
		"bearer and basic": func(r *http.Request) { r.Header.Add("Authorization", "Basic YTpi") },
		"two in one":       func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+good+", Bearer "+good) },
		"no token":         func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") },
		"scheme alone":     func(r *http.Request) { r.Header.Set("Authorization", "bearer") },
		"too long":         func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+strings.Repeat("a", 9000)) },
		"not a b64token":   func(r *http.Request) { r.Header.Set("Authorization", `Bearer a"b`) },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			r := bearerRequest(good)
			change(r)
			wantChallenge(t, send(guard, r), http.StatusBadRequest, "invalid_request")
		})
	}
	r := bearerRequest("")
	r.Header.Set("Authorization", "bEaReR  "+good)
	wantStatus(t, send(guard, r), http.StatusOK) // RFC 9110 §11.1: schemes are case-insensitive
}

func TestRefusalHoldsNoToken(t *testing.T) {
	s := newAuthServer(t)
	key, other := newKey(t, jose.ES256, "k"), newKey(t, jose.ES256, "k")
	s.publish(key)
	raw := other.sign(t, s.claims(nil))
	res := call(s.jwtGuard(t), raw)
	told := res.Header.Get("WWW-Authenticate") + body(t, res)
	for part := range strings.SplitSeq(raw, ".") {
		if strings.Contains(told, part) {
			t.Error("the refusal repeats the token")
		}
	}
}

func TestRefuseWritesTheAPIsOwnBody(t *testing.T) {
	s := newAuthServer(t)
	guard := s.jwtGuard(t, func(c *bearer.Config) {
		c.Refuse = func(w http.ResponseWriter, _ *http.Request, refusal *bearer.Refusal) {
			w.WriteHeader(refusal.Status)
			_, _ = io.WriteString(w, "<no/>")
		}
	})
	res := call(guard, "")
	wantChallenge(t, res, http.StatusUnauthorized, "")
	if body(t, res) != "<no/>" {
		t.Error("the API's own body was not used")
	}
}

func TestRFC9728_Metadata(t *testing.T) {
	s := newAuthServer(t)
	guard := s.jwtGuard(t, func(c *bearer.Config) {
		c.Resource, c.Name, c.Scopes = "https://api.test/v1", "Orders", []string{"orders:read"}
	})
	if got := guard.MetadataPath(); got != "/.well-known/oauth-protected-resource/v1" { // §3.1
		t.Errorf("path %q", got)
	}
	want := `resource_metadata="https://api.test/.well-known/oauth-protected-resource/v1"` // §5.1
	if got := call(guard, "").Header.Get("WWW-Authenticate"); !strings.Contains(got, want) {
		t.Errorf("challenge %q", got)
	}
	w := httptest.NewRecorder()
	guard.Metadata().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, guard.MetadataPath(), nil))
	var got map[string]any
	if err := json.NewDecoder(w.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got["resource"] != "https://api.test/v1" || got["authorization_servers"].([]any)[0] != s.URL || got["resource_name"] != "Orders" {
		t.Errorf("metadata %v", got)
	}
}

func TestRFC9728_NoResourceNoMetadata(t *testing.T) {
	s := newAuthServer(t)
	guard := s.jwtGuard(t, func(c *bearer.Config) { c.Audience = "orders-api" })
	w := httptest.NewRecorder()
	guard.Metadata().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, guard.MetadataPath(), nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("status %d", w.Code)
	}
	if got := call(guard, "").Header.Get("WWW-Authenticate"); got != `Bearer realm="orders-api"` {
		t.Errorf("challenge %q", got)
	}
}

func TestNewRefusesBadConfig(t *testing.T) {
	good := bearer.Config{Issuer: "https://login.test", Audience: audience}
	cases := map[string]func(*bearer.Config){
		"no issuer":                func(c *bearer.Config) { c.Issuer = "" },
		"http issuer":              func(c *bearer.Config) { c.Issuer = "http://login.test" },
		"issuer with query":        func(c *bearer.Config) { c.Issuer = "https://login.test?x=1" },
		"issuer, userinfo":         func(c *bearer.Config) { c.Issuer = "https://u@login.test" },
		"no audience":              func(c *bearer.Config) { c.Audience = "" },
		"no audience, asked about": func(c *bearer.Config) { c.Audience, c.ClientID, c.ClientSecret = "", "x", "y" },
		"id without secret":        func(c *bearer.Config) { c.ClientID = "x" },
		"secret without id":        func(c *bearer.Config) { c.ClientSecret = "x" },
		"bad scope":                func(c *bearer.Config) { c.Scopes = []string{"a b"} },
		"realm with quote":         func(c *bearer.Config) { c.Realm = `a"b` },
		"http resource":            func(c *bearer.Config) { c.Resource = "http://api.test" },
		"negative bound":           func(c *bearer.Config) { c.IntrospectionEntries = -1 },
	}
	for name, change := range cases {
		cfg := good
		change(&cfg)
		if _, err := bearer.New(t.Context(), cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, issuer := range []string{"https://login.test", "http://acme.localhost:8080", "http://127.0.0.1:1", "http://[::1]:1"} {
		cfg := good
		cfg.Issuer = issuer
		if _, err := bearer.New(t.Context(), cfg); err != nil {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

func TestRequirePanicsOnMalformedScope(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	newAuthServer(t).jwtGuard(t).Require("orders read")
}
