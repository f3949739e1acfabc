package authorize_test

import (
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
)

// Until client and redirect URI are proven, a refusal is a page and nothing is redirected (RFC 6749 §4.1.2.1, RFC 9700 §4.11).
func TestRFC6749_4_1_2_1_UnprovenRequestsAreNeverRedirected(t *testing.T) {
	r := servertest.New(t)
	for name, c := range map[string]struct {
		pairs []string
		want  string
	}{
		"no client_id":                    {[]string{"client_id", ""}, oauth.CodeInvalidRequest},
		"unknown client":                  {[]string{"client_id", "nobody"}, oauth.CodeInvalidClient},
		"unregistered redirect_uri":       {[]string{"redirect_uri", "https://evil.example/cb"}, oauth.CodeInvalidRedirectURI},
		"redirect_uri with a longer path": {[]string{"redirect_uri", tokentest.RedirectURI + "/more"}, oauth.CodeInvalidRedirectURI},
		"redirect_uri with a query":       {[]string{"redirect_uri", tokentest.RedirectURI + "?a=b"}, oauth.CodeInvalidRedirectURI},
		"redirect_uri with a fragment":    {[]string{"redirect_uri", tokentest.RedirectURI + "#f"}, oauth.CodeInvalidRedirectURI},
		"and everything else wrong too":   {[]string{"redirect_uri", "https://evil.example/cb", "response_type", "token", "scope", "nope"}, oauth.CodeInvalidRedirectURI},
	} {
		t.Run(name, func(t *testing.T) {
			page := r.Ada().Arrive(r.Request(r.App, c.pairs...))
			if page.Location != nil || page.Status != http.StatusBadRequest || page.Fault() != c.want {
				t.Errorf("%d %q, Location %v; want %s", page.Status, page.Fault(), page.Location, c.want)
			}
		})
	}
}

func TestRFC6749_3_1_RepeatedParametersAreRefused(t *testing.T) {
	r := servertest.New(t)
	for _, name := range []string{"client_id", "redirect_uri"} {
		page := r.Ada().Arrive(r.Request(r.App) + "&" + name + "=x")
		if page.Location != nil || page.Status != http.StatusBadRequest || page.Fault() != oauth.CodeInvalidRequest {
			t.Errorf("%s twice: %d %q %v", name, page.Status, page.Fault(), page.Location)
		}
	}
	for name, state := range map[string]string{
		"state": "", "state=x&scope": "", "scope": "af0ifjsldkj", "response_type": "af0ifjsldkj", "code_challenge": "af0ifjsldkj",
	} {
		back := r.Back(r.Ada().Arrive(r.Request(r.App) + "&" + name + "=x"))
		if back.Get("error") != oauth.CodeInvalidRequest || !strings.Contains(back.Get("error_description"), "more than once") || back.Has("code") || back.Get("state") != state {
			t.Errorf("%s twice: back with %v", name, back)
		}
	}
	for _, wrong := range [][]string{{"client_id", "nobody"}, {"redirect_uri", "https://evil.example/cb"}} {
		if page := r.Ada().Arrive(r.Request(r.App, wrong...) + "&state=x"); page.Location != nil || page.Fault() == "" {
			t.Errorf("%s %s and state twice: %d %v", wrong[0], wrong[1], page.Status, page.Location)
		}
	}
}

func TestTooLongAQueryIsRefused(t *testing.T) {
	r := servertest.New(t)
	if page := r.Ada().Arrive(r.Request(r.App, "junk", strings.Repeat("x", 9000))); page.Status != http.StatusRequestURITooLong {
		t.Errorf("%d", page.Status)
	}
}

