// Package storetest is what store.Store promises, as one suite that runs on every engine, races included. There is no mock of the
// store: whoever needs one opens SQLite in a temporary folder.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// Open returns an empty, migrated store that closes with the test.
type Open func(t testing.TB) *store.Store

// Run holds a store to its contract; every test of it gets a store of its own.
func Run(t *testing.T, open Open) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Transactions", transactions}, {"People", people}, {"Accounts", accounts}, {"Forgetting", forgetting}, {"Clients", clients}, {"Grants", grants},
		{"Codes", codes}, {"Families", families}, {"TokenState", tokenStates}, {"Sessions", sessions}, {"Challenges", challenges},
		{"Throttles", throttles}, {"Events", events}, {"Outbox", outbox}, {"Keys", keys}, {"Changes", changes},
		{"ServiceAccounts", serviceAccounts}, {"Exchanges", exchanges}, {"ServiceRaces", serviceRaces},
		{"Devices", devices}, {"Registrations", registrations},
		{"Prune", prunes}, {"Retention", retention}, {"Races", races}, {"Linearizable", histories},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) { test.run(&fixture{t: t, s: open(t)}) })
			}
		})
	}
}

// test is one promise.
type test struct {
	name string
	run  func(f *fixture)
}

// acme is the issuer that everything belongs to; other is one that must never see it.
const (
	acme  = "acme"
	other = "other"
)

// fixture is one test's store and the people and apps in it.
type fixture struct {
	t testing.TB
	s *store.Store
}

func (f *fixture) ctx() context.Context { return f.t.Context() }

// try runs a transaction that may be refused.
func (f *fixture) try(fn func(*store.Tx) error) error { return f.s.InTx(f.ctx(), fn) }

// do runs a transaction that must succeed.
func (f *fixture) do(fn func(*store.Tx) error) {
	f.t.Helper()
	f.ok(f.try(fn))
}

