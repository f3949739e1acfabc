package server_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/tokentest"
)

const aDay = 24 * time.Hour

// busy is a platform on which the same things happen every day.
type busy struct {
	*servertest.Rig

	api tokentest.App
}

func newBusy(t *testing.T) *busy {
	b := &busy{Rig: servertest.New(t, func(is *issuer.Issuer) {
		is.Lifetimes.RefreshToken, is.Lifetimes.Session, is.Lifetimes.Invitation = 5*aDay, 3*aDay, 2*aDay
	})}
	b.api = b.Fixture.App(tokentest.Introspects)
	return b
}

// connect is a person who signs in, looks at the consent page and allows; token is what the app gets for it.
func (b *busy) connect(app tokentest.App) (grantID, refreshToken string) {
	b.Helper()
	ada := b.Ada()
	page := b.At(ada.SignIn(ada.Arrive(b.Request(app, "scope", "openid offline_access orders.read", "prompt", "consent"))), "/consent")
	page = ada.Press(page, "allow")
	code := b.CodeOf(page)
	tokens := b.form("/oauth/token", app, url.Values{
		"grant_type": {"authorization_code"}, "code": {b.Back(page).Get("code")}, "redirect_uri": {tokentest.RedirectURI}, "code_verifier": {tokentest.Verifier},
	})
	return code.Grant.ID, tokens["refresh_token"].(string)
}

func (b *busy) form(path string, app tokentest.App, form url.Values) (members map[string]any) {
	b.Helper()
	answer := httptest.NewRecorder()
	b.Handler().ServeHTTP(answer, tokentest.PostForm(path, app, form))
	if answer.Body.Len() > 0 {
		b.Must(json.Unmarshal(answer.Body.Bytes(), &members))
	}
	return members
}

func (b *busy) refresh(app tokentest.App, token string) map[string]any {
	b.Helper()
	return b.form("/oauth/token", app, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// day is one day: connections are made, used and ended in every way there is, apps come and go, secrets are renewed, and people give up.
func (b *busy) day() {
	b.Helper()
	_, used := b.connect(b.App)
	for range 3 {
		used = b.refresh(b.App, used)["refresh_token"].(string)
	}
	b.form("/oauth/revoke", b.App, url.Values{"token": {used}})
	ended, stolen := b.connect(b.App)
	b.refresh(b.App, stolen)
	b.Advance(time.Minute)
	b.refresh(b.App, stolen) // twice: the family ends
	b.RevokeGrant(ended)
	passing := b.Fixture.App()
	b.connect(passing)
	b.Must(b.Clients.Delete(b.Context(), passing.ID, ""))
	_, err := b.Clients.RotateSecret(b.Context(), b.api.ID, "", time.Hour)
	b.Must(err)
	lost := b.Browser("nobody@example.org")
	_ = lost.Press(lost.Arrive(b.Request(b.App)), "sign-in", "email", "nobody@example.org", "password", "guessed")
	forgetful := b.Ada()
	_ = forgetful.Press(b.At(forgetful.Arrive("/reset-password"), "/reset-password"), "send-link", "email", b.User.Email)
	_ = b.Mails(b.User.Email)
	b.Prune()
	b.Advance(aDay)
	b.Requests.Reset()
}

// What is stored follows what lives, not what ever happened: after three weeks of the same days the tables stand still, and once
// nothing happens any more they are what they were.
func TestStorageIsBoundedByWhatLives(t *testing.T) {
	if testing.Short() {
		t.Skip("a month of sign-ins one after the other; nothing in it races")
	}
	b := newBusy(t)
	rows := func() map[string]int {
		all := b.AllRows()
		delete(all, "changes") // a count a topic
		return all
	}
	before := rows()
	for range 21 {
		b.day()
	}
	steady := rows()
	for range 10 {
		b.day()
	}
	if later := rows(); !maps.Equal(steady, later) {
		t.Errorf("ten more days of the same made the tables grow:\n%v, and before\n%v", later, steady)
	}
	if steady["grants"] < 10 || steady["events"] < 50 || steady["families"] < 10 {
		t.Errorf("too little is stored to prove anything: %v", steady)
	}
	b.Advance(30 * aDay)
	b.Prune()
	after := rows()
	before["events"] = 0                               // those of the beginning are old, too
	before["client_secrets"] = after["client_secrets"] // the last few stay until the next one comes
	if !maps.Equal(before, after) {
		t.Errorf("nothing lives and left is\n%v, and in the beginning\n%v", after, before)
	}
	if after["client_secrets"] > 5 {
		t.Errorf("%d client secrets of 31 are left", after["client_secrets"])
	}
}

// A refresh token that comes late still hears why, for as long as it would have been good.
func TestARevokedConnectionIsRememberedWhileATokenOfItIs(t *testing.T) {
	b := newBusy(t)
	grant, token := b.connect(b.App)
	access := b.refresh(b.App, token)
	b.RevokeGrant(grant)
	for range 5 {
		b.Prune()
		if refused := b.refresh(b.App, access["refresh_token"].(string)); refused["reason"] != oauth.ReasonRevokedByUser {
			t.Fatalf("%v", refused)
		}
		b.Advance(aDay)
	}
	b.Advance(3 * aDay)
	b.Prune()
	if _, err := b.Store.Grant(t.Context(), "acme", grant); err == nil {
		t.Error("the connection is still there when nothing can refer to it")
	}
	if refused := b.refresh(b.App, access["refresh_token"].(string)); refused["error"] != oauth.CodeInvalidGrant {
		t.Errorf("%v", refused)
	}
}

// The tokens of an app that was deleted are worth nothing, at once and after what they hang on is gone.
func TestADeletedAppsTokensAreRefused(t *testing.T) {
	b := newBusy(t)
	app := b.Fixture.App()
	_, token := b.connect(app)
	access := b.refresh(app, token)["access_token"].(string)
	look := func(when string, active bool) {
		t.Helper()
		if got := b.form("/oauth/introspect", b.api, url.Values{"token": {access}}); got["active"] != active {
			t.Errorf("%s: %v", when, got)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, servertest.Site+"/oauth/userinfo", nil)
		r.Header.Set("Authorization", "Bearer "+access)
		answer := httptest.NewRecorder()
		b.Handler().ServeHTTP(answer, r)
		if want := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[active]; answer.Code != want {
			t.Errorf("%s: UserInfo answers %d", when, answer.Code)
		}
	}
	look("before", true)
	b.Must(b.Clients.Delete(t.Context(), app.ID, ""))
	b.Must(b.Store.PollChanges(t.Context()))
	look("deleted", false)
	b.Prune()
	look("its connections ended", false)
	b.Advance(30 * aDay)
	b.Prune()
	look("all of it gone", false)
}
