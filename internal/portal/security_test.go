package portal_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/store"
	"latchkey.dev/tests/person"
)

const goodPassword, betterPassword = "seven green umbrellas", "nine yellow bicycles"

func (f *fixture) setPassword(user, password string) {
	f.Helper()
	hash, err := f.passwords.Hash(f.Context(), password)
	f.ok(err)
	f.do(func(tx *store.Tx) error { return tx.SetPassword("acme", user, hash) })
}

func (f *fixture) passwordIs(user, password string) bool {
	f.Helper()
	row, err := f.store.User(f.Context(), "acme", user)
	f.ok(err)
	right, err := f.passwords.Verify(f.Context(), row.PasswordHash, password)
	f.ok(err)
	return right
}

func TestChangingThePasswordEndsOtherSessions(t *testing.T) {
	f := newFixture(t)
	f.user("owner")
	f.setPassword("owner", goodPassword)
	here, there := f.browser("owner"), f.browser("owner")
	here.says(here.open("/security"), "At least 10")
	here.silent(here.open("/security"), "Last changed", "not changed") // events are kept for a while only: nobody knows
	page := here.press(here.open("/security"), "change-password", map[string]string{"current_password": goodPassword, "new_password": betterPassword})
	here.says(page, "Your password is changed. You are signed out everywhere else.", "Last changed")
	here.silent(here.open("/security"), "Your password is changed") // said once
	if !f.passwordIs("owner", betterPassword) {
		t.Error("the new password does not hold")
	}
	if page := there.open("/security"); page.Status != http.StatusFound {
		t.Errorf("the other browser is still signed in: %d", page.Status)
	}
	if f.recorded("owner", store.EventPasswordChanged) != 1 {
		t.Error("no event")
	}
	mails := f.delivered()
	if len(mails) != 1 || mails[0].To != "owner@example.com" || strings.Contains(mails[0].Text, betterPassword) {
		t.Errorf("mails: %+v", mails)
	}
}

func TestChangingThePasswordIsRefused(t *testing.T) {
	f := newFixture(t)
	f.user("owner")
	f.setPassword("owner", goodPassword)
	b := f.browser("owner")
	for name, c := range map[string]struct{ current, wanted, says string }{
		"wrong current":  {"something else", betterPassword, "current password"},
		"no current":     {"", betterPassword, ""},
		"none wanted":    {goodPassword, "", ""},
		"too short":      {goodPassword, "short", "10"},
		"the same":       {goodPassword, goodPassword, ""},
		"too common":     {goodPassword, "1234567890", ""},
		"their own name": {goodPassword, "owner@example.com", ""},
		"too long":       {goodPassword, strings.Repeat("long words ", 20), "128"},
	} {
		page := b.post("/security", "action", "change-password", "current_password", c.current, "new_password", c.wanted)
		if page.Status != http.StatusUnprocessableEntity || !strings.Contains(page.Text, `aria-invalid="true"`) {
			t.Errorf("%s: %d", name, page.Status)
		}
		b.saysWith(page, http.StatusUnprocessableEntity, c.says)
		if c.current != "" && strings.Contains(page.Text, c.current) {
			t.Errorf("%s: the page repeats the password", name)
		}
	}
	if !f.passwordIs("owner", goodPassword) || len(f.events("owner")) != 0 || len(f.delivered()) != 0 {
		t.Error("something changed")
	}
}

// The thief has a session and knows the password; its owner resets it.
func TestAChangeNeverReplacesThePasswordOfAReset(t *testing.T) {
	f := newFixture(t)
	f.user("owner")
	f.do(func(tx *store.Tx) error { return tx.SetPassword("acme", "owner", servertest.SlowHash(goodPassword)) })
	thief := f.browser("owner")
	reset, err := f.passwords.Hash(f.Context(), "three orange ladders")
	f.ok(err)
	var changing sync.WaitGroup
	var page *person.Page
	changing.Go(func() {
		page = thief.post("/security", "action", "change-password", "current_password", goodPassword, "new_password", betterPassword)
	})
	servertest.AwaitHash(f, f.passwords.Underway)
	f.do(func(tx *store.Tx) error { return tx.SetPassword("acme", "owner", reset) })
	changing.Wait()
	if page.Status != http.StatusUnprocessableEntity || !f.passwordIs("owner", "three orange ladders") {
		t.Errorf("%d; the password of the reset does not hold", page.Status)
	}
	if f.recorded("owner", store.EventPasswordChanged) != 0 || len(f.delivered()) != 0 {
		t.Error("a change that was refused left an event or a mail")
	}
}

