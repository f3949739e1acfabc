package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/dialect"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/wire"
)

// bare is a server with one host, whose answers the test gives.
func bare(handle http.HandlerFunc) (*Server, *bytes.Buffer) {
	log := &bytes.Buffer{}
	return &Server{
		hosts: map[string]http.Handler{"acme.example": handle}, gate: make(gate, 1), log: slog.New(slog.NewJSONHandler(log, nil)),
		metrics: silence{}, clock: time.Now, requestIDs: requestIDs{source: bufio.NewReader(rand.Reader)},
	}, log
}

func get(handler http.Handler, target string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, target, nil))
	return answer
}

func TestRFC9110_7_4_AnUnknownHostIsMisdirected(t *testing.T) {
	s, _ := bare(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for host, want := range map[string]int{
		"acme.example": http.StatusOK, "ACME.example": http.StatusOK, "acme.example:80": http.StatusMisdirectedRequest,
		"evil.example": http.StatusMisdirectedRequest, "": http.StatusMisdirectedRequest,
	} {
		r := httptest.NewRequest(http.MethodGet, "http://x/", nil)
		r.Host = host
		r.Header.Set("X-Forwarded-Host", "acme.example")
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, r)
		if answer.Code != want {
			t.Errorf("host %q is answered %d, want %d", host, answer.Code, want)
		}
	}
}

func TestAPanicIsOurFailureAndIsLoggedOnce(t *testing.T) {
	s, log := bare(func(http.ResponseWriter, *http.Request) { panic("the secret is hunter2") })
	answer := get(s, "http://acme.example/x?code=hunter2")
	if answer.Code != http.StatusInternalServerError || strings.Contains(answer.Body.String(), "hunter2") {
		t.Errorf("answered %d: %s", answer.Code, answer.Body)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 {
		t.Errorf("%d log lines: %s", lines, log)
	}
}

// TestADialectsHostRefusesInItsOwnWords also where no route was reached: after a panic, and when there are too many requests at once.
func TestADialectsHostRefusesInItsOwnWords(t *testing.T) {
	spoken, err := dialect.Load([]byte(`{name: petal, about: x, hosts: {api: {answers: json}}, errors: {body: '{ok: false, why: .error}'},
		routes: [{route: GET api /me, operation: userinfo, request: '{}', response: '{}'}]}`), "petal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	face, err := spoken.NewFace(dialect.FaceConfig{Hosts: []string{"api"}, Operations: map[string]dialect.Function{
		"userinfo": func(context.Context, dialect.Call) (dialect.Answer, error) { panic("broken") },
	}})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := bare(nil)
	s.hosts["acme.example"] = speaker{face, face}
	for _, want := range []struct {
		status int
		body   string
	}{{http.StatusInternalServerError, `{"ok":false,"why":"server_error"}`}, {http.StatusServiceUnavailable, `{"ok":false,"why":"temporarily_unavailable"}`}} {
		answer := get(s, "http://acme.example/me")
		if answer.Code != want.status || strings.TrimSpace(answer.Body.String()) != want.body || answer.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%d %s, want %d %s", answer.Code, answer.Body, want.status, want.body)
		}
		s.gate.enter() // as if another request were under way
	}
}

func TestAnAbortedAnswerStaysAborted(t *testing.T) {
	s, _ := bare(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	defer func() {
		if caught, ok := recover().(error); !ok || !errors.Is(caught, http.ErrAbortHandler) {
			t.Errorf("recovered %v", caught)
		}
	}()
	get(s, "http://acme.example/")
}

func TestTooManyAtOnceHearSoQuickly(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s, _ := bare(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		w.WriteHeader(http.StatusOK)
	})
	done := make(chan int)
	go func() { done <- get(s, "http://acme.example/").Code }()
	<-entered
	answer := get(s, "http://acme.example/")
	if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" {
		t.Errorf("answered %d with Retry-After %q", answer.Code, answer.Header().Get("Retry-After"))
	}
	close(leave)
	if first := <-done; first != http.StatusOK {
		t.Errorf("who was inside was answered %d", first)
	}
}

