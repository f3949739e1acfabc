package interaction_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/servertest"
)

// A reset that wrote something for known addresses only would answer those later, by a write to the disk.
func TestResetOfAnUnknownAddressIsAsMuchWork(t *testing.T) {
	r := servertest.New(t)
	for i, email := range []string{"ada@shop.example", "eve@example.org"} {
		browser := r.Browser(email)
		_ = browser.Press(browser.Arrive("/reset-password"), "send-link", "email", email)
		if rows := r.Rows("challenges"); rows != i+1 {
			t.Errorf("%s: %d challenges, want %d", email, rows, i+1)
		}
	}
}

// An ID Token says who somebody is, and an app may hold one without having been allowed to see their address. It must not read
// the address off our page by bringing the token to a browser of its own.
func TestOIDCCore_3_1_2_1_AHintShowsNoAddressToAStrangersBrowser(t *testing.T) {
	r := servertest.New(t)
	r.NewUser("bob", "bob@example.org")
	hint, err := r.Mint.IDToken(t.Context(), jwk.ES256, oidc.IDTokenClaims{
		Issuer: servertest.Site, Subject: r.User.ID, Audience: oidc.Audience{r.App.ID},
	})
	r.Must(err)
	request := r.Request(r.App, "scope", "openid", "id_token_hint", hint)

	stranger := r.Browser("bob@example.org")
	_ = stranger.SignIn(stranger.Arrive("/sign-in"))
	if page := r.At(stranger.Arrive(request), "/sign-in"); strings.Contains(page.Text, r.User.Email) {
		t.Error("the page tells Bob Ada's address")
	}

	shared := r.Ada()
	_ = shared.SignIn(shared.Arrive("/sign-in"))
	_ = shared.PressOnly(shared.Arrive("/sign-out"), "sign-out")
	shared.Email = "bob@example.org"
	_ = shared.SignIn(shared.Arrive("/sign-in"))
	if page := r.At(shared.Arrive(request), "/sign-in"); !strings.Contains(page.Text, r.User.Email) {
		t.Error("Ada's own browser does not say whom the app expects")
	}
}

// What the page tells nobody, the log tells the operator: somebody is guessing.
func TestRefusedSignInsAreInTheLog(t *testing.T) {
	r := servertest.New(t)
	thief := r.Browser("eve@example.org")
	for range 10 {
		guess(thief, r.User.Email)
	}
	guess(thief, r.User.Email)
	guess(thief, "nobody@example.org")
	reasons := map[string]int{}
	for line := range strings.Lines(r.Requests.String()) {
		var logged struct{ Method, Route, Outcome, Reason string }
		r.Must(json.Unmarshal([]byte(line), &logged))
		if logged.Method == http.MethodPost && logged.Route == "/sign-in" && logged.Outcome == "access_denied" {
			reasons[logged.Reason]++
		}
	}
	if reasons["wrong_password"] != 10 || reasons["too_many_tries"] != 1 || reasons["unknown"] != 1 {
		t.Errorf("the log says %v", reasons)
	}
}

// Anybody can type any name and any address into the form: the platform must not carry the one to the other.
func TestTheSignUpMailHoldsNothingThatWasTyped(t *testing.T) {
	r := servertest.New(t)
	thief := r.Browser("victim@example.org")
	_ = thief.Press(thief.Arrive("/sign-up"), "sign-up", "name", "You won, see prize.example", "email", thief.Email, "password", thief.Password)
	for _, sent := range r.Mails(thief.Email) {
		if strings.Contains(sent.Subject+sent.Text+sent.HTML, "prize.example") {
			t.Errorf("mailed: %s", sent.Text)
		}
	}
}
