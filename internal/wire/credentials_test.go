package wire_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/wire"
)

func authorized(values ...string) *http.Request {
	r := get("")
	r.Header["Authorization"] = values
	return r
}

func basic(credentials string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
}

func TestRFC6749_2_3_1_BasicAuth(t *testing.T) {
	cases := []struct{ header, id, secret string }{
		{basic("cli_1:lk_cs_x"), "cli_1", "lk_cs_x"},
		{strings.Replace(basic("a:b"), "Basic ", "bAsIc   ", 1), "a", "b"},
		{basic("a%3Ab+c:%2B%25%C3%A9:"), "a:b c", "+%é:"}, // form-encoded, and only the first colon separates
		{basic("public:"), "public", ""},
	}
	for _, c := range cases {
		id, secret, ok, err := wire.BasicAuth(authorized(c.header))
		if err != nil || !ok || id != c.id || secret != c.secret {
			t.Errorf("%s: %q %q %v %v", c.header, id, secret, ok, err)
		}
	}
}

func TestBasicAuthIsNotTried(t *testing.T) {
	for _, r := range []*http.Request{get(""), authorized("Bearer x"), authorized("Basicx y"), authorized("")} {
		if id, _, ok, err := wire.BasicAuth(r); ok || err != nil {
			t.Errorf("%q: %q %v %v", r.Header["Authorization"], id, ok, err)
		}
	}
}

func TestRFC6749_5_2_MalformedBasicIsInvalidClient(t *testing.T) {
	for _, header := range []string{
		"Basic", "Basic !", "Basic YTpi=", basic("no colon"), basic(":no id"), basic("a:%zz"), basic("a:%00"), basic("a%0a:b"), basic("a:\xff"),
	} {
		_, secret, ok, err := wire.BasicAuth(authorized(header))
		if e := refusal(t, err); !ok || e.Code != oauth.CodeInvalidClient || secret != "" {
			t.Errorf("%q: %v %v", header, ok, e)
		}
	}
}

func TestAuthorizationIsGivenOnce(t *testing.T) {
	r := authorized(basic("a:b"), "Bearer x")
	_, _, tried, err := wire.BasicAuth(r)
	if e := refusal(t, err); tried || e.Code != oauth.CodeInvalidRequest {
		t.Errorf("BasicAuth: %v", e)
	}
	_, err = wire.BearerToken(r)
	if e := refusal(t, err); e.Code != oauth.CodeInvalidRequest {
		t.Errorf("BearerToken: %v", e)
	}
}

func TestRFC6750_2_1_BearerToken(t *testing.T) {
	for header, want := range map[string]string{
		"Bearer lk_at_A-._~+/9==": "lk_at_A-._~+/9==", "bearer x": "x", "BEARER  x": "x",
	} {
		if token, err := wire.BearerToken(authorized(header)); err != nil || token != want {
			t.Errorf("%q: %q, %v", header, token, err)
		}
	}
}

func TestRFC6750_3_1_BearerTokenRefuses(t *testing.T) {
	inQuery, both := get("access_token=x"), authorized("Bearer x")
	both.URL.RawQuery = "access_token=x"
	cases := []struct {
		name    string
		request *http.Request
		code    string
		reason  string
	}{
		{"nothing", get(""), "invalid_token", "missing"},
		{"another scheme", authorized(basic("a:b")), "invalid_token", "missing"},
		{"no token", authorized("Bearer"), "invalid_request", ""},
		{"no token", authorized("Bearer "), "invalid_request", ""},
		{"two tokens", authorized("Bearer a b"), "invalid_request", ""},
		{"two tokens", authorized("Bearer a, b"), "invalid_request", ""},
		{"padding only", authorized("Bearer =="), "invalid_request", ""},
		{"§2.3 in the query", inQuery, "invalid_request", ""},
		{"§2 twice", both, "invalid_request", ""},
	}
	for _, c := range cases {
		_, err := wire.BearerToken(c.request)
		if e := refusal(t, err); e.Code != c.code || e.Reason != c.reason {
			t.Errorf("%s: %v (%s)", c.name, e, e.Reason)
		}
	}
}

func TestRequestAddress(t *testing.T) {
	for remote, want := range map[string]string{"192.0.2.1:4711": "192.0.2.1", "[2001:db8::1]:4711": "2001:db8::1", "@": "@"} {
		r := get("")
		r.RemoteAddr = remote
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
		if got := wire.RequestAddress(r); got != want {
			t.Errorf("%s is %s, want %s", remote, got, want)
		}
	}
	r := get("")
	r.RemoteAddr = "192.0.2.1:4711"
	r = r.WithContext(reqlog.With(r.Context(), &reqlog.Record{Address: "203.0.113.9"}))
	if got := wire.RequestAddress(r); got != "203.0.113.9" {
		t.Errorf("address behind a trusted proxy is %s", got)
	}
}

func FuzzCredentials(f *testing.F) {
	for _, seed := range []string{basic("a:b"), basic("a%3A:%zz"), "Bearer x", "Bearer a b", "Basic", "", "Basic \xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		id, secret, ok, err := wire.BasicAuth(authorized(header))
		if err == nil && ok && (id == "" || strings.ContainsAny(id+secret, "\x00\r\n\x7f")) {
			t.Errorf("%q gives %q %q", header, id, secret)
		}
		token, err := wire.BearerToken(authorized(header))
		if err == nil && (token == "" || strings.ContainsAny(token, " \t\r\n,\"")) {
			t.Errorf("%q gives %q", header, token)
		}
	})
}
