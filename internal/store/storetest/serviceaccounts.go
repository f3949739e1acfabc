package storetest

import (
	"errors"
	"time"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// buy spends an exchange and makes what it buys, as one racer of many.
func (f *fixture) buy(spending store.Spending, grant store.Grant, i int) error {
	return f.try(func(tx *store.Tx) error { return buyIn(tx, spending, grant, i) })
}

func buyIn(tx *store.Tx, spending store.Spending, grant store.Grant, i int) error {
	spending.ServiceAccountID, spending.KeyID = numbered("bot", i), numbered("key", i)
	if err := tx.SpendExchange(spending); err != nil {
		return err
	}
	return errors.Join(
		tx.CreateServiceAccount(store.ServiceAccount{
			Issuer: acme, ID: spending.ServiceAccountID, AccountID: "developer", Channel: spending.ServiceAccountID, ExchangeID: spending.ExchangeID,
		}),
		tx.GiveServiceAccess(acme, spending.ServiceAccountID, grant.AccountID, grant.ID),
		tx.AddServiceKey(store.ServiceKey{
			Issuer: acme, ID: spending.KeyID, ServiceAccountID: spending.ServiceAccountID, Alg: "ES256", PublicKey: []byte{1},
		}),
	)
}

// replay is a code that comes twice.
func replay(tx *store.Tx, exchangeID string) error {
	if err := tx.RevokeFamily(acme, exchangeID, oauth.ReasonReused); err != nil {
		return err
	}
	return tx.EndExchange(acme, exchangeID, oauth.ReasonReused)
}

// meet runs two transactions so that the second begins when all that the first does is done, and not committed yet.
func (f *fixture) meet(first, second func(*store.Tx) error) (errFirst, errSecond error) {
	f.t.Helper()
	met := make(chan error, 1)
	errFirst = f.try(func(tx *store.Tx) error {
		if err := first(tx); err != nil {
			return err
		}
		if _, err := tx.CountServiceKeys(acme, "nobody"); err != nil { // what waits to travel with another statement is sent
			return err
		}
		go func() { met <- f.try(second) }()
		time.Sleep(100 * time.Millisecond) // it is held up by the first, or done
		return nil
	})
	return errFirst, <-met
}

var serviceRaces = []test{
	{"64 buy with one token, and those who lose leave nothing", func(f *fixture) {
		spending, grant := f.exchange()
		equal(f, "winners", f.race(func(i int) error { return f.buy(spending, grant, i) }, store.ErrNotFound), 1)
		made, err := f.s.ServiceAccounts(f.ctx(), acme, "developer", "", racers)
		f.ok(err)
		equal(f, "made", len(made), 1)
		tracked, err := f.s.Exchange(f.ctx(), acme, spending.ExchangeID)
		f.ok(err)
		equal(f, "its account", tracked.ServiceAccountID, made[0].ID)
	}},
	{"nothing outlives the connection, whatever races", func(f *fixture) {
		spending, grant := f.exchange()
		f.race(func(i int) error {
			if i == racers/2 {
				return f.revoke(acme, grant.ID)
			}
			return f.buy(spending, grant, i)
		}, store.ErrNotFound)
		for i := range racers {
			principal, err := f.s.ServiceKey(f.ctx(), acme, numbered("key", i))
			if err == nil {
				equal(f, "connected", principal.Connected(), false)
				continue
			}
			f.refused(err, store.ErrNotFound)
		}
	}},
	{"no key outlives a code that comes twice while its token buys one", func(f *fixture) {
		spending, grant := f.exchange()
		bought, replayed := f.meet(
			func(tx *store.Tx) error { return buyIn(tx, spending, grant, 0) },
			func(tx *store.Tx) error { return replay(tx, spending.ExchangeID) })
		f.ok(bought)
		f.ok(replayed)
		_, usable := f.key(numbered("key", 0))
		equal(f, "usable", usable, false)
	}},
	{"nothing is bought with a token whose code comes twice meanwhile", func(f *fixture) {
		spending, grant := f.exchange()
		replayed, bought := f.meet(
			func(tx *store.Tx) error { return replay(tx, spending.ExchangeID) },
			func(tx *store.Tx) error { return buyIn(tx, spending, grant, 0) })
		f.ok(replayed)
		f.refused(bought, store.ErrNotFound)
	}},
	{"64 add a key where five may be, five are added", func(f *fixture) {
		const most = 5
		errFull := errors.New("full")
		f.serviceAccount("bot", "")
		wins := f.race(func(i int) error {
			return f.try(func(tx *store.Tx) error {
				if err := tx.LockServiceAccount(acme, "bot"); err != nil {
					return err
				}
				if count, err := tx.CountServiceKeys(acme, "bot"); err != nil || count >= most {
					return errors.Join(err, errFull)
				}
				return tx.AddServiceKey(store.ServiceKey{Issuer: acme, ID: numbered("key", i), ServiceAccountID: "bot", Alg: "ES256", PublicKey: []byte{1}})
			})
		}, errFull)
		equal(f, "added", wins, most)
	}},
	{"what is over is pruned, a finished exchange is not", func(f *fixture) {
		spending, grant := f.exchange()
		f.ok(f.buy(spending, grant, 0))
		f.do(func(tx *store.Tx) error {
			return errors.Join(
				tx.TrackCode(store.Code{FamilyID: "unfinished", Issuer: acme, ClientID: grant.ClientID, Grant: grant}),
				tx.CreateServiceSession(store.ServiceSession{Hash: store.Hash("old"), ID: "old", Issuer: acme, KeyID: "key-000", ExpiresAt: f.earlier()}),
				tx.SpendAssertion(store.Hash("old"), f.earlier()), tx.SpendAssertion(store.Hash("live"), f.later()),
			)
		})
		pruned, err := f.s.Prune(f.ctx(), store.Horizon{Expired: f.s.Now()})
		f.ok(err)
		equal(f, "session and assertion", pruned, 2)
		_, err = f.s.Prune(f.ctx(), store.Horizon{Expired: f.s.Now().Add(31 * 24 * time.Hour)})
		f.ok(err)
		_, err = f.s.Exchange(f.ctx(), acme, "unfinished")
		f.refused(err, store.ErrNotFound)
		_, err = f.s.Exchange(f.ctx(), acme, spending.ExchangeID)
		f.ok(err)
	}},
}
