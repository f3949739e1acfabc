package storetest

import (
	"errors"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

var retention = []test{
	{"a connection that was ended is remembered, then gone", endedConnection},
	{"a connection that lives is never pruned", func(f *fixture) {
		family := f.family(f.connection(), "code")
		f.prune(store.Horizon{Revoked: f.later()})
		_, err := f.s.Grant(f.ctx(), acme, family.Grant.ID)
		f.ok(err)
	}},
	{"what an exchange made goes with its connection", madeByExchange},
	{"what a member made stays without the connection", func(f *fixture) {
		grant := f.connection()
		f.serviceAccount("bot", "")
		f.ok(f.addKey("bot", "key", 0))
		f.do(func(tx *store.Tx) error { return tx.GiveServiceAccess(acme, "bot", "shop", grant.ID) })
		f.ok(f.revoke(acme, grant.ID))
		f.prune(store.Horizon{Revoked: f.later()})
		_, usable := f.key("key")
		equal(f, "the key is good", usable, true)
		f.do(func(tx *store.Tx) error { return tx.GiveServiceAccess(acme, "bot", "shop", "again") }) // its old access is gone
	}},
	{"events are kept for as long as is asked", func(f *fixture) {
		f.events(3)
		time.Sleep(2 * time.Millisecond)
		since := f.s.Now()
		f.events(2)
		f.prune(store.Horizon{})
		equal(f, "kept for ever", len(f.eventsOf("noura")), 5)
		f.prune(store.Horizon{Events: since})
		left := f.eventsOf("noura")
		equal(f, "left", len(left), 2)
		equal(f, "the newer ones", left[len(left)-1].At >= since, true)
	}},
	{"many events go in batches", func(f *fixture) {
		f.events(batchLimit + 1)
		rows, err := f.s.Prune(f.ctx(), store.Horizon{Events: f.later()})
		f.ok(err)
		equal(f, "first batch", rows, batchLimit)
		equal(f, "the rest", f.prune(store.Horizon{Events: f.later()}), 1)
	}},
	{"a deleted app's connections end, in batches and written down", deletedClient},
	{"another app that takes its identifier keeps what it is given", func(f *fixture) {
		f.connection()
		f.do(func(tx *store.Tx) error { return tx.DeleteClient(acme, "robot") })
		old, err := f.s.FindGrant(f.ctx(), acme, "noura", "shop", "robot")
		f.ok(err)
		time.Sleep(2 * time.Millisecond)
		f.client("robot")
		f.user("omar")
		f.account("bar", "omar")
		given := f.consent("omar", "bar", "robot", "orders.read")
		f.prune(store.Horizon{})
		for id, alive := range map[string]bool{old.ID: false, given.ID: true} {
			grant, err := f.s.Grant(f.ctx(), acme, id)
			f.ok(err)
			equal(f, "alive: "+id, grant.RevokedAt.Never(), alive)
		}
	}},
	{"secrets that ended are forgotten when a new one comes", func(f *fixture) {
		f.client("robot")
		for _, id := range []string{"old", "lately", "good"} {
			f.secret(id)
		}
		f.do(func(tx *store.Tx) error {
			return errors.Join(
				tx.ExpireClientSecret(acme, "robot", "old", tx.Now().Add(-store.KeepEnded)),
				tx.ExpireClientSecret(acme, "robot", "lately", tx.Now().Add(-store.KeepEnded+time.Minute)))
		})
		f.secret("new")
		client, err := f.s.Client(f.ctx(), acme, "robot")
		f.ok(err)
		var left []string
		for _, secret := range client.Secrets {
			left = append(left, secret.ID)
		}
		equal(f, "secrets", len(left), 3)
		for _, id := range left {
			equal(f, "is the old one: "+id, id == "old", false)
		}
	}},
	{"keys that ended are forgotten when a new one comes", func(f *fixture) {
		f.serviceAccount("bot", "")
		f.ok(f.addKey("bot", "old", f.s.Now().Add(-store.KeepEnded)))
		f.ok(f.addKey("bot", "lately", f.s.Now().Add(-store.KeepEnded+time.Minute)))
		f.ok(f.addKey("bot", "good", 0))
		_, err := f.s.ServiceKey(f.ctx(), acme, "old")
		f.refused(err, store.ErrNotFound)
		for _, id := range []string{"lately", "good"} {
			_, err := f.s.ServiceKey(f.ctx(), acme, id)
			f.ok(err)
		}
	}},
}

// prune goes on until nothing is left to go, and returns how many rows that were.
func (f *fixture) prune(over store.Horizon) (total int64) {
	f.t.Helper()
	for {
		rows, err := f.s.Prune(f.ctx(), over)
		f.ok(err)
		if rows == 0 {
			return total
		}
		total += rows
	}
}

func (f *fixture) events(count int) {
	f.t.Helper()
	f.do(func(tx *store.Tx) error {
		var errs []error
		for range count {
			errs = append(errs, tx.Record(store.Event{Issuer: acme, Type: store.EventUserSignedIn, UserID: "noura"}))
		}
		return errors.Join(errs...)
	})
}

func (f *fixture) eventsOf(user string) []store.Event {
	f.t.Helper()
	found, err := f.s.EventsOfUser(f.ctx(), acme, user, store.LastEvent, 1000)
	f.ok(err)
	return found
}

func endedConnection(f *fixture) {
	family := f.family(f.connection(), "code")
	ref := f.userToken(family)
	before := f.s.Now()
	f.ok(f.revoke(acme, family.Grant.ID))
	f.prune(store.Horizon{Revoked: before.Add(-time.Microsecond)})
	state, err := f.s.TokenState(f.ctx(), ref)
	f.ok(err)
	equal(f, "why its token is refused", state.Ended, oauth.ReasonRevokedByUser)
	equal(f, "rows that go", f.prune(store.Horizon{Revoked: f.s.Now()}), 1)
	_, err = f.s.Grant(f.ctx(), acme, family.Grant.ID)
	f.refused(err, store.ErrNotFound)
	_, err = f.s.TokenState(f.ctx(), ref) // nothing of it comes alive again
	f.refused(err, store.ErrNotFound)
	_, err = f.s.Family(f.ctx(), acme, family.ID)
	f.refused(err, store.ErrNotFound)
	rotate := func(tx *store.Tx) error { return tx.RotateRefreshToken(family.ID, 1, 2, 0) }
	f.refused(f.try(rotate), store.ErrNotFound)
}

func madeByExchange(f *fixture) {
	spending, grant := f.exchange()
	f.ok(f.buy(spending, grant, 0))
	made, err := f.s.Exchange(f.ctx(), acme, spending.ExchangeID)
	f.ok(err)
	f.prune(store.Horizon{Expired: f.s.Now().Add(100 * 24 * time.Hour), Revoked: f.later()})
	_, err = f.s.ServiceAccount(f.ctx(), acme, made.ServiceAccountID)
	f.ok(err)
	f.ok(f.revoke(acme, grant.ID))
	f.prune(store.Horizon{Revoked: f.later()})
	_, err = f.s.ServiceAccount(f.ctx(), acme, made.ServiceAccountID)
	f.refused(err, store.ErrNotFound)
	_, err = f.s.ServiceKey(f.ctx(), acme, made.KeyID)
	f.refused(err, store.ErrNotFound)
	_, err = f.s.Exchange(f.ctx(), acme, spending.ExchangeID)
	f.refused(err, store.ErrNotFound)
}

func deletedClient(f *fixture) {
	const people = 250
	f.connection()
	f.client("kept")
	kept := f.consent("noura", "shop", "kept", "orders.read")
	var made []store.Grant
	f.do(func(tx *store.Tx) (err error) {
		for i := range people {
			id := numbered("person", i)
			err = errors.Join(err, tx.CreateUser(store.User{Issuer: acme, ID: id, Email: id + "@example.com", EmailVerifiedAt: micros.Time(1)}),
				tx.CreateAccount(store.Account{Issuer: acme, ID: id, Name: id}, id))
			grant, _, failed := tx.SaveConsent(store.Consent{Issuer: acme, UserID: id, AccountID: id, ClientID: "robot", Allowed: oauth.ScopeSet{"orders.read"}})
			made, err = append(made, grant), errors.Join(err, failed)
		}
		return err
	})
	f.do(func(tx *store.Tx) error { return tx.DeleteClient(acme, "robot") })
	rows, err := f.s.Prune(f.ctx(), store.Horizon{})
	f.ok(err)
	equal(f, "ended by one batch", rows, 100)
	f.prune(store.Horizon{})
	count, err := f.s.CountGrants(f.ctx(), acme, "robot", 1000)
	f.ok(err)
	equal(f, "connections left", count, 0)
	equal(f, "rows that are gone by now", f.prune(store.Horizon{Revoked: f.later()}), people+1) // and the one of connection()
	last := made[people-1]
	told := f.eventsOf(last.UserID)
	equal(f, "events", len(told), 1)
	equal(f, "event", string(told[0].Type)+" "+told[0].GrantID+" "+told[0].Detail["reason"], "grant.revoked "+last.ID+" revoked")
	got, err := f.s.Grant(f.ctx(), acme, kept.ID)
	f.ok(err)
	equal(f, "another app's connection lives", got.RevokedAt.Never(), true)
}
