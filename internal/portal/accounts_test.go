package portal_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/tests/person"
)

func TestANewAccountBelongsToItsMaker(t *testing.T) {
	f := newFixture(t)
	f.user("owner")
	b := f.browser("owner")
	b.says(b.open("/accounts"), "You have no account yet")
	page := b.open("/accounts/new")
	b.saysWith(b.press(page, "create-account", map[string]string{"account_name": "  "}), http.StatusUnprocessableEntity)
	b.saysWith(b.press(page, "create-account", map[string]string{"account_name": "\u202e\u2066"}), http.StatusUnprocessableEntity)
	b.saysWith(b.press(page, "create-account", map[string]string{"account_name": strings.Repeat("n", 121)}), http.StatusUnprocessableEntity, "120")
	page = b.press(page, "create-account", map[string]string{"account_name": " Noura’s   Shop "})
	b.says(page, "Noura’s Shop", "The account is ready.", "Your role: Owner")
	b.says(b.open("/accounts"), "Noura’s Shop", "Owner · 1 member · 0 apps")
	b.says(b.open("/activity"), "You created the account Noura’s Shop.")
}

func TestAccountsComeInPages(t *testing.T) {
	f := newFixture(t)
	f.user("owner")
	for i := range 45 {
		f.account(fmt.Sprintf("a%02d", i), "owner")
	}
	b := f.browser("owner")
	for number, c := range map[int]struct {
		first, after string
		previous     bool
		next         bool
	}{1: {"The a00", "The a20", false, true}, 2: {"The a20", "The a40", true, true}, 3: {"The a40", "The a00", true, false}} {
		page := b.open(fmt.Sprintf("/accounts?page=%d", number))
		b.says(page, c.first)
		b.silent(page, c.after)
		b.silent(page, "Newer", "Older") // the list is in the order of names
		if strings.Contains(text(page), "Previous") != c.previous || strings.Contains(text(page), "Next") != c.next {
			t.Errorf("page %d names its neighbours wrongly", number)
		}
		if strings.Contains(page.Text, `rel="prev"`) != c.previous || strings.Contains(page.Text, `rel="next"`) != c.next {
			t.Errorf("page %d links its neighbours wrongly", number)
		}
	}
}

// attempt is one thing that somebody may try in the account shop. It begins with the cast of fixture.shop and one more of each role.
type attempt struct {
	name string
	form []string
	// allowed are the roles that may.
	allowed string
	// done tells whether it happened.
	done func(f *fixture) bool
}

func roleIs(user string, role issuer.Role) func(*fixture) bool {
	return func(f *fixture) bool {
		member, err := f.store.Member(f.Context(), "acme", "shop", user)
		return err == nil && member.Role == role
	}
}

func isGone(user string) func(*fixture) bool {
	return func(f *fixture) bool {
		_, err := f.store.Member(f.Context(), "acme", "shop", user)
		return errors.Is(err, store.ErrNotFound)
	}
}

func isInvited(role issuer.Role) func(*fixture) bool {
	return func(f *fixture) bool {
		all, err := f.store.Invitations(f.Context(), "acme", "shop")
		f.ok(err)
		for _, invitation := range all {
			if invitation.Email == "new@example.com" && invitation.Role == role {
				return true
			}
		}
		return false
	}
}

