package sampleapp_test

import (
	"crypto/rand"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey.dev/internal/dev/sampleapp"
)

// browser is a person's browser at the running sample app: cookies and redirects, no scripts.
type browser struct {
	t      *testing.T
	app    string
	client *http.Client
}

type page struct {
	url    *url.URL
	status int
	text   string
	header http.Header
}

func newApp(t *testing.T, i *issuer, change ...func(*sampleapp.Platform)) *browser {
	t.Helper()
	var app http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { app.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	platform := sampleapp.Platform{
		ID: "acme", Name: "Acme", Issuer: i.URL, ClientID: "robot", ClientSecret: "s/cret",
		Scopes: []string{"openid", "offline_access", "orders:read"}, Resource: "http://api.test", APIURL: i.URL + "/orders",
	}
	for _, c := range change {
		c(&platform)
	}
	made, err := sampleapp.New(sampleapp.Config{
		URL: server.URL, Platforms: []sampleapp.Platform{platform}, HTTPClient: i.Client(), Now: time.Now, Random: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	app = made
	jar, _ := cookiejar.New(nil) // cannot fail
	return &browser{t: t, app: server.URL, client: &http.Client{Jar: jar}}
}

func (b *browser) send(method, path string, header ...string) page {
	b.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.app + path
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, path, http.NoBody)
	if err != nil {
		b.t.Fatal(err)
	}
	for n := 0; n < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{res.Request.URL, res.StatusCode, string(text), res.Header}
}

func (b *browser) post(path string) page { b.t.Helper(); return b.send(http.MethodPost, path) }
func (b *browser) get(path string) page  { b.t.Helper(); return b.send(http.MethodGet, path) }

// stopAtCallback makes the browser keep the callback's URL instead of following it.
func (b *browser) stopAtCallback() {
	b.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/callback/") {
			return http.ErrUseLastResponse
		}
		return nil
	}
}

func (b *browser) want(p page, path string, parts ...string) {
	b.t.Helper()
	if p.url.Path != path {
		b.t.Errorf("at %s, want %s", p.url, path)
	}
	for _, part := range parts {
		if !strings.Contains(p.text, part) {
			b.t.Errorf("%s lacks %q:\n%s", p.url.Path, part, p.text)
		}
	}
}

func TestJourney(t *testing.T) {
	i := newIssuer(t)
	i.scope = "openid orders:read"
	b := newApp(t, i)
	b.want(b.get("/"), "/", `id="connect-acme"`, "Connect Acme")
	b.want(b.post("/connect/acme"), "/connection/acme", "Acme is connected", "Noura Ali (noura@example.com)", "acc_77",
		`data-scope="orders:read" data-granted="true"`, `data-scope="offline_access" data-granted="false"`)
	if i.asked.Get("resource") != "http://api.test" || i.asked.Get("scope") != "openid offline_access orders:read" {
		t.Errorf("asked %v", i.asked)
	}
	b.want(b.post("/connection/acme/call"), "/connection/acme", `data-action="call" data-status="200" data-error=""`, "ord_1")
	b.want(b.post("/connection/acme/refresh"), "/connection/acme", `data-action="refresh" data-status="200"`, "…0001")
	b.want(b.post("/connection/acme/call"), "/connection/acme", `data-action="call" data-status="200"`)
	b.want(b.get("/"), "/", "Connected", "as Noura Ali")
	b.want(b.post("/connection/acme/forget"), "/", "has forgotten Acme, and ended its access there")
	b.want(b.get("/connection/acme"), "/", "Connect Acme")
	if len(i.revoked) != 1 || i.revoked[0] != "refresh-token-number-0001" {
		t.Errorf("revoked %v", i.revoked)
	}
}

func TestAfterDisconnect(t *testing.T) {
	i := newIssuer(t)
	b := newApp(t, i)
	b.post("/connect/acme")
	i.set(func(i *issuer) {
		i.apiStatus = http.StatusUnauthorized
		i.refusal = `{"error":"invalid_grant","error_description":"The user disconnected this app.","reason":"revoked_by_user","request_id":"R1"}`
	})
	b.want(b.post("/connection/acme/call"), "/connection/acme", `data-status="401" data-error="invalid_token"`, "The access token is not active.",
		"WWW-Authenticate")
	b.want(b.post("/connection/acme/refresh"), "/connection/acme", `data-action="refresh" data-status="400" data-error="invalid_grant" data-reason="revoked_by_user"`,
		"The user disconnected this app.", "R1", "You disconnected Parcel Robot at Acme", `id="connect-acme"`, "Acme has ended the connection")
	b.want(b.get("/"), "/", "Ended by Acme")
}

func TestTokensAreNeverShown(t *testing.T) {
	i := newIssuer(t)
	b := newApp(t, i)
	pages := []page{b.post("/connect/acme"), b.post("/connection/acme/call"), b.post("/connection/acme/refresh"), b.get("/")}
	secret := regexp.MustCompile(`(access|refresh)-token-number|s/cret|code-|eyJ`)
	for _, p := range pages {
		if found := secret.FindString(p.text); found != "" {
			t.Errorf("%s shows %q", p.url, found)
		}
	}
}

