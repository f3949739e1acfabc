package dev

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"latchkey.dev/dialects"
	"latchkey.dev/internal/client"
	"latchkey.dev/internal/dev/front"
	"latchkey.dev/internal/dev/sampleapp"
	"latchkey.dev/internal/dev/standin"
	"latchkey.dev/internal/dialect"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/password"
	"latchkey.dev/internal/server"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
)

// build seeds the platforms and puts the server, the sample app, the APIs and the front page on their hosts.
func (d *dev) build(ctx context.Context) (*server.Server, error) {
	platforms, err := platforms(d.sites)
	if err != nil {
		return nil, err
	}
	spoken, err := speak(platforms)
	if err != nil {
		return nil, err
	}
	if err := d.seedAll(ctx, platforms); err != nil {
		return nil, err
	}
	pages, err := web.New(web.Config{Rand: d.Rand, Clock: d.Clock, Brands: brands(platforms)})
	if err != nil {
		return nil, err
	}
	hosts, err := d.hosts(ctx, platforms, pages)
	if err != nil {
		return nil, err
	}
	var issuers []*issuer.Issuer
	for _, p := range platforms {
		issuers = append(issuers, p.issuer)
	}
	return server.New(ctx, server.Config{
		Issuers: issuers, Dialects: spoken, Store: d.store, Keyring: d.keyring, Pages: pages, Mail: d.mails, Log: d.Log, Metrics: d.Metrics,
		Hosts: hosts, Clock: d.Clock, Rand: d.Rand,
	})
}

// speak teaches each platform its dialect, and returns the dialects by issuer.
func speak(platforms []*platform) (map[string]*dialect.Dialect, error) {
	spoken := map[string]*dialect.Dialect{}
	for _, p := range platforms {
		if p.dialect == "" {
			continue
		}
		text, err := dialects.Read(p.dialect)
		if err != nil {
			return nil, err
		}
		language, err := dialect.Load(text, p.dialect+".yaml")
		if err != nil {
			return nil, err
		}
		language.Apply(p.issuer, func(string) bool { return false })
		p.issuer.DialectHosts = map[string]string{}
		for _, name := range language.Hosts() {
			p.issuer.DialectHosts[name] = hostOf(p.hosts[name])
		}
		spoken[p.issuer.Name] = language
	}
	return spoken, nil
}

// seedAll hashes the one sample password once: hashing is slow on purpose.
func (d *dev) seedAll(ctx context.Context, platforms []*platform) error {
	hash, err := password.New(password.Config{Rand: d.Rand}).Hash(ctx, Password)
	if err != nil {
		return err
	}
	manifest := Manifest{Issuers: map[string]IssuerManifest{}}
	for _, p := range platforms {
		if err := d.seed(ctx, p, hash); err != nil {
			return fmt.Errorf("seed %s: %w", p.issuer.Name, err)
		}
		if err := d.giveCredentials(ctx, p); err != nil {
			return fmt.Errorf("service accounts of %s: %w", p.issuer.Name, err)
		}
		manifest.Issuers[p.issuer.Name] = d.manifest(p)
	}
	for _, p := range platforms {
		if live, mirrored := manifest.Issuers[p.issuer.Policy.SandboxOf]; mirrored {
			live.addHosts(p.hosts)
		}
	}
	return writeManifest(d.Data, manifest)
}

// secretHash is what the token endpoint will compare with.
func (d *dev) secretHash(issuerName, clientID, secret string) []byte {
	return client.HashSecret(d.keyring, issuerName, clientID, secret)
}

// hosts are everything in dev mode that is not an issuer.
func (d *dev) hosts(ctx context.Context, platforms []*platform, pages *web.Renderer) (map[string]http.Handler, error) {
	app, err := sampleapp.New(sampleapp.Config{
		URL: d.sites.url("app"), Platforms: d.connectable(platforms), HTTPClient: d.client, Now: d.Clock, Random: d.Rand,
	})
	if err != nil {
		return nil, err
	}
	home, err := d.front(platforms, pages)
	if err != nil {
		return nil, err
	}
	hosts := map[string]http.Handler{hostOf(d.sites.url("app")): app, hostOf(d.sites.url("")): home, "127.0.0.1:" + d.sites.port: home}
	for _, p := range platforms {
		if hosts[hostOf(p.issuer.Audience)], err = d.api(ctx, p); err != nil {
			return nil, err
		}
		if name := hostOf(d.sites.url(p.issuer.Name)); !slices.Contains(p.issuer.Hosts, name) {
			hosts[name] = http.RedirectHandler(p.issuer.Endpoint("/connected"), http.StatusFound) // who types the platform's name gets to its pages
		}
	}
	return hosts, nil
}

// api is the stand-in for what the platform protects, at the address that its tokens are for.
func (d *dev) api(ctx context.Context, p *platform) (http.Handler, error) {
	config := standin.Config{
		Name: p.issuer.Title + " API", Issuer: p.issuer.URL, Resource: p.issuer.Audience, ClientID: p.checker,
		ClientSecret: d.secret(p, p.client(p.checker)), HTTPClient: d.client, Now: d.Clock, Logger: d.Log,
		AccountName: func(ctx context.Context, id string) (string, error) {
			account, err := d.store.Account(ctx, p.issuer.Name, id)
			if errors.Is(err, store.ErrNotFound) {
				err = nil
			}
			return account.Name, err
		},
	}
	if p.checker == "" { // its API knows service accounts, and no tokens
		return standin.Projects(config, serviceaccount.New(serviceaccount.Config{Issuer: p.issuer, Store: d.store, Rand: d.Rand})), nil
	}
	return p.api(ctx, config)
}

