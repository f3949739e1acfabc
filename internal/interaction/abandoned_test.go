package interaction_test

import (
	"flag"
	"maps"
	"testing"
	"time"

	"latchkey.dev/internal/servertest"
)

var abandoned = flag.Int("abandoned", 300, "how many people begin to sign in and go away")

// An authorization request waits in the person's own browser, sealed, so that whoever only begins costs no row: neither a crawler nor
// somebody who fills disks can make the database grow.
func TestAbandonedSignInsLeaveNothingBehind(t *testing.T) {
	r := servertest.New(t)
	before, size := r.AllRows(), sizeOf(r)
	for i := range *abandoned {
		r.Advance(time.Second)
		browser := r.Browser("somebody@example.org")
		page := r.At(browser.Arrive(r.Request(r.App)), "/sign-in")
		if i%100 == 0 { // some look around before they go
			_ = r.At(browser.Arrive("/reset-password"), "/reset-password")
			_ = r.At(browser.Arrive(page.URL.String()), "/sign-in")
		}
		r.Requests.Reset()
	}
	if after := r.AllRows(); !maps.Equal(before, after) {
		t.Errorf("%d sign-ins left rows behind: %v, and before %v", *abandoned, after, before)
	}
	if grown := sizeOf(r) - size; grown != 0 {
		t.Errorf("%d sign-ins made the database %d bytes larger", *abandoned, grown)
	}
}

// Trying a password must be counted, and signing in half-way recorded; what that leaves ends by itself.
func TestWhatHalfASignInLeavesIsPruned(t *testing.T) {
	r := servertest.New(t)
	before := r.AllRows()
	for _, email := range []string{"ada@shop.example", "eve@example.org"} {
		browser := r.Browser(email)
		_ = browser.Press(browser.Arrive(r.Request(r.App)), "sign-in", "email", email, "password", "not this one")
	}
	signed := r.Ada()
	_ = signed.SignIn(signed.Arrive(r.Request(r.App))) // and never answers the consent page
	_ = r.Mails(r.User.Email)                          // about a new browser
	if maps.Equal(before, r.AllRows()) {
		t.Fatal("nothing was counted")
	}
	r.Advance(400 * 24 * time.Hour)
	r.Prune()
	after := r.AllRows()
	before["events"] = 0 // those of the beginning are old, too
	if !maps.Equal(before, after) {
		t.Errorf("left behind: %v, and before %v", after, before)
	}
}

func sizeOf(r *servertest.Rig) int64 {
	size, err := r.Store.Size(r.Context())
	r.Must(err)
	return size
}
