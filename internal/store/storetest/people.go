package storetest

import (
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

var people = []test{
	{"a user reads back whole, by id and by address", func(f *fixture) {
		want := f.user("noura")
		for _, read := range []func() (store.User, error){
			func() (store.User, error) { return f.s.User(f.ctx(), acme, "noura") },
			func() (store.User, error) { return f.s.UserByEmail(f.ctx(), acme, "noura@example.com") },
		} {
			got, err := read()
			f.ok(err)
			want.CreatedAt, want.UpdatedAt = got.CreatedAt, got.UpdatedAt
			equal(f, "user", got, want)
			if got.CreatedAt.Never() {
				f.t.Error("no time of creation")
			}
		}
	}},
	{"an address is taken once an issuer", func(f *fixture) {
		f.user("noura")
		again := store.User{Issuer: acme, ID: "second", Email: "noura@example.com"}
		f.refused(f.try(func(tx *store.Tx) error { return tx.CreateUser(again) }), store.ErrConflict)
		again.Issuer = other
		f.do(func(tx *store.Tx) error { return tx.CreateUser(again) })
	}},
	{"OpenID Connect Core §5.7: an identifier is given once", func(f *fixture) {
		f.user("noura")
		second := store.User{Issuer: acme, ID: "noura", Email: "somebody.else@example.com"}
		if f.try(func(tx *store.Tx) error { return tx.CreateUser(second) }) == nil {
			f.t.Error("given to a second person")
		}
		first, err := f.s.User(f.ctx(), acme, "noura")
		f.ok(err)
		equal(f, "who has it", first.Email, "noura@example.com")
	}},
	{"a person is brought along once, into accounts that they share", func(f *fixture) {
		f.client("robot")
		bring := func(id, email string, places ...store.Membership) (made bool, err error) {
			err = f.try(func(tx *store.Tx) (err error) {
				made, err = tx.BringUser(store.User{Issuer: acme, ID: id, Email: email, Name: id}, places)
				return err
			})
			return made, err
		}
		shop := func(role issuer.Role) store.Membership {
			return store.Membership{AccountID: "17", AccountName: "Shop", Role: role}
		}
		for _, want := range []bool{true, false} {
			made, err := bring("1042", "noura@example.org", shop(issuer.RoleOwner))
			f.ok(err)
			equal(f, "made", made, want)
		}
		_, err := bring("1043", "omar@example.org", shop(issuer.RoleMember))
		f.ok(err)
		members, err := f.s.Members(f.ctx(), acme, "17")
		f.ok(err)
		equal(f, "members", len(members), 2)
		for id, email := range map[string]string{"1042": "other@example.org", "1044": "noura@example.org", "robot": "robot@example.org"} {
			_, err := bring(id, email)
			f.refused(err, store.ErrConflict)
			f.refused(f.s.WouldBring(f.ctx(), store.User{Issuer: acme, ID: id, Email: email}), store.ErrConflict)
		}
		for id, email := range map[string]string{"1042": "noura@example.org", "1044": "new@example.org"} { // brought before; new
			f.ok(f.s.WouldBring(f.ctx(), store.User{Issuer: acme, ID: id, Email: email}))
		}
		f.ok(f.s.WouldBring(f.ctx(), store.User{Issuer: other, ID: "robot", Email: "noura@example.org"}))
	}},
	{"another issuer never sees a user", func(f *fixture) {
		f.user("noura")
		_, err := f.s.User(f.ctx(), other, "noura")
		f.refused(err, store.ErrNotFound)
		_, err = f.s.UserByEmail(f.ctx(), other, "noura@example.com")
		f.refused(err, store.ErrNotFound)
	}},
	{"what is no text is not found", func(f *fixture) {
		for _, id := range []string{"a\x00b", "\xff\xfe", ""} {
			_, err := f.s.User(f.ctx(), acme, id)
			f.refused(err, store.ErrNotFound)
			_, err = f.s.Member(f.ctx(), acme, id, "noura")
			f.refused(err, store.ErrNotFound)
		}
	}},
	{"password, profile and suspension", personChanges},
	{"a password is replaced by whom it was proven to, and no other", func(f *fixture) {
		f.user("noura")
		replace := func(issuer, proven string) error {
			return f.try(func(tx *store.Tx) error { return tx.ReplacePassword(issuer, "noura", proven, "new") })
		}
		renew := func(issuer, proven, renewed string) error {
			return f.try(func(tx *store.Tx) error { return tx.RenewPassword(issuer, "noura", proven, renewed) })
		}
		f.refused(replace(acme, "another"), store.ErrConflict)
		f.refused(replace(other, "hash"), store.ErrConflict)
		f.refused(renew(acme, "another", "better"), store.ErrConflict)
		f.refused(renew(other, "hash", "better"), store.ErrConflict)
		f.ok(renew(acme, "hash", "hash"))
		f.ok(replace(acme, "hash"))
		f.refused(renew(acme, "hash", "hash"), store.ErrConflict)
		f.ok(renew(acme, "new", "better"))
		f.refused(replace(acme, "new"), store.ErrConflict)
		f.ok(replace(acme, "better"))
	}},
	{"changing one who is not there is refused", func(f *fixture) {
		for _, change := range []func(*store.Tx) error{
			func(tx *store.Tx) error { return tx.SetPassword(acme, "nobody", "h") },
			func(tx *store.Tx) error { return tx.SetProfile(acme, "nobody", "n", "en") },
			func(tx *store.Tx) error { return tx.SuspendUser(acme, "nobody", true) },
		} {
			f.refused(f.try(change), store.ErrNotFound)
		}
	}},
	{"users are listed by address, in pages", func(f *fixture) {
		for i := range 5 {
			f.user(numbered("user", i))
		}
		first, err := f.s.Users(f.ctx(), acme, "", 3)
		f.ok(err)
		equal(f, "first page", len(first), 3)
		second, err := f.s.Users(f.ctx(), acme, first[2].Email, 3)
		f.ok(err)
		equal(f, "second page", len(second), 2)
		equal(f, "where it goes on", second[0].ID, "user-003")
	}},
}

func personChanges(f *fixture) {
	f.user("noura")
	f.do(func(tx *store.Tx) error { return tx.SetPassword(acme, "noura", "new") })
	f.do(func(tx *store.Tx) error { return tx.SetProfile(acme, "noura", "Nora", "ar") })
	f.do(func(tx *store.Tx) error { return tx.SuspendUser(acme, "noura", true) })
	got, err := f.s.User(f.ctx(), acme, "noura")
	f.ok(err)
	equal(f, "password", got.PasswordHash, "new")
	equal(f, "name", got.Name, "Nora")
	equal(f, "language", got.Locale, "ar")
	equal(f, "suspended", got.SuspendedAt.Never(), false)
	f.do(func(tx *store.Tx) error { return tx.SuspendUser(acme, "noura", false) })
	got, err = f.s.User(f.ctx(), acme, "noura")
	f.ok(err)
	equal(f, "suspended after resuming", got.SuspendedAt.Never(), true)
}

var accounts = []test{
	{"the first member is the owner", func(f *fixture) {
		f.user("noura")
		f.account("shop", "noura")
		member, err := f.s.Member(f.ctx(), acme, "shop", "noura")
		f.ok(err)
		equal(f, "role", member.Role, issuer.RoleOwner)
		account, err := f.s.Account(f.ctx(), acme, "shop")
		f.ok(err)
		equal(f, "name", account.Name, "Shop shop")
		_, err = f.s.Account(f.ctx(), other, "shop")
		f.refused(err, store.ErrNotFound)
	}},
	{"rename", func(f *fixture) {
		f.user("noura")
		f.account("shop", "noura")
		f.do(func(tx *store.Tx) error { return tx.RenameAccount(acme, "shop", "متجر نورة") })
		account, err := f.s.Account(f.ctx(), acme, "shop")
		f.ok(err)
		equal(f, "name", account.Name, "متجر نورة")
		f.refused(f.try(func(tx *store.Tx) error { return tx.RenameAccount(acme, "none", "x") }), store.ErrNotFound)
	}},
	{"members and memberships", memberLists},
	{"a member has one place", func(f *fixture) {
		f.user("noura")
		f.account("shop", "noura")
		f.refused(f.try(func(tx *store.Tx) error {
			return tx.AddMember(store.Member{Issuer: acme, AccountID: "shop", UserID: "noura", Role: issuer.RoleMember})
		}), store.ErrConflict)
	}},
	{"an account keeps an owner", lastOwner},
	{"one who is no member is not found", func(f *fixture) {
		f.user("noura")
		f.account("shop", "noura")
		for _, account := range []string{"shop", "none"} {
			f.refused(f.try(func(tx *store.Tx) error { return tx.SetRole(acme, account, "omar", issuer.RoleAdmin) }), store.ErrNotFound)
			f.refused(f.try(func(tx *store.Tx) error {
				_, err := tx.RemoveMember(acme, account, "omar", "r")
				return err
			}), store.ErrNotFound)
			f.refused(f.try(func(tx *store.Tx) error {
				_, err := tx.LockMember(acme, account, "omar")
				return err
			}), store.ErrNotFound)
		}
	}},
	{"removing a member ends the connections that they made for the account, and no other", removeMember},
	{"an invitation is accepted once", invitationOnce},
	{"an expired invitation is refused", func(f *fixture) {
		f.invite("late", f.earlier())
		f.refused(f.accept("late"), store.ErrNotFound)
		got, err := f.s.Invitation(f.ctx(), acme, store.Hash("late")) // the page still says what it was
		f.ok(err)
		equal(f, "address", got.Email, "late@example.com")
	}},
	{"a new invitation takes the place of those that wait for the same address", func(f *fixture) {
		f.user("noura")
		f.invite("omar", f.later())
		f.do(func(tx *store.Tx) error {
			return tx.Invite(store.Invitation{
				Issuer: acme, ID: "again", TokenHash: store.Hash("again"), AccountID: "shop", Email: "omar@example.com",
				InvitedBy: "noura", ExpiresAt: f.later(),
			})
		})
		f.refused(f.accept("omar"), store.ErrNotFound)
		f.ok(f.accept("again"))
	}},
	{"an invitation is worth nothing while its sender is suspended", func(f *fixture) {
		f.user("noura")
		f.invite("omar", f.later())
		f.do(func(tx *store.Tx) error { return tx.SuspendUser(acme, "noura", true) })
		f.refused(f.accept("omar"), store.ErrNotFound)
		f.do(func(tx *store.Tx) error { return tx.SuspendUser(acme, "noura", false) })
		f.ok(f.accept("omar"))
	}},
	{"a withdrawn invitation is gone", func(f *fixture) {
		f.invite("omar", f.later())
		withdraw := func(account string) error {
			return f.try(func(tx *store.Tx) error { return tx.WithdrawInvitation(acme, account, "omar") })
		}
		f.refused(withdraw("another"), store.ErrNotFound)
		f.ok(withdraw("shop"))
		f.refused(withdraw("shop"), store.ErrNotFound)
		f.refused(f.accept("omar"), store.ErrNotFound)
	}},
}

func memberLists(f *fixture) {
	for _, name := range []string{"noura", "omar"} {
		f.user(name)
	}
	f.account("b-shop", "noura")
	f.account("a-shop", "noura")
	f.member("b-shop", "omar", issuer.RoleMember)
	members, err := f.s.Members(f.ctx(), acme, "b-shop")
	f.ok(err)
	equal(f, "members", len(members), 2)
	equal(f, "first by address", members[0].UserEmail, "noura@example.com")
	equal(f, "role of the second", members[1].Role, issuer.RoleMember)
	memberships, err := f.s.Memberships(f.ctx(), acme, "noura")
	f.ok(err)
	equal(f, "memberships", len(memberships), 2)
	equal(f, "first by name", memberships[0].AccountName, "Shop a-shop")
	counted, err := f.s.MembershipsCounted(f.ctx(), acme, "noura", 1, 10)
	f.ok(err)
	equal(f, "memberships after the first", len(counted), 1)
	equal(f, "members of b-shop", counted[0].MemberCount, 2)
	equal(f, "apps of b-shop", counted[0].AppCount, 0)
	memberships, err = f.s.Memberships(f.ctx(), other, "noura")
	f.ok(err)
	equal(f, "memberships elsewhere", len(memberships), 0)
}

func lastOwner(f *fixture) {
	f.user("noura")
	f.user("omar")
	f.account("shop", "noura")
	f.member("shop", "omar", issuer.RoleAdmin)
	demote := func(tx *store.Tx) error { return tx.SetRole(acme, "shop", "noura", issuer.RoleMember) }
	leave := func(tx *store.Tx) error {
		_, err := tx.RemoveMember(acme, "shop", "noura", "left")
		return err
	}
	f.refused(f.try(demote), store.ErrConflict)
	f.refused(f.try(leave), store.ErrConflict)
	f.do(func(tx *store.Tx) error { return tx.SetRole(acme, "shop", "noura", issuer.RoleOwner) }) // no change is no loss
	f.do(func(tx *store.Tx) error { return tx.SetRole(acme, "shop", "omar", issuer.RoleOwner) })
	f.do(demote)
	f.do(leave)
	members, err := f.s.Members(f.ctx(), acme, "shop")
	f.ok(err)
	equal(f, "members left", len(members), 1)
}

func removeMember(f *fixture) {
	f.connection()
	f.user("omar")
	f.member("shop", "omar", issuer.RoleAdmin)
	f.account("private", "omar")
	ended, private := f.consent("omar", "shop", "robot", "orders.read"), f.consent("omar", "private", "robot", "orders.read")
	var gone []store.Grant
	f.do(func(tx *store.Tx) (err error) {
		gone, err = tx.RemoveMember(acme, "shop", "omar", oauth.ReasonMemberRemoved)
		return err
	})
	equal(f, "ended", len(gone), 1)
	equal(f, "which", gone[0].ID, ended.ID)
	grant, err := f.s.Grant(f.ctx(), acme, ended.ID)
	f.ok(err)
	equal(f, "reason", grant.RevokeReason, oauth.ReasonMemberRemoved)
	for _, alive := range [][2]string{{"omar", "private"}, {"noura", "shop"}} {
		_, err = f.s.FindGrant(f.ctx(), acme, alive[0], alive[1], "robot")
		f.ok(err)
	}
	equal(f, "private", private.RevokedAt.Never(), true)
}

// invite asks name@example.com to join the account shop; the name is also the invitation's id and token.
func (f *fixture) invite(name string, expiresAt micros.Time) {
	f.t.Helper()
	f.do(func(tx *store.Tx) error {
		return tx.Invite(store.Invitation{
			Issuer: acme, ID: name, TokenHash: store.Hash(name), AccountID: "shop", Email: name + "@example.com", Role: issuer.RoleMember,
			InvitedBy: "noura", ExpiresAt: expiresAt,
		})
	})
}

func (f *fixture) accept(token string) error {
	return f.try(func(tx *store.Tx) error {
		_, err := tx.AcceptInvitation(acme, store.Hash(token))
		return err
	})
}

func invitationOnce(f *fixture) {
	f.user("noura")
	f.invite("omar", f.later())
	f.invite("late", f.earlier())
	waiting, err := f.s.Invitations(f.ctx(), acme, "shop")
	f.ok(err)
	equal(f, "waiting", len(waiting), 1)
	f.ok(f.accept("omar"))
	f.refused(f.accept("omar"), store.ErrNotFound)
	used, err := f.s.Invitation(f.ctx(), acme, store.Hash("omar"))
	f.ok(err)
	equal(f, "accepted", used.AcceptedAt.Never(), false)
	waiting, err = f.s.Invitations(f.ctx(), acme, "shop")
	f.ok(err)
	equal(f, "waiting afterwards", len(waiting), 0)
	_, err = f.s.Invitation(f.ctx(), other, store.Hash("omar"))
	f.refused(err, store.ErrNotFound)
}
