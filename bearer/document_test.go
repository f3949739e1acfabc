package bearer_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestKeysAreFetchedOnceForEverybody(t *testing.T) {
	s := newAuthServer(t)
	key := newKey(t, jose.ES256, "k")
	s.publish(key)
	guard, raw := s.jwtGuard(t), key.sign(t, s.claims(nil))
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() { wantStatus(t, call(guard, raw), http.StatusOK) })
	}
	wg.Wait()
	if n, m := s.jwksFetches.Load(), s.metaFetches.Load(); n != 1 || m != 1 {
		t.Errorf("%d fetches of keys and %d of metadata for 64 requests", n, m)
	}
}

func TestKeysRotateMidFlight(t *testing.T) {
	s := newAuthServer(t)
	old, fresh := newKey(t, jose.ES256, "old"), newKey(t, jose.RS256, "new")
	s.publish(old)
	guard := s.jwtGuard(t)
	wantStatus(t, call(guard, old.sign(t, s.claims(nil))), http.StatusOK)
	s.publish(old, fresh)
	s.clock.Advance(11 * time.Second)
	wantStatus(t, call(guard, fresh.sign(t, s.claims(nil))), http.StatusOK)
	wantStatus(t, call(guard, old.sign(t, s.claims(nil))), http.StatusOK)
	if n := s.jwksFetches.Load(); n != 2 {
		t.Errorf("%d fetches", n)
	}
}

func TestUnknownKeyIDsCostOneFetchInTenSeconds(t *testing.T) {
	s := newAuthServer(t)
	key, made := newKey(t, jose.ES256, "k"), newKey(t, jose.ES256, "made-up")
	s.publish(key)
	guard, flood := s.jwtGuard(t), made.sign(t, s.claims(nil))
	for range 50 {
		wantChallenge(t, call(guard, flood), http.StatusUnauthorized, "invalid_token")
	}
	if n := s.jwksFetches.Load(); n != 1 {
		t.Errorf("%d fetches in one moment", n)
	}
	s.clock.Advance(11 * time.Second)
	for range 50 {
		wantChallenge(t, call(guard, flood), http.StatusUnauthorized, "invalid_token")
	}
	if n := s.jwksFetches.Load(); n != 2 {
		t.Errorf("%d fetches eleven seconds later", n)
	}
}

func TestRetiredKeyIsForgotten(t *testing.T) {
	s := newAuthServer(t)
	old, fresh := newKey(t, jose.ES256, "old"), newKey(t, jose.ES256, "new")
	s.publish(old)
	guard := s.jwtGuard(t)
	s.clock.Advance(0)
	wantStatus(t, call(guard, old.sign(t, s.claims(nil))), http.StatusOK)
	s.publish(fresh)
	s.clock.Advance(16 * time.Minute)
	raw := old.sign(t, s.claims(nil))
	eventually(t, func() bool { return call(guard, raw).StatusCode == http.StatusUnauthorized })
}

func TestServerDownWithWarmKeys(t *testing.T) {
	s := newAuthServer(t)
	key := newKey(t, jose.ES256, "k")
	s.publish(key)
	guard := s.jwtGuard(t)
	wantStatus(t, call(guard, key.sign(t, s.claims(nil))), http.StatusOK)
	s.down.Store(true)
	for range 5 { // Each refresh fails, and no request notices.
		s.clock.Advance(time.Hour)
		wantStatus(t, call(guard, key.sign(t, s.claims(nil))), http.StatusOK)
	}
	// A key never seen cannot be judged now, so it is our trouble and no 401.
	eventually(t, func() bool {
		s.clock.Advance(11 * time.Second)
		res := call(guard, newKey(t, jose.ES256, "other").sign(t, s.claims(nil)))
		return res.StatusCode == http.StatusServiceUnavailable
	})
	s.clock.Advance(25 * time.Hour)
	want503(t, call(guard, key.sign(t, s.claims(nil))), "7")
}

func TestServerDownFromTheStart(t *testing.T) {
	s := newAuthServer(t)
	key := newKey(t, jose.ES256, "k")
	s.publish(key)
	s.down.Store(true)
	guard, raw := s.jwtGuard(t), key.sign(t, s.claims(nil))
	want503(t, call(guard, raw), "7") // the server's own Retry-After
	s.down.Store(false)
	want503(t, call(guard, raw), "7") // not asked again at once
	s.clock.Advance(3 * time.Second)
	wantStatus(t, call(guard, raw), http.StatusOK)
}

