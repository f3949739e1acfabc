package portal_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/password"
	"latchkey.dev/internal/portal"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/session"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/storetest"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
	"latchkey.dev/tests/person"
)

const acme = "http://acme.localhost"

// fixture is a portal on a real store, without a network between.
type fixture struct {
	testing.TB
	store     *store.Store
	issuer    *issuer.Issuer
	clients   *client.Registry
	passwords *password.Hasher
	sender    *mail.Sender
	mails     []mail.Mail
	mux       http.Handler
	sessions  *session.Manager
	pages     *web.Renderer
	skew      atomic.Int64 // what the test added to the clock
}

func (f *fixture) clock() time.Time { return time.Now().Add(time.Duration(f.skew.Load())) }

func (f *fixture) later(d time.Duration) { f.skew.Add(int64(d)) }

// Send is mail.Transport.
func (f *fixture) Send(_ context.Context, m mail.Mail) error {
	f.mails = append(f.mails, m)
	return nil
}

func settings() *issuer.Issuer {
	return &issuer.Issuer{
		Name: "acme", URL: acme, Hosts: []string{"acme.localhost"}, Title: "Acme", Lifetimes: issuer.DefaultLifetimes(),
		Scopes: issuer.Catalogue{
			{Name: "stock.read", Text: map[string]issuer.Wording{"en": {Title: "See your stock"}}},
			{
				Name: "orders.read", Sensitive: true,
				Text: map[string]issuer.Wording{"en": {Title: "See your orders", Detail: "with customers' names"}, "ar": {Title: "رؤية طلباتك"}},
			},
		},
	}
}

// pages are made once: reading every template in every language takes longer than any test.
var pages = sync.OnceValues(func() (*web.Renderer, error) {
	return web.New(web.Config{Rand: rand.Reader, Clock: time.Now, Brands: []web.Brand{{Issuer: "acme", Title: "Acme"}}})
})

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{TB: t, issuer: settings()}
	var err error
	f.store, err = store.Open(t.Context(), store.Config{URL: storetest.SQLite(t), Clock: f.clock, Rand: rand.Reader})
	f.ok(err)
	t.Cleanup(func() { _ = f.store.Close() })
	keyring, err := seal.NewKeyring(bytes.Repeat([]byte{7}, 32))
	f.ok(err)
	f.pages, err = pages()
	f.ok(err)
	f.sessions = session.New(session.Config{Issuer: f.issuer, Store: f.store, Keyring: keyring, Rand: rand.Reader})
	f.clients = client.New(client.Config{Issuer: f.issuer, Store: f.store, Keyring: keyring, Clock: f.clock, Rand: rand.Reader})
	f.passwords = password.New(password.Config{Rand: rand.Reader})
	f.sender = mail.NewSender(mail.SenderConfig{Store: f.store, Keyring: keyring, Transport: f, Log: slog.New(slog.DiscardHandler)})
	f.mux = f.routes(portal.New(portal.Config{
		Issuer: f.issuer, Store: f.store, Keyring: keyring, Clients: f.clients, Sessions: f.sessions, Pages: f.pages, Passwords: f.passwords,
		Mail: mail.New(mail.Config{Issuer: "acme", Keyring: keyring, Pages: f.pages, Rand: rand.Reader}), Rand: rand.Reader,
	}))
	return f
}

// getRoutes and postRoutes are every route of the portal.
func getRoutes(p *portal.Portal) map[string]func(http.ResponseWriter, *http.Request) error {
	return map[string]func(http.ResponseWriter, *http.Request) error{
		"/connected": p.Connected, "/connected/{client_id}": p.ConnectedApp, "/activity": p.Activity, "/security": p.Security,
		"/accounts": p.Accounts, "/accounts/new": p.NewAccount, "/accounts/{id}": p.Account, "/invitations/{token}": p.Invitation,
		"/exchanges": p.Exchanges, "/exchanges/{id}": p.Exchange,
	}
}

func postRoutes(p *portal.Portal) map[string]func(http.ResponseWriter, *http.Request) error {
	return map[string]func(http.ResponseWriter, *http.Request) error{
		"/connected/{client_id}": p.Disconnect, "/security": p.ChangeSecurity, "/accounts/new": p.CreateAccount,
		"/accounts/{id}": p.ChangeAccount, "/invitations/{token}": p.AnswerInvitation,
	}
}

// routes serves the portal as the server does, and a shortcut to sign in.
func (f *fixture) routes(p *portal.Portal) http.Handler {
	mux := http.NewServeMux()
	for method, routes := range map[string]map[string]func(http.ResponseWriter, *http.Request) error{"GET": getRoutes(p), "POST": postRoutes(p)} {
		for path, handle := range routes {
			mux.Handle(method+" "+path, f.chrome(func(w http.ResponseWriter, r *http.Request) {
				if err := handle(w, r); err != nil {
					meant := wire.AsOAuth(err)
					if meant.Code == oauth.CodeServerError {
						f.Errorf("%s %s: %v", r.Method, r.URL, err)
					}
					f.ok(f.pages.Render(w, r, meant.HTTPStatus(), web.Error{Code: meant.Code}))
				}
			}))
		}
	}
	mux.HandleFunc("GET /test/sign-in/{user}", f.signInShortcut)
	return mux
}

