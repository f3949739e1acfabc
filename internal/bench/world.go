package bench

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/signing"
	"latchkey.dev/internal/store"
)

// world is what the server under load serves: one issuer for each token format, and in each a person who has connected an app.
type world struct {
	folder, database string
	keyring          *seal.Keyring
	store            *store.Store
	clock            func() time.Time
	rand             io.Reader
	sites            map[string]*site
	stored           *stored // nil when nothing was
	target           *target // a running server in place of all of these; nil otherwise
}

// site is one issuer with what the operations present to it.
type site struct {
	issuer        *issuer.Issuer
	mint          *mint.Mint
	secret        string // of every client
	manySession   string // of somebody who has connected fifty apps
	verifier      string
	basic         string // Authorization of the app
	redirectURI   string
	codeChallenge string
}

// person has connected the app, and is signed in.
type person struct {
	session string // the cookie
	grant   store.Grant
}

const (
	appID      = "bench-app"
	accountID  = "acc_bench" // whose app it is
	userID     = "usr_bench"
	masterKey  = "YmVuY2gtbWFzdGVyLWtleS1vZi0zMi1ieXRlcy1sb24=" // measures nothing but speed: not a secret
	cookieName = "__Host-lk_session"

	manyUser    = "usr_bench_many"
	manyAccount = "acc_bench_many"
)

// siteFormat is a site's name and the way it signs access tokens.
type siteFormat struct {
	name   string
	format issuer.TokenFormat
}

// formats are the sites that are always there.
var formats = []siteFormat{
	{"opaque", issuer.TokenFormat{Kind: issuer.Opaque, Alg: jwk.ES256}},
	{"es256", issuer.TokenFormat{Kind: issuer.JWT, Alg: jwk.ES256}},
	{"eddsa", issuer.TokenFormat{Kind: issuer.JWT, Alg: jwk.EdDSA}},
	{"rs256", issuer.TokenFormat{Kind: issuer.JWT, Alg: jwk.RS256}},
}

// newWorld makes the database and everything in it. folder holds the configuration, and the database unless it is elsewhere.
func newWorld(ctx context.Context, config Config, folder string) (*world, error) {
	w := &world{folder: folder, database: config.Database, clock: config.Clock, rand: config.Rand, sites: map[string]*site{}}
	if w.database == "" {
		w.database = "sqlite:" + filepath.Join(folder, "bench.db")
	}
	master, err := seal.ParseMasterKey(masterKey)
	if err != nil {
		return nil, err
	}
	if w.keyring, err = seal.NewKeyring(master); err != nil {
		return nil, err
	}
	if _, err := store.Migrate(ctx, w.database); err != nil {
		return nil, err
	}
	if config.Stored > 0 {
		if err := w.fill(ctx, config.Stored, config.Progress); err != nil {
			return nil, err
		}
	}
	if w.store, err = store.Open(ctx, store.Config{URL: w.database, Clock: w.clock, Rand: w.rand}); err != nil {
		return nil, err
	}
	for _, f := range w.formats() {
		if w.sites[f.name], err = w.addSite(ctx, f.name, f.format); err != nil {
			return nil, fmt.Errorf("issuer %s: %w", f.name, err)
		}
	}
	if err := w.connectMany(ctx); err != nil {
		return nil, err
	}
	return w, os.WriteFile(w.configPath(), []byte(w.configuration()), 0o600)
}

func (w *world) formats() []siteFormat {
	if w.stored == nil {
		return formats
	}
	return append(slices.Clone(formats), storedFormat)
}

func (w *world) configPath() string { return filepath.Join(w.folder, "latchkey.yaml") }

