package front_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/dev/front"
)

type mailbox []front.Mail

func (m mailbox) Mails() []front.Mail { return m }

func newFront(t *testing.T, mails ...front.Mail) http.Handler {
	t.Helper()
	handler, err := front.New(front.Config{
		SampleApp: "http://app.localhost:8080", Gallery: "/dev/gallery", Manifest: "/tmp/x/dev.json", Database: "/tmp/x", Temporary: true,
		Platforms: []front.Platform{{
			ID: "acme", Name: "Acme", Issuer: "http://acme.localhost:8080", Connected: "http://acme.localhost:8080/connected",
			Links: []front.Link{{Title: "Metadata", URL: "http://acme.localhost:8080/.well-known/openid-configuration"}},
			Users: []front.User{{Name: "Noura Ali", Email: "noura@acme.example", Password: "a pass", Note: "owns a shop"}},
		}},
		Mailbox: mailbox(mails),
		Now:     func() time.Time { return time.Unix(1000, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func get(handler http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost:8080"+path, nil))
	return w
}

func wantParts(t *testing.T, w *httptest.ResponseRecorder, status int, parts ...string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("status %d, want %d", w.Code, status)
	}
	for _, part := range parts {
		if !strings.Contains(w.Body.String(), part) {
			t.Errorf("lacks %q:\n%s", part, w.Body)
		}
	}
}

func TestFirstPageLinksEverything(t *testing.T) {
	w := get(newFront(t), "/")
	wantParts(t, w, http.StatusOK, `href="http://app.localhost:8080"`, `href="/dev/mail"`, `href="/dev/gallery"`, "noura@acme.example", "a pass",
		`href="http://acme.localhost:8080/connected"`, "openid-configuration", "/tmp/x/dev.json", "nothing yet")
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	wantParts(t, get(newFront(t), "/dev/static/front.css"), http.StatusOK, "--surface")
	wantParts(t, get(newFront(t), "/nowhere"), http.StatusNotFound, `data-error="not_found"`)
}

func TestMailsNewestFirst(t *testing.T) {
	handler := newFront(t,
		front.Mail{To: "a@x.test", Subject: "First", Text: "Your code is 111111.", At: time.Unix(400, 0)},
		front.Mail{To: "b@x.test", Subject: "Second <b>", Text: "Your code is 222222.\nOr open http://acme.localhost/verify?t=333333444.", At: time.Unix(990, 0)},
		front.Mail{To: "c@x.test", Subject: "Third", Text: "Password changed. See https://acme.localhost/r/555555/x", At: time.Unix(999, 0)},
	)
	list := get(handler, "/dev/mail")
	wantParts(t, list, http.StatusOK, `id="mail-3"`, `id="latest-code">222222<`, "just now", "10 minutes ago", "Second &lt;b&gt;")
	text := list.Body.String()
	if strings.Index(text, "mail-3") > strings.Index(text, "mail-2") || strings.Index(text, "mail-2") > strings.Index(text, "mail-1") {
		t.Error("not newest first")
	}
	wantParts(t, get(handler, "/dev/mail/2"), http.StatusOK, `id="code">222222<`, `<a href="http://acme.localhost/verify?t=333333444">`, "</a>.")
	if strings.Contains(get(handler, "/dev/mail/3").Body.String(), `id="code"`) {
		t.Error("a link's digits were taken for a code")
	}
	for _, path := range []string{"/dev/mail/0", "/dev/mail/4", "/dev/mail/x", "/dev/mail/-1"} {
		wantParts(t, get(handler, path), http.StatusNotFound)
	}
}

func TestNoMailYet(t *testing.T) {
	wantParts(t, get(newFront(t), "/dev/mail"), http.StatusOK, `id="no-mail"`)
}

// FuzzMailText holds a mail page to its promise that no text becomes anything but text and http links.
func FuzzMailText(f *testing.F) {
	for _, seed := range []string{"", "code 123456", "javascript:alert(1)", `http://x"onclick=y`, "<script>", "http://", "https://a.test/?q=1&r=2).", "http://a http://b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		handler := newFront(t, front.Mail{Subject: text, To: text, Text: text, At: time.Unix(1, 0)})
		for _, path := range []string{"/dev/mail", "/dev/mail/1"} {
			got := get(handler, path)
			page := got.Body.String()
			if got.Code != http.StatusOK || strings.Contains(page, "<script") || strings.Contains(page, `href="javascript`) {
				t.Errorf("%q gave %d:\n%s", text, got.Code, page)
			}
		}
	})
}
