package interaction_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"latchkey.dev/internal/password"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/tests/person"
)

// resetLink asks for a reset and returns the mail's link.
func resetLink(t *testing.T, r *servertest.Rig, browser *servertest.Browser) string {
	t.Helper()
	before := len(r.Mails(browser.Email))
	browser.Press(browser.Arrive("/reset-password"), "send-link", "email", browser.Email)
	mails := r.Mails(browser.Email)
	if len(mails) != before+1 {
		t.Fatalf("%d mails", len(mails)-before)
	}
	return regexp.MustCompile(`https://acme.example(/new-password\S*)`).FindStringSubmatch(mails[before].Text)[1]
}

func TestAResetLinkSetsThePasswordOnceAndEndsEverySession(t *testing.T) {
	r := servertest.New(t)
	ada, elsewhere := r.Ada(), r.Ada()
	_ = elsewhere.PressOnly(elsewhere.Arrive("/sign-in"), "sign-in", "email", ada.Email, "password", ada.Password)
	link := resetLink(t, r, ada)
	page := r.At(ada.Arrive(link), "/new-password")
	if weak := ada.Press(page, "save-password", "new_password", "short"); weak.Status != http.StatusUnprocessableEntity {
		t.Errorf("a weak one: %d", weak.Status)
	}
	done := ada.Press(page, "save-password", "new_password", "yellow window nine")
	if done.Status != http.StatusOK || done.Has("save-password") || done.URL.Query().Get("changed") == "" {
		t.Fatalf("%d %s", done.Status, done.Text)
	}
	if used := ada.Press(page, "save-password", "new_password", "another one entirely"); !strings.Contains(used.Text, "/reset-password") || used.Has("save-password") {
		t.Error("the link works twice")
	}
	if left, err := r.Store.Sessions(t.Context(), "acme", r.User.ID); err != nil || len(left) != 0 {
		t.Errorf("sessions left: %v, %v", left, err)
	}
	ada.Password = "yellow window nine"
	if page := ada.PressOnly(ada.Arrive("/sign-in"), "sign-in", "email", ada.Email, "password", ada.Password); page.Location == nil {
		t.Error("the new password does not sign in")
	}
	if events := r.Events(); tokentest.Count(events, store.EventPasswordReset) != 1 {
		t.Errorf("events = %v", events)
	}
}

// signInDuring posts Ada's password, and does something else while it is looked at.
func signInDuring(r *servertest.Rig, ada *servertest.Browser, meanwhile func(tx *store.Tx) error) (answer *person.Page) {
	r.Helper()
	r.Tx(func(tx *store.Tx) error { return tx.SetPassword("acme", r.User.ID, servertest.SlowHash(ada.Password)) })
	page := ada.Arrive("/sign-in")
	var signingIn sync.WaitGroup
	signingIn.Go(func() { answer = ada.PressOnly(page, "sign-in", "email", ada.Email, "password", ada.Password) })
	servertest.AwaitHash(r.TB, r.Hashing)
	r.Tx(meanwhile)
	signingIn.Wait()
	return answer
}

func TestAResetPutsOutWhoSignsInMeanwhile(t *testing.T) {
	r := servertest.New(t)
	thief := r.Ada()
	answer := signInDuring(r, thief, func(tx *store.Tx) error {
		_, err := tx.EndOtherSessions("acme", r.User.ID, nil)
		return errors.Join(tx.SetPassword("acme", r.User.ID, servertest.SlowHash("yellow window nine")), err)
	})
	if answer.Status != http.StatusUnprocessableEntity || !answer.HasElement("password") {
		t.Errorf("the password of before is answered with %d", answer.Status)
	}
	if left, err := r.Store.Sessions(t.Context(), "acme", r.User.ID); err != nil || len(left) != 0 {
		t.Errorf("signed in: %v, %v", left, err)
	}
}

func TestAPasswordThatWasHashedAgainMeanwhileSignsIn(t *testing.T) {
	r := servertest.New(t)
	hash, err := password.New(password.Config{Rand: rand.Reader}).Hash(t.Context(), servertest.Password)
	r.Must(err)
	answer := signInDuring(r, r.Ada(), func(tx *store.Tx) error { return tx.SetPassword("acme", r.User.ID, hash) })
	if answer.Location == nil || answer.Location.Path != "/connected" {
		t.Errorf("%d", answer.Status)
	}
}

func TestAWeakHashGivesWayAtSignIn(t *testing.T) {
	r := servertest.New(t)
	weak := servertest.WeakHash(servertest.Password)
	r.Tx(func(tx *store.Tx) error { return tx.SetPassword("acme", r.User.ID, weak) })
	signIn := func(typed string) (hash string) {
		ada := r.Ada()
		page := ada.PressOnly(ada.Arrive("/sign-in"), "sign-in", "email", ada.Email, "password", typed)
		if in := page.Location != nil; in != (typed == servertest.Password) {
			t.Errorf("%s: signed in is %t", typed, in)
		}
		user, err := r.Store.User(t.Context(), "acme", r.User.ID)
		r.Must(err)
		return user.PasswordHash
	}
	if signIn("another password") != weak {
		t.Error("a wrong password was hashed anew")
	}
	renewed := signIn(servertest.Password)
	if renewed == weak || password.New(password.Config{Rand: rand.Reader}).Weak(renewed, servertest.Password) {
		t.Errorf("the hash is %s", renewed)
	}
	if again := signIn(servertest.Password); again != renewed {
		t.Error("a good hash was made anew")
	}
}

