package register_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/register"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/internal/wire"
)

// lobby is a server where apps may register themselves.
type lobby struct{ *servertest.Rig }

func newLobby(t testing.TB, adjust ...func(*issuer.Issuer)) lobby {
	t.Helper()
	return lobby{servertest.New(t, append([]func(*issuer.Issuer){func(is *issuer.Issuer) { is.Policy.Registration = true }}, adjust...)...)}
}

// answer is what came.
type answer struct {
	status int
	header http.Header
	text   string
	said   map[string]any
}

// send sends JSON, from an address of its own where one is given.
func (l lobby) send(method, target, token, body string, from ...string) answer {
	l.Helper()
	request, err := http.NewRequestWithContext(l.Context(), method, target, bytes.NewBufferString(body))
	l.Must(err)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return l.do(request, from...)
}

func (l lobby) do(request *http.Request, from ...string) answer {
	l.Helper()
	request.RequestURI = ""
	var server http.RoundTripper = l
	if len(from) > 0 {
		server = servertest.From{Rig: l.Rig, Address: from[0]}
	}
	response, err := server.RoundTrip(request)
	l.Must(err)
	defer response.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(response.Body)
	l.Must(err)
	a := answer{status: response.StatusCode, header: response.Header, text: text.String()}
	_ = json.Unmarshal(text.Bytes(), &a.said) // the assertions show what is missing
	return a
}

const endpoint = servertest.Site + register.Path

func (l lobby) register(body string, from ...string) answer {
	l.Helper()
	return l.send(http.MethodPost, endpoint, "", body, from...)
}

// app is one that registered itself.
type app struct{ id, secret, uri, token string }

func (l lobby) registered(body string) app {
	l.Helper()
	a := l.register(body)
	if a.status != http.StatusCreated {
		l.Fatalf("%d %s", a.status, a.text)
	}
	text := func(name string) string { s, _ := a.said[name].(string); return s }
	return app{text("client_id"), text("client_secret"), text("registration_client_uri"), text("registration_access_token")}
}

const robot = `{"client_name": "Parcel Robot", "redirect_uris": ["https://shop.example/callback"], "grant_types": ["authorization_code", "refresh_token"], "scope": "openid orders.read"}`

