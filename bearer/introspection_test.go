package bearer_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"latchkey.dev/bearer"
)

func shortTimeout(c *bearer.Config) { c.Timeout = 50 * time.Millisecond }

func (s *authServer) answer(changes map[string]any) map[string]any {
	a := s.claims(map[string]any{"active": true, "token_type": "Bearer"})
	for name, value := range changes {
		a[name] = value
		if value == nil {
			delete(a, name)
		}
	}
	return a
}

func TestRFC7662_ActiveToken(t *testing.T) {
	s := newAuthServer(t)
	s.activate("good", s.answer(map[string]any{"username": "noura"}))
	res := call(s.introspectionGuard(t), "good", "orders:read")
	wantStatus(t, res, http.StatusOK)
	if got := body(t, res); got != "user-1 via app-1 may orders:read,profile" {
		t.Errorf("handler saw %q", got)
	}
	token, err := s.introspectionGuard(t).Verify(t.Context(), "good")
	if err != nil {
		t.Fatal(err)
	}
	var extra struct{ Username string }
	if err := token.Claims(&extra); err != nil || extra.Username != "noura" {
		t.Errorf("claims %+v, %v", extra, err)
	}
}

func TestRFC7662_RevokedTokenStopsAtOnce(t *testing.T) {
	s := newAuthServer(t)
	s.activate("good", s.answer(nil))
	guard := s.introspectionGuard(t)
	wantStatus(t, call(guard, "good"), http.StatusOK)
	s.revoke("good")
	wantChallenge(t, call(guard, "good"), http.StatusUnauthorized, "invalid_token")
}

func TestRFC7662_4_ActiveIsNotEnough(t *testing.T) {
	s := newAuthServer(t)
	now := s.clock.Now().Unix()
	guard := s.introspectionGuard(t)
	cases := map[string]map[string]any{
		"refresh token":        {"token_type": "refresh_token"},
		"no token_type":        {"token_type": nil},
		"DPoP token":           {"token_type": "DPoP"},
		"another issuer":       {"iss": "https://evil.test"},
		"another audience":     {"aud": []string{"https://other.test"}},
		"no audience":          {"aud": nil},
		"expired":              {"exp": now - 31},
		"not before":           {"nbf": now + 31},
		"bound to a key":       {"cnf": map[string]any{"jkt": "x"}},
		"active is missing":    {"active": nil},
		"active is misspelled": {"active": nil, "Active": true},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			s.activate("token", s.answer(change))
			wantChallenge(t, call(guard, "token"), http.StatusUnauthorized, "invalid_token")
		})
	}
	s.activate("token", s.answer(nil))
	wantStatus(t, call(guard, "token"), http.StatusOK)
}

func TestRFC7662_TroubleIsNever401(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"not JSON":       func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") },
		"active as text": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"active":"true"}`) },
		"active twice": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"active":false,"active":true}`)
		},
		"our credentials": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"server error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"odd Retry-After": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "-3")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"connection is cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			s := newAuthServer(t)
			s.introspection.Store(&answer)
			want503(t, call(s.introspectionGuard(t), "token"), "5")
		})
	}
	t.Run("a long Retry-After is cut", func(t *testing.T) {
		s := newAuthServer(t)
		s.introspection.Store(new(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "99999999999")
			w.WriteHeader(http.StatusTooManyRequests)
		})))
		want503(t, call(s.introspectionGuard(t), "token"), "120")
	})
}

func TestIntrospectionAnswersMayBeRemembered(t *testing.T) {
	s := newAuthServer(t)
	guard := s.introspectionGuard(t, func(c *bearer.Config) { c.IntrospectionAge, c.IntrospectionEntries = time.Minute, 2 })
	asked := func(token string) int64 {
		before := s.introspects.Load()
		call(guard, token)
		return s.introspects.Load() - before
	}
	for i := range 3 {
		s.activate(fmt.Sprint("t", i), s.answer(nil))
	}
	s.activate("brief", s.answer(map[string]any{"exp": s.clock.Now().Unix() + 10}))

	if asked("t0") != 1 || asked("t0") != 0 {
		t.Error("t0 was not remembered")
	}
	s.clock.Advance(61 * time.Second)
	if asked("t0") != 1 {
		t.Error("t0 was remembered too long")
	}
	asked("t1")
	asked("t2") // pushes out t0
	if asked("t2") != 0 || asked("t1") != 0 || asked("t0") != 1 {
		t.Error("the oldest did not make room")
	}
	asked("unknown")
	if asked("unknown") != 1 {
		t.Error("a refusal was remembered")
	}
	asked("brief")
	s.clock.Advance(11 * time.Second)
	if asked("brief") != 1 {
		t.Error("a token was remembered past its own end")
	}
}

func TestReadyWithIntrospection(t *testing.T) {
	s := newAuthServer(t)
	if err := s.introspectionGuard(t).Ready(t.Context()); err != nil {
		t.Error(err)
	}
	s.set("introspection_endpoint", nil)
	if s.introspectionGuard(t).Ready(t.Context()) == nil {
		t.Error("Ready saw nothing wrong")
	}
}