func TestGuessingTheCurrentPasswordIsLimited(t *testing.T) {
	f := newFixture(t)
	f.user("owner")
	f.setPassword("owner", goodPassword)
	b := f.browser("owner")
	for range 10 {
		b.saysWith(b.post("/security", "action", "change-password", "current_password", "guess", "new_password", betterPassword), http.StatusUnprocessableEntity)
	}
	page := b.post("/security", "action", "change-password", "current_password", goodPassword, "new_password", betterPassword)
	b.saysWith(page, http.StatusTooManyRequests, "changing the password is paused")
	if wait := page.Header.Get("Retry-After"); wait == "" {
		t.Error("it is not said when to come back")
	}
	if !f.passwordIs("owner", goodPassword) {
		t.Fatal("the eleventh guess was taken")
	}
	f.later(16 * time.Minute)
	b.says(b.then(b.post("/security", "action", "change-password", "current_password", goodPassword, "new_password", betterPassword)), "Your password is changed")
}

func TestSigningOutOtherBrowsers(t *testing.T) {
	f := newFixture(t)
	f.user("owner")
	f.user("other")
	here, second, third, foreign := f.browser("owner"), f.browser("owner"), f.browser("owner"), f.browser("other")
	sessions, err := f.store.Sessions(t.Context(), "acme", "owner")
	f.ok(err)
	if len(sessions) != 3 {
		t.Fatalf("%d sessions", len(sessions))
	}
	foreignSessions, err := f.store.Sessions(t.Context(), "acme", "other")
	f.ok(err)
	here.says(here.open("/security"), "This browser", "Sign out 2 other browsers")
	here.says(here.then(here.post("/security", "action", "end-session", "session", foreignSessions[0].ID)))
	if page := foreign.open("/security"); page.Status != http.StatusOK {
		t.Error("somebody else's browser was signed out")
	}
	page := here.press(here.open("/security"), "end-others", nil)
	here.says(page, "All other browsers are signed out.")
	for _, gone := range []*browser{second, third} {
		if page := gone.open("/security"); page.Status != http.StatusFound {
			t.Errorf("it is still signed in: %d", page.Status)
		}
	}
	if f.recorded("owner", store.EventSessionEnded) != 1 {
		t.Errorf("events: %v", f.events("owner"))
	}
}

func TestSigningOutOneBrowser(t *testing.T) {
	f := newFixture(t)
	f.user("owner")
	here, there := f.browser("owner"), f.browser("owner")
	page := here.open("/security")
	sessions, err := f.store.Sessions(t.Context(), "acme", "owner")
	f.ok(err)
	var other string
	for _, row := range sessions {
		if strings.Contains(page.Text, `value="`+row.ID+`"`) { // only others can be ended here
			other = row.ID
		}
	}
	for range 2 {
		here.says(here.then(here.post("/security", "action", "end-session", "session", other)), "That browser is signed out.")
	}
	if page := there.open("/security"); page.Status != http.StatusFound {
		t.Error("it is still signed in")
	}
	if page := here.open("/security"); page.Status != http.StatusOK {
		t.Error("this one is not")
	}
}

func TestLanguageIsSavedAndSpokenAtOnce(t *testing.T) {
	f := newFixture(t)
	f.user("owner")
	b := f.browser("owner")
	b.open("/security?lang=fr") // a choice made in the footer, which a cookie keeps
	page := b.then(b.post("/security", "action", "language", "lang", "ar"))
	if page.Status != http.StatusOK || !strings.Contains(page.Text, `dir="rtl"`) {
		t.Errorf("the page is not in Arabic: %d", page.Status)
	}
	row, err := f.store.User(t.Context(), "acme", "owner")
	f.ok(err)
	if row.Locale != "ar" || row.Name != "Owner" {
		t.Errorf("saved %q, name %q", row.Locale, row.Name)
	}
	if page := b.post("/security", "action", "language", "lang", "xx"); page.Status != http.StatusBadRequest {
		t.Errorf("an unknown language: %d", page.Status)
	}
}

func TestTroubleWithTheDatabaseIsSaid(t *testing.T) {
	f := newFixture(t)
	f.user("owner")
	b := f.browser("owner")
	f.ok(f.store.Close())
	for _, path := range []string{"/connected", "/activity", "/security", "/accounts", "/accounts/x", "/invitations/x"} {
		if page := b.open(path); page.Status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", path, page.Status)
		}
	}
	var unavailable *store.UnavailableError
	if err := f.store.Ping(t.Context()); !errors.As(err, &unavailable) {
		t.Error(err)
	}
}
