package storetest

import (
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

var grants = []test{
	{"a consent makes the connection", func(f *fixture) {
		grant := f.connection()
		for _, read := range []func() (store.Grant, error){
			func() (store.Grant, error) { return f.s.Grant(f.ctx(), acme, grant.ID) },
			func() (store.Grant, error) { return f.s.FindGrant(f.ctx(), acme, "noura", "shop", "robot") },
		} {
			got, err := read()
			f.ok(err)
			equal(f, "id", got.ID, grant.ID)
			equal(f, "scopes", got.Scopes.String(), "orders.read orders.write")
			equal(f, "used", got.LastUsedAt.Never(), true)
		}
		_, err := f.s.Grant(f.ctx(), other, grant.ID)
		f.refused(err, store.ErrNotFound)
	}},
	{"a later consent changes it", laterConsent},
	{"only a member can consent for an account", func(f *fixture) {
		f.connection()
		f.user("omar")
		for _, account := range []string{"shop", "none"} {
			err := f.try(func(tx *store.Tx) error {
				_, _, err := tx.SaveConsent(store.Consent{Issuer: acme, UserID: "omar", AccountID: account, ClientID: "robot"})
				return err
			})
			f.refused(err, store.ErrNotFound)
		}
	}},
	{"a revoked connection is gone, remembered and made anew", revokedGrant},
	{"revoking is scoped by issuer", func(f *fixture) {
		grant := f.connection()
		f.refused(f.revoke(other, grant.ID), store.ErrNotFound)
		f.ok(f.revoke(acme, grant.ID))
	}},
	{"the last use only moves forward", func(f *fixture) {
		grant := f.connection()
		for _, at := range []int64{5, 9, 7} {
			f.do(func(tx *store.Tx) error { return tx.TouchGrant(grant.ID, micros.Time(at)) })
		}
		got, err := f.s.Grant(f.ctx(), acme, grant.ID)
		f.ok(err)
		equal(f, "last use", got.LastUsedAt, 9)
	}},
	{"lists and counts show the living", grantLists},
}

func (f *fixture) revoke(issuerName, id string) error {
	return f.try(func(tx *store.Tx) error {
		_, err := tx.RevokeGrant(issuerName, id, oauth.ReasonRevokedByUser)
		return err
	})
}

func laterConsent(f *fixture) {
	first := f.connection()
	var second store.Grant
	f.do(func(tx *store.Tx) (err error) {
		var created bool
		second, created, err = tx.SaveConsent(store.Consent{
			Issuer: acme, UserID: "noura", AccountID: "shop", ClientID: "robot",
			Allowed: oauth.ScopeSet{"orders.read", "stock.read"}, Declined: oauth.ScopeSet{"orders.write"},
		})
		equal(f, "created", created, false)
		return err
	})
	equal(f, "same connection", second.ID, first.ID)
	got, err := f.s.Grant(f.ctx(), acme, first.ID)
	f.ok(err)
	equal(f, "scopes", got.Scopes.String(), "orders.read stock.read")
	equal(f, "declined", got.Declined.String(), "orders.write")
	equal(f, "what the caller got", second.Scopes.String(), got.Scopes.String())
	equal(f, "version", got.Version, second.Version)
	third := f.consent("noura", "shop", "robot", "orders.write") // a change of mind
	equal(f, "scopes", third.Scopes.String(), "orders.read stock.read orders.write")
	equal(f, "declined", third.Declined.String(), "")
}

func revokedGrant(f *fixture) {
	grant := f.connection()
	f.ok(f.revoke(acme, grant.ID))
	f.refused(f.revoke(acme, grant.ID), store.ErrNotFound)
	_, err := f.s.FindGrant(f.ctx(), acme, "noura", "shop", "robot")
	f.refused(err, store.ErrNotFound)
	got, err := f.s.Grant(f.ctx(), acme, grant.ID)
	f.ok(err)
	equal(f, "reason", got.RevokeReason, oauth.ReasonRevokedByUser)
	equal(f, "ended", got.RevokedAt.Never(), false)
	again := f.consent("noura", "shop", "robot", "orders.read")
	if again.ID == grant.ID {
		f.t.Error("the connection made anew is the revoked one: its old tokens would live again")
	}
	equal(f, "scopes made anew", again.Scopes.String(), "orders.read")
}

func grantLists(f *fixture) {
	f.connection()
	f.user("omar")
	f.member("shop", "omar", issuer.RoleMember)
	f.client("second")
	f.consent("omar", "shop", "robot", "orders.read")
	gone := f.consent("noura", "shop", "second", "orders.read")
	f.ok(f.revoke(acme, gone.ID))
	mine, err := f.s.GrantsOfUser(f.ctx(), acme, "noura", 10)
	f.ok(err)
	equal(f, "of the user", len(mine), 1)
	equal(f, "account", mine[0].AccountName, "Shop shop")
	with, err := f.s.GrantsWithApp(f.ctx(), acme, "noura", "robot")
	f.ok(err)
	equal(f, "with the app", len(with), 1)
	equal(f, "whose", with[0].UserID, "noura")
	ended, err := f.s.GrantsWithApp(f.ctx(), acme, "noura", "second")
	f.ok(err)
	equal(f, "with the app whose connection ended", len(ended), 0)
	all, err := f.s.GrantsOfAccount(f.ctx(), acme, "shop", 10)
	f.ok(err)
	equal(f, "of the account", len(all), 2)
	equal(f, "newest first", all[0].UserEmail, "omar@example.com")
	counted, err := f.s.MembershipsCounted(f.ctx(), acme, "noura", 0, 10)
	f.ok(err)
	equal(f, "apps of the account, each once", counted[0].AppCount, 1)
	for limit, want := range map[int]int{10: 2, 1: 1} {
		count, err := f.s.CountGrants(f.ctx(), acme, "robot", limit)
		f.ok(err)
		equal(f, "count", count, want)
	}
	count, err := f.s.CountGrants(f.ctx(), acme, "second", 10)
	f.ok(err)
	equal(f, "count of the revoked", count, 0)
}
