package interaction_test

import (
	"net/url"
	"testing"
	"time"

	"latchkey.dev/internal/servertest"
	"latchkey.dev/tests/person"
)

// signInAt is a sign-in at a node whose clock differs.
func signInAt(r *servertest.Rig, browser *servertest.Browser, page *person.Page, difference time.Duration) *person.Page {
	r.Advance(difference)
	defer r.Advance(-difference)
	return browser.SignIn(page)
}

func TestOIDCCore_3_1_2_1_ASignInOnTheWayCountsWhateverTheClocksSay(t *testing.T) {
	for _, asks := range [][2]string{{"prompt", "login"}, {"max_age", "0"}} {
		r := servertest.New(t)
		ada := r.Ada()
		_ = ada.SignIn(ada.Arrive("/sign-in"))
		page := r.At(ada.Arrive(r.Request(r.App, asks[0], asks[1])), "/sign-in")
		r.At(signInAt(r, ada, page, -2*time.Second), "/consent")
		r.At(ada.Arrive(r.Request(r.App, asks[0], asks[1])), "/sign-in") // on the way of that request, and not of the next
	}
}

func TestAnotherUserIsAskedForWhateverTheClocksSay(t *testing.T) {
	r := servertest.New(t)
	r.NewUser("bob", "bob@example.org")
	r.NewAccount("acc_bob", "Bob's boats", "bob")
	browser := r.Ada()
	page := r.At(signInAt(r, browser, browser.Arrive(r.Request(r.App)), 2*time.Second), "/consent")
	answer := browser.Post("/choose-account", url.Values{"r": {page.URL.Query().Get("r")}, "action": {"other-user"}})
	page = r.At(browser.Arrive(answer.Location.String()), "/sign-in")
	browser.Email = "bob@example.org"
	page = r.At(signInAt(r, browser, page, -2*time.Second), "/consent")
	if !says(page, "Bob's boats") {
		t.Error("the page is not Bob's")
	}
}