// configuration is what the server reads. TLS would end at a proxy; here nothing stands in front.
func (w *world) configuration() string {
	var b strings.Builder
	fmt.Fprintf(&b, "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\ndatabase: %q\nmail: {host: localhost, from: bench@bench.example}\nissuers:\n", w.database)
	for _, f := range w.formats() {
		fmt.Fprintf(&b, "  - name: %s\n    url: https://%s\n    title: Bench\n    audience: https://api.bench.example\n    access_token: {format: %s, alg: %s}\n",
			f.name, host(f.name), f.format.Kind, f.format.Alg)
		b.WriteString("    scopes:\n      - {name: orders, title: {en: Read orders}}\n      - {name: reports, title: {en: Read reports}, machine: true}\n")
	}
	return b.String()
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

func host(name string) string { return name + ".bench.example" }

func (w *world) addSite(ctx context.Context, name string, format issuer.TokenFormat) (*site, error) {
	format.AccessPrefix, format.RefreshPrefix = "lk_at_", "lk_rt_"
	is := &issuer.Issuer{
		Name: name, URL: "https://" + host(name), Hosts: []string{host(name)}, Title: "Bench", Audience: "https://api.bench.example",
		AccessToken: format, Lifetimes: issuer.DefaultLifetimes(), IDTokenAlgs: jwk.Algs(),
		Scopes: issuer.Catalogue{{Name: "orders"}, {Name: "reports", Machine: true}},
	}
	keys := signing.New(signing.Config{Issuer: name, Store: w.store, Keyring: w.keyring, Clock: w.clock, Rand: w.rand, Algs: jwk.Algs()})
	s := &site{
		issuer: is, secret: seal.NewSecret(w.rand, "lk_cs_"), verifier: seal.NewSecret(w.rand, ""),
		redirectURI: "https://app.bench.example/callback", mint: mint.New(mint.Config{Issuer: is, Keyring: w.keyring, Keys: keys, Rand: w.rand}),
	}
	sum := sha256.Sum256([]byte(s.verifier))
	s.codeChallenge = base64.RawURLEncoding.EncodeToString(sum[:])
	s.basic = basic(appID, s.secret)
	if err := keys.Ensure(ctx); err != nil {
		return nil, err
	}
	return s, w.populate(ctx, s)
}

// connected are the scopes of every person's connection.
var connected = oauth.ScopeSet{"openid", "offline_access", "orders"}

// populate adds the app and whose it is; an earlier run may have left them.
func (w *world) populate(ctx context.Context, s *site) error {
	if err := w.addPerson(ctx, s.issuer.Name, userID, accountID); err != nil {
		return err
	}
	return w.addApp(ctx, s, appID, append(slices.Clone(connected), "reports"))
}

// person is somebody for each connection of the load, as real ones are: one person's authorizations wait for each other.
func (w *world) person(ctx context.Context, s *site, worker int) (p person, err error) {
	name, user, account := s.issuer.Name, fmt.Sprint(userID, "_", worker), fmt.Sprint(accountID, "_", worker)
	if err := w.addPerson(ctx, name, user, account); err != nil {
		return p, err
	}
	p.session = seal.NewSecret(w.rand, "")
	return p, w.store.InTx(ctx, func(tx *store.Tx) error {
		err := tx.CreateSession(store.Session{
			Hash: store.Hash(p.session), ID: tx.NewID(), Issuer: name, UserID: user, Amr: "pwd", ExpiresAt: tx.Now().Add(24 * time.Hour),
		})
		if err != nil {
			return err
		}
		p.grant, _, err = tx.SaveConsent(store.Consent{Issuer: name, UserID: user, AccountID: account, ClientID: appID, Allowed: connected})
		return err
	})
}

func (w *world) addPerson(ctx context.Context, issuerName, user, account string) error {
	return unlessThere(w.store.InTx(ctx, func(tx *store.Tx) error {
		return errors.Join(
			tx.CreateUser(store.User{Issuer: issuerName, ID: user, Email: user + "@bench.example", EmailVerifiedAt: tx.Now(), Name: "Bench"}),
			tx.CreateAccount(store.Account{Issuer: issuerName, ID: account, Name: "Bench"}, user),
		)
	}))
}

// addApp adds an app with this run's secret in place of an earlier run's: each that an app has costs its requests a comparison.
func (w *world) addApp(ctx context.Context, s *site, id string, scopes oauth.ScopeSet) error {
	name := s.issuer.Name
	err := unlessThere(w.store.InTx(ctx, func(tx *store.Tx) error { return tx.CreateClient(w.app(s, id, scopes)) }))
	if err != nil {
		return err
	}
	return w.store.InTx(ctx, func(tx *store.Tx) error {
		earlier, err := tx.ClientSecrets(name, id)
		if err != nil {
			return err
		}
		for _, secret := range earlier {
			if err := tx.ExpireClientSecret(name, id, secret.ID, tx.Now().Add(-store.KeepEnded)); err != nil {
				return err
			}
		}
		return tx.AddClientSecret(store.ClientSecret{
			Issuer: name, ID: tx.NewID(), ClientID: id, Hash: client.HashSecret(w.keyring, name, id, s.secret),
		})
	})
}

func unlessThere(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}

// connectMany makes the apps that one person has all of. In a filled database that is one of those stored; elsewhere the person and
// the connections are made.
func (w *world) connectMany(ctx context.Context) error {
	s := w.sites["opaque"]
	if w.stored != nil {
		s = w.sites[storedName]
	}
	for i := range appsOfUser {
		if err := w.addApp(ctx, s, manyID(i), connected); err != nil {
			return err
		}
	}
	user := manyUser
	if w.stored != nil {
		user = w.manyStored()
		if err := w.prepareStored(ctx); err != nil {
			return err
		}
	} else if err := w.addPerson(ctx, s.issuer.Name, manyUser, manyAccount); err != nil {
		return err
	}
	s.manySession = seal.NewSecret(w.rand, "")
	return w.store.InTx(ctx, func(tx *store.Tx) error {
		err := tx.CreateSession(store.Session{
			Hash: store.Hash(s.manySession), ID: tx.NewID(), Issuer: s.issuer.Name, UserID: user, Amr: "pwd", ExpiresAt: tx.Now().Add(24 * time.Hour),
		})
		for i := 0; i < appsOfUser && w.stored == nil && err == nil; i++ {
			_, _, err = tx.SaveConsent(store.Consent{Issuer: s.issuer.Name, UserID: manyUser, AccountID: manyAccount, ClientID: manyID(i), Allowed: connected})
		}
		return err
	})
}

func (w *world) app(s *site, id string, scopes oauth.ScopeSet) store.Client {
	return store.Client{
		Issuer: s.issuer.Name, ID: id, AccountID: accountID, Name: id, Status: store.ClientActive, Metadata: store.ClientMetadata{
			RedirectURIs: []string{s.redirectURI}, TokenEndpointAuthMethod: oauth.AuthMethodBasic, ResponseTypes: []string{"code"},
			GrantTypes: []oauth.GrantType{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials},
			Scope:      scopes, IDTokenSignedAlg: jwk.ES256, Introspects: true,
		},
	}
}

// authorize makes one authorization of a connection's person as if a code had been redeemed, and returns its first refresh token and an
// access token.
func (w *world) authorize(ctx context.Context, s *site, worker int) (refresh, access string, err error) {
	p, err := w.person(ctx, s, worker)
	if err != nil {
		return "", "", err
	}
	grant := p.grant
	now := micros.Of(w.clock())
	code, family := seal.NewSecret(w.rand, ""), w.store.NewID()
	err = w.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.CreateCode(store.Code{
			Hash: store.Hash(code), Issuer: s.issuer.Name, ClientID: appID, FamilyID: family, Grant: grant, ExpiresAt: tx.Now().Add(time.Minute),
		}); err != nil {
			return err
		}
		return tx.RedeemCode(store.Hash(code), store.Family{
			ID: family, Issuer: s.issuer.Name, ClientID: appID, UserID: grant.UserID, AccountID: grant.AccountID, Scopes: grant.Scopes,
			Grant: grant, ExpiresAt: tx.Now().Add(24 * time.Hour), Binding: store.FamilyBinding{AuthTime: tx.Now(), Refreshable: true},
		})
	})
	if err != nil {
		return "", "", err
	}
	if refresh, err = s.mint.RefreshToken(family, 1); err != nil {
		return "", "", err
	}
	access, err = s.mint.AccessToken(ctx, mint.Access{
		Subject: grant.UserID, ClientID: appID, AccountID: grant.AccountID, GrantID: grant.ID, FamilyID: family, Scopes: grant.Scopes,
		Audience: []string{s.issuer.Audience}, IssuedAt: now.Add(time.Second), ExpiresAt: now.Add(time.Hour),
	})
	return refresh, access, err
}

