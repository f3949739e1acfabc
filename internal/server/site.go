package server

import (
	"net/http"
	"time"

	"latchkey.dev/internal/authorize"
	"latchkey.dev/internal/client"
	"latchkey.dev/internal/device"
	"latchkey.dev/internal/discovery"
	"latchkey.dev/internal/exchange"
	"latchkey.dev/internal/interaction"
	"latchkey.dev/internal/introspect"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/logout"
	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/password"
	"latchkey.dev/internal/portal"
	"latchkey.dev/internal/register"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/revoke"
	"latchkey.dev/internal/sandbox"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/session"
	"latchkey.dev/internal/signing"
	"latchkey.dev/internal/token"
	"latchkey.dev/internal/userinfo"
	"latchkey.dev/internal/web"
)

// site is one issuer with everything below it.
type site struct {
	issuer   *issuer.Issuer
	pages    *web.Renderer
	keys     *signing.Keys
	sessions *session.Manager
	csrf     *http.CrossOriginProtection
	clock    func() time.Time

	discovery  *discovery.Handler
	token      *token.Handler
	introspect *introspect.Handler
	revoke     *revoke.Handler
	userinfo   *userinfo.Handler

	interaction *interaction.Handler
	authorize   *authorize.Handler
	device      *device.Handler
	register    *register.Handler
	portal      *portal.Portal

	services *serviceaccount.Service
	exchange *exchange.Handler
	sandbox  *sandbox.Handler
	logout   *logout.Handler
}

func newSite(s *Server, is *issuer.Issuer, passwords *password.Hasher) (*site, error) {
	c := s.config
	keys := signing.New(signing.Config{
		Issuer: is.Name, Store: c.Store, Keyring: c.Keyring, Clock: c.Clock, Rand: c.Rand, Algs: is.SigningAlgs(),
		PublishRetired: is.PublishRetiredKeys(), KeepRetired: is.KeepRetiredKeys(),
	})
	registry := client.Config{Issuer: is, Store: c.Store, Keyring: c.Keyring, Clock: c.Clock, Rand: c.Rand}
	minting := mint.Config{Issuer: is, Keyring: c.Keyring, Keys: keys, Rand: c.Rand}
	faults := &sandbox.Faults{}
	if is.Policy.SandboxOf != "" {
		registry.Trouble, minting.Expired = faults.Trouble, faults.Expired
	}
	clients, tokens := client.New(registry), mint.New(minting)
	documents, err := discovery.New(discovery.Config{Issuer: is, Keys: keys, UILocales: c.Pages.Languages(is.Name)})
	if err != nil {
		return nil, err
	}
	sessions := session.New(session.Config{Issuer: is, Store: c.Store, Keyring: c.Keyring, Rand: c.Rand})
	outbox := mail.New(mail.Config{Issuer: is.Name, Keyring: c.Keyring, Pages: c.Pages, Rand: c.Rand})
	people := interaction.New(interaction.Config{
		Issuer: is, Store: c.Store, Keyring: c.Keyring, Clients: clients, Sessions: sessions, Passwords: passwords, Outbox: outbox,
		Pages: c.Pages, Rand: c.Rand, Shapes: shapesOf(c.Dialects[is.Name]),
	})
	authorization := authorize.New(authorize.Config{Issuer: is, Clients: clients, Mint: tokens, Pages: people})
	services := serviceaccount.New(serviceaccount.Config{Issuer: is, Store: c.Store, Keys: s.keyMaker, LastUse: s.lastUse, Rand: c.Rand})
	return &site{
		issuer: is, pages: c.Pages, keys: keys, csrf: http.NewCrossOriginProtection(), sessions: sessions, clock: c.Clock,
		discovery: documents,
		token: token.New(token.Config{
			Issuer: is, Store: c.Store, Clients: clients, Mint: tokens, LastUse: s.lastUse, ServiceAccounts: services,
		}),
		introspect: introspect.New(introspect.Config{
			Issuer: is, Store: c.Store, Clients: clients, Mint: tokens, LastUse: s.lastUse,
		}),
		revoke:      revoke.New(revoke.Config{Issuer: is, Store: c.Store, Clients: clients, Mint: tokens}),
		userinfo:    userinfo.New(userinfo.Config{Issuer: is, Store: c.Store, Mint: tokens, LastUse: s.lastUse}),
		interaction: people,
		authorize:   authorization,
		device: device.New(device.Config{
			Issuer: is, Store: c.Store, Keyring: c.Keyring, Clients: clients, Check: authorization.CheckDevice, People: people, Pages: c.Pages, Rand: c.Rand,
		}),
		register: register.New(register.Config{Issuer: is, Store: c.Store, Keyring: c.Keyring, Clients: clients, Rand: c.Rand}),
		services: services,
		sandbox:  sandbox.New(sandbox.Config{Issuer: is, Store: c.Store, Mint: tokens, Faults: faults, Pages: c.Pages}),
		exchange: exchange.New(exchange.Config{Issuer: is, Store: c.Store, Clients: clients, Mint: tokens, ServiceAccounts: services}),
		portal: portal.New(portal.Config{
			Issuer: is, Store: c.Store, Keyring: c.Keyring, Clients: clients, Sessions: sessions, Pages: c.Pages, Passwords: passwords, Mail: outbox, Rand: c.Rand,
		}),
		logout: logout.New(logout.Config{
			Issuer: is, Keyring: c.Keyring, Clients: clients, Mint: tokens, Sessions: sessions, Pages: c.Pages, Rand: c.Rand,
		}),
	}, nil
}

