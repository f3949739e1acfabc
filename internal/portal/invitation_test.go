package portal_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/store"
)

// invite sends an invitation from the account's page and returns the path in the mail that arrived.
func (b *browser) invite(email, role string) string {
	b.Helper()
	before := len(b.delivered())
	page := b.press(b.open("/accounts/shop"), "invite", map[string]string{"email": email, "role": role})
	b.says(page, "The invitation is on its way", strings.ToLower(strings.TrimSpace(email)))
	mails := b.delivered()
	if len(mails) != before+1 || mails[before].To != strings.ToLower(strings.TrimSpace(email)) {
		b.Fatalf("mails: %+v", mails[before:])
	}
	link := regexp.MustCompile(regexp.QuoteMeta(acme) + `(/invitations/lk_in_\S+)`).FindStringSubmatch(mails[before].Text)
	if link == nil {
		b.Fatalf("no link in the mail: %s", mails[before].Text)
	}
	return link[1]
}

func TestAnInvitationIsMailedAndAccepted(t *testing.T) {
	f := newFixture(t)
	f.shop()
	link := f.browser("admin").invite("stranger@example.com", "admin")
	b := f.browser("stranger")
	page := b.open(link)
	b.says(page, "Join The shop?", "Admin invited you to The shop", "Your role: Admin")
	page = b.press(page, "accept", nil)
	b.says(page, "Welcome. You are now a member of this account.", "Your role: Admin")
	if !roleIs("stranger", issuer.RoleAdmin)(f) || f.recorded("stranger", store.EventMemberJoined) != 1 || f.recorded("admin", store.EventMemberInvited) != 1 {
		t.Error("membership or events are missing")
	}
	b.saysWith(b.open(link), http.StatusGone, "already used")
	b.saysWith(b.post(link, "action", "accept"), http.StatusGone)
}

func TestAnInvitationOfNobodySignedInComesBack(t *testing.T) {
	f := newFixture(t)
	f.shop()
	link := f.browser("owner").invite("new@example.com", "member")
	b := f.browser("")
	if page := b.open(link); location(page) != "/sign-in?next="+url.QueryEscape(link) {
		t.Errorf("it leads to %s", location(page))
	}
}

func TestAnInvitationIsForItsAddressOnly(t *testing.T) {
	f := newFixture(t)
	f.shop()
	link := f.browser("owner").invite("new@example.com", "member")
	b := f.browser("stranger")
	page := b.open(link)
	b.says(page, "This invitation is for someone else", "new@example.com")
	b.silent(page, "The shop")
	for _, action := range []string{"accept", "decline"} {
		b.silent(b.post(link, "action", action), "Welcome")
	}
	if isGone("stranger")(f) != true || !isInvited(issuer.RoleMember)(f) {
		t.Error("somebody else answered it")
	}
	page = b.post(link, "action", "other-user")
	if location(page) != "/sign-in?next="+url.QueryEscape(link) {
		t.Errorf("it leads to %s", location(page))
	}
	if page := b.open("/accounts"); page.Status != http.StatusFound {
		t.Error("the browser is still signed in")
	}
}

func TestAnInvitationEnds(t *testing.T) {
	for name, end := range map[string]func(f *fixture){
		"with its time":           func(f *fixture) { f.later(8 * 24 * 60 * 60 * 1e9) },
		"with its withdrawal":     func(f *fixture) { f.withdrawAll() },
		"with a newer one":        func(f *fixture) { f.browser("owner").invite("stranger@example.com", "member") },
		"with its sender's place": func(f *fixture) { f.member("shop", "admin", issuer.RoleMember) },
		"with its sender": func(f *fixture) {
			f.do(func(tx *store.Tx) error {
				_, err := tx.RemoveMember("acme", "shop", "admin", "r")
				return err
			})
		},
		"with its sender's suspension": func(f *fixture) { f.suspend("admin") },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.shop()
			link := f.browser("admin").invite("stranger@example.com", "admin")
			end(f)
			b := f.browser("stranger")
			b.saysWith(b.open(link), http.StatusGone, "This invitation has ended")
			b.saysWith(b.post(link, "action", "accept"), http.StatusGone)
			b.saysWith(b.open("/invitations/lk_in_never"), http.StatusGone, "This invitation has ended")
			if !isGone("stranger")(f) {
				t.Error("it was accepted")
			}
		})
	}
}

func (f *fixture) suspend(user string) {
	f.Helper()
	f.do(func(tx *store.Tx) error { return tx.SuspendUser("acme", user, true) })
}

func (f *fixture) withdrawAll() {
	f.Helper()
	all, err := f.store.Invitations(f.Context(), "acme", "shop")
	f.ok(err)
	b := f.browser("owner")
	for _, invitation := range all {
		b.says(b.then(b.post("/accounts/shop", "action", "revoke-invitation", "invitation", invitation.ID)), "The invitation is withdrawn.")
	}
}

