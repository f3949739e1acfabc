package session

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/storetest"
)

type rig struct {
	*Manager

	t     *testing.T
	now   time.Time
	store *store.Store
}

func newRig(t *testing.T, url string) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	opened, err := store.Open(t.Context(), store.Config{URL: storetest.SQLite(t), Clock: func() time.Time { return r.now }, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	keyring, err := seal.NewKeyring(make([]byte, seal.MinMasterKey))
	if err != nil {
		t.Fatal(err)
	}
	r.store = opened
	r.Manager = New(Config{
		Issuer: &issuer.Issuer{Name: "acme", URL: url, Lifetimes: issuer.DefaultLifetimes()},
		Store:  opened, Keyring: keyring, Rand: rand.Reader,
	})
	for _, id := range []string{"ann", "bob"} {
		r.inTx(func(tx *store.Tx) error {
			return tx.CreateUser(store.User{Issuer: "acme", ID: id, Email: id + "@example.org"})
		})
	}
	return r
}

func (r *rig) inTx(fn func(*store.Tx) error) {
	r.t.Helper()
	if err := r.store.InTx(r.t.Context(), fn); err != nil {
		r.t.Fatal(err)
	}
}

// request carries cookies as a browser would.
func (r *rig) request(cookies ...*http.Cookie) *http.Request {
	request := httptest.NewRequestWithContext(r.t.Context(), http.MethodGet, "/", nil)
	for _, cookie := range cookies {
		request.AddCookie(cookie)
	}
	return request
}

// start signs a user in and returns the browser's cookies.
func (r *rig) start(request *http.Request, userID string) []*http.Cookie {
	r.t.Helper()
	answer := httptest.NewRecorder()
	var set func(http.ResponseWriter)
	r.inTx(func(tx *store.Tx) (err error) {
		_, set, err = r.Start(tx, request, userID, "pwd")
		return err
	})
	set(answer)
	return answer.Result().Cookies()
}

func (r *rig) current(cookies ...*http.Cookie) *Session {
	r.t.Helper()
	session, err := r.Current(r.request(cookies...))
	if err != nil {
		r.t.Fatal(err)
	}
	return session
}

func TestASessionIsWhoItsCookieSays(t *testing.T) {
	r := newRig(t, "https://as.example")
	if r.current() != nil {
		t.Fatal("somebody is signed in without a cookie")
	}
	cookies := r.start(r.request(), "ann")
	session := r.current(cookies...)
	if session == nil || session.User.ID != "ann" || session.AuthTime.Time() != r.now || session.AMR()[0] != "pwd" {
		t.Fatalf("session = %+v", session)
	}
	r.now = r.now.Add(issuer.DefaultLifetimes().Session)
	if r.current(cookies...) != nil {
		t.Error("the session outlives its lifetime")
	}
}

func TestRFC6265bis_4_1_3_2_CookiesAreBoundToTheHost(t *testing.T) {
	for _, cookie := range newRig(t, "https://as.example").start(httptest.NewRequest(http.MethodGet, "/", nil), "ann") {
		if cookie.Name[:7] != "__Host-" || !cookie.Secure || !cookie.HttpOnly || cookie.Path != "/" || cookie.Domain != "" || cookie.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie = %+v", cookie)
		}
	}
	for _, cookie := range newRig(t, "http://acme.localhost:8080").start(httptest.NewRequest(http.MethodGet, "/", nil), "ann") {
		if cookie.Name[:3] != "lk_" || cookie.Secure {
			t.Errorf("cookie on http = %+v", cookie)
		}
	}
}

func TestSigningInAgainEndsTheOldSession(t *testing.T) {
	r := newRig(t, "https://as.example")
	first := r.start(r.request(), "ann")
	second := r.start(r.request(first...), "bob")
	if r.current(first...) != nil {
		t.Error("the session from before the sign-in still lives")
	}
	if session := r.current(second...); session == nil || session.User.ID != "bob" {
		t.Errorf("session = %+v", session)
	}
}

func TestEndSignsOutAndRecordsIt(t *testing.T) {
	r := newRig(t, "https://as.example")
	cookies := r.start(r.request(), "ann")
	answer := httptest.NewRecorder()
	if err := r.End(answer, r.request(cookies...)); err != nil {
		t.Fatal(err)
	}
	if r.current(cookies...) != nil {
		t.Error("still signed in")
	}
	if set := answer.Result().Cookies(); len(set) != 1 || set[0].MaxAge >= 0 {
		t.Errorf("cookies = %v", set)
	}
	events, err := r.store.EventsOfUser(t.Context(), "acme", "ann", store.LastEvent, 10)
	if err != nil || len(events) != 1 || events[0].Type != store.EventUserSignedOut {
		t.Errorf("events = %v, %v", events, err)
	}
}

func TestKnownDeviceNamesWhoSignedInHere(t *testing.T) {
	r := newRig(t, "https://as.example")
	cookies := r.start(r.request(), "ann")
	both := r.start(r.request(cookies...), "bob")
	request := r.request(both...)
	if r.KnownDevice(request, "ann") == "" || r.KnownDevice(request, "ann") != r.KnownDevice(request, "bob") {
		t.Error("the browser forgot who signed in, or has two names")
	}
	if r.KnownDevice(r.request(cookies...), "bob") != "" || r.KnownDevice(request, "eve") != "" {
		t.Error("the browser knows somebody who never signed in with it")
	}
	forged := *both[1]
	forged.Value = "B" + forged.Value[1:]
	if r.KnownDevice(r.request(&forged), "ann") != "" {
		t.Error("a damaged cookie is believed")
	}
}

func TestMiddlewareLooksOnce(t *testing.T) {
	r := newRig(t, "https://as.example")
	cookies := r.start(r.request(), "ann")
	r.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		first, _ := r.Current(request)
		second, _ := r.Current(request)
		if first == nil || first != second {
			t.Error("the request's handlers do not share one session")
		}
	})).ServeHTTP(httptest.NewRecorder(), r.request(cookies...))
}

func TestDatabaseTroubleIsNotNobody(t *testing.T) {
	r := newRig(t, "https://as.example")
	cookies := r.start(r.request(), "ann")
	r.store.Close()
	if session, err := r.Current(r.request(cookies...)); err == nil || session != nil {
		t.Errorf("Current = %v, %v; want an error", session, err)
	}
}

func TestLastSeenIsWrittenSparingly(t *testing.T) {
	r := newRig(t, "https://as.example")
	cookies := r.start(r.request(), "ann")
	seen := func() time.Time {
		sessions, err := r.store.Sessions(t.Context(), "acme", "ann")
		if err != nil || len(sessions) != 1 {
			t.Fatal(sessions, err)
		}
		return sessions[0].LastSeenAt.Time()
	}
	start := r.now
	r.now = start.Add(store.SessionIdle - time.Second)
	r.current(cookies...)
	if !seen().Equal(start) {
		t.Error("written again at once")
	}
	r.now = start.Add(store.SessionIdle + time.Second)
	r.current(cookies...)
	if !seen().Equal(r.now) {
		t.Error("not written when stale")
	}
}