var attempts = []attempt{
	{"rename", []string{"action", "rename", "account_name", "New name"}, "owner admin", func(f *fixture) bool {
		account, err := f.store.Account(f.Context(), "acme", "shop")
		return err == nil && account.Name == "New name"
	}},
	{"invite a member", []string{"action", "invite", "email", "new@example.com", "role", "member"}, "owner admin", isInvited(issuer.RoleMember)},
	{"invite an admin", []string{"action", "invite", "email", "new@example.com", "role", "admin"}, "owner admin", isInvited(issuer.RoleAdmin)},
	{"invite an owner", []string{"action", "invite", "email", "new@example.com", "role", "owner"}, "owner", isInvited(issuer.RoleOwner)},
	{"invite as a role that there is not", []string{"action", "invite", "email", "new@example.com", "role", "god"}, "", isInvited("god")},
	{"make a member an admin", []string{"action", "change-role", "member", "member2", "role", "admin"}, "owner admin", roleIs("member2", issuer.RoleAdmin)},
	{"make a member an owner", []string{"action", "change-role", "member", "member2", "role", "owner"}, "owner", roleIs("member2", issuer.RoleOwner)},
	{"make an admin a member", []string{"action", "change-role", "member", "admin2", "role", "member"}, "owner admin", roleIs("admin2", issuer.RoleMember)},
	{"make an owner a member", []string{"action", "change-role", "member", "owner2", "role", "member"}, "owner", roleIs("owner2", issuer.RoleMember)},
	{"give a role that there is not", []string{"action", "change-role", "member", "member2", "role", "god"}, "", roleIs("member2", "god")},
	{"make oneself an owner", []string{"action", "change-role", "member", "admin", "role", "owner"}, "owner", roleIs("admin", issuer.RoleOwner)},
	{"remove a member", []string{"action", "remove-member", "member", "member2", "confirm", "yes"}, "owner admin", isGone("member2")},
	{"remove an admin", []string{"action", "remove-member", "member", "admin2", "confirm", "yes"}, "owner admin", isGone("admin2")},
	{"remove an owner", []string{"action", "remove-member", "member", "owner2", "confirm", "yes"}, "owner", isGone("owner2")},
	{"remove without being sure", []string{"action", "remove-member", "member", "member2"}, "", isGone("member2")},
	{"withdraw a member's invitation", []string{"action", "revoke-invitation", "invitation", "to-member"}, "owner admin", noInvitation("to-member")},
	{"withdraw an owner's invitation", []string{"action", "revoke-invitation", "invitation", "to-owner"}, "owner", noInvitation("to-owner")},
	{"send an owner's invitation again", []string{"action", "resend-invitation", "invitation", "to-owner"}, "owner", noInvitation("to-owner")},
}

func noInvitation(id string) func(*fixture) bool {
	return func(f *fixture) bool {
		all, err := f.store.Invitations(f.Context(), "acme", "shop")
		f.ok(err)
		for _, invitation := range all {
			if invitation.ID == id {
				return false
			}
		}
		return true
	}
}

// cast is the shop with two of each role and an invitation to two more.
func (f *fixture) cast() {
	f.Helper()
	f.shop()
	for user, role := range map[string]issuer.Role{"owner2": issuer.RoleOwner, "admin2": issuer.RoleAdmin, "member2": issuer.RoleMember} {
		f.user(user)
		f.member("shop", user, role)
	}
	for _, role := range []issuer.Role{issuer.RoleMember, issuer.RoleOwner} {
		f.invitation("to-"+string(role), "invited-"+string(role)+"@example.com", role)
	}
}

func (f *fixture) invitation(token, email string, role issuer.Role) {
	f.Helper()
	f.do(func(tx *store.Tx) error {
		return tx.Invite(store.Invitation{
			Issuer: "acme", ID: token, TokenHash: store.Hash(token), AccountID: "shop", Email: email, Role: role, InvitedBy: "owner",
			ExpiresAt: tx.Now().Add(f.issuer.Lifetimes.Invitation),
		})
	})
}

func TestWhoMayDoWhat(t *testing.T) {
	for _, attempt := range attempts {
		for _, role := range []string{"owner", "admin", "member", "stranger"} {
			t.Run(attempt.name+"/"+role, func(t *testing.T) {
				f := newFixture(t)
				f.cast()
				if attempt.done(f) {
					t.Fatal("it is so before anybody does it")
				}
				page := f.browser(role).post("/accounts/shop", attempt.form...)
				allowed := strings.Contains(attempt.allowed, role)
				if attempt.done(f) != allowed {
					t.Errorf("done is %v, want %v (status %d)", !allowed, allowed, page.Status)
				}
				f.wantAnswer(page, role, allowed, attempt.name == "remove without being sure")
			})
		}
	}
}

// wantAnswer: who belongs elsewhere hears 404, who may not 403, and whoever may is sent on by GET.
func (f *fixture) wantAnswer(page *person.Page, role string, allowed, asks bool) {
	f.Helper()
	want := http.StatusForbidden
	switch {
	case role == "stranger":
		want = http.StatusNotFound
	case allowed:
		want = http.StatusSeeOther
	case asks && role != "member":
		want = http.StatusOK
	}
	if page.Status != want {
		f.Errorf("status %d, want %d", page.Status, want)
	}
	if !allowed && len(f.events(role)) > 0 {
		f.Errorf("a refusal left events: %v", f.events(role))
	}
}