func want503(t testing.TB, res *http.Response, retryAfter string) {
	t.Helper()
	wantStatus(t, res, http.StatusServiceUnavailable)
	if got := res.Header.Get("Retry-After"); got != retryAfter {
		t.Errorf("Retry-After %q, want %q", got, retryAfter)
	}
	if res.Header.Get("WWW-Authenticate") != "" {
		t.Error("a 503 tells the client to throw its token away")
	}
}

func TestBrokenServers(t *testing.T) {
	key := newKey(t, jose.ES256, "k")
	handler := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	cases := map[string]func(*authServer){
		"another issuer (RFC 8414 §3.3)": func(s *authServer) { s.set("issuer", "https://evil.test") },
		"no jwks_uri":                    func(s *authServer) { s.set("jwks_uri", nil) },
		"keys in clear text":             func(s *authServer) { s.set("jwks_uri", "http://keys.test/jwks") },
		"keys 404":                       func(s *authServer) { s.jwks.Store(new(handler(404, ""))) },
		"keys redirect":                  func(s *authServer) { s.jwks.Store(new(handler(302, ""))) },
		"keys not JSON":                  func(s *authServer) { s.jwks.Store(new(handler(200, "<html>"))) },
		"no keys":                        func(s *authServer) { s.jwks.Store(new(handler(200, `{"keys":[]}`))) },
		"only a shared secret":           func(s *authServer) { s.jwks.Store(new(handler(200, `{"keys":[{"kty":"oct","k":"AAAA","kid":"k"}]}`))) },
		"endless keys": func(s *authServer) {
			s.jwks.Store(new(handler(200, `{"keys":["`+strings.Repeat("x", 300<<10)+`"]}`)))
		},
	}
	for name, breakIt := range cases {
		t.Run(name, func(t *testing.T) {
			s := newAuthServer(t)
			s.publish(key)
			breakIt(s)
			guard := s.jwtGuard(t)
			want503(t, call(guard, key.sign(t, s.claims(nil))), "5")
			if guard.Ready(t.Context()) == nil {
				t.Error("Ready saw nothing wrong")
			}
		})
	}
}

func TestUnknownKeysBesideGoodOnes(t *testing.T) {
	s := newAuthServer(t)
	key := newKey(t, jose.ES256, "k")
	public, err := key.public().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	odd := `{"keys":[{"kty":"future"},{"kty":"EC","crv":"P-256","use":"enc","x":"1"},7,` + string(public) + `]}`
	s.jwks.Store(new(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, odd) })))
	wantStatus(t, call(s.jwtGuard(t), key.sign(t, s.claims(nil))), http.StatusOK)
}

func TestBrokenKeysNeverReplaceGoodOnes(t *testing.T) {
	s := newAuthServer(t)
	key := newKey(t, jose.ES256, "k")
	s.publish(key)
	guard := s.jwtGuard(t)
	wantStatus(t, call(guard, key.sign(t, s.claims(nil))), http.StatusOK)
	s.jwks.Store(new(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) })))
	before := s.jwksFetches.Load()
	s.clock.Advance(time.Hour)
	wantStatus(t, call(guard, key.sign(t, s.claims(nil))), http.StatusOK)
	eventually(t, func() bool { return s.jwksFetches.Load() > before })
	wantStatus(t, call(guard, key.sign(t, s.claims(nil))), http.StatusOK)
}

func TestOpenIDDiscoveryServesToo(t *testing.T) {
	s := newAuthServer(t)
	key := newKey(t, jose.ES256, "k")
	s.publish(key)
	inner := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/oauth-authorization-server":
			http.NotFound(w, r)
			return
		case "/.well-known/openid-configuration":
			r.URL.Path = "/.well-known/oauth-authorization-server"
		}
		inner.ServeHTTP(w, r)
	})
	wantStatus(t, call(s.jwtGuard(t), key.sign(t, s.claims(nil))), http.StatusOK)
}

func TestSlowServerIsGivenUp(t *testing.T) {
	s := newAuthServer(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	s.jwks.Store(new(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})))
	key := newKey(t, jose.ES256, "k")
	guard := s.jwtGuard(t, shortTimeout)
	want503(t, call(guard, key.sign(t, s.claims(nil))), "5")
}

// eventually waits for a background refresh, which no request waits for.
func eventually(t testing.TB, done func() bool) {
	t.Helper()
	for range 500 {
		if done() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Error("it never happened")
}
