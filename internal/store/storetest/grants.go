package storetest

import (
	"errors"
	"time"

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
	{"nobody can consent to an app that is gone", func(f *fixture) {
		f.connection()
		f.user("omar")
		f.account("stall", "omar")
		f.do(func(tx *store.Tx) error { return tx.DeleteClient(acme, "robot") })
		f.refused(f.try(func(tx *store.Tx) error {
			_, _, err := tx.SaveConsent(store.Consent{Issuer: acme, UserID: "omar", AccountID: "stall", ClientID: "robot"})
			return err
		}), store.ErrNotFound)
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
	{"an app's are listed in pages, with who made them", func(f *fixture) {
		f.connection()
		f.people(7)
		f.crowd(7, "robot")
		f.client("second")
		f.crowd(1, "second")
		seen, after := map[string]bool{}, ""
		for {
			page, err := f.s.GrantsOfClient(f.ctx(), acme, "robot", after, 3)
			f.ok(err)
			if len(page) == 0 {
				break
			}
			for _, grant := range page {
				seen[grant.UserEmail], after = true, grant.ID
			}
		}
		equal(f, "people", len(seen), 8)
		equal(f, "one of them", seen["noura@example.com"], true)
		page, err := f.s.GrantsOfClient(f.ctx(), other, "robot", "", 3)
		f.ok(err)
		equal(f, "another issuer's", len(page), 0)
	}},
	{"an operator ends those of an app, in batches, and no later ones", disconnectClient},
	{"an operator ends those of a person, with one app or all", disconnectUser},
}

// crowd connects people with an app, each for an account of their own.
func (f *fixture) crowd(n int, client string) {
	f.t.Helper()
	f.do(func(tx *store.Tx) error {
		var errs []error
		for i := range n {
			id := numbered("p", i)
			_, _, err := tx.SaveConsent(store.Consent{Issuer: acme, UserID: id, AccountID: id, ClientID: client, Allowed: oauth.ScopeSet{"orders.read"}})
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
}

func (f *fixture) people(n int) {
	f.t.Helper()
	f.do(func(tx *store.Tx) error {
		var errs []error
		for i := range n {
			id := numbered("p", i)
			errs = append(errs, tx.CreateUser(store.User{Issuer: acme, ID: id, Email: id + "@example.com", Name: id}),
				tx.CreateAccount(store.Account{Issuer: acme, ID: id, Name: id}, id))
		}
		return errors.Join(errs...)
	})
}

// batches repeats a step until it changes nothing more.
func (f *fixture) batches(step func(*store.Tx) (int64, error)) (sizes []int64) {
	f.t.Helper()
	for {
		var rows int64
		f.do(func(tx *store.Tx) (err error) { rows, err = step(tx); return err })
		if rows == 0 {
			return sizes
		}
		sizes = append(sizes, rows)
	}
}

func (f *fixture) connections(client string) int {
	f.t.Helper()
	count, err := f.s.CountGrants(f.ctx(), acme, client, 1000)
	f.ok(err)
	return count
}

func disconnectClient(f *fixture) {
	f.client("robot")
	f.client("second")
	f.people(batchLimit + 21)
	f.crowd(batchLimit+20, "robot")
	f.crowd(2, "second")
	by := f.s.Now()
	time.Sleep(time.Millisecond)
	last := numbered("p", batchLimit+20)
	later := f.consent(last, last, "robot", "orders.read")
	sizes := f.batches(func(tx *store.Tx) (int64, error) { return tx.DisconnectClient(acme, "robot", by, store.ReasonOperator) })
	equal(f, "batches", len(sizes), 2)
	equal(f, "first", sizes[0], batchLimit)
	equal(f, "left of the app", f.connections("robot"), 1)
	equal(f, "of another", f.connections("second"), 2)
	got, err := f.s.Grant(f.ctx(), acme, later.ID)
	f.ok(err)
	equal(f, "a later one lives", got.RevokedAt.Never(), true)
	f.wantEnded(numbered("p", 3), "robot")
}

// wantEnded: the person's activity tells that the operator ended the newest.
func (f *fixture) wantEnded(user, client string) {
	f.t.Helper()
	told, err := f.s.EventsOfUser(f.ctx(), acme, user, store.LastEvent, 1)
	f.ok(err)
	equal(f, "events", len(told), 1)
	equal(f, "type", told[0].Type, store.EventGrantRevoked)
	equal(f, "app", told[0].ClientID, client)
	equal(f, "why", told[0].Detail["reason"], store.ReasonOperator)
	grant, err := f.s.Grant(f.ctx(), acme, told[0].GrantID)
	f.ok(err)
	equal(f, "what the app hears", grant.RevokeReason, oauth.ReasonRevoked)
}

func disconnectUser(f *fixture) {
	f.people(2)
	for _, client := range []string{"robot", "second", "third"} {
		f.client(client)
		f.crowd(2, client)
	}
	end := func(client string) []int64 {
		return f.batches(func(tx *store.Tx) (int64, error) {
			return tx.DisconnectUser(acme, numbered("p", 0), client, store.ReasonOperator)
		})
	}
	equal(f, "with one app", len(end("second")), 1)
	f.wantEnded(numbered("p", 0), "second")
	equal(f, "of the others'", f.connections("second"), 1)
	equal(f, "with the others", f.connections("robot"), 2)
	equal(f, "with all", end("")[0], 2)
	equal(f, "the other person's", f.connections("robot")+f.connections("third"), 2)
	equal(f, "again", len(end("")), 0)
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