func TestAWeakHashLetsInAllWhoSignInAtOnce(t *testing.T) {
	r := servertest.New(t)
	r.Tx(func(tx *store.Tx) error {
		return tx.SetPassword("acme", r.User.ID, servertest.WeakHash(servertest.Password))
	})
	var signingIn sync.WaitGroup
	for range 8 {
		ada := r.Ada()
		page := ada.Arrive("/sign-in")
		signingIn.Go(func() {
			if answer := ada.PressOnly(page, "sign-in", "email", ada.Email, "password", ada.Password); answer.Location == nil {
				t.Errorf("not signed in: %d", answer.Status)
			}
		})
	}
	signingIn.Wait()
}

func TestAResetLinkExpires(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	link := resetLink(t, r, ada)
	r.Advance(r.Issuer.Lifetimes.EmailCode)
	if page := ada.Arrive(link); page.Has("save-password") {
		t.Error("an old link still takes a password")
	}
	if page := ada.Arrive("/new-password?token=never-made"); page.Has("save-password") || page.Status != http.StatusGone {
		t.Errorf("a link that was never made: %d", page.Status)
	}
}

func TestAResetLetsInWhomSomebodyLockedOut(t *testing.T) {
	r := servertest.New(t)
	ada, thief := r.Ada(), r.Browser("eve@example.org")
	for range 11 {
		guess(thief, ada.Email)
	}
	page := ada.Arrive(resetLink(t, r, ada))
	_ = ada.Press(page, "save-password", "new_password", "yellow window nine")
	for range 11 {
		guess(thief, ada.Email)
	}
	if page := ada.PressOnly(ada.Arrive("/sign-in"), "sign-in", "email", ada.Email, "password", "yellow window nine"); page.Location == nil {
		t.Errorf("still locked out: %d", page.Status)
	}
}

func TestAResetLinkIsGoodWithoutTheAppThatItWasAskedForIn(t *testing.T) {
	for name, stop := range map[string]func(*servertest.Rig, *store.Tx) error{
		"stopped": func(r *servertest.Rig, tx *store.Tx) error {
			return tx.SetClientStatus("acme", r.App.ID, store.ClientSuspended)
		},
		"deleted": func(r *servertest.Rig, tx *store.Tx) error { return tx.DeleteClient("acme", r.App.ID) },
	} {
		t.Run(name, func(t *testing.T) {
			r := servertest.New(t)
			ada := r.Ada()
			page := ada.Arrive(r.Request(r.App))
			ada.Press(ada.Arrive("/reset-password?r="+page.URL.Query().Get("r")), "send-link", "email", ada.Email)
			link := regexp.MustCompile(`https://acme.example(/new-password\S*)`).FindStringSubmatch(r.Mails(ada.Email)[0].Text)[1]
			r.Tx(func(tx *store.Tx) error { return stop(r, tx) })
			done := ada.Press(r.At(ada.Arrive(link), "/new-password"), "save-password", "new_password", "yellow window nine")
			if done.Status != http.StatusOK || done.URL.Query().Get("changed") == "" {
				t.Errorf("%d %s", done.Status, done.URL)
			}
		})
	}
}

func TestAResetInsideAFlowLeadsBackToIt(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.Arrive(r.Request(r.App))
	ada.Press(ada.Arrive("/reset-password?r="+page.URL.Query().Get("r")), "send-link", "email", ada.Email)
	link := regexp.MustCompile(`https://acme.example(/new-password\S*)`).FindStringSubmatch(r.Mails(ada.Email)[0].Text)[1]
	done := ada.Press(ada.Arrive(link), "save-password", "new_password", "yellow window nine")
	back := regexp.MustCompile(`href="(/sign-in\?r=[^"]+)"`).FindStringSubmatch(done.Text)
	if back == nil {
		t.Fatalf("no way back into the flow:\n%s", done.Text)
	}
	ada.Password = "yellow window nine"
	r.At(ada.SignIn(ada.Arrive(back[1])), "/consent")
}

func TestResetOfAnUnknownAddressLooksTheSame(t *testing.T) {
	r := servertest.New(t)
	pages := map[string]bool{}
	for _, email := range []string{"ada@shop.example", "eve@example.org"} {
		browser := r.Browser(email)
		page := browser.Press(browser.Arrive("/reset-password"), "send-link", "email", email)
		pages[alike(page, email)] = true
	}
	if len(pages) != 1 || len(r.Mails("eve@example.org")) != 0 {
		t.Error("the pages differ, or a stranger got mail")
	}
}