// Bytes that do not come keep nobody out; who sends them late is let in like everybody else, when there is room.
func TestWhoSendsSlowlyKeepsNobodyOut(t *testing.T) {
	s, _ := bare(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if _, err := wire.Form(r); err != nil {
				wire.WriteError(w, r, err)
				return
			}
		}
		w.WriteHeader(http.StatusOK)
	})
	for _, c := range []struct {
		busy bool // when the last byte comes
		want int
	}{{false, http.StatusOK}, {true, http.StatusServiceUnavailable}} {
		body, sender := io.Pipe()
		slow := httptest.NewRequest(http.MethodPost, "http://acme.example/", body)
		slow.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		late, done := httptest.NewRecorder(), make(chan struct{})
		go func() { s.ServeHTTP(late, slow); close(done) }()
		if _, err := sender.Write([]byte("a=")); err != nil { // it is being read
			t.Fatal(err)
		}
		for range 3 {
			if answer := get(s, "http://acme.example/"); answer.Code != http.StatusOK {
				t.Fatalf("another is answered %d", answer.Code)
			}
		}
		if c.busy {
			s.gate.enter()
		}
		_ = sender.Close()
		<-done
		if late.Code != c.want || (late.Header().Get("Retry-After") != "") != c.busy {
			t.Errorf("busy %v: answered %d, Retry-After %q", c.busy, late.Code, late.Header().Get("Retry-After"))
		}
		if c.busy {
			s.gate.leave()
		}
		if len(s.gate) != 0 {
			t.Errorf("busy %v: %d are still inside", c.busy, len(s.gate))
		}
	}
}

func TestWhileStoppingEveryAnswerClosesItsConnection(t *testing.T) {
	s, _ := bare(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	s.draining.Store(true)
	if answer := get(s, "http://acme.example/"); answer.Header().Get("Connection") != "close" {
		t.Errorf("headers %v", answer.Header())
	}
	if err := s.Ready(context.Background()); !errors.Is(err, ErrStopping) {
		t.Errorf("ready says %v", err)
	}
}

func TestOneLogLineSaysWhatHappenedAndNoSecret(t *testing.T) {
	s, log := bare(func(w http.ResponseWriter, r *http.Request) {
		record := reqlog.From(r.Context())
		record.Issuer, record.Client, record.Route = "acme", "parcel-robot", "/oauth/token"
		wire.WriteError(w, r, oauth.InvalidGrant("expired").With(oauth.ReasonExpired))
	})
	r := httptest.NewRequest(http.MethodPost, "http://acme.example/oauth/token?code=hunter2", strings.NewReader("client_secret=hunter2"))
	r.Header.Set("Authorization", "Basic hunter2")
	s.ServeHTTP(httptest.NewRecorder(), r)
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, log)
	}
	for name, want := range map[string]any{
		"issuer": "acme", "client": "parcel-robot", "route": "/oauth/token", "outcome": "invalid_grant", "reason": "expired", "status": float64(400),
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
	if strings.Contains(log.String(), "hunter2") {
		t.Errorf("the log holds a secret: %s", log)
	}
}

func TestRFC9110_15_5_6_AKnownPathNamesItsMethods(t *testing.T) {
	answered := func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	named := func(w http.ResponseWriter, r *http.Request) error {
		if r.PathValue("id") == "" {
			t.Errorf("%s has no id", r.URL)
		}
		return answered(w, r)
	}
	mux := newMux(nil, []route{
		{http.MethodGet, "/a", jsonFace, answered}, {http.MethodPost, "/a", jsonFace, answered}, {http.MethodPost, "/b/{id}", jsonFace, named},
	}, jsonFace(nil, notFound))
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{http.MethodGet, "/a", 200, ""},
		{http.MethodHead, "/a", 200, ""},
		{http.MethodDelete, "/a", 405, "GET, POST"},
		{http.MethodPost, "/b/7", 200, ""},
		{http.MethodPost, "/b/{id}", 200, ""},
		{http.MethodGet, "/b/7", 405, "POST"},
		{http.MethodGet, "/b/{id}", 405, "POST"},
		{http.MethodGet, "/c", 404, ""},
		{http.MethodGet, "/%61", 200, ""},
		{http.MethodPost, "/b/%7Bid%7D", 200, ""},
		{http.MethodGet, "/x%2F..%2Fa", 404, ""},
		{http.MethodGet, "/x/../a", 307, ""},
	} {
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequest(c.method, "http://acme.example"+c.path, nil))
		if answer.Code != c.status || answer.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s is answered %d, Allow %q; want %d, %q", c.method, c.path, answer.Code, answer.Header().Get("Allow"), c.status, c.allow)
		}
	}
}

