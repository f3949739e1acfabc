// Package tokentest sets up an issuer on a real embedded database, with a person, an account, apps and a clock that the test
// owns, for the tests of everything that issues or checks tokens.
package tokentest

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/lastuse"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/signing"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/storetest"
)

// RedirectURI is where the fixture's apps live.
const RedirectURI = "https://shop.example/callback"

// Verifier and Challenge are the pair of RFC 7636 appendix B.
const (
	Verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	Challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// Fixture is an issuer with everything below it.
type Fixture struct {
	testing.TB

	Issuer  *issuer.Issuer
	Store   *store.Store
	Keyring *seal.Keyring
	Keys    *signing.Keys
	Mint    *mint.Mint
	Clients *client.Registry
	LastUse *lastuse.Recorder
	Log     *bytes.Buffer
	User    store.User
	Account store.Account
	now     *atomic.Int64
	path    string // of the database file
}

// New sets up an issuer; adjust changes its settings first.
func New(t testing.TB, adjust ...func(*issuer.Issuer)) *Fixture {
	t.Helper()
	f := &Fixture{TB: t, Issuer: settings(), Log: &bytes.Buffer{}, now: &atomic.Int64{}}
	for _, change := range adjust {
		change(f.Issuer)
	}
	f.now.Store(time.Date(2026, 3, 1, 12, 0, 0, 250_000_000, time.UTC).UnixMicro())
	f.openStore()
	f.Keyring = NewKeyring(t, 1)
	f.Keys = signing.New(signing.Config{
		Issuer: f.Issuer.Name, Store: f.Store, Keyring: f.Keyring, Clock: f.Clock, Rand: rand.Reader, Algs: []jwk.Alg{jwk.ES256, jwk.EdDSA},
		PublishRetired: f.Issuer.PublishRetiredKeys(), KeepRetired: f.Issuer.KeepRetiredKeys(),
	})
	f.Must(f.Keys.Ensure(t.Context()))
	f.Mint = mint.New(mint.Config{Issuer: f.Issuer, Keyring: f.Keyring, Keys: f.Keys, Rand: rand.Reader})
	f.Clients = client.New(client.Config{Issuer: f.Issuer, Store: f.Store, Keyring: f.Keyring, Clock: f.Clock, Rand: rand.Reader})
	f.LastUse = lastuse.New(f.Store, slog.New(slog.NewTextHandler(f.Log, nil)))
	f.seedPerson()
	return f
}

func settings() *issuer.Issuer {
	return &issuer.Issuer{
		Name: "acme", URL: "https://acme.example", Hosts: []string{"acme.example"}, Title: "Acme",
		Scopes: issuer.Catalogue{
			{Name: "orders.read", Machine: true}, {Name: "orders.write", Machine: true}, {Name: "stock.read"},
		},
		Audience: "https://api.acme.example", Resources: []string{"https://stock.acme.example", "https://ledger.acme.example"},
		AccessToken: issuer.TokenFormat{Kind: issuer.Opaque, Alg: jwk.ES256, AccessPrefix: "lk_at_", RefreshPrefix: "lk_rt_"},
		Lifetimes:   issuer.DefaultLifetimes(),
		IDTokenAlgs: []jwk.Alg{jwk.ES256, jwk.EdDSA},
	}
}

// NewKeyring is a keyring whose only master key is made of one byte.
func NewKeyring(t testing.TB, fill byte) *seal.Keyring {
	t.Helper()
	keyring, err := seal.NewKeyring(bytes.Repeat([]byte{fill}, seal.MinMasterKey))
	if err != nil {
		t.Fatal(err)
	}
	return keyring
}

func (f *Fixture) openStore() {
	f.Helper()
	url := storetest.SQLite(f.TB)
	f.path = strings.TrimPrefix(url, "sqlite:")
	var err error
	f.Store, err = store.Open(f.Context(), store.Config{URL: url, Clock: f.Clock, Rand: rand.Reader})
	f.Must(err)
	f.Cleanup(func() {
		if err := f.Store.Close(); err != nil {
			f.Error(err)
		}
	})
}

func (f *Fixture) seedPerson() {
	f.Helper()
	now := f.Store.Now()
	f.User = store.User{
		Issuer: f.Issuer.Name, ID: "usr_ada", Email: "ada@shop.example", EmailVerifiedAt: now, Name: "Ada Lovelace", Locale: "en",
	}
	f.Account = store.Account{Issuer: f.Issuer.Name, ID: "acc_shop", Name: "Ada's shop"}
	f.Tx(func(tx *store.Tx) error {
		if err := tx.CreateUser(f.User); err != nil {
			return err
		}
		return tx.CreateAccount(f.Account, f.User.ID)
	})
}

// Must ends the test on an error.
func (f *Fixture) Must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// Tx runs a transaction that must succeed.
func (f *Fixture) Tx(fn func(*store.Tx) error) {
	f.Helper()
	f.Must(f.Store.InTx(f.Context(), fn))
}

// Clock is the test's time.
func (f *Fixture) Clock() time.Time { return time.UnixMicro(f.now.Load()) }

// Advance moves the clock on.
func (f *Fixture) Advance(d time.Duration) { f.now.Add(d.Microseconds()) }

// App is a registered client with its secret.
type App struct {
	*store.Client

	Secret string
}

// Credentials are what the app authenticates with.
func (a App) Credentials() client.Credentials {
	return client.Credentials{ID: a.ID, Secret: a.Secret, Method: a.Metadata.TokenEndpointAuthMethod}
}

// App registers an app that may do everything a confidential client can; adjust changes what it registers.
func (f *Fixture) App(adjust ...func(*store.ClientMetadata)) App {
	f.Helper()
	metadata := store.ClientMetadata{
		RedirectURIs: []string{RedirectURI},
		GrantTypes:   []oauth.GrantType{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials},
		Scope:        f.Issuer.Scopes.Names(),
	}
	for _, change := range adjust {
		change(&metadata)
	}
	created, secret, err := f.Clients.Create(f.Context(), client.Registration{AccountID: f.Account.ID, Name: "Shop", Metadata: metadata})
	f.Must(err)
	return App{&created, secret}
}

// Public makes an app a public client.
func Public(m *store.ClientMetadata) {
	m.TokenEndpointAuthMethod = oauth.AuthMethodNone
	m.GrantTypes = []oauth.GrantType{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}
}

// Introspects makes an app an API that may ask about every token.
func Introspects(m *store.ClientMetadata) { m.Introspects = true }

// Grant connects the person's account to an app.
func (f *Fixture) Grant(app App, scopes string) (grant store.Grant) {
	f.Helper()
	f.Tx(func(tx *store.Tx) (err error) {
		grant, _, err = tx.SaveConsent(store.Consent{
			Issuer: f.Issuer.Name, UserID: f.User.ID, AccountID: f.Account.ID, ClientID: app.ID, Allowed: Scopes(scopes),
		})
		return err
	})
	return grant
}

// OwnGrant is the connection without a user that a client's own tokens hang on where they come with a refresh token.
func (f *Fixture) OwnGrant(app App, scopes string) store.Grant {
	f.Helper()
	grant := store.Grant{ID: f.Store.NewID(), Issuer: f.Issuer.Name, AccountID: f.Account.ID, ClientID: app.ID, Scopes: Scopes(scopes)}
	family := store.Family{
		ID: f.Store.NewID(), Issuer: f.Issuer.Name, ClientID: app.ID, AccountID: f.Account.ID, Scopes: grant.Scopes, Grant: grant,
		ExpiresAt: f.Store.Now().Add(f.Issuer.Lifetimes.RefreshToken),
	}
	f.Tx(func(tx *store.Tx) error { return tx.CreateOwnFamily(family) })
	return grant
}

// Scopes reads a set that the test wrote.
func Scopes(text string) oauth.ScopeSet { return strings.Fields(text) }

// Code is a new authorization code for a grant, as the authorization endpoint makes it; adjust changes what it is bound to.
func (f *Fixture) Code(grant store.Grant, adjust ...func(*store.Code)) string {
	f.Helper()
	secret := seal.NewSecret(rand.Reader, "")
	now := f.Store.Now()
	code := store.Code{
		Hash: store.Hash(secret), Issuer: f.Issuer.Name, ClientID: grant.ClientID, FamilyID: f.Store.NewID(), Grant: grant,
		ExpiresAt: now.Add(f.Issuer.Lifetimes.Code),
		Binding: store.CodeBinding{
			RedirectURI: RedirectURI, CodeChallenge: Challenge, Scopes: grant.Scopes, Nonce: "n-0S6_WzA2Mj",
			AuthTime: now.Add(-time.Minute), AMR: []string{"pwd"}, SessionID: "ses_1",
		},
	}
	for _, change := range adjust {
		change(&code)
	}
	f.Tx(func(tx *store.Tx) error { return tx.CreateCode(code) })
	return secret
}

// Access is an access token for a new family of the grant, as its code would have bought it.
func (f *Fixture) Access(grant store.Grant, adjust ...func(*mint.Access)) (token string, access mint.Access) {
	f.Helper()
	family := f.Family(grant)
	now := f.Store.Now()
	access = mint.Access{
		JTI: seal.NewSecret(rand.Reader, ""), Subject: grant.UserID, ClientID: grant.ClientID, AccountID: grant.AccountID, GrantID: grant.ID,
		FamilyID: family.ID, Scopes: grant.Scopes, Audience: []string{f.Issuer.Audience}, IssuedAt: now,
		ExpiresAt: now.Add(f.Issuer.Lifetimes.AccessToken), AuthTime: now, AMR: []string{"pwd"},
	}
	for _, change := range adjust {
		change(&access)
	}
	token, err := f.Mint.AccessToken(f.Context(), access)
	f.Must(err)
	return token, access
}

// Family redeems a code of the grant, so that there is a family.
func (f *Fixture) Family(grant store.Grant) store.Family {
	f.Helper()
	now := f.Store.Now()
	family := store.Family{
		ID: f.Store.NewID(), Issuer: f.Issuer.Name, ClientID: grant.ClientID, UserID: grant.UserID, AccountID: grant.AccountID,
		Scopes: grant.Scopes, Grant: grant, ExpiresAt: now.Add(f.Issuer.Lifetimes.RefreshToken),
		Binding: store.FamilyBinding{AuthTime: now, AMR: []string{"pwd"}, Refreshable: true},
	}
	code := f.Code(grant, func(code *store.Code) { code.FamilyID = family.ID })
	f.Tx(func(tx *store.Tx) error { return tx.RedeemCode(store.CodeHash(code), family) })
	return family
}

// Events lists what was written about the person, newest first.
func (f *Fixture) Events() []store.Event {
	f.Helper()
	events, err := f.Store.EventsOfUser(f.Context(), f.Issuer.Name, f.User.ID, store.LastEvent, 1000)
	f.Must(err)
	return events
}

// Count is how many of the events are of a type.
func Count(events []store.Event, happened store.EventType) (count int) {
	for _, event := range events {
		if event.Type == happened {
			count++
		}
	}
	return count
}

// RevokeGrant ends a connection as its user would.
func (f *Fixture) RevokeGrant(id string) {
	f.Helper()
	f.Tx(func(tx *store.Tx) error {
		_, err := tx.RevokeGrant(f.Issuer.Name, id, oauth.ReasonRevokedByUser)
		return err
	})
}

// PostForm is a form post as an app sends it, with Basic credentials when the app has a secret.
func PostForm(path string, app App, form url.Values) *http.Request {
	if app.Client != nil && app.Public() {
		form.Set("client_id", app.ID)
	}
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Host = "acme.example"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if app.Client != nil && !app.Public() {
		r.SetBasicAuth(url.QueryEscape(app.ID), url.QueryEscape(app.Secret))
	}
	return r
}

// Unavailable breaks the database behind the store's back, so that whatever needs it fails as a broken disk would make it.
func (f *Fixture) Unavailable() {
	f.Helper()
	db, err := sql.Open("sqlite", f.path)
	f.Must(err)
	defer func() { f.Must(db.Close()) }()
	for _, table := range []string{"clients", "codes", "device_codes", "exchanges", "families", "grants", "registrations", "revoked_tokens", "service_keys", "signing_keys", "users"} {
		_, err := db.ExecContext(f.Context(), "ALTER TABLE "+table+" RENAME TO gone_"+table)
		f.Must(err)
	}
}

// Rows counts what a table holds, for what the store has no question for.
func (f *Fixture) Rows(table string) (rows int) {
	f.Helper()
	db, err := sql.Open("sqlite", f.path)
	f.Must(err)
	defer func() { f.Must(db.Close()) }()
	f.Must(db.QueryRowContext(f.Context(), "SELECT count(*) FROM "+table).Scan(&rows))
	return rows
}

// AllRows counts what every table holds.
func (f *Fixture) AllRows() map[string]int {
	f.Helper()
	db, err := sql.Open("sqlite", f.path)
	f.Must(err)
	defer func() { f.Must(db.Close()) }()
	tables, err := db.QueryContext(f.Context(), "SELECT name FROM sqlite_master WHERE type = 'table'")
	f.Must(err)
	defer tables.Close()
	counts := map[string]int{}
	for tables.Next() {
		var name string
		f.Must(tables.Scan(&name))
		counts[name] = f.Rows(name)
	}
	f.Must(tables.Err())
	return counts
}

// IsUnavailable tells whether an error is the database's trouble, which every face answers with 503.
func IsUnavailable(err error) bool {
	var away *store.UnavailableError
	return errors.As(err, &away)
}

// Seconds drops what a JWT cannot carry.
func Seconds(t micros.Time) micros.Time { return t / 1e6 * 1e6 }