func TestRefusalsThatGoToTheClient(t *testing.T) {
	r := servertest.New(t)
	for name, c := range map[string]struct {
		pairs []string
		want  string
	}{
		"RFC6749_3_1_1 no response_type":              {[]string{"response_type", ""}, oauth.CodeInvalidRequest},
		"OAuth2_1_4_1_1 response_type=token":          {[]string{"response_type", "token"}, oauth.CodeUnsupportedResponseType},
		"OIDCCore_3_3 response_type=code id_token":    {[]string{"response_type", "code id_token"}, oauth.CodeUnsupportedResponseType},
		"response_mode=fragment":                      {[]string{"response_mode", "fragment"}, oauth.CodeInvalidRequest},
		"response_mode=form_post":                     {[]string{"response_mode", "form_post"}, oauth.CodeInvalidRequest},
		"OIDCCore_3_1_2_6 request":                    {[]string{"request", "e30.e30."}, oauth.CodeRequestNotSupported},
		"OIDCCore_3_1_2_6 request_uri":                {[]string{"request_uri", "https://shop.example/r"}, oauth.CodeRequestURINotSupported},
		"OIDCCore_3_1_2_6 registration":               {[]string{"registration", "{}"}, oauth.CodeRegistrationNotSupported},
		"RFC6749_3_3 unknown scope":                   {[]string{"scope", "openid no.such"}, oauth.CodeInvalidScope},
		"RFC6749_3_3 a scope of forbidden characters": {[]string{"scope", `a"b`}, oauth.CodeInvalidScope},
		"RFC7636_4_4_1 no challenge":                  {[]string{"code_challenge", "", "code_challenge_method", ""}, oauth.CodeInvalidRequest},
		"RFC7636_4_3 a challenge without a method":    {[]string{"code_challenge_method", ""}, oauth.CodeInvalidRequest},
		"OAuth2_1_7_5_1 plain":                        {[]string{"code_challenge_method", "plain"}, oauth.CodeInvalidRequest},
		"RFC7636_4_2 a short challenge":               {[]string{"code_challenge", "abc"}, oauth.CodeInvalidRequest},
		"RFC8707_2 unknown resource":                  {[]string{"resource", "https://api.evil.example"}, oauth.CodeInvalidTarget},
		"RFC8707_2 relative resource":                 {[]string{"resource", "/orders"}, oauth.CodeInvalidTarget},
		"RFC8707_2 resource with a fragment":          {[]string{"resource", "https://api.acme.example#x"}, oauth.CodeInvalidTarget},
		"OIDCCore_3_1_2_1 unknown prompt":             {[]string{"prompt", "sometimes"}, oauth.CodeInvalidRequest},
		"OIDCCore_3_1_2_1 prompt=none login":          {[]string{"prompt", "none login"}, oauth.CodeInvalidRequest},
		"OIDCCore_3_1_2_1 negative max_age":           {[]string{"max_age", "-1"}, oauth.CodeInvalidRequest},
		"OIDCCore_3_1_2_1 max_age in words":           {[]string{"max_age", "an hour"}, oauth.CodeInvalidRequest},
		"OIDCCore_3_1_2_1 a hint that is no ID Token": {[]string{"id_token_hint", "e30.e30.e30"}, oauth.CodeInvalidRequest},
		"a nonce of 600 bytes":                        {[]string{"nonce", strings.Repeat("n", 600)}, oauth.CodeInvalidRequest},
		"OIDCCore_3_1_2_6 prompt=none, nobody there":  {[]string{"prompt", "none"}, oauth.CodeLoginRequired},
	} {
		t.Run(name, func(t *testing.T) {
			page := r.Ada().Arrive(r.Request(r.App, c.pairs...))
			q := r.Back(page)
			if q.Get("error") != c.want || q.Get("error_description") == "" || q.Get("state") != "af0ifjsldkj" || q.Get("iss") != servertest.Site || q.Has("code") {
				t.Errorf("back with %v, want %s", q, c.want)
			}
			if page.Status != http.StatusFound || page.Text != "" || page.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%d %q %v", page.Status, page.Text, page.Header)
			}
		})
	}
}

func TestAStateTooLongDoesNotGoBack(t *testing.T) {
	r := servertest.New(t)
	q := r.Back(r.Ada().Arrive(r.Request(r.App, "state", strings.Repeat("s", 2049))))
	if q.Get("error") != oauth.CodeInvalidRequest || q.Has("state") {
		t.Errorf("back with %v", q)
	}
	ada := r.Ada()
	long := strings.Repeat("s", 2048)
	if q := r.Back(ada.Press(ada.SignIn(ada.Arrive(r.Request(r.App, "state", long))), "allow")); q.Get("state") != long {
		t.Error("the longest state does not come back")
	}
}

func TestARequestTooLongAsAWhole(t *testing.T) {
	r := servertest.New(t)
	form := r.Parameters(r.App, "state", strings.Repeat(`"`, 2000), "nonce", strings.Repeat(`"`, 500), "login_hint", strings.Repeat(`"`, 250))
	if q := r.Back(r.Ada().PostFrom("https://shop.example", "/oauth/authorize", form)); q.Get("error") != oauth.CodeInvalidRequest {
		t.Errorf("back with %v", q)
	}
}

