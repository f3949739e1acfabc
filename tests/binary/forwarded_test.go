package binary

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// forwarding is what a request can claim about where it came from and where it was going.
var forwarding = []http.Header{
	{"Forwarded": {"for=1.2.3.4;host=evil.example;proto=https"}},
	{"X-Forwarded-Host": {"evil.example"}},
	{"X-Forwarded-Proto": {"https"}},
	{"X-Forwarded-For": {"1.2.3.4"}},
	{"X-Forwarded-Port": {"443"}},
	{"X-Forwarded-Prefix": {"/evil"}},
	{"X-Forwarded-Server": {"evil.example"}},
	{"X-Original-Url": {"/oauth/token"}},
	{"X-Rewrite-Url": {"/oauth/token"}},
	{"X-Original-Host": {"evil.example"}},
	{"X-Host": {"evil.example"}},
	{"X-Real-Ip": {"1.2.3.4"}},
	{"X-Http-Method-Override": {"DELETE"}},
	{"Via": {"1.1 evil.example"}},
	{"Origin": {"null"}},
	{"Referer": {"https://evil.example/"}},
}

// No answer changes with what a request claims about its way, since no proxy is configured to be trusted.
func TestForwardingHeadersChangeNothing(t *testing.T) {
	authorize := "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {"parcel-robot"}, "redirect_uri": server.Acme.Client("parcel-robot").RedirectURIs, "prompt": {"none"},
		"scope": {"openid"}, "code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"},
	}.Encode()
	for _, path := range []string{
		"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json",
		"/oauth/token", "/oauth/userinfo", "/nothing", "/sign-in", authorize,
	} {
		plain := get(t, path, nil)
		for _, claim := range forwarding {
			if got := get(t, path, claim); got != plain {
				t.Errorf("%.60s with %v:\n%s\nwithout:\n%s", path, claim, got, plain)
			}
		}
	}
}

// Host may differ in case and nothing else (RFC 9110 §4.2.3).
func TestHostDecidesAlone(t *testing.T) {
	host := strings.TrimPrefix(server.Acme.Issuer, "http://")
	for given, want := range map[string]int{
		host: 200, strings.ToUpper(host): 200, "evil.example": 421, "acme.localhost": 421, host + ".": 421, "evil." + host: 421,
		host + "@evil.example": 400, "127.0.0.1": 421, "": 400,
	} {
		request, _ := http.NewRequest(http.MethodGet, server.Acme.Issuer+"/.well-known/openid-configuration", http.NoBody) // a good address
		request.Host = given
		if given == "" || strings.Contains(given, "@") {
			a := attack{head: "GET / HTTP/1.1\r\nHost: " + given + "\r\n\r\n", whole: true}
			if said, _, err := a.send(); err != nil || (said.status != want && said.status != 421) {
				t.Errorf("Host %q: %s %v, want %d", given, said, err, want)
			}
			continue
		}
		said, err := send(server.transport, request)
		if err != nil || said.status != want {
			t.Errorf("Host %q: %s %v, want %d", given, said, err, want)
		}
		if want == 200 && said.json("issuer") != server.Acme.Issuer {
			t.Errorf("Host %q: issuer is %s", given, said.json("issuer"))
		}
	}
}

// get is an answer as text, without what is new in each.
func get(t *testing.T, path string, header http.Header) string {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, server.Acme.Issuer+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(request.Header, header)
	said, err := send(server.transport, request)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(said.header)) {
		text.WriteString(name + ": " + strings.Join(said.header[name], ", ") + "\n")
	}
	return fresh.ReplaceAllString(text.String()+string(said.body), "")
}
