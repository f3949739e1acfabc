package portal_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/portal"
	"latchkey.dev/internal/store"
)

func (f *fixture) record(events ...store.Event) {
	f.Helper()
	for _, event := range events {
		event.Issuer = "acme"
		f.do(func(tx *store.Tx) error { return tx.Record(event) })
		f.later(time.Microsecond) // identifiers are ordered by their transaction's time, to the microsecond
	}
}

func TestActivityTellsEveryEventOfAUser(t *testing.T) {
	// What no user does or suffers in their own name: the developer's portal and the operator's log tell these. One who is deleted reads nothing.
	others := regexp.MustCompile(`^(client|keys)\.|^service_account\.signed_in$|^user\.deleted$`)
	for _, kind := range store.EventTypes {
		if told := portal.Tells(kind); told == others.MatchString(string(kind)) {
			t.Errorf("%s: told is %v", kind, told)
		}
	}
}

func TestActivityIsInWords(t *testing.T) {
	f := newFixture(t)
	f.shop()
	f.app("robot")
	here := store.Event{UserID: "owner", AccountID: "shop", ClientID: "robot"}
	for kind, words := range map[store.EventType]string{
		store.EventUserSignedIn: "You signed in.", store.EventPasswordChanged: "You changed your password.", store.EventGrantCreated: "You connected App robot to The shop.",
		store.EventGrantChanged: "You changed what App robot can do with The shop.", store.EventGrantRevoked: "The access of App robot to The shop was ended.",
		store.EventTokenIssued: "App robot got access to The shop.", store.EventCodeReplayed: "an old key of App robot again", store.EventRefreshTokenReused: "an old key of App robot again",
		store.EventMemberInvited: "new@example.com was invited to The shop. Role: Administrator", store.EventMemberRemoved: "new@example.com was removed from The shop",
		store.EventAccountRenamed: "You renamed The shop.", store.EventUserSuspended: "Your sign-in was stopped.",
	} {
		event := here
		event.Type, event.Detail = kind, map[string]string{"email": "new@example.com", "role": "admin"}
		f.record(event)
		b := f.browser("owner")
		b.says(b.open("/activity"), words)
	}
	b := f.browser("stranger")
	b.silent(b.open("/activity"), "robot", "shop")
}

// What the platform did for a user is not told as the user's own doing.
func TestActivityTellsWhatThePlatformDid(t *testing.T) {
	f := newFixture(t)
	f.shop()
	for kind, c := range map[store.EventType]struct{ platform, own string }{
		store.EventUserSignedUp:    {"Acme signed you up.", "You signed up."},
		store.EventPasswordChanged: {"Acme set a new password for you.", "You changed your password."},
		store.EventAccountCreated:  {"Acme created the account The shop for you.", "You created the account The shop."},
	} {
		f.record(store.Event{Type: kind, UserID: "owner", AccountID: "shop", Detail: map[string]string{"reason": store.ReasonOperator}})
		b := f.browser("owner")
		page := b.open("/activity")
		b.says(page, c.platform)
		b.silent(page, c.own)
		f.record(store.Event{Type: kind, UserID: "owner", AccountID: "shop"})
		b.says(b.open("/activity"), c.own)
	}
}

func TestActivityFilters(t *testing.T) {
	f := newFixture(t)
	f.shop()
	f.app("robot")
	f.record(
		store.Event{Type: store.EventUserSignedUp, UserID: "owner"},
		store.Event{Type: store.EventGrantCreated, UserID: "owner", AccountID: "shop", ClientID: "robot"},
		store.Event{Type: store.EventAccountCreated, UserID: "owner", AccountID: "shop"},
		store.Event{Type: store.EventClientCreated, UserID: "owner", ClientID: "robot"},
	)
	b := f.browser("owner")
	lines := map[string]string{"sign_in": "You signed up", "apps": "You connected App robot", "accounts": "You created the account"}
	for filter := range lines {
		page := b.open("/activity?show=" + filter)
		for other, line := range lines {
			if strings.Contains(text(page), line) != (filter == other) {
				t.Errorf("show=%s: %q is shown the wrong way", filter, line)
			}
		}
	}
	b.silent(b.open("/activity"), "Something else")
	b.says(f.browser("admin").open("/activity?show=accounts"), "Nothing of this kind happened yet.")
}

func TestActivityPagesNeitherSkipNorRepeat(t *testing.T) {
	f := newFixture(t)
	f.shop()
	const total = 120
	for i := range total {
		f.record(store.Event{Type: store.EventMemberInvited, UserID: "owner", AccountID: "shop", Detail: map[string]string{"email": fmt.Sprintf("p%03d@example.com", i)}})
		f.record(store.Event{Type: store.EventUserSignedIn, UserID: "owner"})
	}
	b := f.browser("owner")
	var seen []string
	pages := 0
	for next := "/activity?show=accounts"; next != ""; pages++ {
		page := b.open(next)
		b.says(page)
		seen = append(seen, regexp.MustCompile(`p\d{3}@`).FindAllString(page.Text, -1)...)
		next = ""
		if link := regexp.MustCompile(`href="([^"]*before=[^"]*)" rel="next"`).FindStringSubmatch(page.Text); link != nil {
			next = strings.ReplaceAll(link[1], "&amp;", "&")
		}
	}
	if len(seen) != total || pages != 3 {
		t.Errorf("%d events on %d pages, want %d on 3", len(seen), pages, total)
	}
	if !slices.IsSortedFunc(seen, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Error("they are not newest first")
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(seen))); len(distinct) != total {
		t.Errorf("%d different events", len(distinct))
	}
}