func TestDecliningLeavesNothing(t *testing.T) {
	f := newFixture(t)
	f.shop()
	link := f.browser("owner").invite("stranger@example.com", "member")
	b := f.browser("stranger")
	b.says(b.press(b.open(link), "decline", nil), "Accounts")
	b.saysWith(b.open(link), http.StatusGone)
	if !isGone("stranger")(f) {
		t.Error("they joined")
	}
}

func TestAMemberWhoAcceptsKeepsTheirRole(t *testing.T) {
	f := newFixture(t)
	f.shop()
	f.invitation("again", "admin@example.com", issuer.RoleMember)
	b := f.browser("admin")
	b.says(b.then(b.post("/invitations/again", "action", "accept")), "Your role: Admin")
}

func TestAcceptingTwiceAtOnceIsOnce(t *testing.T) {
	f := newFixture(t)
	f.shop()
	link := f.browser("owner").invite("stranger@example.com", "member")
	var all sync.WaitGroup
	browsers := make([]*browser, 16)
	for i := range browsers {
		browsers[i] = f.browser("stranger")
	}
	for _, b := range browsers {
		all.Go(func() { b.post(link, "action", "accept") })
	}
	all.Wait()
	if !roleIs("stranger", issuer.RoleMember)(f) || f.recorded("stranger", store.EventMemberJoined) != 1 {
		t.Errorf("%d joined", f.recorded("stranger", store.EventMemberJoined))
	}
}

func TestSendingAgainSendsAnotherLink(t *testing.T) {
	f := newFixture(t)
	f.shop()
	b := f.browser("owner")
	first := b.invite("stranger@example.com", "member")
	all, err := f.store.Invitations(t.Context(), "acme", "shop")
	f.ok(err)
	b.says(b.then(b.post("/accounts/shop", "action", "resend-invitation", "invitation", all[0].ID)), "We sent the invitation again.")
	mails := f.delivered()
	if len(mails) != 2 || strings.Contains(mails[1].Text, first) {
		t.Errorf("%d mails, or the link is the same", len(mails))
	}
	invited := f.browser("stranger")
	invited.saysWith(invited.open(first), http.StatusGone)
}

// The answer to an invitation is the same whether or not the address has a user.
func TestInvitingTellsNothingOfTheAddress(t *testing.T) {
	f := newFixture(t)
	f.shop()
	b := f.browser("owner")
	answers := map[string]string{}
	for _, email := range []string{"stranger@example.com", "unknown0@example.com"} {
		page := b.press(b.open("/accounts/shop"), "invite", map[string]string{"email": email, "role": "member"})
		answers[email] = strings.ReplaceAll(text(page), email, "ADDRESS")
	}
	if answers["stranger@example.com"] != answers["unknown0@example.com"] {
		t.Errorf("they differ:\n%s\n%s", answers["stranger@example.com"], answers["unknown0@example.com"])
	}
}

func TestInvitingIsCheckedAndLimited(t *testing.T) {
	f := newFixture(t)
	f.shop()
	b := f.browser("owner")
	for email, says := range map[string]string{"": "", "no address": "", "admin@example.com": "already"} {
		b.saysWith(b.post("/accounts/shop", "action", "invite", "email", email, "role", "member"), http.StatusUnprocessableEntity, says)
	}
	b.saysWith(b.post("/accounts/shop", "action", "invite", "email", "new@example.com"), http.StatusUnprocessableEntity)
	if len(f.delivered()) != 0 || len(f.events("owner")) != 0 {
		t.Error("a refusal sent a mail or left an event")
	}
	b.invite("  NEW@Example.com ", "member")
	for range 49 {
		if page := b.post("/accounts/shop", "action", "invite", "email", "new@example.com", "role", "member"); page.Status != http.StatusSeeOther {
			t.Fatalf("status %d", page.Status)
		}
	}
	if page := b.post("/accounts/shop", "action", "invite", "email", "new@example.com", "role", "member"); page.Status != http.StatusTooManyRequests {
		t.Errorf("the fifty-first: %d", page.Status)
	}
	f.account("another", "owner") // accounts cost nothing to make
	if page := b.post("/accounts/another", "action", "invite", "email", "new@example.com", "role", "member"); page.Status != http.StatusTooManyRequests {
		t.Errorf("from another account: %d", page.Status)
	}
}

func TestTheTokenIsKeptNowhere(t *testing.T) {
	f := newFixture(t)
	f.shop()
	link := f.browser("owner").invite("stranger@example.com", "member")
	token := strings.TrimPrefix(link, "/invitations/")
	events, err := f.store.EventsOfAccount(t.Context(), "acme", "shop", store.LastEvent, 100)
	f.ok(err)
	for _, event := range events {
		for _, detail := range event.Detail {
			if strings.Contains(detail, token) {
				t.Errorf("%s tells the token", event.Type)
			}
		}
	}
}
