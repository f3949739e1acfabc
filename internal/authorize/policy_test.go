package authorize_test

import (
	"testing"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/servertest"
)

func TestMinStateGoesBackToTheApp(t *testing.T) {
	r := servertest.New(t, func(is *issuer.Issuer) { is.Policy.MinState = 8 })
	for state, refused := range map[string]bool{"": true, "1234567": true, "12345678": false, "ngẫu-nhiên": false, "七个字的状态吗": true} {
		page := r.Ada().Arrive(r.Request(r.App, "state", state))
		if got := page.Location != nil && page.Location.Query().Get("error") == oauth.CodeInvalidRequest; got != refused {
			t.Errorf("state %q: refused %v, to %v", state, got, page.Location)
		}
		if refused && page.Location.Query().Get("state") != state {
			t.Errorf("state %q came back as %q", state, page.Location.Query().Get("state"))
		}
	}
}

func TestDropScopesLeavesOutWhatIsNotTheApps(t *testing.T) {
	r := servertest.New(t, func(is *issuer.Issuer) { is.Policy.DropScopes = true })
	ada := r.Ada()
	page := ada.SignIn(ada.Arrive(r.Request(r.App, "scope", "orders.read no.such.scope")))
	back := ada.Press(page, "allow")
	if back.Location == nil || back.Location.Query().Get("code") == "" {
		t.Fatalf("%d %q, to %v", back.Status, back.Fault(), back.Location)
	}
	page = r.Ada().Arrive(r.Request(r.App, "scope", "no.such.scope"))
	if page.Location == nil || page.Location.Query().Get("error") != oauth.CodeInvalidScope {
		t.Errorf("RFC 6749 §3.3, nothing left: %v", page.Location)
	}
}
