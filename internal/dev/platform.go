package dev

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"latchkey.dev/internal/dev/sampleapp"
	"latchkey.dev/internal/dev/standin"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// platform is one sample platform: its issuer, and who and what is there before anybody signs up.
type platform struct {
	issuer  *issuer.Issuer
	summary string
	// dialect is the file that it speaks by; empty speaks the standards only.
	dialect string
	hosts   map[string]string // logical name → base URL
	// api makes the stand-in for what the platform protects, and checker is the client that it asks about tokens with; one without
	// a checker asks about none.
	api     func(context.Context, standin.Config) (http.Handler, error)
	checker string
	// robot is the sample app's client, and try what it fetches of the API; wire is how it speaks where nothing can be discovered.
	robot, try string
	wire       func(*dev, *platform, sampleapp.Platform) sampleapp.Wire
	// proposes is what the sample app asks for on its own page first; startPath begins the connection too.
	proposes  []string
	startPath string
	// quickstarts are the clients of the programs in examples/, by the example's name.
	quickstarts map[string]string
	// wireNames are what the platform calls scopes that the standards call otherwise.
	wireNames map[string]string

	users    []sampleUser
	accounts []sampleAccount
	clients  []sampleClient
	services []sampleService

	credentials []ServiceCredential // of the services, once they are made
}

type sampleUser struct{ id, email, name, locale string }

type sampleAccount struct {
	id, name string
	members  map[string]issuer.Role // by user id; exactly one is the owner
}

type sampleClient struct {
	id, name, owner string // owner is an account's id
	metadata        store.ClientMetadata
	status          store.ClientStatus
	secret          string // empty makes one
}

// sampleService is a service account with one key.
type sampleService struct{ id, name, owner string }

// owner is the user who owns the account.
func (a sampleAccount) owner() string {
	for user, role := range a.members {
		if role == issuer.RoleOwner {
			return user
		}
	}
	return ""
}

// owned is an account of one user alone.
func owned(id, name, user string) sampleAccount {
	return sampleAccount{id, name, map[string]issuer.Role{user: issuer.RoleOwner}}
}

// wireScope writes scopes as the platform's apps know them.
func (p *platform) wireScope(scopes oauth.ScopeSet) string {
	names := make([]string, len(scopes))
	for i, name := range scopes {
		names[i] = name
		if own, ok := p.wireNames[name]; ok {
			names[i] = own
		}
	}
	return strings.Join(names, " ")
}

// platforms are all that dev mode runs, in the order shown.
func platforms(site sites) ([]*platform, error) {
	var all []*platform
	for _, sample := range []func(sites) (*platform, error){
		acme, noon, noorle, nomba, nombaSandbox, noonlight, noonlightSandbox, tiki,
	} {
		p, err := sample(site)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// draft is what the platforms with a dialect have in common before their dialect's policy.
func draft(name, title, colour, base string, scopes issuer.Catalogue) (*issuer.Issuer, error) {
	words, _, _ := strings.Cut(name, "-") // a sandbox says what its live twin says
	scopes, err := worded(words, scopes)
	if err != nil {
		return nil, fmt.Errorf("issuer %s: %w", name, err)
	}
	domain := words + ".example"
	return &issuer.Issuer{
		Name: name, URL: base, Hosts: []string{hostOf(base)}, Title: title,
		Brand: issuer.Brand{
			Color: colour, SupportURL: "https://" + domain + "/help", PrivacyURL: "https://" + domain + "/privacy", TermsURL: "https://" + domain + "/terms",
		},
		Scopes:      scopes,
		AccessToken: issuer.TokenFormat{Kind: issuer.Opaque, Alg: jwk.ES256, AccessPrefix: "lk_at_", RefreshPrefix: "lk_rt_"},
		Lifetimes:   issuer.DefaultLifetimes(),
		SignUp:      true,
	}, nil
}

func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return strings.ToLower(u.Host)
}

// app is the metadata of an app that people connect.
func app(method string, scope oauth.ScopeSet, redirectURIs ...string) store.ClientMetadata {
	return store.ClientMetadata{
		RedirectURIs: redirectURIs, TokenEndpointAuthMethod: method, Scope: scope, ResponseTypes: []string{"code"}, ApplicationType: "web",
		GrantTypes: []oauth.GrantType{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken},
	}
}

// withoutPKCE is an app that was written before PKCE, as the platform's documents show it.
func withoutPKCE(metadata store.ClientMetadata) store.ClientMetadata {
	metadata.PKCEOptional = true
	return metadata
}

// machine is the metadata of a program without users.
func machine(method string, scope oauth.ScopeSet, more ...oauth.GrantType) store.ClientMetadata {
	return store.ClientMetadata{
		TokenEndpointAuthMethod: method, Scope: scope, GrantTypes: append([]oauth.GrantType{oauth.GrantClientCredentials}, more...),
	}
}

// checker is the metadata of a stand-in API that asks about tokens.
func checker() store.ClientMetadata {
	metadata := machine(oauth.AuthMethodBasic, nil)
	metadata.Introspects = true
	return metadata
}

// parcelRobot dresses the sample app's registration.
func (s sites) parcelRobot(at *issuer.Issuer, metadata store.ClientMetadata) store.ClientMetadata {
	metadata.ClientURI, metadata.LogoURI = s.url("app"), at.Endpoint("/static/sample/parcel-robot.svg")
	metadata.PolicyURI, metadata.Reviewed = "https://parcelrobot.example/privacy", true
	return metadata
}

// callback is where the sample app is called back.
func (s sites) callback(platformName string) string {
	return s.url("app") + "/callback/" + platformName
}