func (f *fixture) chrome(next http.HandlerFunc) http.Handler {
	return f.pages.RememberLanguage(f.issuer, f.sessions.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chrome := web.Chrome{Issuer: "acme"}
		ctx := reqlog.With(r.Context(), &reqlog.Record{RequestID: "request", Address: "192.0.2.1"})
		next(w, r.WithContext(web.WithChrome(ctx, chrome)))
	})))
}

func (f *fixture) signInShortcut(w http.ResponseWriter, r *http.Request) {
	var set func(http.ResponseWriter)
	f.ok(f.store.InTx(r.Context(), func(tx *store.Tx) (err error) {
		_, set, err = f.sessions.Start(tx, r, r.PathValue("user"), "pwd")
		return err
	}))
	set(w)
}

// RoundTrip is http.RoundTripper.
func (f *fixture) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	f.mux.ServeHTTP(recorder, r)
	answer := recorder.Result()
	answer.Request = r
	return answer, nil
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) do(fn func(tx *store.Tx) error) {
	f.Helper()
	f.ok(f.store.InTx(f.Context(), fn))
}

// user adds a person; the id is the address's name and the password is theirs too.
func (f *fixture) user(id string) {
	f.Helper()
	f.do(func(tx *store.Tx) error {
		return tx.CreateUser(store.User{Issuer: "acme", ID: id, Email: id + "@example.com", EmailVerifiedAt: tx.Now(), Name: strings.ToUpper(id[:1]) + id[1:]})
	})
}

func (f *fixture) account(id, owner string) {
	f.Helper()
	f.do(func(tx *store.Tx) error {
		return tx.CreateAccount(store.Account{Issuer: "acme", ID: id, Name: "The " + id}, owner)
	})
}

// member adds a person to an account, whether or not they are there yet.
func (f *fixture) member(account, user string, role issuer.Role) {
	f.Helper()
	f.do(func(tx *store.Tx) error {
		err := tx.AddMember(store.Member{Issuer: "acme", AccountID: account, UserID: user, Role: role})
		if errors.Is(err, store.ErrConflict) {
			err = tx.SetRole("acme", account, user, role)
		}
		return err
	})
}

func (f *fixture) app(id string) {
	f.Helper()
	f.do(func(tx *store.Tx) error {
		return tx.CreateClient(store.Client{Issuer: "acme", ID: id, AccountID: "maker", Name: "App " + id, Status: store.ClientActive, Metadata: store.ClientMetadata{
			GrantTypes: []oauth.GrantType{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken},
		}})
	})
	f.clients.Forget()
}

func (f *fixture) connect(user, account, app, scopes string) (grant store.Grant) {
	f.Helper()
	allowed, err := oauth.ParseScope(scopes)
	f.ok(err)
	f.do(func(tx *store.Tx) (err error) {
		grant, _, err = tx.SaveConsent(store.Consent{Issuer: "acme", UserID: user, AccountID: account, ClientID: app, Allowed: allowed})
		return err
	})
	return grant
}

// shop is an account with a person of every role in it, named by the role; stranger belongs elsewhere.
func (f *fixture) shop() {
	f.Helper()
	for _, id := range []string{"owner", "admin", "member", "stranger"} {
		f.user(id)
	}
	f.account("shop", "owner")
	f.account("elsewhere", "stranger")
	f.member("shop", "admin", issuer.RoleAdmin)
	f.member("shop", "member", issuer.RoleMember)
}

// browser is a fresh browser; signed in as the user unless that is empty.
func (f *fixture) browser(user string) *browser {
	f.Helper()
	b := &browser{fixture: f, Person: person.New(f, user+"@example.com", "")}
	if user != "" {
		b.open("/test/sign-in/" + user)
	}
	return b
}

// browser is a person who fills in forms, on the portal's host.
type browser struct {
	*fixture
	*person.Person
}

// open asks for a page without following redirects.
func (b *browser) open(path string) *person.Page {
	b.Helper()
	page, err := b.Open(acme + path)
	b.ok(err)
	return page
}

// press sends a form and follows where it leads.
func (b *browser) press(page *person.Page, id string, values map[string]string) *person.Page {
	b.Helper()
	page, err := b.Follow(b.Press(page, id, values))
	b.ok(err)
	return page
}

