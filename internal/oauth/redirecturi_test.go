package oauth_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"latchkey.dev/internal/oauth"
)

func TestCheckRegisteredRedirectURI(t *testing.T) {
	const web, native = false, true
	cases := []struct {
		section, uri string
		native       bool
		allowed      bool
	}{
		{"OAuth 2.1 §2.3.1", "https://app.example/callback", web, true},
		{"OAuth 2.1 §2.3.1", "https://app.example", web, true},
		{"OAuth 2.1 §2.3.1", "https://app.example:8443/cb?tenant=1", web, true},
		{"OAuth 2.1 §2.3.1", "https://192.0.2.1/cb", web, true},
		{"OAuth 2.1 §2.3.1", "https://[2001:db8::1]/cb", web, true},
		{"RFC 8252 §7.2 claimed https", "https://app.example/cb", native, true},
		{"RFC 8252 §7.3 loopback", "http://127.0.0.1/cb", native, true},
		{"RFC 8252 §7.3 loopback", "http://127.0.0.1:8080/cb", web, true},
		{"RFC 8252 §7.3 loopback", "http://[::1]:9/cb", native, true},
		{"RFC 8252 §8.3 localhost", "http://localhost:3000/cb?x=1", web, true},
		{"RFC 8252 §7.1 private use", "com.example.app:/oauth2redirect", native, true},
		{"RFC 8252 §7.1 private use", "com.example.app://callback", native, true},

		{"RFC 8252 §7.1 private use", "com.example.app:/oauth2redirect", web, false},
		{"RFC 8252 §8.4 scheme without a dot", "myapp://callback", native, false},
		{"RFC 6749 §3.1.2 absolute", "/callback", web, false},
		{"RFC 6749 §3.1.2 absolute", "app.example/callback", web, false},
		{"RFC 6749 §3.1.2 absolute", "//app.example/callback", web, false},
		{"RFC 6749 §3.1.2 fragment", "https://app.example/cb#x", web, false},
		{"RFC 6749 §3.1.2 fragment", "https://app.example/cb#", web, false},
		{"RFC 6749 §3.1.2.1 TLS", "http://app.example/cb", web, false},
		{"RFC 8252 §7.3 loopback", "http://127.0.0.2/cb", web, false},
		{"RFC 8252 §7.3 loopback", "http://127.0.0.1.evil.example/cb", web, false},
		{"RFC 8252 §7.3 loopback", "http://localhost.evil.example/cb", web, false},
		{"RFC 8252 §7.3 loopback", "http://localhost:80@evil.example/", web, false},
		{"RFC 8252 §7.3 loopback", "http://127.0.0.1:0/cb", web, false},
		{"RFC 8252 §7.3 loopback", "http://127.0.0.1:65536/cb", web, false},
		{"userinfo", "https://user@app.example/cb", web, false},
		{"userinfo", "https://app.example:x@evil.example/cb", web, false},
		{"wildcard", "https://*.app.example/cb", web, false},
		{"wildcard", "https://app.example/*", web, false},
		{"backslash", `https://app.example\@evil.example/cb`, web, false},
		{"control characters", "https://app.example/cb\r\nSet-Cookie: x", web, false},
		{"control characters", "https://app.example/\x00", web, false},
		{"space", "https://app.example/a b", web, false},
		{"not ASCII", "https://äpp.example/cb", web, false},
		{"no host", "https:///cb", web, false},
		{"no host", "https:app.example", web, false},
		{"host", "https://.example/cb", web, false},
		{"host", "https://a<b/cb", web, false},
		{"script", "javascript:alert(1)", native, false},
		{"script", "data:text/html,x", native, false},
		{"script", "vbscript:x", native, false},
		{"file", "file:///etc/passwd", native, false},
		{"escape", "https://app.example/%zz", web, false},
		{"empty", "", web, false},
		{"port", "https://app.example:99999/cb", web, false},
		{"length", "https://app.example/" + strings.Repeat("a", 2048), web, false},
		{"length", "https://app.example/" + strings.Repeat("a", 2048-20), web, true},
	}
	for _, c := range cases {
		err := oauth.CheckRegisteredRedirectURI(c.uri, c.native)
		meant := (*oauth.Error)(nil)
		switch {
		case c.allowed && err != nil:
			t.Errorf("%s: %.60q is refused: %v", c.section, c.uri, err)
		case !c.allowed && (!errors.As(err, &meant) || meant.Code != oauth.CodeInvalidRedirectURI):
			t.Errorf("%s: %.60q: err is %v, want invalid_redirect_uri", c.section, c.uri, err)
		}
	}
}