func (w *world) close() error {
	if w == nil || w.store == nil {
		return nil
	}
	return w.store.Close()
}

// issue is a request for a token, which the limit answers too.
func (w *world) issue() []byte {
	if w.target != nil {
		return w.target.issue()
	}
	return post(host("opaque"), "/oauth/token", w.sites["opaque"].basic, "grant_type=client_credentials&scope=reports")
}

// errUnknown stands for what cannot be told of a running server.
var errUnknown = errors.New("unknown")

// size is how many bytes the database takes.
func (w *world) size(ctx context.Context) (int64, error) {
	if w.target != nil {
		return 0, errUnknown
	}
	return w.store.Size(ctx)
}

// listing is how long a person's fifty connections take to be read, 99 times of 100, in milliseconds.
func (w *world) listing(ctx context.Context) (float64, error) {
	name, user := "opaque", manyUser
	if w.stored != nil {
		name, user = storedName, w.manyStored()
	}
	const warmUp, measured = 100, 1000
	took := make([]time.Duration, warmUp+measured)
	for i := range took {
		started := w.clock()
		if rows, err := w.store.GrantsOfUser(ctx, name, user, 2*appsOfUser); err != nil || len(rows) != appsOfUser {
			return 0, errors.Join(err, fmt.Errorf("%s has %d connections, not %d", user, len(rows), appsOfUser))
		}
		took[i] = w.clock().Sub(started)
	}
	_, p99 := percentiles(took[warmUp:])
	return float64(p99.Microseconds()) / 1e3, nil
}

// manyStored is somebody in the middle of what is stored.
func (w *world) manyStored() string {
	return w.stored.filling.Family(w.stored.filling.Tokens() / 2).UserID
}

func (w *world) postgres() bool {
	return strings.HasPrefix(w.database, "postgres://") || strings.HasPrefix(w.database, "postgresql://")
}

func (w *world) engine() string {
	switch {
	case w.target != nil:
		return ""
	case w.postgres():
		return "postgres"
	}
	return "sqlite"
}

// commitRows is how many rows each commit has that writes are held against. On SQLite that is two, because the same number of
// commits is cheaper there the more of them share a sync; on PostgreSQL each syncs for itself.
func (w *world) commitRows() int {
	if w.postgres() {
		return 1
	}
	return 2
}

// postgresHere tells whether PostgreSQL runs on this machine, so that its processor time can be read.
func (w *world) postgresHere() bool {
	if !w.postgres() {
		return false
	}
	config, err := pgxpool.ParseConfig(w.database)
	return err == nil && (strings.HasPrefix(config.ConnConfig.Host, "/") || slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, config.ConnConfig.Host))
}
