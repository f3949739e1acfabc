package bearer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"latchkey.dev/bearer"
)

// authServer is an authorization server on 127.0.0.1 whose every answer a test can change.
type authServer struct {
	*httptest.Server
	clock *clock

	mu       sync.Mutex
	keys     []jose.JSONWebKey
	metadata map[string]any
	active   map[string]map[string]any // token → introspection answer

	down          atomic.Bool
	jwksFetches   atomic.Int64
	metaFetches   atomic.Int64
	introspects   atomic.Int64
	jwks          atomic.Pointer[http.HandlerFunc] // replaces the JWKS answer
	introspection atomic.Pointer[http.HandlerFunc]
}

const (
	audience   = "https://api.test"
	clientID   = "api:one" // A colon and a space prove the form-encoding of RFC 6749 §2.3.1.
	clientPass = "s3cret+ /%"
)

func newAuthServer(t testing.TB) *authServer {
	t.Helper()
	s := &authServer{clock: newClock(), active: map[string]map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", s.serveMetadata)
	mux.HandleFunc("GET /jwks", s.serveJWKS)
	mux.HandleFunc("POST /introspect", s.serveIntrospection)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.down.Load() {
			w.Header().Set("Retry-After", "7")
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	s.metadata = map[string]any{"issuer": s.URL, "jwks_uri": s.URL + "/jwks", "introspection_endpoint": s.URL + "/introspect"}
	return s
}

func (s *authServer) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	s.metaFetches.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = json.NewEncoder(w).Encode(s.metadata)
}

func (s *authServer) serveJWKS(w http.ResponseWriter, r *http.Request) {
	s.jwksFetches.Add(1)
	if h := s.jwks.Load(); h != nil {
		(*h)(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: s.keys})
}

func (s *authServer) serveIntrospection(w http.ResponseWriter, r *http.Request) {
	s.introspects.Add(1)
	if h := s.introspection.Load(); h != nil {
		(*h)(w, r)
		return
	}
	if id, pass, _ := r.BasicAuth(); id != "api%3Aone" || pass != "s3cret%2B+%2F%25" {
		http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer, ok := s.active[r.FormValue("token")]
	if !ok || r.FormValue("token_type_hint") != "access_token" {
		answer = map[string]any{"active": false}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (s *authServer) publish(keys ...signingKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = nil
	for _, k := range keys {
		s.keys = append(s.keys, k.public())
	}
}

func (s *authServer) set(name string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.metadata[name] = value
}

func (s *authServer) activate(token string, answer map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active[token] = answer
}

func (s *authServer) revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.active, token)
}

// claims are those of a good access token, changed by the test; a nil value removes one.
func (s *authServer) claims(changes map[string]any) map[string]any {
	now := s.clock.Now().Unix()
	c := map[string]any{
		"iss": s.URL, "sub": "user-1", "aud": audience, "exp": now + 600, "iat": now,
		"jti": "t-1", "client_id": "app-1", "scope": "orders:read profile",
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func (s *authServer) jwtGuard(t testing.TB, change ...func(*bearer.Config)) *bearer.Guard {
	t.Helper()
	return s.guard(t, bearer.Config{Issuer: s.URL, Audience: audience}, change...)
}

func (s *authServer) introspectionGuard(t testing.TB, change ...func(*bearer.Config)) *bearer.Guard {
	t.Helper()
	return s.guard(t, bearer.Config{Issuer: s.URL, Audience: audience, ClientID: clientID, ClientSecret: clientPass}, change...)
}

func (s *authServer) guard(t testing.TB, cfg bearer.Config, change ...func(*bearer.Config)) *bearer.Guard {
	t.Helper()
	cfg.Now = s.clock.Now
	cfg.HTTPClient = s.Client()
	for _, c := range change {
		c(&cfg)
	}
	guard, err := bearer.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

type clock struct{ micros atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.micros.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixMicro())
	return c
}
func (c *clock) Now() time.Time          { return time.UnixMicro(c.micros.Load()) }
func (c *clock) Advance(d time.Duration) { c.micros.Add(d.Microseconds()) }

type signingKey struct {
	kid string
	alg jose.SignatureAlgorithm
	key crypto.Signer
}

func newKey(t testing.TB, alg jose.SignatureAlgorithm, kid string) signingKey {
	t.Helper()
	var key crypto.Signer
	var err error
	switch alg {
	case jose.RS256:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.EdDSA:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("no key for %s", alg)
	}
	if err != nil {
		t.Fatal(err)
	}
	return signingKey{kid, alg, key}
}

func (k signingKey) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.key.Public(), KeyID: k.kid, Algorithm: string(k.alg), Use: "sig"}
}

// sign makes a compact JWT; header entries override typ at+jwt and kid.
func (k signingKey) sign(t testing.TB, claims map[string]any, header ...map[jose.HeaderKey]any) string {
	t.Helper()
	return sign(t, jose.SigningKey{Algorithm: k.alg, Key: k.key}, k.kid, claims, header...)
}

func sign(t testing.TB, with jose.SigningKey, kid string, claims map[string]any, header ...map[jose.HeaderKey]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("at+jwt")
	if kid != "" {
		options.WithHeader("kid", kid)
	}
	for _, h := range header {
		for name, value := range h {
			options.WithHeader(name, value)
		}
	}
	signer, err := jose.NewSigner(with, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// call sends one request through the guard and returns the answer; whoami is the handler behind it.
func call(guard *bearer.Guard, token string, scopes ...string) *http.Response {
	return send(guard, bearerRequest(token), scopes...)
}

func bearerRequest(token string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "https://api.test/orders", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

func send(guard *bearer.Guard, r *http.Request, scopes ...string) *http.Response {
	w := httptest.NewRecorder()
	guard.Require(scopes...)(http.HandlerFunc(whoami)).ServeHTTP(w, r)
	return w.Result()
}

func whoami(w http.ResponseWriter, r *http.Request) {
	token := bearer.FromContext(r.Context())
	_, _ = fmt.Fprintf(w, "%s via %s may %s", token.Subject, token.ClientID, strings.Join(token.Scopes, ","))
}