func TestForwardingHeadersCountFromTrustedProxiesOnly(t *testing.T) {
	proxy := proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct {
		name    string
		trusted proxies
		peer    string
		sent    []string
		want    string
	}{
		{"nobody is trusted", nil, "10.0.0.1:5", []string{"203.0.113.9"}, "10.0.0.1"},
		{"a stranger forwards", proxy, "192.0.2.7:5", []string{"203.0.113.9"}, "192.0.2.7"},
		{"one proxy", proxy, "10.0.0.1:5", []string{"203.0.113.9"}, "203.0.113.9"},
		{"what the client claimed stands before", proxy, "10.0.0.1:5", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		{"two proxies", proxy, "10.0.0.1:5", []string{"203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		{"two headers", proxy, "10.0.0.1:5", []string{"1.1.1.1", "203.0.113.9"}, "203.0.113.9"},
		{"rubbish is not an address", proxy, "10.0.0.1:5", []string{"203.0.113.9, rubbish"}, "10.0.0.1"},
		{"no header", proxy, "10.0.0.1:5", nil, "10.0.0.1"},
		{"IPv6", proxy, "[::1]:5", []string{"2001:db8::9"}, "2001:db8::9"},
		{"with a port", proxy, "10.0.0.1:5", []string{"1.1.1.1, 203.0.113.9:4711"}, "203.0.113.9"},
		{"a proxy with a port", proxy, "10.0.0.1:5", []string{"203.0.113.9:4711, 10.0.0.2:80"}, "203.0.113.9"},
		{"IPv6 with a port", proxy, "[::1]:5", []string{"[2001:db8::9]:443"}, "2001:db8::9"},
		{"IPv6 in brackets", proxy, "[::1]:5", []string{"[2001:db8::9]"}, "2001:db8::9"},
		{"a port alone is not an address", proxy, "10.0.0.1:5", []string{"203.0.113.9, :80"}, "10.0.0.1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://acme.example/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.sent
		if got, _ := c.trusted.clientAddress(r); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestAProxyThatIsNotListedIsToldOfOnce, and one that is listed never.
func TestAProxyThatIsNotListedIsToldOfOnce(t *testing.T) {
	for _, c := range []struct {
		header, peer string
		told         int
	}{
		{"X-Forwarded-For", "198.51.100.4:5", 1}, {"Forwarded", "198.51.100.4:5", 1}, {"X-Forwarded-For", "10.0.0.1:5", 0}, {"X-Other", "198.51.100.4:5", 0},
	} {
		s, log := bare(func(http.ResponseWriter, *http.Request) {})
		s.proxies = proxies{netip.MustParsePrefix("10.0.0.0/8")}
		for range 3 {
			r := httptest.NewRequest(http.MethodGet, "http://acme.example/", nil)
			r.RemoteAddr = c.peer
			r.Header.Set(c.header, "203.0.113.9")
			s.ServeHTTP(httptest.NewRecorder(), r)
		}
		if told := strings.Count(log.String(), "its peer is not in trusted_proxies"); told != c.told || c.told > 0 && !strings.Contains(log.String(), `"peer":"198.51.100.4"`) {
			t.Errorf("%s from %s is told of %d times, want %d: %s", c.header, c.peer, told, c.told, log)
		}
	}
}

// continued is a Tracer that remembers whose trace it was told to continue.
type continued []bool

func (c *continued) Start(r *http.Request, trusted bool) (*http.Request, func(*reqlog.Record, int)) {
	*c = append(*c, trusted)
	return r, func(*reqlog.Record, int) {}
}

func TestTracesOfTrustedProxiesAreContinued(t *testing.T) {
	s, _ := bare(func(http.ResponseWriter, *http.Request) {})
	traces := &continued{}
	s.tracer, s.proxies = traces, proxies{netip.MustParsePrefix("10.0.0.0/8")}
	for _, remote := range []string{"10.0.0.7:1234", "192.0.2.7:1234"} {
		r := httptest.NewRequest(http.MethodGet, "http://acme.example/", nil)
		r.RemoteAddr = remote
		r.Header.Set("X-Forwarded-For", "10.0.0.7") // what anybody may claim
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
	if !slices.Equal(*traces, []bool{true, false}) {
		t.Errorf("trusted: %v, want the proxy's and not the stranger's", *traces)
	}
}