// connectable is what the sample app offers to connect.
func (d *dev) connectable(platforms []*platform) []sampleapp.Platform {
	var offered []sampleapp.Platform
	for _, p := range platforms {
		robot := p.client(p.robot)
		offer := sampleapp.Platform{
			ID: p.issuer.Name, Name: p.issuer.Title, Summary: p.summary, Issuer: p.issuer.URL, ClientID: robot.id, ClientSecret: d.secret(p, robot),
			SecretInBody: robot.metadata.TokenEndpointAuthMethod == oauth.AuthMethodPost, Scopes: strings.Fields(p.wireScope(robot.metadata.Scope)),
			Origins: slices.Sorted(maps.Values(p.hosts)), APIURL: p.issuer.Audience + p.try,
			Proposal: p.proposes, StartPath: p.startPath,
		}
		if p.wire != nil {
			offer.Wire = p.wire(d, p, offer)
		}
		offered = append(offered, offer)
	}
	return offered
}

func (d *dev) front(platforms []*platform, pages *web.Renderer) (http.Handler, error) {
	home, err := front.New(front.Config{
		SampleApp: d.sites.url("app") + "/", Gallery: d.sites.url("") + "/dev/gallery", Manifest: d.Data + "/dev.json", Database: d.shownDatabase(), Temporary: d.temporary,
		Platforms: frontPlatforms(platforms), Mailbox: d.mails, Now: d.Clock,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", home)
	mux.HandleFunc("GET /dev/env/{example}", d.serveQuickstart(d.quickstarts(platforms)))
	mux.Handle("/dev/gallery/", pages.Gallery())
	mux.Handle("/dev/gallery", pages.Gallery())
	mux.Handle("/static/", pages.Static())
	return mux, nil
}

func frontPlatforms(platforms []*platform) []front.Platform {
	var shown []front.Platform
	for _, p := range platforms {
		entry := front.Platform{
			ID: p.issuer.Name, Name: p.issuer.Title, Summary: p.summary, Issuer: p.issuer.URL, Connected: p.issuer.Endpoint("/connected"),
			Links: []front.Link{
				{Title: "Create an account", URL: p.issuer.Endpoint("/sign-up")},
				{Title: "Accounts and members", URL: p.issuer.Endpoint("/accounts")},
				{Title: "Metadata", URL: p.issuer.Endpoint("/.well-known/openid-configuration"), Note: "RFC 8414 and OpenID Connect Discovery"},
			},
		}
		for _, name := range slices.Sorted(maps.Keys(p.hosts)) {
			entry.Hosts = append(entry.Hosts, front.Link{Title: name, URL: p.hosts[name]})
		}
		for _, example := range slices.Sorted(maps.Keys(p.quickstarts)) {
			entry.Links = append(entry.Links, front.Link{Title: "Variables of the quickstart " + example, URL: "/dev/env/" + example, Note: "which it finds by itself: examples/README.md"})
		}
		if p.issuer.Policy.Device {
			entry.Links = append(entry.Links, front.Link{Title: "Connect a device", URL: p.issuer.Endpoint("/device"), Note: "where people enter the code that a device shows"})
		}
		if p.issuer.Policy.SandboxOf != "" {
			entry.Links = append(entry.Links, front.Link{Title: "Make something go wrong", URL: p.issuer.Endpoint("/sandbox"), Note: "expire a token now, revoke now, answer 503 next"})
		}
		if p.issuer.Policy.SingleUseTokens {
			entry.Links = append(entry.Links, front.Link{Title: "Requests for service accounts", URL: p.issuer.Endpoint("/exchanges"), Note: "how far each consent came, for the developers of its app"})
		}
		for _, user := range p.users {
			entry.Users = append(entry.Users, front.User{Name: user.name, Email: user.email, Password: Password, Note: p.roles(user.id)})
		}
		shown = append(shown, entry)
	}
	return shown
}

// roles says what somebody is where, such as "owner of Noura’s Shop".
func (p *platform) roles(userID string) string {
	var all []string
	for _, account := range p.accounts {
		if role, member := account.members[userID]; member {
			all = append(all, string(role)+" of "+account.name)
		}
	}
	return strings.Join(all, ", ")
}

// mailbox keeps what would have been sent, for the mail page.
type mailbox struct {
	clock func() time.Time
	mu    sync.Mutex
	mails []front.Mail
}

// Send is mail.Transport.
func (m *mailbox) Send(_ context.Context, sent mail.Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mails = append(m.mails, front.Mail{To: sent.To, Subject: sent.Subject, Text: sent.Text, At: m.clock()})
	return nil
}

// Mails is front.Mailbox.
func (m *mailbox) Mails() []front.Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clip(m.mails)
}
