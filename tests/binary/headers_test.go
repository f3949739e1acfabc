package binary

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// fresh is what is new in every answer: nonces, request ids, sealed flows, dates.
var fresh = regexp.MustCompile(`nonce[-=]["A-Za-z0-9_-]+|"request_id":"[^"]*"|<code dir="ltr" id="reference">[^<]*|name="r" value="[^"]*"|\br=[A-Za-z0-9_-]+|Date: .*\n|Content-Length: .*\n`)

// Every page is uncacheable, cannot be framed, tells nobody where the person came from, and runs no script that is not ours.
func TestPageHeaders(t *testing.T) {
	for _, path := range []string{"/sign-in", "/sign-up", "/reset-password", "/nothing", "/oauth/authorize?client_id=nobody", "/consent?r=damaged"} {
		said := ask(t, http.MethodGet, path, nil)
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		} {
			if got := said.header.Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", path, name, got, want)
			}
		}
		checkPolicy(t, path, said)
	}
}

var (
	scriptTag = regexp.MustCompile(`<script\b[^>]*>`)
	handlers  = regexp.MustCompile(`(?i)\son[a-z]+\s*=\s*["']|javascript:|<style\b|\sstyle\s*=\s*["']`)
	nonceIn   = regexp.MustCompile(`'nonce-([A-Za-z0-9_-]{16,})'`)
)

// checkPolicy: RFC 6749 §10.13, CSP Level 3: no framing, and scripts only with this answer's nonce.
func checkPolicy(t *testing.T, path string, said reply) {
	t.Helper()
	policy := said.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action "} {
		if !strings.Contains(policy, want) {
			t.Errorf("%s: the policy %q lacks %s", path, policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*;") {
		t.Errorf("%s: the policy %q is loose", path, policy)
	}
	nonce := nonceIn.FindStringSubmatch(policy)
	if nonce == nil {
		t.Fatalf("%s: no nonce in %q", path, policy)
	}
	for _, tag := range scriptTag.FindAllString(string(said.body), -1) {
		if !strings.Contains(tag, `nonce="`+nonce[1]+`"`) || !strings.Contains(tag, "src=") {
			t.Errorf("%s: %s is inline, or without the nonce", path, tag)
		}
	}
	if found := handlers.Find(said.body); found != nil {
		t.Errorf("%s: inline script or style: %s", path, found)
	}
	if again := ask(t, http.MethodGet, path, nil); strings.Contains(again.header.Get("Content-Security-Policy"), nonce[1]) {
		t.Errorf("%s: the nonce comes twice", path)
	}
}

// RFC 6749 §5.1: what holds tokens, and what refuses them, is kept by nobody on the way.
func TestTokenHeaders(t *testing.T) {
	good := post(server.Site, server.Acme.Client("nightly-reports"), "/oauth/token", url.Values{"grant_type": {"client_credentials"}})
	bad := post(server.Site, server.Acme.Client("nightly-reports"), "/oauth/token", url.Values{"grant_type": {"password"}})
	active := post(server.Site, server.Acme.Client("orders-api"), "/oauth/introspect", url.Values{"token": {"x"}})
	for _, request := range []*http.Request{good, bad, active} {
		said, err := send(server.transport, request)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Pragma": "no-cache", "Content-Type": "application/json", "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "no-referrer",
		} {
			if got := said.header.Get(name); got != want {
				t.Errorf("%s (%d): %s: %q, want %q", request.URL.Path, said.status, name, got, want)
			}
		}
	}
}

// OAuth 2.1 §7, RFC 9700 §4.12: after credentials were posted the browser goes on with 303, so that it never repeats them elsewhere.
func TestCredentialPostAnswers303(t *testing.T) {
	user := server.Acme.Users[0]
	said := ask(t, http.MethodPost, "/sign-in", url.Values{"email": {user.Email}, "password": {user.Password}})
	if said.status != http.StatusSeeOther {
		t.Errorf("a sign-in answers %s", said)
	}
	cookies := said.header.Values("Set-Cookie")
	if len(cookies) == 0 {
		t.Error("a sign-in sets no cookie")
	}
	for _, cookie := range cookies {
		if !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") || !strings.Contains(cookie, "Path=/") {
			t.Errorf("a cookie that script or another site can use: %s", strings.SplitN(cookie, "=", 2)[0])
		}
	}
}

// No answer names what runs here.
func TestNoServerBanner(t *testing.T) {
	said := ask(t, http.MethodGet, "/sign-in", nil)
	for _, name := range []string{"Server", "X-Powered-By"} {
		if got := said.header.Get(name); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func ask(t *testing.T, method, path string, form url.Values) reply {
	t.Helper()
	request, err := http.NewRequest(method, server.Acme.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", server.Acme.Issuer)
	}
	said, err := send(server.transport, request)
	if err != nil {
		t.Fatal(err)
	}
	return said
}