// post sends a form that a page need not have offered.
func (b *browser) post(path string, pairs ...string) *person.Page {
	b.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	request, err := http.NewRequest(http.MethodPost, acme+path, strings.NewReader(values.Encode()))
	b.ok(err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	page, err := b.Person.Send(request)
	b.ok(err)
	return page
}

// then follows the redirect of a page to its end.
func (b *browser) then(page *person.Page) *person.Page {
	b.Helper()
	page, err := b.Follow(page, nil)
	b.ok(err)
	return page
}

// text is what a page says, without its tags.
func text(page *person.Page) string {
	bare := html.UnescapeString(regexp.MustCompile(`(?s)<style.*?</style>|<[^>]*>`).ReplaceAllString(page.Text, ""))
	return strings.Join(strings.Fields(strings.NewReplacer("\u2068", "", "\u2069", "").Replace(bare)), " ")
}

// says wants the page to be fine and to hold each of the words.
func (b *browser) says(page *person.Page, words ...string) {
	b.Helper()
	b.saysWith(page, http.StatusOK, words...)
}

func (b *browser) saysWith(page *person.Page, status int, words ...string) {
	b.Helper()
	if page.Status != status {
		b.Fatalf("%s: status %d, want %d: %.600s", page.URL, page.Status, status, text(page))
	}
	for _, word := range words {
		if !strings.Contains(text(page), word) {
			b.Errorf("%s does not say %q: %s", page.URL, word, text(page))
		}
	}
}

func (b *browser) silent(page *person.Page, words ...string) {
	b.Helper()
	for _, word := range words {
		if strings.Contains(text(page), word) {
			b.Errorf("%s says %q", page.URL, word)
		}
	}
}

// delivered sends what is queued and returns the mails so far.
func (f *fixture) delivered() []mail.Mail {
	f.Helper()
	f.ok(f.sender.SendDue(f.Context()))
	return f.mails
}

// events lists the types of a user's events, newest first.
func (f *fixture) events(user string) (kinds []store.EventType) {
	f.Helper()
	all, err := f.store.EventsOfUser(f.Context(), "acme", user, store.LastEvent, 100)
	f.ok(err)
	for _, event := range all {
		kinds = append(kinds, event.Type)
	}
	return kinds
}

func (f *fixture) recorded(user string, kind store.EventType) int {
	f.Helper()
	count := 0
	for _, known := range f.events(user) {
		if known == kind {
			count++
		}
	}
	return count
}

func location(page *person.Page) string {
	if page.Location == nil {
		return fmt.Sprintf("no redirect, but %d", page.Status)
	}
	return page.Location.RequestURI()
}

func TestNobodySignedInGoesToSignInAndBack(t *testing.T) {
	f := newFixture(t)
	b := f.browser("")
	for path, next := range map[string]string{
		"/connected": "/connected", "/connected/robot?account=shop": "/connected/robot?account=shop", "/activity?show=apps": "/activity?show=apps",
		"/security": "/security", "/accounts": "/accounts", "/accounts/new": "/accounts/new", "/accounts/shop": "/accounts/shop",
		"/invitations/lk_in_x": "/invitations/lk_in_x", "/connected/a%2Fb": "/connected/a%2Fb",
	} {
		page := b.open(path)
		if want := "/sign-in?next=" + url.QueryEscape(next); page.Status != http.StatusFound || location(page) != want {
			t.Errorf("GET %s: %d to %s, want 303 to %s", path, page.Status, location(page), want)
		}
	}
	for _, path := range []string{"/connected/robot", "/security", "/accounts/new", "/accounts/shop", "/invitations/lk_in_x"} {
		page := b.post(path+"?account=x", "action", "accept")
		if want := "/sign-in?next=" + url.QueryEscape(path); page.Status != http.StatusSeeOther || location(page) != want {
			t.Errorf("POST %s: %d to %s, want 303 to %s", path, page.Status, location(page), want)
		}
	}
}

func TestBadInputIsRefusedCalmly(t *testing.T) {
	f := newFixture(t)
	f.shop()
	b := f.browser("owner")
	for path, status := range map[string]int{
		"/accounts/none": 404, "/accounts/%00": 404, "/accounts/%ff%fe": 404, "/connected/none": 404, "/connected/none?account=shop": 404,
		"/connected/%00?account=shop": 404, "/invitations/none": 410, "/invitations/%00%ff": 410, "/activity?before=none": 200, "/activity?show=none": 200,
		"/accounts?page=-1": 200, "/accounts?page=99999999999999999999": 200, "/activity?show=apps&show=apps": 400, "/accounts?page=%zz": 400,
	} {
		if page := b.open(path); page.Status != status {
			t.Errorf("GET %s: %d, want %d", path, page.Status, status)
		}
	}
	for _, path := range []string{"/security", "/accounts/shop"} {
		for _, action := range []string{"", "none"} {
			if page := b.post(path, "action", action); page.Status != http.StatusBadRequest || page.Fault() != "invalid_request" {
				t.Errorf("POST %s action=%q: %d %s", path, action, page.Status, page.Fault())
			}
		}
	}
}

// A link that somebody sends must not make a page say what did not happen.
func TestNoticesComeFromNoLink(t *testing.T) {
	f := newFixture(t)
	f.shop()
	b := f.browser("owner")
	b.silent(b.open("/security?notice=password_changed"), "Your password is changed")
	b.silent(b.open("/accounts/shop?notice=joined"), "Welcome")
}
