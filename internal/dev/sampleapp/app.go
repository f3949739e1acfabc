package sampleapp

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

//go:embed templates static
var files embed.FS

// Platform is one authorization server that people can connect, and the API behind it.
type Platform struct {
	ID      string // lower-case; names the callback /callback/<ID> and the button #connect-<ID>
	Name    string // for people
	Summary string // one sentence on what connecting does; may be empty
	Issuer  string // the issuer identifier; metadata is discovered from it

	ClientID     string
	ClientSecret string // empty for a public client
	SecretInBody bool   // client_secret_post instead of client_secret_basic
	Scopes       []string
	Resource     string // RFC 8707; empty sends none
	APIURL       string // what Call the API fetches with the access token

	// Wire speaks to a platform without metadata; nil discovers. Origins are where its pages are, besides the issuer's.
	Wire    Wire
	Origins []string
	// Proposal is what the app asks for on a page of its own before it sends the person away; empty sends them at once.
	Proposal []string
	// StartPath is an address that begins the connection too, as the platform's documents have it.
	StartPath string
}

// Config is what the sample app needs; every field but Platforms is required.
type Config struct {
	URL        string // the app's own origin, such as http://app.localhost:8080
	Platforms  []Platform
	HTTPClient *http.Client     // carries every call to issuers and APIs
	Now        func() time.Time // the clock
	Random     io.Reader        // for session ids, state, nonce and code verifier
}

// App is the sample app's handler, for a host of its own.
type App struct {
	url       string
	platforms []*platform
	sessions  *sessions
	client    *http.Client
	now       func() time.Time
	random    io.Reader
	pages     map[string]*template.Template
	csp       string
	handler   http.Handler
}

const callTimeout = 10 * time.Second

// New makes the app. It calls nobody: issuers are discovered when somebody first connects.
func New(cfg Config) (*App, error) {
	if cfg.HTTPClient == nil || cfg.Now == nil || cfg.Random == nil {
		return nil, errors.New("sampleapp: HTTPClient, Now and Random are needed")
	}
	own, err := url.Parse(cfg.URL)
	if err != nil || own.Host == "" || own.Path != "" {
		return nil, fmt.Errorf("sampleapp: %q is not an origin", cfg.URL)
	}
	client := *cfg.HTTPClient
	if client.Timeout == 0 {
		client.Timeout = callTimeout
	}
	a := &App{
		url:      cfg.URL,
		sessions: newSessions(own.Scheme == "https"),
		client:   &client,
		now:      cfg.Now,
		random:   cfg.Random,
	}
	if err := a.addPlatforms(cfg.Platforms); err != nil {
		return nil, err
	}
	if a.pages, err = parsePages(); err != nil {
		return nil, err
	}
	a.handler = a.routes()
	return a, nil
}

var platformID = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

func (a *App) addPlatforms(given []Platform) error {
	issuers := map[string]bool{}
	for _, p := range given {
		u, err := url.Parse(p.Issuer)
		if err != nil || u.Host == "" || !platformID.MatchString(p.ID) || a.platform(p.ID) != nil {
			return fmt.Errorf("sampleapp: platform %q needs an id of its own and an absolute issuer URL", p.ID)
		}
		issuers[u.Scheme+"://"+u.Host] = true
		for _, origin := range p.Origins {
			issuers[origin] = true
		}
		a.platforms = append(a.platforms, newPlatform(p, a.url, a.client, a.now))
	}
	a.csp = policy(issuers)
	return nil
}

func (a *App) platform(id string) *platform {
	for _, p := range a.platforms {
		if p.ID == id {
			return p
		}
	}
	return nil
}

func (a *App) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /connect/{platform}", a.withPlatform(a.connect))
	mux.HandleFunc("GET /connect/{platform}", a.withPlatform(a.propose))
	for _, p := range a.platforms {
		if p.StartPath != "" {
			mux.HandleFunc("GET "+p.StartPath, func(w http.ResponseWriter, r *http.Request) { a.connect(w, r, p) })
		}
	}
	mux.HandleFunc("GET /callback/{platform}", a.withPlatform(a.callback))
	mux.HandleFunc("GET /connection/{platform}", a.withConnection(a.connection))
	mux.HandleFunc("POST /connection/{platform}/call", a.withConnection(a.call))
	mux.HandleFunc("POST /connection/{platform}/refresh", a.withConnection(a.refresh))
	mux.HandleFunc("POST /connection/{platform}/forget", a.withConnection(a.forget))
	mux.HandleFunc("POST /connection/{platform}/sign-out", a.withConnection(a.signOut))
	mux.Handle("GET /static/", http.FileServerFS(files))
	mux.HandleFunc("/", a.notFound)
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(a.foreign))
	return protection.Handler(mux)
}

// ServeHTTP serves the app's own host.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", a.csp)
	header.Set("Referrer-Policy", "no-referrer") // The callback's URL holds a code.
	header.Set("X-Content-Type-Options", "nosniff")
	if !strings.HasPrefix(r.URL.Path, "/static/") {
		header.Set("Cache-Control", "no-store")
	}
	a.handler.ServeHTTP(w, r)
}

// policy lets forms lead to the issuers, because a browser holds the redirect after a form to form-action too.
func policy(issuers map[string]bool) string {
	var b strings.Builder
	b.WriteString("default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
	for _, origin := range slices.Sorted(maps.Keys(issuers)) {
		b.WriteString(" " + origin)
	}
	return b.String()
}

func (a *App) withPlatform(next func(http.ResponseWriter, *http.Request, *platform)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := a.platform(r.PathValue("platform"))
		if p == nil {
			a.notFound(w, r)
			return
		}
		next(w, r, p)
	}
}

// withConnection sends somebody without this connection to the first page, where they can make it.
func (a *App) withConnection(next func(http.ResponseWriter, *http.Request, *connection)) http.HandlerFunc {
	return a.withPlatform(func(w http.ResponseWriter, r *http.Request, p *platform) {
		c := a.sessions.of(r, a.now()).connection(p.ID)
		if c == nil {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		next(w, r, c)
	})
}