// routes is everything that an issuer answers. What its policy keeps closed is not there.
func (s *site) routes() []route {
	routes := s.usualRoutes()
	if s.issuer.Policy.Device {
		routes = append(routes,
			route{"OPTIONS", discovery.PathDeviceAuthorization, appFace, preflight("POST")},
			route{"POST", discovery.PathDeviceAuthorization, appFace, s.device.ServeDeviceAuthorization},
			route{"GET", device.Path, pageFace, s.device.ShowEnter},
			route{"POST", device.Path, pageFace, s.device.Enter})
	}
	if s.issuer.Policy.Registration {
		routes = append(routes,
			route{"OPTIONS", register.Path, appFace, preflight("POST")},
			route{"POST", register.Path, appFace, s.register.ServeRegister},
			route{"OPTIONS", register.Path + "/{client_id}", appFace, preflight("GET, PUT, DELETE")},
			route{"GET", register.Path + "/{client_id}", appFace, s.register.ServeRead},
			route{"PUT", register.Path + "/{client_id}", appFace, s.register.ServeUpdate},
			route{"DELETE", register.Path + "/{client_id}", appFace, s.register.ServeDelete})
	}
	if s.issuer.Policy.SandboxOf != "" {
		routes = append(routes,
			route{"GET", sandbox.Path, pageFace, s.sandbox.Show},
			route{"POST", sandbox.Path, pageFace, s.sandbox.Press},
			route{"POST", sandbox.PathFaults, jsonFace, s.sandbox.ServeFaults})
	}
	return routes
}