func TestRFC6749_3_3_TheRegisteredScopeIsDefaultAndBound(t *testing.T) {
	r := servertest.New(t)
	app := r.Fixture.App(func(m *store.ClientMetadata) { m.Scope = tokentest.Scopes("orders.read stock.read") })
	if q := r.Back(r.Ada().Arrive(r.Request(app, "scope", "orders.read orders.write"))); q.Get("error") != oauth.CodeInvalidScope {
		t.Errorf("beyond the registration: %v", q)
	}
	ada := r.Ada()
	code := r.CodeOf(ada.Press(ada.SignIn(ada.Arrive(r.Request(app, "scope", ""))), "allow"))
	if got := code.Binding.Scopes.String(); got != "orders.read stock.read" {
		t.Errorf("by default %q", got)
	}
}

func TestRFC6749_3_1_2_3_TheOnlyRegisteredRedirectURIIsDefault(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.Press(ada.SignIn(ada.Arrive(r.Request(r.App, "redirect_uri", "", "scope", "orders.read"))), "allow")
	if code := r.CodeOf(page); code.Binding.RedirectURI != tokentest.RedirectURI || !strings.HasPrefix(page.Location.String(), tokentest.RedirectURI+"?") {
		t.Errorf("bound to %q, back at %v", code.Binding.RedirectURI, page.Location)
	}
	two := r.Fixture.App(func(m *store.ClientMetadata) { m.RedirectURIs = append(m.RedirectURIs, "https://shop.example/other") })
	if page := r.Ada().Arrive(r.Request(two, "redirect_uri", "", "scope", "orders.read")); page.Fault() != oauth.CodeInvalidRedirectURI {
		t.Errorf("of two: %d %q", page.Status, page.Fault())
	}
}

func TestOpenIDCore_3_1_2_1_RedirectURIIsRequired(t *testing.T) {
	r := servertest.New(t)
	if page := r.Ada().Arrive(r.Request(r.App, "redirect_uri", "")); page.Fault() != oauth.CodeInvalidRequest {
		t.Errorf("without redirect_uri: %d %q", page.Status, page.Fault())
	}
}

func TestRFC8252_7_3_ALoopbackRedirectURIMayHaveAnyPort(t *testing.T) {
	r := servertest.New(t)
	app := r.Fixture.App(tokentest.Public, func(m *store.ClientMetadata) {
		m.ApplicationType, m.RedirectURIs = "native", []string{"http://127.0.0.1/cb"}
	})
	ada := r.Ada()
	page := ada.Press(ada.SignIn(ada.Arrive(r.Request(app, "redirect_uri", "http://127.0.0.1:51004/cb"))), "allow")
	if r.CodeOf(page); page.Location.Host != "127.0.0.1:51004" {
		t.Errorf("back at %v", page.Location)
	}
}

func TestOAuth2_1_4_1_1_OnlyAConfidentialClientMayLeaveOutPKCE(t *testing.T) {
	optional := func(m *store.ClientMetadata) { m.PKCEOptional = true }
	for name, c := range map[string]struct {
		issuer bool
		app    []func(*store.ClientMetadata)
		want   bool
	}{
		"issuer and client agree": {true, []func(*store.ClientMetadata){optional}, true},
		"the issuer does not":     {false, []func(*store.ClientMetadata){optional}, false},
		"the client did not ask":  {true, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := servertest.New(t, func(is *issuer.Issuer) { is.PKCEOptional = true })
			app := r.Fixture.App(c.app...)
			r.Issuer.PKCEOptional = c.issuer
			page := r.Ada().Arrive(r.Request(app, "code_challenge", "", "code_challenge_method", ""))
			if allowed := page.URL.Path == "/sign-in"; allowed != c.want {
				t.Errorf("allowed = %v", allowed)
			}
		})
	}
}

func TestRFC6749_4_1_2_1_AClientWithoutTheGrantTypeIsUnauthorized(t *testing.T) {
	r := servertest.New(t)
	app := r.Fixture.App(func(m *store.ClientMetadata) { m.GrantTypes = []oauth.GrantType{oauth.GrantClientCredentials} })
	r.Tx(func(tx *store.Tx) error { // as a registration from before may be
		app.Metadata.RedirectURIs = []string{tokentest.RedirectURI}
		return tx.UpdateClient(*app.Client)
	})
	r.Must(r.Store.PollChanges(t.Context()))
	if q := r.Back(r.Ada().Arrive(r.Request(app))); q.Get("error") != oauth.CodeUnauthorizedClient {
		t.Errorf("back with %v", q)
	}
}

func TestRFC8707_2_ResourcesReachTheCode(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	target := r.Request(r.App, "resource", "https://api.acme.example") + "&resource=https%3A%2F%2Fstock.acme.example&resource=https%3A%2F%2Fapi.acme.example"
	code := r.CodeOf(ada.Press(ada.SignIn(ada.Arrive(target)), "allow"))
	if got := strings.Join(code.Binding.Resources, " "); got != "https://api.acme.example https://stock.acme.example" {
		t.Errorf("resources = %q", got)
	}
}

