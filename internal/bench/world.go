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
}

// site is one issuer with what the operations present to it.
type site struct {
	issuer        *issuer.Issuer
	mint          *mint.Mint
	secret        string // of every client
	session       string // the person's cookie
	grant         store.Grant
	verifier      string
	basic         string // Authorization of the app
	userToken     string
	redirectURI   string
	codeChallenge string
}

const (
	appID      = "bench-app"
	accountID  = "acc_bench"
	userID     = "usr_bench"
	masterKey  = "YmVuY2gtbWFzdGVyLWtleS1vZi0zMi1ieXRlcy1sb24=" // measures nothing but speed: not a secret
	cookieName = "__Host-lk_session"
)

// formats are the sites: each signs access tokens its own way.
var formats = []struct {
	name   string
	format issuer.TokenFormat
}{
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
	if w.store, err = store.Open(ctx, store.Config{URL: w.database, Clock: w.clock, Rand: w.rand}); err != nil {
		return nil, err
	}
	for _, f := range formats {
		if w.sites[f.name], err = w.addSite(ctx, f.name, f.format); err != nil {
			return nil, fmt.Errorf("issuer %s: %w", f.name, err)
		}
	}
	return w, os.WriteFile(w.configPath(), []byte(w.configuration()), 0o600)
}

func (w *world) configPath() string { return filepath.Join(w.folder, "latchkey.yaml") }

// configuration is what the server reads. TLS would end at a proxy; here nothing stands in front.
func (w *world) configuration() string {
	var b strings.Builder
	fmt.Fprintf(&b, "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\ndatabase: %q\nmail: {host: localhost, from: bench@bench.example}\nissuers:\n", w.database)
	for _, f := range formats {
		fmt.Fprintf(&b, "  - name: %s\n    url: https://%s\n    title: Bench\n    audience: https://api.bench.example\n    access_token: {format: %s, alg: %s}\n",
			f.name, host(f.name), f.format.Kind, f.format.Alg)
		b.WriteString("    scopes:\n      - {name: orders, title: {en: Read orders}}\n      - {name: reports, title: {en: Read reports}, machine: true}\n")
	}
	return b.String()
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
		issuer: is, secret: seal.NewSecret(w.rand, "lk_cs_"), session: seal.NewSecret(w.rand, ""), verifier: seal.NewSecret(w.rand, ""),
		redirectURI: "https://app.bench.example/callback", mint: mint.New(mint.Config{Issuer: is, Keyring: w.keyring, Keys: keys, Rand: w.rand}),
	}
	sum := sha256.Sum256([]byte(s.verifier))
	s.codeChallenge = base64.RawURLEncoding.EncodeToString(sum[:])
	s.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(appID+":"+s.secret))
	if err := keys.Ensure(ctx); err != nil {
		return nil, err
	}
	if err := w.populate(ctx, s); err != nil {
		return nil, err
	}
	_, token, err := w.authorize(ctx, s)
	s.userToken = token
	return s, err
}

// populate adds the person, the account, the app, the connection and the browser's session.
func (w *world) populate(ctx context.Context, s *site) error {
	name := s.issuer.Name
	scopes := oauth.ScopeSet{"openid", "offline_access", "orders"}
	return w.store.InTx(ctx, func(tx *store.Tx) error {
		err := errors.Join(
			tx.CreateUser(store.User{Issuer: name, ID: userID, Email: "bench@bench.example", EmailVerifiedAt: tx.Now(), Name: "Bench"}),
			tx.CreateAccount(store.Account{Issuer: name, ID: accountID, Name: "Bench"}, userID),
			tx.CreateClient(w.app(s, append(scopes, "reports"))),
			tx.AddClientSecret(store.ClientSecret{
				Issuer: name, ID: tx.NewID(), ClientID: appID, Hash: client.HashSecret(w.keyring, name, appID, s.secret),
			}),
			tx.CreateSession(store.Session{
				Hash: store.Hash(s.session), ID: tx.NewID(), Issuer: name, UserID: userID, Amr: "pwd", ExpiresAt: tx.Now().Add(24 * time.Hour),
			}),
		)
		if err != nil {
			return err
		}
		s.grant, _, err = tx.SaveConsent(store.Consent{Issuer: name, UserID: userID, AccountID: accountID, ClientID: appID, Allowed: scopes})
		return err
	})
}

func (w *world) app(s *site, scopes oauth.ScopeSet) store.Client {
	return store.Client{
		Issuer: s.issuer.Name, ID: appID, AccountID: accountID, Name: "Bench", Status: store.ClientActive, Metadata: store.ClientMetadata{
			RedirectURIs: []string{s.redirectURI}, TokenEndpointAuthMethod: oauth.AuthMethodBasic, ResponseTypes: []string{"code"},
			GrantTypes: []oauth.GrantType{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials},
			Scope:      scopes, IDTokenSignedAlg: jwk.ES256, Introspects: true,
		},
	}
}

// authorize makes one authorization as if a code had been redeemed, and returns its first refresh token and an access token.
func (w *world) authorize(ctx context.Context, s *site) (refresh, access string, err error) {
	now := micros.Of(w.clock())
	code, family := seal.NewSecret(w.rand, ""), w.store.NewID()
	err = w.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.CreateCode(store.Code{
			Hash: store.Hash(code), Issuer: s.issuer.Name, ClientID: appID, FamilyID: family, Grant: s.grant, ExpiresAt: tx.Now().Add(time.Minute),
		}); err != nil {
			return err
		}
		return tx.RedeemCode(store.Hash(code), store.Family{
			ID: family, Issuer: s.issuer.Name, ClientID: appID, UserID: userID, AccountID: accountID, Scopes: s.grant.Scopes,
			Grant: s.grant, ExpiresAt: tx.Now().Add(24 * time.Hour), Binding: store.FamilyBinding{AuthTime: tx.Now(), Refreshable: true},
		})
	})
	if err != nil {
		return "", "", err
	}
	if refresh, err = s.mint.RefreshToken(family, 1); err != nil {
		return "", "", err
	}
	access, err = s.mint.AccessToken(ctx, mint.Access{
		Subject: userID, ClientID: appID, AccountID: accountID, GrantID: s.grant.ID, FamilyID: family, Scopes: s.grant.Scopes,
		Audience: []string{s.issuer.Audience}, IssuedAt: now.Add(time.Second), ExpiresAt: now.Add(time.Hour),
	})
	return refresh, access, err
}

func (w *world) postgres() bool { return !strings.HasPrefix(w.database, "sqlite:") }

func (w *world) engine() string {
	if w.postgres() {
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