// TestAnswersThatAreNotBelieved sends wrong authorization answers and wrong tokens; nothing may be connected.
func TestAnswersThatAreNotBelieved(t *testing.T) {
	answer := func(name, value string) func(*issuer) { return func(i *issuer) { i.answer.Set(name, value) } }
	idToken := func(name string, value any) func(*issuer) { return func(i *issuer) { i.idToken[name] = value } }
	cases := map[string]struct {
		change func(*issuer)
		status int
		text   string
	}{
		"RFC 9207 §2.4, another issuer":       {answer("iss", "https://evil.test"), 400, "not from Acme"},
		"RFC 9207 §2.4, no issuer":            {answer("iss", ""), 400, "not from Acme"},
		"RFC 9207 §2.4, error without issuer": {func(i *issuer) { i.answer.Set("error", "access_denied"); i.answer.Set("iss", "") }, 400, "not from Acme"},
		"RFC 6749 §10.12, another state":      {answer("state", "forged"), 400, "belongs to no connection in progress"},
		"RFC 6749 §10.12, no state":           {answer("state", ""), 400, "belongs to no connection in progress"},
		"RFC 6749 §4.1.2.1, denied":           {answer("error", "access_denied"), 200, "You did not connect Acme"},
		"RFC 6749 §4.1.2.1, another error":    {answer("error", "invalid_scope"), 502, "invalid_scope"},
		"RFC 6749 §5.2, another code":         {answer("code", "stolen"), 502, "invalid_grant"},
		"OIDC Core §3.1.3.7, another nonce":   {idToken("nonce", "other"), 502, "nonce"},
		"OIDC Core §3.1.3.7, another issuer":  {idToken("iss", "https://evil.test"), 502, "ID Token"},
		"OIDC Core §3.1.3.7, other audience":  {idToken("aud", "someone"), 502, "ID Token"},
		"OIDC Core §3.1.3.7, expired":         {idToken("exp", 1), 502, "ID Token"},
		"OIDC Core §3.1.3.8, at_hash":         {idToken("at_hash", "AAAA"), 502, "ID Token"},
		"OIDC Core §5.3.2, another person":    {func(i *issuer) { i.userInfo["sub"] = "u2" }, 502, "another person"},
		"OIDC Core §3.1.3.3, no ID Token":     {func(i *issuer) { i.extra = func(a map[string]any) { delete(a, "id_token") } }, 502, "ID Token"},
		"OIDC Discovery §4.3, another issuer": {func(i *issuer) { i.metadata = func(d map[string]any) { d["issuer"] = "https://evil.test" } }, 502, "could not be reached"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t)
			b := newApp(t, i)
			c.change(i)
			p := b.post("/connect/acme")
			if p.status != c.status || !strings.Contains(p.text, `id="denied"`) || !strings.Contains(p.text, c.text) {
				t.Errorf("%d, want %d with %q:\n%s", p.status, c.status, c.text, p.text)
			}
			if strings.Contains(b.get("/").text, "Connected") {
				t.Error("connected all the same")
			}
		})
	}
}

// awaitInside waits until a number of goroutines are within some functions at once.
func awaitInside(t *testing.T, want int, functions ...string) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	for deadline := time.Now().Add(8 * time.Second); ; time.Sleep(time.Millisecond) { // the app waits for the issuer for ten
		inside := 0
		for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if !slices.ContainsFunc(functions, func(function string) bool { return !strings.Contains(stack, function) }) {
				inside++
			}
		}
		if inside == want {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%d requests are inside %v, want %d", inside, functions, want)
			return
		}
	}
}

func TestDoubleClickedAllowRedeemsOnce(t *testing.T) {
	i := newIssuer(t)
	i.hold = make(chan struct{})
	b := newApp(t, i)
	b.stopAtCallback()
	callback := b.post("/connect/acme").header.Get("Location")
	b.client.CheckRedirect = nil

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { b.want(b.get(callback), "/connection/acme", "Acme is connected") })
	}
	awaitInside(t, 4, "sampleapp.(*App).callback(")
	close(i.hold)
	wg.Wait()
	b.want(b.get(callback), "/connection/acme") // and Back again
	if i.redeemed != 1 {
		t.Errorf("the code was redeemed %d times", i.redeemed)
	}
}

func TestCallbackInAnotherBrowser(t *testing.T) {
	i := newIssuer(t)
	b := newApp(t, i)
	b.stopAtCallback()
	callback := b.post("/connect/acme").header.Get("Location")
	b.client.Jar, _ = cookiejar.New(nil)
	if p := b.get(callback); p.status != http.StatusBadRequest || i.redeemed != 0 {
		t.Errorf("%d, and %d codes redeemed", p.status, i.redeemed)
	}
}