// signedIn is Ada with a session and a connection to the app.
func signedIn(r *servertest.Rig) *servertest.Browser {
	ada := r.Ada()
	r.CodeOf(ada.Press(ada.SignIn(ada.Arrive(r.Request(r.App))), "allow"))
	return ada
}

func TestOpenIDConnectCore_3_1_2_6_PromptNoneAnswersAtOnce(t *testing.T) {
	r := servertest.New(t)
	ada := signedIn(r)
	r.CodeOf(ada.Arrive(r.Request(r.App, "prompt", "none")))
	if q := r.Back(ada.Arrive(r.Request(r.App, "prompt", "none", "scope", "orders.read orders.write"))); q.Get("error") != oauth.CodeConsentRequired {
		t.Errorf("more scopes: %v", q)
	}
	r.NewAccount("acc_second", "Second shop", r.User.ID)
	r.CodeOf(ada.Arrive(r.Request(r.App, "prompt", "none"))) // it can only mean its one connection
	if q := r.Back(ada.Arrive(r.Request(r.Fixture.App(), "prompt", "none"))); q.Get("error") != oauth.CodeAccountSelectionRequired {
		t.Errorf("two accounts: %v", q)
	}
	r.NewUser("bob", "bob@example.org")
	bob := r.Browser("bob@example.org")
	bob.SignIn(bob.Arrive(r.Request(r.App)))
	if q := r.Back(bob.Arrive(r.Request(r.App, "prompt", "none"))); q.Get("error") != oauth.CodeInteractionRequired {
		t.Errorf("no account: %v", q)
	}
}

func TestOpenIDConnectCore_3_1_2_1_PromptLoginAsksForThePasswordAgain(t *testing.T) {
	r := servertest.New(t)
	ada := signedIn(r)
	page := r.At(ada.Arrive(r.Request(r.App, "prompt", "login")), "/sign-in")
	code := r.CodeOf(ada.SignIn(page))
	if since := r.Store.Now().Sub(code.Binding.AuthTime); since > time.Second {
		t.Errorf("auth_time is %v ago", since)
	}
}

func TestOpenIDConnectCore_3_1_2_1_MaxAge(t *testing.T) {
	r := servertest.New(t)
	ada := signedIn(r)
	r.Advance(time.Minute)
	r.CodeOf(ada.Arrive(r.Request(r.App, "max_age", "120")))
	page := r.At(ada.Arrive(r.Request(r.App, "max_age", "30")), "/sign-in")
	r.CodeOf(ada.SignIn(page))
	if q := r.Back(ada.Arrive(r.Request(r.App, "max_age", "0", "prompt", "none"))); q.Get("error") != oauth.CodeLoginRequired {
		t.Errorf("max_age=0: %v", q)
	}
	slow := r.At(ada.SignIn(ada.Arrive(r.Request(r.App, "max_age", "0", "prompt", "consent"))), "/consent")
	r.Advance(10 * time.Minute) // they read it
	r.CodeOf(ada.Press(slow, "allow"))
}

func TestDynamicRegistration_2_DefaultMaxAge(t *testing.T) {
	r := servertest.New(t)
	app := r.Fixture.App(func(m *store.ClientMetadata) { m.DefaultMaxAge = new(int64(60)) })
	ada := signedIn(r)
	r.Advance(2 * time.Minute)
	r.At(ada.Arrive(r.Request(app)), "/sign-in")
	r.At(ada.Arrive(r.Request(app, "max_age", "600")), "/consent")
	registered := *app.Client // before this was refused
	registered.Metadata.DefaultMaxAge = new(int64(math.MaxInt64))
	r.Tx(func(tx *store.Tx) error { return tx.UpdateClient(registered) })
	r.Clients.Forget()
	r.At(ada.Arrive(r.Request(app)), "/consent") // and not to sign in again, for ever
	each := r.Fixture.App(func(m *store.ClientMetadata) { m.DefaultMaxAge = new(int64(0)) })
	r.Advance(time.Second)
	r.At(ada.Arrive(r.Request(each)), "/sign-in")
}

func TestOpenIDConnectCore_3_1_2_1_PromptConsentAsksAgain(t *testing.T) {
	r := servertest.New(t)
	ada := signedIn(r)
	page := r.At(ada.Arrive(r.Request(r.App, "prompt", "consent")), "/consent")
	r.CodeOf(ada.Press(page, "allow"))
}