func (f *fixture) ok(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// refused wants a refusal, which is never trouble with the database.
func (f *fixture) refused(err, want error) {
	f.t.Helper()
	var unavailable *store.UnavailableError
	if !errors.Is(err, want) || errors.As(err, &unavailable) {
		f.t.Fatalf("got %v, want %v", err, want)
	}
}

func equal[T comparable](f *fixture, what string, got, want T) {
	f.t.Helper()
	if got != want {
		f.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// user adds a person whose id is also the address's name.
func (f *fixture) user(id string) store.User {
	f.t.Helper()
	user := store.User{
		Issuer: acme, ID: id, Email: id + "@example.com", EmailVerifiedAt: 1, Name: "Name of " + id, Locale: "vi", PasswordHash: "hash",
	}
	f.do(func(tx *store.Tx) error { return tx.CreateUser(user) })
	return user
}

// account adds an account with its owner.
func (f *fixture) account(id, owner string) {
	f.t.Helper()
	f.do(func(tx *store.Tx) error {
		return tx.CreateAccount(store.Account{Issuer: acme, ID: id, Name: "Shop " + id}, owner)
	})
}

func (f *fixture) member(account, user string, role issuer.Role) {
	f.t.Helper()
	f.do(func(tx *store.Tx) error {
		return tx.AddMember(store.Member{Issuer: acme, AccountID: account, UserID: user, Role: role})
	})
}

func (f *fixture) client(id string) store.Client {
	f.t.Helper()
	client := store.Client{
		Issuer: acme, ID: id, AccountID: "developer", Name: "App " + id, Status: store.ClientActive,
		Metadata: store.ClientMetadata{
			RedirectURIs: []string{"https://app.example/cb"}, TokenEndpointAuthMethod: "client_secret_basic", Scope: oauth.ScopeSet{"orders.read"},
		},
	}
	f.do(func(tx *store.Tx) error { return tx.CreateClient(client) })
	return client
}

// connection is a user, an account of theirs and an app, with what was allowed.
func (f *fixture) connection() store.Grant {
	f.t.Helper()
	f.user("noura")
	f.account("shop", "noura")
	f.client("robot")
	return f.consent("noura", "shop", "robot", "orders.read orders.write")
}

func (f *fixture) consent(user, account, client, scopes string) (grant store.Grant) {
	f.t.Helper()
	allowed, err := oauth.ParseScope(scopes)
	f.ok(err)
	f.do(func(tx *store.Tx) (err error) {
		grant, _, err = tx.SaveConsent(store.Consent{Issuer: acme, UserID: user, AccountID: account, ClientID: client, Allowed: allowed})
		return err
	})
	return grant
}

// code makes a code for a grant; its name is its secret.
func (f *fixture) code(grant store.Grant, name string) store.Code {
	f.t.Helper()
	code := store.Code{
		Hash: store.Hash(name), Issuer: acme, ClientID: grant.ClientID, FamilyID: "family-of-" + name, Grant: grant,
		Binding: store.CodeBinding{
			RedirectURI: "https://app.example/cb", CodeChallenge: "challenge", Scopes: oauth.ScopeSet{"orders.read"},
			Resources: []string{"https://api.example"}, Nonce: "n", AuthTime: 7, AMR: []string{"pwd"}, SessionID: "sid",
		},
		ExpiresAt: f.s.Now().Add(time.Minute),
	}
	f.do(func(tx *store.Tx) error { return tx.CreateCode(code) })
	return code
}

// familyOf is what redeeming the code buys.
func (f *fixture) familyOf(code store.Code) store.Family {
	return store.Family{
		ID: code.FamilyID, Issuer: acme, ClientID: code.ClientID, UserID: code.Grant.UserID, AccountID: code.Grant.AccountID,
		Scopes: code.Binding.Scopes, Binding: store.FamilyBinding{Resources: code.Binding.Resources, AuthTime: 7, SessionID: "sid", Refreshable: true},
		ExpiresAt: f.s.Now().Add(time.Hour), Grant: code.Grant,
	}
}

// redeem is what the token endpoint does with a code.
func (f *fixture) redeem(code store.Code) error {
	return f.s.Decide(f.ctx(), func(tx *store.Tx) error { return tx.RedeemCode(code.Hash, f.familyOf(code), f.redeemed(code)) })
}

// redeemed is the event that tells of a code's redemption.
func (f *fixture) redeemed(code store.Code) store.Event {
	return store.Event{
		Issuer: acme, Type: store.EventTokenIssued, UserID: code.Grant.UserID, AccountID: code.Grant.AccountID, GrantID: code.Grant.ID,
		Detail: map[string]string{"family": code.FamilyID},
	}
}

// redemptions counts the events that tell of a code's redemption.
func (f *fixture) redemptions(code store.Code) (n int) {
	f.t.Helper()
	events, err := f.s.EventsOfUser(f.ctx(), acme, code.Grant.UserID, store.LastEvent, 1000)
	f.ok(err)
	for _, event := range events {
		if event.Type == store.EventTokenIssued && event.Detail["family"] == code.FamilyID {
			n++
		}
	}
	return n
}

// boughtNothing wants a code to be refused, and nothing to be written.
func (f *fixture) boughtNothing(code store.Code) {
	f.t.Helper()
	f.refused(f.redeem(code), store.ErrNotFound)
	_, err := f.s.Family(f.ctx(), acme, code.FamilyID)
	f.refused(err, store.ErrNotFound)
	equal(f, "events", f.redemptions(code), 0)
	kept, err := f.s.Code(f.ctx(), acme, code.Hash)
	f.ok(err)
	equal(f, "unspent", kept.UsedAt.Never(), true)
}

// family redeems a fresh code of a grant.
func (f *fixture) family(grant store.Grant, name string) store.Family {
	f.t.Helper()
	code := f.code(grant, name)
	f.do(func(tx *store.Tx) error { return tx.RedeemCode(code.Hash, f.familyOf(code)) })
	return f.familyOf(code)
}

// later is a time that has not come; earlier one that is over.
func (f *fixture) later() micros.Time   { return f.s.Now().Add(time.Hour) }
func (f *fixture) earlier() micros.Time { return f.s.Now().Add(-time.Second) }

// racers is how many try the same thing at once.
const racers = 64

// race lets all racers go at the same moment, and returns how many won. Those refused must have got one of the refusals.
func (f *fixture) race(act func(i int) error, refusals ...error) int {
	f.t.Helper()
	results := make([]error, racers)
	gate := make(chan struct{})
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			<-gate
			results[i] = act(i)
		})
	}
	close(gate)
	all.Wait()
	wins := 0
	for _, err := range results {
		switch {
		case err == nil:
			wins++
		case !isOneOf(err, refusals):
			f.t.Errorf("a racer got %v, want success or one of %v", err, refusals)
		}
	}
	return wins
}

func isOneOf(err error, refusals []error) bool {
	for _, refusal := range refusals {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// numbered makes distinct names.
func numbered(name string, i int) string { return fmt.Sprintf("%s-%03d", name, i) }