func TestTwoTabs(t *testing.T) {
	i := newIssuer(t)
	b := newApp(t, i)
	b.stopAtCallback()
	first := b.post("/connect/acme").header.Get("Location")
	b.client.CheckRedirect = nil
	b.want(b.post("/connect/acme"), "/connection/acme") // the second tab is done first
	p := b.get(first)                                   // whose code the fake has forgotten by now
	if p.status != http.StatusBadGateway || !strings.Contains(p.text, "invalid_grant") {
		t.Errorf("%d %s", p.status, p.text)
	}
	b.want(b.get("/connection/acme"), "/connection/acme", "Acme is connected")
}

func TestSimultaneousRefreshesAreOne(t *testing.T) {
	i := newIssuer(t)
	b := newApp(t, i)
	b.post("/connect/acme")
	hold := make(chan struct{})
	i.set(func(i *issuer) { i.hold = hold })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { b.want(b.post("/connection/acme/refresh"), "/connection/acme", `data-status="200"`) })
	}
	awaitInside(t, 7, "sync.(*Mutex).Lock(", "sampleapp.(*App).refreshOnce(") // the eighth waits for the issuer
	close(hold)
	wg.Wait()
	if i.refreshes != 1 {
		t.Errorf("%d refreshes", i.refreshes)
	}
}

func TestRefreshMustStayWithThePerson(t *testing.T) { // OpenID Connect Core §12.2
	i := newIssuer(t)
	b := newApp(t, i)
	b.post("/connect/acme")
	i.set(func(i *issuer) { i.idToken["sub"] = "u2" })
	b.want(b.post("/connection/acme/refresh"), "/connection/acme", "another person")
}

func TestIssuerDown(t *testing.T) {
	i := newIssuer(t)
	b := newApp(t, i)
	b.post("/connect/acme")
	i.Close()
	b.want(b.post("/connection/acme/call"), "/connection/acme", `data-status="0"`, "could not be reached")
	b.want(b.post("/connection/acme/refresh"), "/connection/acme", `data-status="502"`, "could not be reached")
	b.want(b.post("/connection/acme/forget"), "/", "did not confirm that the access ended")
}

func TestSignOut(t *testing.T) {
	i := newIssuer(t)
	b := newApp(t, i)
	b.post("/connect/acme")
	p := b.post("/connection/acme/sign-out")
	if p.url.Path != "/logout" || p.url.Query().Get("client_id") != "robot" || p.url.Query().Get("post_logout_redirect_uri") != b.app+"/" {
		t.Errorf("at %s", p.url)
	}
	b.want(b.get("/"), "/", "has forgotten Acme")
}

func TestPublicClientWithoutIdentity(t *testing.T) {
	i := newIssuer(t)
	b := newApp(t, i, func(p *sampleapp.Platform) { p.ClientSecret, p.Scopes = "", []string{"orders:read"} })
	p := b.post("/connect/acme")
	if p.status != http.StatusBadGateway || !strings.Contains(p.text, "invalid_client") { // the fake knows confidential ones only
		t.Errorf("%d %s", p.status, p.text)
	}
	if i.asked.Has("nonce") {
		t.Error("a nonce without openid")
	}
}

func TestFormsFromOtherSitesAreRefused(t *testing.T) {
	b := newApp(t, newIssuer(t))
	p := b.send(http.MethodPost, "/connect/acme", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test")
	if p.status != http.StatusForbidden || !strings.Contains(p.text, "another site") {
		t.Errorf("%d %s", p.status, p.text)
	}
}

func TestHeadersAndStrayPages(t *testing.T) {
	i := newIssuer(t)
	b := newApp(t, i)
	p := b.get("/")
	csp := p.header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "form-action 'self' "+i.URL) || strings.Contains(csp, "unsafe") || p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", p.header)
	}
	for path, status := range map[string]int{"/nowhere": 404, "/connect/none": 404, "/callback/none": 404, "/static/app.css": 200, "/callback/acme": 400} {
		method := http.MethodGet
		if strings.HasPrefix(path, "/connect/") {
			method = http.MethodPost
		}
		if got := b.send(method, path); got.status != status {
			t.Errorf("%s: %d, want %d", path, got.status, status)
		}
	}
}

func TestNewRefusesBadConfig(t *testing.T) {
	good := func() sampleapp.Config {
		return sampleapp.Config{URL: "http://app.localhost:8080", HTTPClient: http.DefaultClient, Now: time.Now, Random: rand.Reader}
	}
	acme := sampleapp.Platform{ID: "acme", Issuer: "http://acme.localhost:8080"}
	for name, change := range map[string]func(*sampleapp.Config){
		"no client":     func(c *sampleapp.Config) { c.HTTPClient = nil },
		"not an origin": func(c *sampleapp.Config) { c.URL = "http://app.localhost/x" },
		"id twice":      func(c *sampleapp.Config) { c.Platforms = []sampleapp.Platform{acme, acme} },
		"odd id":        func(c *sampleapp.Config) { c.Platforms = []sampleapp.Platform{{ID: "A/b", Issuer: acme.Issuer}} },
		"no issuer":     func(c *sampleapp.Config) { c.Platforms = []sampleapp.Platform{{ID: "acme"}} },
	} {
		cfg := good()
		change(&cfg)
		if _, err := sampleapp.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