func TestOpenIDConnectCore_3_1_2_1_SelectAccountAndAnotherUser(t *testing.T) {
	r := servertest.New(t)
	ada := signedIn(r)
	page := r.At(ada.Arrive(r.Request(r.App, "prompt", "select_account")), "/choose-account")
	r.CodeOf(ada.Press(page, "account-"+r.Account.ID))
	r.NewUser("bob", "bob@example.org")
	r.NewAccount("acc_boats", "Boats", "bob")
	answer := ada.Post("/choose-account", url.Values{"r": {page.URL.Query().Get("r")}, "action": {"other-user"}})
	other, err := ada.Follow(answer, nil)
	r.Must(err)
	r.At(other, "/sign-in")
	ada.Email = "bob@example.org"
	page = r.At(ada.SignIn(other), "/choose-account")
	page = r.At(ada.Press(page, "account-acc_boats"), "/consent")
	if code := r.CodeOf(ada.Press(page, "allow")); code.Grant.UserID != "bob" {
		t.Errorf("connected for %s", code.Grant.UserID)
	}
}

// idToken is one that the issuer made for an app.
func idToken(r *servertest.Rig, app tokentest.App, userID string) string {
	token, err := r.Mint.IDToken(r.Context(), r.Issuer.IDTokenAlgs[0], oidc.IDTokenClaims{
		Issuer: r.Issuer.URL, Subject: userID, Audience: oidc.Audience{app.ID}, IssuedAt: 1, Expiry: 2,
	})
	r.Must(err)
	return token
}

func TestOpenIDConnectCore_3_1_2_1_IDTokenHint(t *testing.T) {
	r := servertest.New(t)
	r.NewUser("bob", "bob@example.org")
	ada := signedIn(r)
	r.CodeOf(ada.Arrive(r.Request(r.App, "id_token_hint", idToken(r, r.App, r.User.ID), "prompt", "none"))) // expired, and still a hint
	bobs := idToken(r, r.App, "bob")
	if q := r.Back(ada.Arrive(r.Request(r.App, "id_token_hint", bobs, "prompt", "none"))); q.Get("error") != oauth.CodeLoginRequired {
		t.Errorf("a hint of somebody else: %v", q)
	}
	page := r.At(ada.Arrive(r.Request(r.App, "id_token_hint", bobs)), "/sign-in")
	if strings.Contains(page.Text, "bob@example.org") {
		t.Error("the page tells Bob's address in a browser that he never used")
	}
	if page = ada.SignIn(page); page.URL.Path != "/sign-in" {
		t.Errorf("Ada signing in again goes on to %s", page.URL.Path)
	}
	foreign := idToken(r, r.Fixture.App(), "bob")
	if q := r.Back(ada.Arrive(r.Request(r.App, "id_token_hint", foreign))); q.Get("error") != oauth.CodeInvalidRequest {
		t.Errorf("another client's ID Token: %v", q)
	}
}

func TestOpenIDConnectCore_3_1_2_1_LoginHintFillsInTheField(t *testing.T) {
	r := servertest.New(t)
	if page := r.Ada().Arrive(r.Request(r.App, "login_hint", "someone@example.org")); !strings.Contains(page.Text, `value="someone@example.org"`) {
		t.Error("the field is empty")
	}
}

func TestOpenIDConnectCore_3_1_2_1_WhatIsIgnored(t *testing.T) {
	r := servertest.New(t)
	ada := signedIn(r)
	r.CodeOf(ada.Arrive(r.Request(r.App, "display", "popup", "acr_values", "gold", "claims", "{}", "claims_locales", "fr", "ui_locales", "!! xx-yy", "unknown", "1")))
}

func TestOpenIDConnectCore_3_1_2_1_PostIsChecked(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	if page := ada.PostFrom("https://shop.example", "/oauth/authorize", r.Parameters(r.App, "scope", "nope")); r.Back(page).Get("error") != oauth.CodeInvalidScope || page.Status != http.StatusSeeOther {
		t.Errorf("%d %v", page.Status, page.Location)
	}
	if page := ada.PostFrom("https://shop.example", "/oauth/authorize", r.Parameters(r.App, "redirect_uri", "https://evil.example")); page.Fault() != oauth.CodeInvalidRedirectURI {
		t.Errorf("%d %v", page.Status, page.Location)
	}
}

func TestDatabaseTroubleIsNeverTheClientsFault(t *testing.T) {
	r := servertest.New(t)
	r.Clients.Forget()
	r.Unavailable()
	if page := r.Ada().Arrive(r.Request(r.App)); page.Status != http.StatusServiceUnavailable || page.Location != nil {
		t.Errorf("%d %v", page.Status, page.Location)
	}
}
