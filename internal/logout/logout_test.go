package logout_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/tests/person"
)

const after = "https://shop.example/bye?x=1"

func newRig(t *testing.T) (*servertest.Rig, tokentest.App, *servertest.Browser) {
	t.Helper()
	r := servertest.New(t)
	app := r.Fixture.App(func(m *store.ClientMetadata) { m.PostLogoutRedirectURIs = []string{after} })
	ada := r.Ada()
	if page := ada.PressOnly(ada.Arrive("/sign-in"), "sign-in", "email", ada.Email, "password", ada.Password); page.Location == nil {
		t.Fatal("not signed in")
	}
	return r, app, ada
}

func hint(r *servertest.Rig, app tokentest.App, userID, sid string) string {
	token, err := r.Mint.IDToken(r.Context(), r.Issuer.IDTokenAlgs[0], oidc.IDTokenClaims{
		Issuer: r.Issuer.URL, Subject: userID, Audience: oidc.Audience{app.ID}, IssuedAt: 1, Expiry: 2, SID: sid,
	})
	r.Must(err)
	return token
}

func sessions(r *servertest.Rig) []store.Session {
	list, err := r.Store.Sessions(r.Context(), "acme", r.User.ID)
	r.Must(err)
	return list
}

func logout(pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "/oauth/logout?" + q.Encode()
}

func back(t *testing.T, page *person.Page, want string) {
	t.Helper()
	if page.Location == nil || page.Location.String() != want {
		t.Errorf("%d %v, want %s", page.Status, page.Location, want)
	}
}

func TestRPInitiatedLogout_2_WithTheSessionsOwnHintNothingIsAsked(t *testing.T) {
	r, app, ada := newRig(t)
	token := hint(r, app, r.User.ID, sessions(r)[0].ID)
	page := ada.Arrive(logout("id_token_hint", token, "post_logout_redirect_uri", after, "state", "s t"))
	back(t, page, after+"&state=s+t")
	if len(sessions(r)) != 0 || tokentest.Count(r.Events(), store.EventUserSignedOut) != 1 {
		t.Error("still signed in, or nobody wrote it down")
	}
	back(t, ada.Arrive(logout("id_token_hint", token, "post_logout_redirect_uri", after)), after) // a second time, signed out already
}

func TestRPInitiatedLogout_2_ByPostTheSessionIsFoundToo(t *testing.T) {
	r, app, ada := newRig(t)
	form := url.Values{"id_token_hint": {hint(r, app, r.User.ID, "")}, "post_logout_redirect_uri": {after}}
	answer := ada.PostFrom("https://shop.example", "/oauth/logout", form)
	if answer.Status != http.StatusSeeOther || strings.Contains(answer.Location.String(), "id_token_hint") {
		t.Fatalf("%d %v", answer.Status, answer.Location)
	}
	page, err := ada.Follow(answer, nil)
	r.Must(err)
	back(t, page, after)
	if len(sessions(r)) != 0 {
		t.Error("still signed in")
	}
}

func TestRPInitiatedLogout_6_OtherwiseThePersonIsAsked(t *testing.T) {
	r, app, ada := newRig(t)
	for name, pairs := range map[string][]string{
		"nothing at all":            nil,
		"client_id only":            {"client_id", app.ID, "post_logout_redirect_uri", after},
		"a hint of another session": {"id_token_hint", hint(r, app, r.User.ID, "another"), "post_logout_redirect_uri", after},
		"a hint of another person":  {"id_token_hint", hint(r, app, "dev", ""), "post_logout_redirect_uri", after},
		"a hint that is garbage":    {"id_token_hint", "e30.e30.e30", "client_id", app.ID, "post_logout_redirect_uri", after},
	} {
		page := ada.Arrive(logout(pairs...))
		if page.Location != nil || !page.Has("sign-out") || len(sessions(r)) != 1 {
			t.Errorf("%s: %d %v", name, page.Status, page.Location)
		}
	}
	page := ada.Arrive(logout("client_id", app.ID, "post_logout_redirect_uri", after, "state", "s"))
	back(t, ada.PressOnly(page, "sign-out"), after+"&state=s")
	if len(sessions(r)) != 0 {
		t.Error("still signed in")
	}
}

