package storetest

import (
	"errors"
	"strings"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// serviceAccount adds a service account of the shop; its channel is made from its identifier.
func (f *fixture) serviceAccount(id, exchange string) {
	f.t.Helper()
	f.do(func(tx *store.Tx) error {
		return tx.CreateServiceAccount(store.ServiceAccount{
			Issuer: acme, ID: id, AccountID: "shop", Name: "Bot", Channel: id + "@bots", Scopes: oauth.ScopeSet{"orders.read"}, ExchangeID: exchange,
		})
	})
}

func (f *fixture) addKey(account, id string, expiresAt micros.Time) error {
	return f.try(func(tx *store.Tx) error {
		return tx.AddServiceKey(store.ServiceKey{
			Issuer: acme, ID: id, ServiceAccountID: account, Alg: jwk.ES256, PublicKey: []byte{1}, Addresses: "192.0.2.0/24", ExpiresAt: expiresAt,
		})
	})
}

// key returns a key and whether it may still be used.
func (f *fixture) key(id string) (key store.ServicePrincipal, usable bool) {
	f.t.Helper()
	key, err := f.s.ServiceKey(f.ctx(), acme, id)
	f.ok(err)
	err = f.try(func(tx *store.Tx) error { return tx.UseServiceKey(acme, id) })
	if err != nil {
		f.refused(err, store.ErrNotFound)
	}
	return key, err == nil
}

var serviceAccounts = []test{
	{"a service account reads back, by id and by channel", func(f *fixture) {
		f.serviceAccount("bot", "")
		for _, read := range []func() (store.ServiceAccount, error){
			func() (store.ServiceAccount, error) { return f.s.ServiceAccount(f.ctx(), acme, "bot") },
			func() (store.ServiceAccount, error) { return f.s.ServiceAccountByChannel(f.ctx(), acme, "bot@bots") },
		} {
			got, err := read()
			f.ok(err)
			equal(f, "scopes", got.Scopes.String(), "orders.read")
			equal(f, "account", got.AccountID, "shop")
		}
		_, err := f.s.ServiceAccount(f.ctx(), other, "bot")
		f.refused(err, store.ErrNotFound)
	}},
	{"identifier and channel are taken once", func(f *fixture) {
		f.serviceAccount("bot", "")
		for _, account := range []store.ServiceAccount{{Issuer: acme, ID: "bot", Channel: "other"}, {Issuer: acme, ID: "other", Channel: "bot@bots"}} {
			f.refused(f.try(func(tx *store.Tx) error { return tx.CreateServiceAccount(account) }), store.ErrConflict)
		}
	}},
	{"they are listed by identifier, in pages", func(f *fixture) {
		for i := range 5 {
			f.serviceAccount(numbered("bot", i), "")
		}
		page, err := f.s.ServiceAccounts(f.ctx(), acme, "shop", "bot-002", 10)
		f.ok(err)
		equal(f, "left", len(page), 2)
	}},
	{"a key ends when it expires, when it is removed, and not before", serviceKeys},
	{"an assertion is accepted once", func(f *fixture) {
		spend := func() error {
			return f.try(func(tx *store.Tx) error { return tx.SpendAssertion(store.Hash("jti"), f.later()) })
		}
		equal(f, "winners", f.race(func(int) error { return spend() }, store.ErrConflict), 1)
		f.refused(spend(), store.ErrConflict)
	}},
	{"a key's sessions: the newest hundred", serviceSessions},
	{"what an exchange made lives only while the connection does", serviceLife},
	{"access ends with the connection, the app and the user", serviceAccess},
}

func serviceKeys(f *fixture) {
	f.serviceAccount("bot", "")
	f.ok(f.addKey("bot", "old", f.earlier()))
	f.ok(f.addKey("bot", "one", 0))
	f.ok(f.addKey("bot", "two", f.later()))
	f.refused(f.addKey("bot", "one", 0), store.ErrConflict)
	for id, want := range map[string]bool{"old": false, "one": true, "two": true} {
		key, usable := f.key(id)
		equal(f, id, usable, want)
		equal(f, "whose", key.Account.ID, "bot")
	}
	count := func() (count int) {
		f.do(func(tx *store.Tx) (err error) { count, err = tx.CountServiceKeys(acme, "bot"); return err })
		return count
	}
	equal(f, "good keys", count(), 2)
	remove := func(account string) error {
		return f.try(func(tx *store.Tx) error { return tx.RemoveServiceKey(acme, account, "one") })
	}
	f.refused(remove("another"), store.ErrNotFound)
	f.ok(remove("bot"))
	f.refused(remove("bot"), store.ErrNotFound)
	equal(f, "good keys after a removal", count(), 1)
	f.do(func(tx *store.Tx) error {
		ended, err := tx.ExpireServiceKeys(acme, "bot", f.earlier())
		equal(f, "expired", ended, 1)
		return err
	})
	equal(f, "good keys after all expired", count(), 0)
	listed, err := f.s.ServiceKeys(f.ctx(), acme, "bot")
	f.ok(err)
	equal(f, "listed", len(listed), 2) // the expired ones, not the removed
}

func serviceSessions(f *fixture) {
	f.serviceAccount("bot", "")
	f.ok(f.addKey("bot", "key", 0))
	const most, more = 100, 3
	for i := range most + more {
		f.do(func(tx *store.Tx) error {
			return tx.CreateServiceSession(store.ServiceSession{
				Hash: store.Hash(numbered("s", i)), ID: numbered("s", i), Issuer: acme, KeyID: "key", ExpiresAt: f.later(),
			})
		})
	}
	alive := 0
	for i := range most + more {
		if _, principal, err := f.s.ServiceSession(f.ctx(), acme, store.Hash(numbered("s", i))); err == nil {
			alive++
			equal(f, "whose", principal.Key.ID, "key")
		}
	}
	equal(f, "sessions", alive, most)
}

func serviceLife(f *fixture) {
	grant := f.connection()
	f.serviceAccount("bot", "exchange")
	f.ok(f.addKey("bot", "key", 0))
	f.do(func(tx *store.Tx) error { return tx.GiveServiceAccess(acme, "bot", "shop", grant.ID) })
	key, _ := f.key("key")
	equal(f, "connected", key.Connected(), true)
	f.ok(f.revoke(acme, grant.ID))
	key, _ = f.key("key")
	equal(f, "connected after the end", key.Connected(), false)
}

func serviceAccess(f *fixture) {
	grant := f.connection()
	f.serviceAccount("bot", "")
	f.do(func(tx *store.Tx) error { return tx.GiveServiceAccess(acme, "bot", "shop", grant.ID) })
	for _, step := range []struct {
		name string
		do   func(*store.Tx) error
		want int
	}{
		{"at first", func(*store.Tx) error { return nil }, 1},
		{"app suspended", func(tx *store.Tx) error { return tx.SetClientStatus(acme, "robot", store.ClientSuspended) }, 0},
		{"app resumed", func(tx *store.Tx) error { return tx.SetClientStatus(acme, "robot", store.ClientActive) }, 1},
		{"user suspended", func(tx *store.Tx) error { return tx.SuspendUser(acme, "noura", true) }, 0},
		{"user resumed", func(tx *store.Tx) error { return tx.SuspendUser(acme, "noura", false) }, 1},
		{"disconnected", func(tx *store.Tx) error { _, err := tx.RevokeGrant(acme, grant.ID, "r"); return err }, 0},
	} {
		f.do(step.do)
		access, err := f.s.ServiceAccess(f.ctx(), acme, "bot")
		f.ok(err)
		equal(f, step.name, len(access), step.want)
	}
}

// exchange brings one to where its token can be spent.
func (f *fixture) exchange() (spending store.Spending, grant store.Grant) {
	f.t.Helper()
	grant = f.connection()
	code := f.code(grant, "code")
	f.do(func(tx *store.Tx) error {
		return errors.Join(tx.TrackCode(code), tx.RedeemCode(code.Hash, f.familyOf(code)), tx.TrackToken(acme, code.FamilyID))
	})
	return store.Spending{
		Issuer: acme, ExchangeID: code.FamilyID, ServiceAccountID: "bot", KeyID: "key", TokenID: "jti", TokenExpiresAt: f.later(),
	}, grant
}

func (f *fixture) spendExchange(spending store.Spending) error {
	return f.try(func(tx *store.Tx) error { return tx.SpendExchange(spending) })
}

var exchanges = []test{
	{"64 spend one exchange, one wins", func(f *fixture) {
		spending, _ := f.exchange()
		equal(f, "winners", f.race(func(int) error { return f.spendExchange(spending) }, store.ErrNotFound), 1)
		got, err := f.s.Exchange(f.ctx(), acme, spending.ExchangeID)
		f.ok(err)
		equal(f, "key", got.KeyID, "key")
		state, err := f.s.TokenState(f.ctx(), f.userToken(store.Family{ID: spending.ExchangeID}))
		f.ok(err)
		equal(f, "the token is spent", state.Ended, oauth.ReasonRevoked)
	}},
	{"one whose token, family or connection ended buys nothing", func(f *fixture) {
		spending, grant := f.exchange()
		elsewhere := spending
		elsewhere.Issuer = other
		f.refused(f.spendExchange(elsewhere), store.ErrNotFound)
		f.ok(f.revoke(acme, grant.ID))
		f.refused(f.spendExchange(spending), store.ErrNotFound)
	}},
	{"a revoked token buys nothing", func(f *fixture) {
		spending, _ := f.exchange()
		f.do(func(tx *store.Tx) error { return tx.RevokeToken("jti", f.later()) })
		f.refused(f.spendExchange(spending), store.ErrNotFound)
	}},
	{"its timeline is told in order, by app and by account", func(f *fixture) {
		spending, _ := f.exchange()
		f.do(func(tx *store.Tx) error { return tx.FailExchange(acme, spending.ExchangeID, "limit") })
		f.ok(f.spendExchange(spending))
		byApp, err := f.s.ExchangesOfClient(f.ctx(), acme, "robot", "g", 10)
		f.ok(err)
		byAccount, err := f.s.ExchangesOfAccount(f.ctx(), acme, "shop", "g", 10)
		f.ok(err)
		equal(f, "listed", len(byApp)*len(byAccount), 1)
		var names []string
		for _, step := range store.Timeline(byApp[0]) {
			names = append(names, step.Name)
		}
		equal(f, "timeline", strings.Join(names, " "), "code_issued token_created refused service_account_created key_issued")
	}},
	{"ending one takes back its keys", func(f *fixture) {
		spending, _ := f.exchange()
		f.serviceAccount("bot", spending.ExchangeID)
		f.ok(f.addKey("bot", "key", 0))
		f.do(func(tx *store.Tx) error { return tx.EndExchange(acme, spending.ExchangeID, oauth.ReasonReused) })
		_, usable := f.key("key")
		equal(f, "the key is good", usable, false)
	}},
}