// What somebody may not do is not offered either.
func TestAccountPageOffersWhatTheRoleMay(t *testing.T) {
	f := newFixture(t)
	f.cast()
	for role, offers := range map[string]map[string]bool{
		"owner":  {"invite": true, "rename": true, "remove-owner2": true, "remove-admin2": true, "remove-member2": true},
		"admin":  {"invite": true, "rename": true, "remove-owner2": false, "remove-admin2": true, "remove-member2": true},
		"member": {"invite": false, "rename": false, "remove-owner2": false, "remove-admin2": false, "remove-member2": false},
	} {
		b := f.browser(role)
		page := b.open("/accounts/shop")
		b.says(page, "Owner2", "admin2@example.com")
		for id, want := range offers {
			if page.Has(id) != want {
				t.Errorf("%s: #%s is offered: %v", role, id, !want)
			}
		}
		for id, want := range map[string]bool{"to-member": role != "member", "to-owner": role == "owner"} {
			if strings.Contains(page.Text, `name="invitation" value="`+id+`"`) != want {
				t.Errorf("%s: to send %s again or to withdraw it is offered: %v", role, id, !want)
			}
		}
		if strings.Contains(text(page), "invited-member@example.com") != (role != "member") {
			t.Errorf("%s: invitations are shown the wrong way", role)
		}
	}
}

func TestAnAccountOfOthersIsOneThatDoesNotExist(t *testing.T) {
	f := newFixture(t)
	f.cast()
	b := f.browser("stranger")
	theirs, none := b.open("/accounts/shop"), b.open("/accounts/none")
	if theirs.Status != http.StatusNotFound || text(theirs) != strings.ReplaceAll(text(none), "none", "shop") {
		t.Errorf("it can be told apart: %d %q, %d %q", theirs.Status, text(theirs), none.Status, text(none))
	}
	for _, action := range []string{"rename", "invite", "remove-member", "none"} {
		if page := b.post("/accounts/shop", "action", action); page.Status != http.StatusNotFound {
			t.Errorf("%s: %d", action, page.Status)
		}
	}
}

func TestTheLastOwnerStays(t *testing.T) {
	f := newFixture(t)
	f.shop()
	b := f.browser("owner")
	for _, form := range [][]string{
		{"action", "change-role", "member", "owner", "role", "member"}, {"action", "remove-member", "member", "owner", "confirm", "yes"},
	} {
		b.saysWith(b.post("/accounts/shop", form...), http.StatusUnprocessableEntity, "at least one owner")
	}
	if !roleIs("owner", issuer.RoleOwner)(f) || len(f.events("owner")) != 0 {
		t.Error("the owner is gone, or an event tells so")
	}
}

func TestRemovingAMemberStopsTheirApps(t *testing.T) {
	f := newFixture(t)
	f.shop()
	f.app("robot")
	grant := f.connect("member", "shop", "robot", "orders.read")
	b := f.browser("owner")
	page := b.press(b.open("/accounts/shop"), "remove-member", nil)
	b.says(page, "Remove Member from The shop?", "1 app")
	page = b.press(page, "remove-member", nil)
	b.says(page, "The person is no longer a member.")
	ended, err := f.store.Grant(t.Context(), "acme", grant.ID)
	f.ok(err)
	if ended.RevokeReason != oauth.ReasonMemberRemoved {
		t.Errorf("reason %q", ended.RevokeReason)
	}
	b.says(b.open("/activity"), "Member was removed from The shop.")
	gone := f.browser("member")
	gone.says(gone.open("/activity"), "The access of App robot to The shop was ended.")
	if page := gone.open("/accounts/shop"); page.Status != http.StatusNotFound {
		t.Errorf("they still see it: %d", page.Status)
	}
}

func TestAccountPageListsAnAppOnce(t *testing.T) {
	f := newFixture(t)
	f.shop()
	f.app("robot")
	f.connect("member", "shop", "robot", "orders.read")
	f.connect("owner", "shop", "robot", "orders.read")
	page := f.browser("admin").open("/accounts/shop")
	if n := strings.Count(text(page), "App robot"); n != 1 {
		t.Errorf("listed %d times", n)
	}
}

func TestRenaming(t *testing.T) {
	f := newFixture(t)
	f.shop()
	b := f.browser("admin")
	page := b.open("/accounts/shop")
	b.saysWith(b.press(page, "rename", map[string]string{"account_name": " "}), http.StatusUnprocessableEntity)
	b.says(b.press(page, "rename", map[string]string{"account_name": "متجر"}), "متجر", "The name is changed.")
	if f.recorded("admin", store.EventAccountRenamed) != 1 {
		t.Error("no event")
	}
}