func TestMatchRedirectURI(t *testing.T) {
	registered := []string{
		"https://app.example/cb", "https://app.example/cb?tenant=1", "https://app.example:443/cb443",
		"http://127.0.0.1/native", "http://[::1]:1/native", "http://localhost:3000/dev?x=1", "com.example.app:/cb",
	}
	cases := []struct {
		section, requested string
		match              bool
	}{
		{"OAuth 2.1 §2.3.1 exact", "https://app.example/cb", true},
		{"OAuth 2.1 §2.3.1 exact", "https://app.example/cb?tenant=1", true},
		{"OAuth 2.1 §2.3.1 exact", "com.example.app:/cb", true},
		{"OAuth 2.1 §2.3.1 exact", "https://app.example/cb/", false},
		{"OAuth 2.1 §2.3.1 exact", "https://app.example/cb?tenant=2", false},
		{"OAuth 2.1 §2.3.1 exact", "https://app.example/cb?", false},
		{"OAuth 2.1 §2.3.1 exact", "https://app.example/cb#", false},
		{"OAuth 2.1 §2.3.1 exact", "https://APP.example/cb", false},
		{"OAuth 2.1 §2.3.1 exact", "https://app.example:443/cb", false},
		{"OAuth 2.1 §2.3.1 exact", "https://app.example/x/../cb", false},
		{"OAuth 2.1 §2.3.1 exact", "https://app.example/%63b", false},
		{"OAuth 2.1 §2.3.1 exact", "", false},
		{"RFC 8252 §7.3 any port", "http://127.0.0.1:51004/native", true},
		{"RFC 8252 §7.3 any port", "http://127.0.0.1/native", true},
		{"RFC 8252 §7.3 any port", "http://[::1]:51004/native", true},
		{"RFC 8252 §7.3 any port", "http://localhost:4000/dev?x=1", true},
		{"RFC 8252 §7.3 path stays", "http://127.0.0.1:51004/other", false},
		{"RFC 8252 §7.3 query stays", "http://localhost:4000/dev?x=2", false},
		{"RFC 8252 §7.3 host stays", "http://localhost:51004/native", false},
		{"RFC 8252 §7.3 host stays", "http://127.0.0.1:51004@evil.example/native", false},
		{"RFC 8252 §7.3 host stays", "http://127.0.0.1.evil.example/native", false},
		{"RFC 8252 §7.3 scheme stays", "https://127.0.0.1:51004/native", false},
		{"RFC 8252 §7.3 port is a port", "http://127.0.0.1:/native", false},
		{"RFC 8252 §7.3 port is a port", "http://127.0.0.1:0/native", false},
		{"RFC 8252 §7.3 port is a port", "http://127.0.0.1:99999/native", false},
		{"RFC 8252 §7.3 port is a port", "http://127.0.0.1:80:80/native", false},
		{"RFC 6749 §3.1.2 fragment", "http://127.0.0.1:51004/native#x", false},
	}
	for _, c := range cases {
		if got := oauth.MatchRedirectURI(registered, c.requested); got != c.match {
			t.Errorf("%s: %q matches: %v, want %v", c.section, c.requested, got, c.match)
		}
	}
}

func FuzzRedirectURI(f *testing.F) {
	for _, seed := range []string{
		"https://app.example/cb", "http://127.0.0.1:8080/cb", "http://[::1]/", "http://localhost",
		"com.example.app:/cb", "javascript:alert(1)", `https://a\b`, "https://a@b/", "http://127.0.0.1:1@b/",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, raw string, native bool) {
		matched := oauth.MatchRedirectURI([]string{"http://127.0.0.1/cb", "https://app.example/cb"}, raw)
		if u, err := url.Parse(raw); matched && (err != nil || u.Hostname() != "127.0.0.1" && u.Hostname() != "app.example") {
			t.Errorf("%q matches", raw)
		}
		if oauth.CheckRegisteredRedirectURI(raw, native) != nil {
			return
		}
		if !oauth.MatchRedirectURI([]string{raw}, raw) {
			t.Errorf("%q may be registered, but does not match itself", raw)
		}
		u, err := url.Parse(raw)
		if err != nil || u.User != nil || u.Fragment != "" || u.Scheme == "javascript" || u.Scheme == "data" {
			t.Errorf("%q is allowed: %+v, %v", raw, u, err)
		}
	})
}
