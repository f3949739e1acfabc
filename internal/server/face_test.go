package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/servertest"
)

// What a person's role does not allow is refused in words that say so, and whom to ask.
func TestARefusalByRoleSaysWhomToAsk(t *testing.T) {
	r := servertest.New(t)
	bob := r.NewUser("bob", "bob@example.org")
	r.Join(r.Account.ID, bob.ID, issuer.RoleMember)
	browser := r.Browser(bob.Email)
	_ = browser.SignIn(browser.Arrive("/sign-in"))
	page := browser.Post("/accounts/"+r.Account.ID, url.Values{"action": {"rename"}, "account_name": {"Bob's"}})
	if page.Status != http.StatusForbidden || !strings.Contains(page.Text, "Your role does not allow this") || !strings.Contains(page.Text, "Ask an owner of the account.") {
		t.Errorf("%d\n%.3000s", page.Status, page.Text)
	}
}

// Only where an app sends people is it the app's request that is not complete.
func TestAMalformedRequestOfOurOwnPageIsNotTheApps(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	_ = ada.SignIn(ada.Arrive("/sign-in"))
	for name, page := range map[string]string{
		"portal": ada.Arrive("/activity?before=1&before=2").Text, "form": ada.Post("/security", url.Values{"action": {"a", "b"}}).Text,
		"sign-in": r.Ada().Arrive("/sign-in?r=1&r=2").Text,
	} {
		if strings.Contains(page, "app’s") || strings.Contains(page, "othing was connected") || !strings.Contains(page, "This did not work") {
			t.Errorf("%s:\n%.3000s", name, page)
		}
	}
	if page := r.Ada().Arrive("/oauth/authorize?client_id=a&client_id=b").Text; !strings.Contains(page, "The app’s request is not complete") || !strings.Contains(page, "For the app’s developer") {
		t.Errorf("authorize:\n%.3000s", page)
	}
}

// A path may begin with what reads as a host: a link that repeated it would lead there.
func TestAPagesOwnLinksStayOnItsHost(t *testing.T) {
	r := servertest.New(t)
	page := r.Ada().Arrive("/%2Fevil.example/x?a=1").Text
	if !strings.Contains(page, `href="?a=1&amp;lang=ar"`) || strings.Contains(page, "evil.example") {
		t.Errorf("%.3000s", page)
	}
}

// An app in a browser, or an agent's page, reads refusals too; no cookie may open an answer to it. Documents are everybody's.
func TestAPageOfAnyOriginMayReadWhatAppsAreAnswered(t *testing.T) {
	r := servertest.New(t)
	for _, path := range []string{"/oauth/token", "/oauth/revoke", "/oauth/userinfo"} {
		request := httptest.NewRequest(http.MethodPost, r.Issuer.URL+path, strings.NewReader("client_id=nobody&grant_type=x&token=x"))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", "https://shop.example")
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, request)
		if h := w.Header(); w.Code < 400 || w.Code >= 500 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", path, w.Code, h)
		}
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"} {
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, r.Issuer.URL+path, http.NoBody))
		if w.Code != http.StatusOK || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
}
