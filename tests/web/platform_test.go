package web

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/tests/person"
)

// platform is who and what is at one of the platforms that a script speaks to: `speak NAME` before its first case.
type platform struct {
	account string // Ada's, which apps are connected to
	scopes  issuer.Catalogue
	owners  []string // accounts that own apps, besides
	apps    map[string]owned
	keys    map[string]string // service accounts' names, and whose they are
	twin    *owned            // the app of its sandbox, where it has one
}

// owned is an app of an account. An empty identifier or secret is made.
type owned struct {
	owner, id, secret string
	metadata          store.ClientMetadata
}

func app(method string, scope string, redirectURIs ...string) store.ClientMetadata {
	return store.ClientMetadata{
		RedirectURIs: redirectURIs, TokenEndpointAuthMethod: method, ResponseTypes: []string{"code"}, ApplicationType: "web", Scope: tokentest.Scopes(scope),
		GrantTypes: []oauth.GrantType{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}, PKCEOptional: method != oauth.AuthMethodNone,
	}
}

func program(method, scope string, more ...oauth.GrantType) store.ClientMetadata {
	return store.ClientMetadata{
		TokenEndpointAuthMethod: method, Scope: tokentest.Scopes(scope), GrantTypes: append([]oauth.GrantType{oauth.GrantClientCredentials}, more...),
	}
}

const (
	merchant = "5f0a9a3c-6a34-4c1e-9f4d-2f0f6d1d7a01"
	rivals   = "5f0a9a3c-6a34-4c1e-9f4d-2f0f6d1d7a02"
)

func platforms() map[string]platform {
	managers := []issuer.Role{issuer.RoleOwner, issuer.RoleAdmin}
	device := app("none", "read offline_access")
	device.RedirectURIs, device.ResponseTypes, device.GrantTypes = nil, nil, []oauth.GrantType{oauth.GrantDeviceCode, oauth.GrantRefreshToken}
	return map[string]platform{
		"noon": {
			account: "PRJ12345", owners: []string{"PRJ90001", "PRJ90002"}, scopes: issuer.Catalogue{{Name: "access:grant", Roles: managers}},
			apps: map[string]owned{
				"integrator": {owner: "PRJ90001", id: "abc123xyz", metadata: app("client_secret_post", "access:grant", "https://yourapp.com/callback")},
				"rival":      {owner: "PRJ90002", metadata: app("client_secret_post", "access:grant", "https://rival.example/callback")},
				"several":    {owner: "PRJ90001", metadata: app("client_secret_post", "access:grant", "https://yourapp.com/1", "https://yourapp.com/2")},
			},
			keys: map[string]string{"own": "PRJ90001", "spare": "PRJ90001", "theirs": "PRJ90002"},
		},
		"noorle": {
			account: "org_harbour", owners: []string{"org_robot"},
			scopes: issuer.Catalogue{{Name: "read", Machine: true}, {Name: "execute", Machine: true}, {Name: "manage", Roles: managers}, {Name: "admin", Roles: managers[:1]}},
			apps: map[string]owned{
				"post":   {owner: "org_robot", metadata: app("client_secret_post", "openid read execute manage offline_access", "https://app.example/callback")},
				"basic":  {owner: "org_robot", metadata: app("client_secret_basic", "read offline_access", "https://basic.example/callback")},
				"public": {owner: "org_robot", metadata: app("none", "read offline_access", "https://spa.example/callback")},
				"night":  {owner: "org_robot", metadata: program("client_secret_post", "read execute")},
				"tv":     {owner: "org_robot", metadata: device},
			},
		},
		"nomba": {
			account: "5f0a9a3c-6a34-4c1e-9f4d-2f0f6d1d7a03", owners: []string{merchant, rivals},
			scopes: issuer.Catalogue{{Name: "transactions:read", Machine: true}},
			apps: map[string]owned{
				"server": {owner: merchant, metadata: program("client_secret_post", "transactions:read", oauth.GrantRefreshToken)},
				"rival":  {owner: rivals, metadata: program("client_secret_post", "transactions:read", oauth.GrantRefreshToken)},
				"pkce":   {owner: rivals, metadata: app("none", "transactions:read", "https://yourapp.com/callback")},
				"kiosk":  {owner: rivals, metadata: app("none", "transactions:read", "https://kiosk.example/callback")},
			},
			twin: &owned{owner: "5f0a9a3c-6a34-4c1e-9f4d-2f0f6d1d7a09", metadata: program("client_secret_post", "transactions:read", oauth.GrantRefreshToken)},
		},
		"noonlight": {
			account: "acc_home", owners: []string{"acc_lamp"},
			scopes: issuer.Catalogue{{Name: "write:alarm"}, {Name: "read:alarm"}, {Name: "verify:pin"}},
			apps: map[string]owned{
				"lamp": {owner: "acc_lamp", metadata: app("client_secret_post", "write:alarm read:alarm", "https://your-redirect-uri/", "http://localhost")},
				"bell": {owner: "acc_lamp", metadata: app("client_secret_post", "read:alarm", "https://doorbell.example/callback")},
			},
			twin: &owned{owner: "acc_lamp", metadata: app("client_secret_post", "write:alarm read:alarm", "https://your-redirect-uri/")},
		},
		"tiki": {
			account: "1001", owners: []string{"1002"}, scopes: issuer.Catalogue{{Name: "order", Machine: true}, {Name: "product", Machine: true}, {Name: "inventory", Machine: true}},
			apps: map[string]owned{
				"basic": {
					owner: "1002", id: "7590139168389961", secret: "tfSl0c6VFv3fAB_z9F-m22IhEnmwq6ew",
					metadata: app("client_secret_basic", "offline_access product order inventory", "https://example.com/tiki/callback", "https://example.com/auth/tiki/callback", "http://127.0.0.1:8097/callback"),
				},
				"post":  {owner: "1002", metadata: app("client_secret_post", "offline_access order", "https://labels.example/callback")},
				"house": {owner: "1002", metadata: program("client_secret_basic", "product inventory")},
			},
		},
	}
}