// An app's last ID Token may be older than the keys that are kept. It proves neither who is meant nor whose the address is.
func TestRPInitiatedLogout_2_AHintThatNobodyCanReadAnyMoreIsNone(t *testing.T) {
	r, app, ada := newRig(t)
	old := hint(r, app, r.User.ID, "")
	for range 2 {
		r.Advance(25 * time.Hour)
		_, err := r.Keys.Rotate(t.Context(), jwk.ES256)
		r.Must(err)
	}
	r.Must(r.Store.PollChanges(t.Context()))
	back(t, ada.PressOnly(ada.Arrive(logout("id_token_hint", old, "client_id", app.ID, "post_logout_redirect_uri", after)), "sign-out"), after)
	ada.SignIn(ada.Arrive("/sign-in"))
	for _, unproven := range []string{after, "https://evil.example"} {
		page := ada.Arrive(logout("id_token_hint", old, "post_logout_redirect_uri", unproven))
		if page.Location != nil || !page.Has("sign-out") || len(sessions(r)) != 1 {
			t.Fatalf("%d %v, want to be asked", page.Status, page.Location)
		}
		if strings.Contains(page.Text, unproven) {
			t.Error("the page leads to an address that nothing proves")
		}
	}
	page := ada.PressOnly(ada.Arrive(logout("id_token_hint", old, "post_logout_redirect_uri", after)), "sign-out")
	if page.Status != http.StatusOK || page.Location != nil || len(sessions(r)) != 0 {
		t.Errorf("%d %v, %d sessions", page.Status, page.Location, len(sessions(r)))
	}
}

func TestRPInitiatedLogout_3_AnUnprovenAddressIsNeverRedirectedTo(t *testing.T) {
	r, app, ada := newRig(t)
	other := r.Fixture.App()
	for name, c := range map[string]struct {
		pairs []string
		want  string
	}{
		"not registered":           {[]string{"client_id", app.ID, "post_logout_redirect_uri", "https://evil.example"}, oauth.CodeInvalidRedirectURI},
		"not equal":                {[]string{"client_id", app.ID, "post_logout_redirect_uri", after + "2"}, oauth.CodeInvalidRedirectURI},
		"another client's":         {[]string{"client_id", other.ID, "post_logout_redirect_uri", after}, oauth.CodeInvalidRedirectURI},
		"a redirect_uri":           {[]string{"client_id", app.ID, "post_logout_redirect_uri", tokentest.RedirectURI}, oauth.CodeInvalidRedirectURI},
		"nobody's":                 {[]string{"post_logout_redirect_uri", after}, oauth.CodeInvalidRequest},
		"unknown client":           {[]string{"client_id", "nobody"}, oauth.CodeInvalidClient},
		"hint of another client":   {[]string{"id_token_hint", hint(r, other, r.User.ID, ""), "client_id", app.ID}, oauth.CodeInvalidRequest},
		"a sealed plan is garbage": {[]string{"r", "AQID"}, oauth.CodeInvalidRequest},
	} {
		page := ada.Arrive(logout(c.pairs...))
		if page.Location != nil || page.Status != http.StatusBadRequest || page.Fault() != c.want || len(sessions(r)) != 1 {
			t.Errorf("%s: %d %q %v", name, page.Status, page.Fault(), page.Location)
		}
	}
}

func TestSignOutByThemselves(t *testing.T) {
	r, _, ada := newRig(t)
	page := ada.Arrive("/sign-out")
	if forged := ada.PostFrom("https://evil.example", "/sign-out", url.Values{}); forged.Status != http.StatusForbidden || len(sessions(r)) != 1 {
		t.Errorf("another site signs people out: %d", forged.Status)
	}
	done := ada.PressOnly(page, "sign-out")
	if done.Status != http.StatusOK || len(sessions(r)) != 0 || strings.Contains(done.Text, ada.Email) {
		t.Errorf("%d, %d sessions", done.Status, len(sessions(r)))
	}
	if again := ada.Arrive("/sign-out"); again.Status != http.StatusOK || again.Has("sign-out") {
		t.Errorf("signed out already: %d", again.Status)
	}
}
