package web

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/tests/person"
)

// world is an issuer with its people and apps, shared by the cases of one file.
type world struct {
	*servertest.Rig

	apps    map[string]tokentest.App
	account string            // the one that Ada chooses; empty takes the first
	extra   map[string]string // names besides the usual ones
	broken  bool              // the database is away
	browser *person.Browser   // Ada's, as the case before left it: passwords are slow on purpose

	refusals, refusalPages http.Header // what every refusal of a platform carries; nil in a standard's script
}

// settings are the lines that may stand before the first case.
var settings = map[string]func(*issuer.Issuer){
	"use jwt access tokens":   func(is *issuer.Issuer) { is.AccessToken.Kind = issuer.JWT },
	"use RS256 access tokens": func(is *issuer.Issuer) { is.AccessToken.Kind, is.AccessToken.Alg = issuer.JWT, jwk.RS256 },
	"use optional PKCE":       func(is *issuer.Issuer) { is.PKCEOptional = true },
}

func newWorld(t *testing.T, wanted []string) *world {
	t.Helper()
	if len(wanted) > 0 && strings.HasPrefix(wanted[0], "speak ") {
		w := newPlatform(t, strings.TrimPrefix(wanted[0], "speak "))
		w.Must(w.carries(wanted[1:]))
		return w
	}
	adjust := []func(*issuer.Issuer){func(is *issuer.Issuer) {
		is.IDTokenAlgs = []jwk.Alg{jwk.RS256, jwk.ES256, jwk.EdDSA}
		is.Scopes = append(is.Scopes, issuer.Scope{
			Name: "reports.read", Machine: true, Text: map[string]issuer.Wording{"en": {Title: "See reports", Detail: "about the market"}},
		})
	}}
	for _, setting := range wanted {
		change, known := settings[setting]
		if !known {
			t.Fatalf("there is no setting %q", setting)
		}
		adjust = append(adjust, change)
	}
	w := &world{Rig: servertest.New(t, adjust...), apps: map[string]tokentest.App{}}
	w.Account = store.Account{Issuer: "acme", ID: "acc_robot"}
	for id, metadata := range apps() {
		if !metadata.PKCEOptional || w.Issuer.PKCEOptional { // else it could not register so
			w.register(id, metadata)
		}
	}
	return w
}

// callback is where most apps are called back.
const callback = "https://shop.example/callback"

// apps are one of every kind.
func apps() map[string]store.ClientMetadata {
	all := oauth.ScopeSet{"openid", "profile", "email", "offline_access", "orders.read", "orders.write", "stock.read"}
	people := []oauth.GrantType{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}
	machines := []oauth.GrantType{oauth.GrantClientCredentials}
	web := func(change func(*store.ClientMetadata)) store.ClientMetadata {
		m := store.ClientMetadata{
			RedirectURIs: []string{callback}, PostLogoutRedirectURIs: []string{"https://shop.example/bye", "https://shop.example/bye?from=acme"},
			TokenEndpointAuthMethod: "client_secret_basic", GrantTypes: people, ResponseTypes: []string{"code"}, ApplicationType: "web", Scope: all,
		}
		if change != nil {
			change(&m)
		}
		return m
	}
	return map[string]store.ClientMetadata{
		"web":       web(nil),
		"other":     web(nil),
		"suspended": web(nil),
		"several":   web(func(m *store.ClientMetadata) { m.RedirectURIs = []string{callback + "?app=1", callback + "/2"} }),
		"post":      web(func(m *store.ClientMetadata) { m.TokenEndpointAuthMethod = "client_secret_post" }),
		"legacy":    web(func(m *store.ClientMetadata) { m.PKCEOptional = true }),
		"once":      web(func(m *store.ClientMetadata) { m.GrantTypes = []oauth.GrantType{oauth.GrantAuthorizationCode} }),
		"es256":     web(func(m *store.ClientMetadata) { m.IDTokenSignedAlg = jwk.ES256 }),
		"eddsa":     web(func(m *store.ClientMetadata) { m.IDTokenSignedAlg = jwk.EdDSA }),
		"spa":       web(func(m *store.ClientMetadata) { m.TokenEndpointAuthMethod = "none" }),
		"native": web(func(m *store.ClientMetadata) {
			m.TokenEndpointAuthMethod, m.ApplicationType = "none", "native"
			m.RedirectURIs = []string{"http://127.0.0.1/callback", "http://[::1]/callback", "com.example.app:/callback", "https://app.example/claimed"}
		}),
		"robot": {TokenEndpointAuthMethod: "client_secret_basic", GrantTypes: machines, Scope: oauth.ScopeSet{"reports.read"}},
		"api":   {TokenEndpointAuthMethod: "client_secret_basic", GrantTypes: machines, Introspects: true},
	}
}

func (w *world) register(id string, metadata store.ClientMetadata) {
	w.Helper()
	created, secret, err := w.Clients.Create(w.Context(), client.Registration{ID: id, AccountID: "acc_robot", Name: "The " + id + " app", Metadata: metadata})
	w.Must(err)
	w.apps[id] = tokentest.App{Client: &created, Secret: secret}
	if id == "suspended" {
		w.suspend(id)
	}
}

func (w *world) suspend(id string) {
	w.Helper()
	w.Must(w.Clients.SetStatus(w.Context(), id, store.ClientSuspended, ""))
	w.Must(w.Store.PollChanges(w.Context())) // as the server does every second
}

// disconnect ends every connection of Ada's.
func (w *world) disconnect() {
	w.Helper()
	grants, err := w.Store.GrantsOfUser(w.Context(), "acme", w.User.ID, 100)
	w.Must(err)
	for _, grant := range grants {
		w.RevokeGrant(grant.ID)
	}
}

// names are what every case begins with.
func (w *world) names() map[string]string {
	names := map[string]string{
		"issuer": servertest.Site, "verifier": tokentest.Verifier, "challenge": tokentest.Challenge, "callback": callback,
		"email": w.User.Email, "password": servertest.Password, "user": w.User.ID, "audience": w.Issuer.Audience,
	}
	maps.Copy(names, w.extra)
	for id, app := range w.apps {
		names[id+".id"], names[id+".secret"] = app.ID, app.Secret
		names[id+".basic"] = fmt.Sprintf("%s:%s", id, app.Secret)
	}
	return names
}

// expand puts kept values into a line. A name that is not known is left to show what is wrong.
func expand(line string, names map[string]string) string {
	if !strings.Contains(line, "{") {
		return line
	}
	for name, value := range names {
		line = strings.ReplaceAll(line, "{"+name+"}", value)
	}
	return line
}