func (s *site) usualRoutes() []route {
	return []route{
		{"OPTIONS", "/.well-known/openid-configuration", documentFace, preflight("GET")},
		{"GET", "/.well-known/openid-configuration", documentFace, s.discovery.ServeMetadata},
		{"OPTIONS", "/.well-known/oauth-authorization-server", documentFace, preflight("GET")},
		{"GET", "/.well-known/oauth-authorization-server", documentFace, s.discovery.ServeMetadata},
		{"GET", "/.well-known/jwks.json", documentFace, s.discovery.ServeJWKS},

		{"OPTIONS", "/oauth/token", appFace, preflight("POST")},
		{"POST", "/oauth/token", appFace, s.token.ServeToken},
		{"POST", "/oauth/introspect", jsonFace, s.introspect.ServeIntrospect},
		{"OPTIONS", "/oauth/revoke", appFace, preflight("POST")},
		{"POST", "/oauth/revoke", appFace, s.revoke.ServeRevoke},
		{"OPTIONS", "/oauth/userinfo", appFace, s.userinfo.ServeUserInfo},
		{"GET", "/oauth/userinfo", appFace, s.userinfo.ServeUserInfo},
		{"POST", "/oauth/userinfo", appFace, s.userinfo.ServeUserInfo},

		{"GET", "/{$}", pageFace, home},
		{"GET", "/sign-in", pageFace, s.interaction.ShowSignIn},
		{"POST", "/sign-in", pageFace, s.interaction.SignIn},
		{"GET", "/sign-up", pageFace, s.interaction.ShowSignUp},
		{"POST", "/sign-up", pageFace, s.interaction.SignUp},
		{"GET", "/verify", pageFace, s.interaction.ShowVerify},
		{"POST", "/verify", pageFace, s.interaction.Verify},
		{"GET", "/reset-password", pageFace, s.interaction.ShowResetPassword},
		{"POST", "/reset-password", pageFace, s.interaction.ResetPassword},
		{"GET", "/new-password", pageFace, s.interaction.ShowNewPassword},
		{"POST", "/new-password", pageFace, s.interaction.NewPassword},
		{"GET", "/choose-account", pageFace, s.interaction.ShowChooseAccount},
		{"POST", "/choose-account", pageFace, s.interaction.ChooseAccount},
		{"GET", "/new-account", pageFace, s.interaction.ShowNewAccount},
		{"POST", "/new-account", pageFace, s.interaction.NewAccount},
		{"GET", "/consent", pageFace, s.interaction.ShowConsent},
		{"POST", "/consent", pageFace, s.interaction.Consent},
		{"GET", "/oauth/authorize", openPageFace, s.authorize.ServeAuthorize},
		{"POST", "/oauth/authorize", openPageFace, s.authorize.ServeAuthorize},
		{"GET", "/oauth/authorize/continue", pageFace, s.interaction.ShowContinue},

		{"GET", "/oauth/logout", openPageFace, s.logout.ServeLogout},
		{"POST", "/oauth/logout", openPageFace, s.logout.ServeLogout},
		{"GET", "/sign-out", pageFace, s.logout.ShowSignOut},
		{"POST", "/sign-out", pageFace, s.logout.SignOut},

		{"GET", "/connected", pageFace, s.portal.Connected},
		{"GET", "/connected/{client_id}", pageFace, s.portal.ConnectedApp},
		{"POST", "/connected/{client_id}", pageFace, s.portal.Disconnect},
		{"GET", "/activity", pageFace, s.portal.Activity},
		{"GET", "/security", pageFace, s.portal.Security},
		{"POST", "/security", pageFace, s.portal.ChangeSecurity},
		{"GET", "/accounts", pageFace, s.portal.Accounts},
		{"GET", "/accounts/new", pageFace, s.portal.NewAccount},
		{"POST", "/accounts/new", pageFace, s.portal.CreateAccount},
		{"GET", "/accounts/{id}", pageFace, s.portal.Account},
		{"POST", "/accounts/{id}", pageFace, s.portal.ChangeAccount},
		{"GET", "/exchanges", pageFace, s.portal.Exchanges},
		{"GET", "/exchanges/{id}", pageFace, s.portal.Exchange},
		{"GET", "/invitations/{token}", pageFace, s.portal.Invitation},
		{"POST", "/invitations/{token}", pageFace, s.portal.AnswerInvitation},
	}
}

func (s *site) handler() http.Handler {
	mux := newMux(s, s.routes(), pageFace(s, notFound))
	static := s.pages.Static()
	secure := s.issuer.Secure()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reqlog.From(r.Context()).Issuer = s.issuer.Name
		if secure {
			w.Header()["Strict-Transport-Security"] = hsts
		}
		if isStatic(r.URL.Path) {
			reqlog.From(r.Context()).Route = "/static/"
			static.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// hsts: two years, as the preload lists ask for (RFC 6797 §6.1).
var hsts = []string{"max-age=63072000; includeSubDomains"}

const staticPrefix = "/static/"

func isStatic(path string) bool {
	return len(path) > len(staticPrefix) && path[:len(staticPrefix)] == staticPrefix
}

// sameOrigin takes forms from our own pages only (Fetch metadata, and Origin where a browser sends none). The cookies'
// SameSite=Lax says the same; a browser has to get both wrong.
func (s *site) sameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.csrf.Check(r); err != nil {
			refused := oauth.InvalidRequest("this form was sent from another site; open the page here and send it again")
			refused.Code, refused.Status = "cross_origin", http.StatusForbidden
			s.writePageError(w, r, refused, ourPage)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// chrome puts what surrounds a page into the request: the issuer's brand, the reader's language, who is signed in.
func (s *site) chrome(next http.Handler) http.Handler {
	return s.pages.RememberLanguage(s.issuer, s.sessions.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chrome := web.Chrome{Issuer: s.issuer.Name, RequestID: reqlog.From(r.Context()).RequestID}
		chrome.Preference.UILocales = uiLocales(r)
		current, err := s.sessions.Current(r)
		if err != nil {
			s.writePageError(w, r.WithContext(web.WithChrome(r.Context(), chrome)), err, ourPage)
			return
		}
		if current != nil {
			chrome.User = web.User{Name: current.User.Name, Email: current.User.Email}
			chrome.Preference.UserLocale = current.User.Locale
		}
		next.ServeHTTP(w, r.WithContext(web.WithChrome(r.Context(), chrome)))
	})))
}

// uiLocales is the languages that an app asked for (OpenID Connect Core §3.1.2.1), for pages that come before its request is read.
func uiLocales(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return r.URL.Query().Get("ui_locales")
}
