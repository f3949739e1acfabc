package storetest

import (
	"errors"
	"time"

	"latchkey.dev/internal/store"
)

// batchLimit is the most that one Prune may take of one kind, so that no one waits behind it for long.
const batchLimit = 100

var prunes = []test{
	{"what is over goes, what lives stays", pruneAll},
	{"a crowd goes in batches", pruneBatches},
	{"nodes that prune at once do not disturb each other", func(f *fixture) {
		f.expired(300)
		wins := f.race(func(int) error {
			_, err := f.s.Prune(f.ctx(), store.Horizon{Expired: f.s.Now()})
			return err
		})
		equal(f, "pruned without trouble", wins, racers)
		left, err := f.s.Prune(f.ctx(), store.Horizon{Expired: f.s.Now()})
		f.ok(err)
		equal(f, "left", left, 0)
	}},
	{"a closed database ends it", func(f *fixture) {
		f.ok(f.s.Close())
		var unavailable *store.UnavailableError
		if _, err := f.s.Prune(f.ctx(), store.Horizon{Expired: f.s.Now()}); !errors.As(err, &unavailable) {
			f.t.Errorf("got %v, want UnavailableError", err)
		}
	}},
}

func pruneAll(f *fixture) {
	grant := f.connection()
	live := f.family(grant, "live")
	f.signIn("noura", "live")
	f.challenge("live", true)
	f.invite("live", f.later())
	_, err := f.count("live", time.Minute)
	f.ok(err)
	f.do(func(tx *store.Tx) error { return tx.RevokeToken("live", f.later()) })
	f.expired(1)
	f.do(func(tx *store.Tx) error {
		return errors.Join(
			tx.CreateCode(store.Code{Hash: store.Hash("old"), Issuer: acme, FamilyID: "old", Grant: grant, ExpiresAt: f.earlier()}),
			tx.CreateSession(store.Session{Hash: store.Hash("old"), ID: "old", Issuer: acme, UserID: "noura", ExpiresAt: f.earlier()}),
			tx.RotateRefreshToken(f.familyInto(tx, "gone").ID, 1, 2, f.earlier()),
		)
	})
	total, err := f.s.Prune(f.ctx(), store.Horizon{Expired: f.s.Now()})
	f.ok(err)
	equal(f, "pruned", total, 7) // throttle, invitation, token, challenge; code, session, family
	_, err = f.s.Code(f.ctx(), acme, store.Hash("old"))
	f.refused(err, store.ErrNotFound)
	_, err = f.s.Family(f.ctx(), acme, "family-of-gone")
	f.refused(err, store.ErrNotFound)
	_, err = f.s.Family(f.ctx(), acme, live.ID)
	f.ok(err)
	_, err = f.s.Challenge(f.ctx(), acme, store.PurposeSignUp, store.Hash("live"))
	f.ok(err)
	equal(f, "signed in", f.signedIn("live"), true)
	got, err := f.count("live", time.Minute)
	f.ok(err)
	equal(f, "count goes on", got, 2)
	f.ok(f.accept("live"))
}

// familyInto redeems a fresh code within a transaction.
func (f *fixture) familyInto(tx *store.Tx, name string) store.Family {
	f.t.Helper()
	code := store.Code{Hash: store.Hash(name), Issuer: acme, ClientID: "robot", FamilyID: "family-of-" + name, ExpiresAt: f.later()}
	grant, _, err := tx.SaveConsent(store.Consent{Issuer: acme, UserID: "noura", AccountID: "shop", ClientID: "robot"})
	f.ok(err)
	code.Grant = grant
	f.ok(errors.Join(tx.CreateCode(code), tx.RedeemCode(code.Hash, f.familyOf(code))))
	return f.familyOf(code)
}

// expired leaves n rows of each of four kinds behind.
func (f *fixture) expired(n int) {
	f.t.Helper()
	f.do(func(tx *store.Tx) error {
		var errs []error
		for i := range n {
			name := numbered("expired", i)
			_, err := tx.CountThrottle(acme, name, -time.Second)
			errs = append(errs, err, tx.RevokeToken(name, f.earlier()),
				tx.Invite(store.Invitation{Issuer: acme, ID: name, TokenHash: store.Hash(name), AccountID: "shop", Email: name, ExpiresAt: f.earlier()}),
				tx.CreateChallenge(store.Challenge{
					Hash: store.Hash(name), Issuer: acme, Purpose: store.PurposeResetPassword, Email: name, CodeHash: []byte{}, Sealed: []byte{}, ExpiresAt: f.earlier(),
				}))
		}
		return errors.Join(errs...)
	})
}

func pruneBatches(f *fixture) {
	f.expired(batchLimit + 100)
	var batches []int64
	for {
		rows, err := f.s.Prune(f.ctx(), store.Horizon{Expired: f.s.Now()})
		f.ok(err)
		if rows == 0 {
			break
		}
		batches = append(batches, rows)
	}
	equal(f, "batches", len(batches), 2)
	equal(f, "first", batches[0], 4*batchLimit)
	equal(f, "second", batches[1], 4*100)
}
