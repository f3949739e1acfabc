package dialects_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/tests/person"
)

// platform is the real server speaking a dialect.
type platform struct {
	*servertest.Rig
}

func speaking(t testing.TB, name string, scopes issuer.Catalogue, adjust ...func(*issuer.Issuer)) *platform {
	t.Helper()
	withScopes := func(is *issuer.Issuer) { is.Scopes = servertest.Worded(scopes) }
	return &platform{servertest.Speaking(t, servertest.Dialect(t, name), append([]func(*issuer.Issuer){withScopes}, adjust...)...)}
}

// app registers an app of an account.
func (p *platform) app(accountID string, adjust ...func(*store.ClientMetadata)) tokentest.App {
	p.Helper()
	was := p.Account
	defer func() { p.Account = was }()
	p.Account = store.Account{Issuer: p.Issuer.Name, ID: accountID}
	return p.App(adjust...)
}

func (p *platform) App(adjust ...func(*store.ClientMetadata)) tokentest.App {
	p.Helper()
	return p.Fixture.App(adjust...)
}

// by is how an app authenticates and what it may do.
func by(method string, scope string, grants ...oauth.GrantType) func(*store.ClientMetadata) {
	return func(m *store.ClientMetadata) {
		m.TokenEndpointAuthMethod, m.Scope, m.GrantTypes, m.PKCEOptional = method, tokentest.Scopes(scope), grants, method != oauth.AuthMethodNone
		if len(grants) > 0 && grants[0] == oauth.GrantClientCredentials {
			m.RedirectURIs, m.PKCEOptional = nil, false
		}
	}
}

// request is one of a platform's clients.
type request struct {
	method, host, path string
	header             map[string]string
	body               string
	cookies            []*http.Cookie
}

// answer is what it gets.
type answer struct {
	status int
	header http.Header
	body   string
	object map[string]any
	t      testing.TB
}

func (p *platform) send(r request) answer {
	p.Helper()
	sent, err := http.NewRequestWithContext(p.Context(), r.method, "https://"+r.host+".acme.example"+r.path, strings.NewReader(r.body))
	p.Must(err)
	for name, value := range r.header {
		if sent.Header.Set(name, value); value == "" {
			sent.Header.Del(name)
		}
	}
	for _, cookie := range r.cookies {
		sent.AddCookie(cookie)
	}
	response, err := p.RoundTrip(sent)
	p.Must(err)
	text, err := io.ReadAll(response.Body)
	p.Must(err)
	got := answer{status: response.StatusCode, header: response.Header, body: string(text), t: p.TB}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		p.Must(json.Unmarshal(text, &got.object))
	}
	return got
}

// post sends JSON, or a form where it does not begin as JSON does.
func (p *platform) post(host, path, body string, header ...string) answer {
	p.Helper()
	r := request{method: http.MethodPost, host: host, path: path, body: body, header: map[string]string{"User-Agent": "YourApp/1.0"}}
	r.header["Content-Type"] = "application/x-www-form-urlencoded"
	if strings.HasPrefix(body, "{") {
		r.header["Content-Type"] = "application/json"
	}
	for i := 0; i < len(header); i += 2 {
		r.header[header[i]] = header[i+1]
	}
	return p.send(r)
}

func (a answer) text(path string) string {
	a.t.Helper()
	text, ok := a.at(path).(string)
	if !ok {
		a.t.Fatalf("%d: %s is not text in %s", a.status, path, a.body)
	}
	return text
}

// at finds a member by its path, such as "data.expiresAt".
func (a answer) at(path string) any {
	var value any = a.object
	for name := range strings.SplitSeq(path, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[name]
	}
	return value
}

const anyText = servertest.AnyText

// is holds an answer to its status and its whole body. Texts of want that are anyText stand for any that is not empty.
func (a answer) is(status int, want map[string]any) {
	a.t.Helper()
	if a.status != status || !servertest.Alike(a.object, want) {
		a.t.Errorf("%d %s\nwant %d %v", a.status, a.body, status, want)
	}
	if a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		a.t.Errorf("headers %v", a.header)
	}
}

type object = map[string]any

// allowed sends Ada through an authorization, and returns the redirect's parameters.
func (p *platform) allowed(target string) url.Values {
	p.Helper()
	back, err := p.Ada().Allow("https://"+target, tokentest.RedirectURI)
	p.Must(err)
	return back.Query()
}

func (p *platform) denied(target string) url.Values {
	p.Helper()
	back, err := p.Ada().Deny("https://"+target, tokentest.RedirectURI)
	p.Must(err)
	return back.Query()
}

// arrive opens an address in a fresh browser and follows nothing.
func (p *platform) arrive(target string) *person.Page {
	p.Helper()
	page, err := p.Ada().Open("https://" + target)
	p.Must(err)
	return page
}

// parameters holds a redirect to exactly these, where anyText stands for any that is not empty.
func (p *platform) parameters(got url.Values, want map[string]string) {
	p.Helper()
	for name := range got {
		if want[name] == "" || want[name] != anyText && want[name] != got.Get(name) {
			p.Errorf("%s=%q came back", name, got.Get(name))
		}
	}
	for name := range want {
		if !got.Has(name) {
			p.Errorf("%s did not come back: %v", name, got)
		}
	}
}

// neverPages asks a JSON host for what is not there, in every way.
func (p *platform) neverPages(host string, known ...string) {
	p.Helper()
	for _, path := range append([]string{"/", "/nothing", "/sign-in", "/connected", "/favicon.ico", "/static/", "/static/nothing.css", "/oauth/authorize", "/a/../b", "//evil.example/", "/%2e%2e/x", "/oauth/token/", "/oauth%2Ftoken", "/%00", "/?" + strings.Repeat("x", 9000)}, known...) {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"} {
			got := p.send(request{method: method, host: host, path: path, header: map[string]string{"Accept": "text/html", "User-Agent": "x"}})
			if method == "OPTIONS" && got.status == http.StatusNoContent { // what a browser asks before it posts
				continue
			}
			if kind := got.header.Get("Content-Type"); kind != "application/json" || strings.Contains(got.body, "<html") {
				p.Errorf("%s %s: %d %q", method, path, got.status, kind)
			}
		}
	}
}