// newPlatform is the world of a script that speaks to a platform. Its hosts are NAME.acme.example.
func newPlatform(t *testing.T, name string) *world {
	t.Helper()
	about, known := platforms()[name]
	if !known {
		t.Fatalf("nobody speaks %q", name)
	}
	speaking := servertest.Speaking
	if about.twin != nil {
		speaking = servertest.SpeakingWithTwin
	}
	w := &world{
		Rig: speaking(t, servertest.Dialect(t, name), func(is *issuer.Issuer) { is.Scopes = servertest.Worded(about.scopes) }), apps: map[string]tokentest.App{}, account: about.account, extra: map[string]string{},
	}
	w.NewAccount(about.account, "Ada’s place", w.User.ID)
	for _, id := range about.owners {
		w.NewAccount(id, "The owner "+id, "dev")
	}
	for id, app := range about.apps {
		created, secret, err := w.Clients.Create(t.Context(), client.Registration{
			ID: app.id, Secret: app.secret, AccountID: app.owner, Name: "The " + id + " app", Metadata: app.metadata,
		})
		w.Must(err)
		w.apps[id] = tokentest.App{Client: &created, Secret: secret}
	}
	w.addKeys(about.keys)
	w.addTwin(about.twin)
	return w
}

// addTwin registers the sandbox's app, {twin.id}.
func (w *world) addTwin(app *owned) {
	w.Helper()
	if app == nil {
		return
	}
	clients := client.New(client.Config{Issuer: w.Twin, Store: w.Store, Keyring: w.Keyring, Clock: w.Clock, Rand: rand.Reader})
	created, secret, err := clients.Create(w.Context(), client.Registration{AccountID: app.owner, Name: "The sandbox’s app", Metadata: app.metadata})
	w.Must(err)
	w.extra["twin.id"], w.extra["twin.secret"], w.extra["twin.account"] = created.ID, secret, app.owner
}