func TestRFC7591_3_2_1_TheAnswer(t *testing.T) {
	l := newLobby(t)
	a := l.register(`{"client_name": "Parcel Robot", "redirect_uris": ["https://shop.example/callback"], "token_endpoint_auth_method": "client_secret_post",
		"grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "scope": "openid orders.read", "client_uri": "https://robot.example",
		"logo_uri": "https://robot.example/logo.png", "contacts": ["dev@robot.example"], "tos_uri": "https://robot.example/terms",
		"policy_uri": "https://robot.example/privacy", "software_id": "4NRB1-0XZABZI9E6-5SM3R", "software_version": "2.1", "client_name#fr": "Robot", "unknown": {"x": [1]}}`)
	if a.status != http.StatusCreated || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %v", a.status, a.header)
	}
	for name, want := range map[string]string{
		"client_name": "Parcel Robot", "token_endpoint_auth_method": "client_secret_post", "scope": "openid orders.read", "client_uri": "https://robot.example",
		"logo_uri": "https://robot.example/logo.png", "tos_uri": "https://robot.example/terms", "policy_uri": "https://robot.example/privacy",
		"software_id": "4NRB1-0XZABZI9E6-5SM3R", "software_version": "2.1", "application_type": "web", "redirect_uris": "[https://shop.example/callback]",
		"grant_types": "[authorization_code refresh_token]", "response_types": "[code]", "contacts": "[dev@robot.example]", "client_secret_expires_at": "0",
		"registration_client_uri": endpoint + "/" + fmt.Sprint(a.said["client_id"]),
	} {
		if got := fmt.Sprint(a.said[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if a.said["unknown"] != nil || a.said["client_name#fr"] != nil {
		t.Error("RFC 7591 §2: what is not understood is ignored, and so not said to be registered")
	}
	if issued, _ := a.said["client_id_issued_at"].(float64); int64(issued) != l.Store.Now().Unix() {
		t.Errorf("client_id_issued_at is %v", a.said["client_id_issued_at"])
	}
	registered := l.registered(robot)
	if len(registered.secret) < 43 || !strings.HasPrefix(registered.token, "lk_reg_") || registered.secret == registered.token {
		t.Errorf("%+v", registered)
	}
}

func TestRFC7591_2_Defaults(t *testing.T) {
	l := newLobby(t)
	a := l.register(`{"redirect_uris": ["https://shop.example/callback"]}`)
	for name, want := range map[string]string{
		"client_name": "shop.example", "token_endpoint_auth_method": "client_secret_basic", "grant_types": "[authorization_code]", "response_types": "[code]",
		"scope": l.Issuer.Scopes.Names().String(),
	} {
		if got := fmt.Sprint(a.said[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	public := l.register(`{"redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none", "application_type": "native"}`)
	if _, secret := public.said["client_secret"]; secret || public.said["client_secret_expires_at"] != nil {
		t.Errorf("a public client has a secret: %s", public.text)
	}
}

func TestRFC7591_3_2_2_Refusals(t *testing.T) {
	l := newLobby(t)
	for name, test := range map[string]struct{ body, code string }{
		"redirect URI with a fragment":    {`{"redirect_uris": ["https://shop.example/#x"]}`, "invalid_redirect_uri"},
		"http":                            {`{"redirect_uris": ["http://shop.example/cb"]}`, "invalid_redirect_uri"},
		"javascript":                      {`{"redirect_uris": ["javascript:alert(1)"]}`, "invalid_redirect_uri"},
		"none":                            {`{}`, "invalid_redirect_uri"},
		"fifty-one":                       {`{"redirect_uris": [` + strings.TrimSuffix(strings.Repeat(`"https://a.example",`, 51), ",") + `]}`, "invalid_redirect_uri"},
		"a string for a list":             {`{"redirect_uris": "https://shop.example/cb"}`, "invalid_client_metadata"},
		"a number for a name":             {`{"redirect_uris": ["https://shop.example/cb"], "client_name": 7}`, "invalid_client_metadata"},
		"no JSON":                         {`redirect_uris=https://shop.example/cb`, "invalid_client_metadata"},
		"a member twice":                  {`{"redirect_uris": ["https://a.example/cb"], "redirect_uris": ["https://b.example/cb"]}`, "invalid_client_metadata"},
		"scope that is none":              {`{"redirect_uris": ["https://shop.example/cb"], "scope": "a\"b"}`, "invalid_client_metadata"},
		"password grant":                  {`{"redirect_uris": ["https://shop.example/cb"], "grant_types": ["password"]}`, "invalid_client_metadata"},
		"RFC 6749 4.4 client credentials": {`{"grant_types": ["client_credentials"], "scope": "orders.read"}`, "invalid_client_metadata"},
		"RFC 8628 device code, closed":    {`{"grant_types": ["urn:ietf:params:oauth:grant-type:device_code"]}`, "invalid_client_metadata"},
		"private_key_jwt":                 {`{"redirect_uris": ["https://shop.example/cb"], "token_endpoint_auth_method": "private_key_jwt"}`, "invalid_client_metadata"},
		"a name that reads backwards":     {`{"redirect_uris": ["https://shop.example/cb"], "client_name": "Acme ` + "\u202e" + `tob"}`, "invalid_client_metadata"},
		"a name without end":              {`{"redirect_uris": ["https://shop.example/cb"], "client_name": "` + strings.Repeat("x", 101) + `"}`, "invalid_client_metadata"},
		"a logo from a script":            {`{"redirect_uris": ["https://shop.example/cb"], "logo_uri": "javascript:alert(1)"}`, "invalid_client_metadata"},
	} {
		if a := l.register(test.body); a.status != http.StatusBadRequest || a.said["error"] != test.code || a.said["error_description"] == "" {
			t.Errorf("%s: %d %s, want %s", name, a.status, a.text, test.code)
		}
	}
	if all, err := l.Store.Clients(t.Context(), "acme", "", 10); err != nil || len(all) != 1 { // the fixture's own
		t.Errorf("%d apps after refusals, %v", len(all), err)
	}
	form, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader("a=b"))
	l.Must(err)
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if response, err := l.RoundTrip(form); err != nil || response.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("a form: %v, %v", response.StatusCode, err)
	}
}

// Nobody may give themselves what only the platform gives.
func TestWhatThePlatformSetsCannotBeRegistered(t *testing.T) {
	l := newLobby(t)
	made := l.registered(`{"redirect_uris": ["https://shop.example/cb"], "reviewed": true, "introspects": true, "pkce_optional": true, "account_id": "acc_shop", "status": "active", "client_id": "mine"}`)
	found, err := l.Store.Client(t.Context(), "acme", made.id)
	l.Must(err)
	if m := found.Metadata; m.Reviewed || m.Introspects || m.PKCEOptional || found.AccountID != "" || found.ID == "mine" {
		t.Errorf("%+v", found)
	}
}

func TestRFC7591_3_ARegisteredAppCanBeConnectedAndConsentSaysWhatItIs(t *testing.T) {
	l := newLobby(t)
	made := l.registered(robot)
	ada := l.Ada()
	request := tokentest.App{Client: &store.Client{ID: made.id}}
	page := l.At(ada.SignIn(ada.Arrive(l.Request(request))), "/consent")
	if !strings.Contains(page.Text, "Parcel Robot") || !strings.Contains(page.Text, "Not reviewed by") {
		t.Errorf("consent of an app that nobody knows:\n%.3000s", page.Text)
	}
	code := l.Back(ada.Press(page, "allow")).Get("code")
	caller := tokentest.App{Client: &store.Client{ID: made.id, Metadata: store.ClientMetadata{TokenEndpointAuthMethod: oauth.AuthMethodBasic}}, Secret: made.secret}
	tokens := l.form("/oauth/token", caller, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {tokentest.RedirectURI}, "code_verifier": {tokentest.Verifier},
	})
	if tokens.status != http.StatusOK {
		t.Fatalf("%d %s", tokens.status, tokens.text)
	}
	if page := ada.Arrive("/connected/" + made.id); page.Status != http.StatusOK || !strings.Contains(page.Text, "Parcel Robot") {
		t.Errorf("the portal: %d\n%.2000s", page.Status, page.Text)
	}
	l.Advance(l.Issuer.Lifetimes.Registration + time.Hour)
	_, err := l.Store.Prune(t.Context(), store.Horizon{Expired: l.Store.Now()})
	l.Must(err)
	if got := l.send(http.MethodGet, made.uri, made.token, ""); got.status != http.StatusOK {
		t.Errorf("an app that somebody connected was forgotten: %d", got.status)
	}
}

// TestAnAppThatRegisteredItselfMayAskForMoreThanItNamed is MCP's step-up: an agent names what the API's first 401 says, and learns of
// more from a 403 later. Who is asked sees all of it.
func TestAnAppThatRegisteredItselfMayAskForMoreThanItNamed(t *testing.T) {
	l := newLobby(t)
	made := l.registered(`{"redirect_uris": ["https://shop.example/callback"], "scope": "orders.read"}`)
	request := tokentest.App{Client: &store.Client{ID: made.id}}
	ada := l.Ada()
	asked := l.At(ada.SignIn(ada.Arrive(l.Request(request, "scope", "orders.read orders.write"))), "/consent")
	if got := l.CodeOf(ada.Press(asked, "allow")).Binding.Scopes.String(); got != "orders.read orders.write" {
		t.Errorf("stepped up to %q", got)
	}
	if got := l.CodeOf(ada.Press(ada.Arrive(l.Request(request, "scope", "", "prompt", "consent")), "allow")).Binding.Scopes.String(); got != "orders.read" {
		t.Errorf("asks for %q by default, not for what it named", got)
	}
	if q := l.Back(ada.Arrive(l.Request(request, "scope", "root"))); q.Get("error") != oauth.CodeInvalidScope {
		t.Errorf("a scope that does not exist: %v", q)
	}
	l.Issuer.Policy.DropScopes = true
	if got := l.CodeOf(ada.Press(ada.Arrive(l.Request(request, "scope", "root orders.write", "prompt", "consent")), "allow")).Binding.Scopes.String(); got != "orders.write" {
		t.Errorf("where what is not allowed is dropped: %q", got)
	}
}

func TestRFC7591_2_AScopeThatIsNotOfferedIsLeftOut(t *testing.T) {
	l := newLobby(t)
	for scope, want := range map[string]string{
		"root orders.read": "orders.read", "claudeai": l.Issuer.Scopes.Names().String(), "": l.Issuer.Scopes.Names().String(),
	} {
		if a := l.register(`{"redirect_uris": ["https://shop.example/cb"], "scope": "` + scope + `"}`); a.status != http.StatusCreated || a.said["scope"] != want {
			t.Errorf("%q: %d %s, want %q", scope, a.status, a.text, want)
		}
	}
}

func TestAnAppThatNobodyConnectedIsForgotten(t *testing.T) {
	l := newLobby(t)
	made := l.registered(robot)
	l.Advance(l.Issuer.Lifetimes.Registration + time.Second)
	_, err := l.Store.Prune(t.Context(), store.Horizon{Expired: l.Store.Now()})
	l.Must(err)
	l.Must(l.Store.PollChanges(t.Context()))
	if got := l.send(http.MethodGet, made.uri, made.token, ""); got.status != http.StatusUnauthorized {
		t.Errorf("%d %s", got.status, got.text)
	}
	ada := l.Ada()
	if page := ada.Arrive(l.Request(tokentest.App{Client: &store.Client{ID: made.id}})); page.Fault() != "invalid_client" {
		t.Errorf("%d %s", page.Status, page.Fault())
	}
}

func TestRegistrationsOfOneAddressAreBounded(t *testing.T) {
	l := newLobby(t)
	for range 30 {
		l.registered(robot)
	}
	a := l.register(robot)
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || a.said["error"] != "temporarily_unavailable" {
		t.Errorf("%d %s", a.status, a.text)
	}
	if other := l.register(robot, "203.0.113.9"); other.status != http.StatusCreated {
		t.Errorf("from elsewhere: %d %s", other.status, other.text)
	}
	l.Advance(time.Hour)
	l.registered(robot)
}

func TestThePlatformSetsHowManyAppsAnAddressRegisters(t *testing.T) {
	l := newLobby(t)
	l.Issuer.Policy.RegistrationLimit = 1
	l.registered(robot)
	if a := l.register(robot); a.status != http.StatusTooManyRequests {
		t.Errorf("%d %s", a.status, a.text)
	}
}

// TestRFC8252_7_1_ASchemeWithoutADotIsForThePlatformToAllow: what Cursor and VS Code register; neither says that it is native.
func TestRFC8252_7_1_ASchemeWithoutADotIsForThePlatformToAllow(t *testing.T) {
	l := newLobby(t)
	const agent = `{"redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback", "http://localhost:8787/callback"], "token_endpoint_auth_method": "none"}`
	if a := l.register(agent); a.said["error"] != "invalid_redirect_uri" {
		t.Errorf("by default: %d %s", a.status, a.text)
	}
	l.Issuer.Policy.RedirectSchemes = []string{"cursor"}
	made := l.registered(agent)
	ada := l.Ada()
	request := l.Request(tokentest.App{Client: &store.Client{ID: made.id}}, "redirect_uri", "cursor://anysphere.cursor-mcp/oauth/callback")
	back := ada.Press(l.At(ada.SignIn(ada.Arrive(request)), "/consent"), "allow")
	if back.Location == nil || back.Location.Scheme != "cursor" || back.Location.Query().Get("code") == "" {
		t.Errorf("back at %v", back.Location)
	}
	if a := l.register(`{"redirect_uris": ["vscode://x/callback"]}`); a.said["error"] != "invalid_redirect_uri" {
		t.Errorf("another scheme: %d %s", a.status, a.text)
	}
}

func TestRacingRegistrationsKeepTheLimit(t *testing.T) {
	l := newLobby(t)
	var all sync.WaitGroup
	statuses := make([]int, 64)
	for i := range statuses {
		all.Go(func() { statuses[i] = l.register(robot).status })
	}
	all.Wait()
	count := map[int]int{}
	for _, status := range statuses {
		count[status]++
	}
	if count[http.StatusCreated] != 30 || count[http.StatusTooManyRequests] != 34 {
		t.Errorf("%v, want 30 registered and 34 told to wait", count)
	}
}

func TestNothingIsThereWherePolicyKeepsItClosed(t *testing.T) {
	l := lobby{servertest.New(t)}
	if a := l.register(robot); a.status != http.StatusNotFound {
		t.Errorf("%d %s", a.status, a.text)
	}
	closed := register.New(register.Config{Issuer: l.Issuer, Store: l.Store, Keyring: l.Keyring, Clients: l.Clients})
	if _, err := closed.Register(t.Context(), register.Metadata{}); wire.AsOAuth(err).HTTPStatus() != http.StatusForbidden {
		t.Errorf("by another way: %v", err)
	}
}

func TestTroubleWithTheDatabaseIsNoRefusal(t *testing.T) {
	l := newLobby(t)
	made := l.registered(robot)
	l.Unavailable()
	for _, a := range []answer{l.register(robot), l.send(http.MethodGet, made.uri, made.token, "")} {
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Errorf("%d %s", a.status, a.text)
		}
	}
}

// TestAppsWithASecretLeavePKCEOutWhereThePlatformLetsThem: a platform's own clients were written before PKCE, those that register
// themselves too. One without a secret never can (OAuth 2.1 §4.1.1).
func TestAppsWithASecretLeavePKCEOutWhereThePlatformLetsThem(t *testing.T) {
	l := newLobby(t)
	l.Issuer.PKCEOptional = true
	for method, optional := range map[string]bool{"client_secret_post": true, "client_secret_basic": true, "none": false} {
		made := l.registered(`{"redirect_uris": ["https://shop.example/cb"], "token_endpoint_auth_method": "` + method + `"}`)
		found, err := l.Store.Client(t.Context(), "acme", made.id)
		l.Must(err)
		if found.Metadata.PKCEOptional != optional {
			t.Errorf("%s: PKCE is optional: %v", method, found.Metadata.PKCEOptional)
		}
	}
}