func (w *world) addKeys(keys map[string]string) {
	w.Helper()
	accounts := serviceaccount.New(serviceaccount.Config{Issuer: w.Issuer, Store: w.Store, Keys: serviceaccount.NewKeyMaker(rand.Reader), Rand: rand.Reader})
	for name, owner := range keys {
		account, err := accounts.Create(w.Context(), serviceaccount.Draft{AccountID: owner, Name: "The " + name + " backend", ID: name}, "")
		w.Must(err)
		made, err := accounts.AddKey(w.Context(), account, serviceaccount.KeyDraft{}, "")
		w.Must(err)
		w.extra[name], w.extra[name+".pem"] = made.KeyID, made.PrivateKey
	}
}

// agree and decline answer an authorization request that the script spells out: `agree CLIENT URL`.
func (r *run) agree(words []string) error { return r.spelled(words, (*person.Person).Allow) }

func (r *run) decline(words []string) error { return r.spelled(words, (*person.Person).Deny) }

func (r *run) spelled(words []string, decide func(*person.Person, string, string) (*url.URL, error)) error {
	app, words, err := r.app(words)
	if err != nil || len(words) != 1 {
		return fmt.Errorf("agree or decline CLIENT URL: %q %w", words, err)
	}
	base, _, _ := strings.Cut(app.Metadata.RedirectURIs[0], "?")
	location, err := decide(r.ada, words[0], base)
	if err != nil {
		return err
	}
	return r.take(&person.Page{Status: http.StatusFound, Location: location, Header: http.Header{"Location": {location.String()}}}, nil)
}

// visit is the first answer to an address, with Ada's cookies: `visit URL`.
func (r *run) visit(words []string) error { return r.take(r.ada.Open(words[0])) }

// assert signs {assertion} as a service account's program does: `assert SUBJECT PEM [iat=-61s] [jti=TEXT]`, PEM being the name of a key.
func (r *run) assert(words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("assert SUBJECT PEM: %q", words)
	}
	block, _ := pem.Decode([]byte(r.names[words[1]]))
	if block == nil {
		return fmt.Errorf("{%s} is no key", words[1])
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return err
	}
	var id [16]byte
	_, _ = rand.Read(id[:])
	claims := map[string]any{"sub": words[0], "iat": r.Clock().Unix(), "jti": hex.EncodeToString(id[:])}
	for _, word := range words[2:] {
		name, value, _ := strings.Cut(word, "=")
		if claims[name] = value; name == "iat" {
			d, err := time.ParseDuration(value)
			if err != nil {
				return err
			}
			claims[name] = r.Clock().Add(d).Unix()
		}
	}
	r.names["assertion"], err = sign(key, claims)
	return err
}

// login begins a session on Noon's gateway: `login NAME`, of one of the world's keys. Its cookies are {session}.
func (r *run) login(words []string) error {
	if err := r.assert([]string{r.names[words[0]], words[0] + ".pem"}); err != nil {
		return err
	}
	err := r.request(http.MethodPost, "https://gateway.acme.example/identity/public/v1/api/login", []string{`json {"token":"{assertion}"}`, "header User-Agent: YourApp/1.0"})
	if err == nil && r.last.Status != http.StatusOK {
		err = errors.New(describe(r.last))
	}
	r.names["session"] = "_npsid=" + r.names["cookie._npsid"] + "; _nprt=" + r.names["cookie._nprt"]
	return err
}

func sign(key *rsa.PrivateKey, claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(payload)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	return signed + "." + encode(signature), err
}

// fail takes the database away, for the rest of the script: `database fails`.
func (r *run) fail([]string) error {
	r.Unavailable()
	r.broken = true
	return nil
}

// says compares a whole JSON body. "…" stands for any text that is not empty.
func says(body, want string) error {
	var got, expected any
	if err := json.Unmarshal([]byte(want), &expected); err != nil {
		return fmt.Errorf("cannot read what is expected: %w", err)
	}
	if json.Unmarshal([]byte(body), &got) != nil || !servertest.Alike(got, expected) {
		return fmt.Errorf("it says %.1500s", body)
	}
	return nil
}
