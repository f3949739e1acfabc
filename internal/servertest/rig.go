// Package servertest is the real server with an issuer, people, apps and a clock that the test owns, and persons at browsers,
// for the tests of everything that shows pages.
package servertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"latchkey.dev/internal/dialect"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/password"
	"latchkey.dev/internal/server"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/internal/web"
	"latchkey.dev/tests/person"
)

// Password is everybody's.
const Password = "purple envelope seven"

// KeepEvents is how long the audit log is kept.
const KeepEvents = 10 * 24 * time.Hour

// Site is the issuer's URL.
const Site = "https://acme.example"

// Rig is an issuer behind the real server.
type Rig struct {
	*tokentest.Fixture

	// App is confidential, and owned by nobody that signs in.
	App tokentest.App
	// Twin is the issuer's sandbox, where there is one.
	Twin *issuer.Issuer
	// Requests is the server's log, one line a request.
	Requests bytes.Buffer
	server   *server.Server
	gauges   gauges
	outbox   *mail.Sender
	mu       sync.Mutex
	mails    []mail.Mail
}

// SlowHash is a password's hash that takes an eighth of a second and more to verify: what else happens meanwhile comes first.
func SlowHash(secret string) string {
	const memory, passes = 19 << 10, 16
	return hashAt(secret, memory, passes)
}

// WeakHash is a password's hash from when less was usual.
func WeakHash(secret string) string {
	const memory, passes = 4 << 10, 1
	return hashAt(secret, memory, passes)
}

func hashAt(secret string, memory, passes uint32) string {
	salt := []byte("a salt of a test")
	key := argon2.IDKey([]byte(secret), salt, passes, memory, 1, 32)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, memory, passes, b64(salt), b64(key))
}

// hash is Password's; made once, since it takes its time.
var hash = sync.OnceValues(func() (string, error) {
	return password.New(password.Config{Rand: rand.Reader}).Hash(context.Background(), Password)
})

// New starts an issuer whose one user is Ada, owner of her shop. adjust changes the issuer's settings first.
func New(t testing.TB, adjust ...func(*issuer.Issuer)) *Rig {
	t.Helper()
	return newRig(t, nil, false, adjust)
}

// Speaking starts an issuer with a dialect, whose hosts are NAME.acme.example. adjust changes what the dialect's policy left.
func Speaking(t testing.TB, spoken *dialect.Dialect, adjust ...func(*issuer.Issuer)) *Rig {
	t.Helper()
	return newRig(t, spoken, false, append([]func(*issuer.Issuer){speaks(spoken)}, adjust...))
}

// SpeakingWithTwin also starts a sandbox of the issuer, Twin, whose hosts are NAME.sandbox.example.
func SpeakingWithTwin(t testing.TB, spoken *dialect.Dialect, adjust ...func(*issuer.Issuer)) *Rig {
	t.Helper()
	return newRig(t, spoken, true, append([]func(*issuer.Issuer){speaks(spoken)}, adjust...))
}

func speaks(spoken *dialect.Dialect) func(*issuer.Issuer) {
	return func(is *issuer.Issuer) {
		spoken.Apply(is, func(string) bool { return false })
		is.DialectHosts = map[string]string{}
		for _, name := range spoken.Hosts() {
			is.DialectHosts[name] = name + ".acme.example"
		}
	}
}

// twinOf is an issuer's sandbox, at NAME.sandbox.example.
func twinOf(live *issuer.Issuer) *issuer.Issuer {
	twin := *live
	twin.Name, twin.URL, twin.Hosts, twin.Policy.SandboxOf = "sandbox", "https://sandbox.example", []string{"sandbox.example"}, live.Name
	twin.DialectHosts = map[string]string{}
	for name := range live.DialectHosts {
		twin.DialectHosts[name] = name + ".sandbox.example"
	}
	return &twin
}

func newRig(t testing.TB, spoken *dialect.Dialect, twin bool, adjust []func(*issuer.Issuer)) *Rig {
	t.Helper()
	r := &Rig{Fixture: tokentest.New(t, append([]func(*issuer.Issuer){settings}, adjust...)...), gauges: gauges{}}
	issuers, dialects := []*issuer.Issuer{r.Issuer}, map[string]*dialect.Dialect{}
	if spoken != nil {
		dialects["acme"] = spoken
	}
	if twin {
		r.Twin = twinOf(r.Issuer)
		issuers, dialects[r.Twin.Name] = append(issuers, r.Twin), spoken
	}
	pages, err := web.New(web.Config{Rand: rand.Reader, Clock: r.Clock, Brands: []web.Brand{web.BrandOf(r.Issuer)}})
	r.Must(err)
	log := slog.New(slog.NewJSONHandler(&r.Requests, nil))
	running, err := server.New(t.Context(), server.Config{
		Issuers: issuers, Dialects: dialects, Store: r.Store, Keyring: r.Keyring, Pages: pages, Mail: r, Log: log, Clock: r.Clock, Rand: rand.Reader,
		KeepEvents: KeepEvents, Metrics: r.gauges,
	})
	r.Must(err)
	r.server = running
	r.outbox = mail.NewSender(mail.SenderConfig{Store: r.Store, Keyring: r.Keyring, Transport: r, Log: log})
	hashed, err := hash()
	r.Must(err)
	r.Tx(func(tx *store.Tx) error { return tx.SetPassword("acme", r.User.ID, hashed) })
	r.Account = store.Account{Issuer: "acme", ID: "acc_robot", Name: "Robot Ltd"}
	r.NewUser("dev", "dev@robot.example")
	r.Tx(func(tx *store.Tx) error { return tx.CreateAccount(r.Account, "dev") })
	r.App = r.Fixture.App()
	r.Account = store.Account{Issuer: "acme", ID: "acc_shop", Name: "Ada's shop"}
	return r
}

// settings: orders.write is for owners and admins, stock.read can be unticked, staff.read is both.
func settings(is *issuer.Issuer) {
	words := func(title string) map[string]issuer.Wording {
		return map[string]issuer.Wording{"en": {Title: title, Detail: "with all that belongs to them"}}
	}
	managers := []issuer.Role{issuer.RoleOwner, issuer.RoleAdmin}
	is.SignUp = true
	is.Scopes = issuer.Catalogue{
		{Name: "orders.read", Text: words("See your orders")},
		{Name: "orders.write", Text: words("Change your orders"), Roles: managers, Sensitive: true},
		{Name: "stock.read", Text: words("See your stock"), Optional: true},
		{Name: "staff.read", Text: words("See your staff"), Optional: true, Roles: managers},
	}
}

// Send is mail.Transport.
func (r *Rig) Send(_ context.Context, sent mail.Mail) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mails = append(r.mails, sent)
	return nil
}

// Mails returns what was sent to an address, oldest first.
func (r *Rig) Mails(to string) (received []mail.Mail) {
	r.Helper()
	r.Must(r.outbox.SendDue(r.Context()))
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, sent := range r.mails {
		if sent.To == to {
			received = append(received, sent)
		}
	}
	return received
}

// NewUser adds a person without an account.
func (r *Rig) NewUser(id, email string) store.User {
	r.Helper()
	hashed, err := hash()
	r.Must(err)
	user := store.User{Issuer: "acme", ID: id, Email: email, EmailVerifiedAt: r.Store.Now(), Name: "Someone", PasswordHash: hashed}
	r.Tx(func(tx *store.Tx) error { return tx.CreateUser(user) })
	return user
}

// NewAccount adds an account with its owner.
func (r *Rig) NewAccount(id, name, ownerID string) {
	r.Helper()
	r.Tx(func(tx *store.Tx) error {
		return tx.CreateAccount(store.Account{Issuer: "acme", ID: id, Name: name}, ownerID)
	})
}

// Join gives a user a place in an account.
func (r *Rig) Join(accountID, userID string, role issuer.Role) {
	r.Helper()
	r.Tx(func(tx *store.Tx) error {
		return tx.AddMember(store.Member{Issuer: "acme", AccountID: accountID, UserID: userID, Role: role})
	})
}

// RoundTrip brings a browser's request to the server.
func (r *Rig) RoundTrip(request *http.Request) (*http.Response, error) {
	r.Advance(time.Millisecond) // no two requests come at one moment
	answer := httptest.NewRecorder()
	inner := request.Clone(request.Context())
	inner.Host, inner.RequestURI = request.URL.Host, request.URL.RequestURI()
	if inner.RemoteAddr == "" {
		inner.RemoteAddr = "192.0.2.1:4711"
	}
	if inner.Body == nil {
		inner.Body = http.NoBody
	}
	r.server.ServeHTTP(answer, inner)
	response := answer.Result()
	response.Request = request
	return response, nil
}

// Handler is the server, for those who put it behind a listener. Its clock stands still.
func (r *Rig) Handler() http.Handler { return r.server }

// Prune deletes what is over, as the server does all the time.
func (r *Rig) Prune() {
	r.Helper()
	r.Must(r.server.Prune(r.Context()))
}

// From is the server as seen from another network address.
type From struct {
	*Rig

	Address string
}

// RoundTrip brings a request from that address.
func (f From) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.RemoteAddr = net.JoinHostPort(f.Address, "4711")
	return f.Rig.RoundTrip(request)
}

// Browser is a person at a browser of their own.
type Browser struct {
	*person.Person

	rig *Rig
}

// Browser gives somebody a fresh browser.
func (r *Rig) Browser(email string) *Browser {
	return &Browser{person.New(r, email, Password), r}
}

// Ada is the fixture's user at a fresh browser.
func (r *Rig) Ada() *Browser { return r.Browser(r.User.Email) }

// Arrive opens a page and follows redirects on the site.
func (b *Browser) Arrive(target string) *person.Page {
	b.rig.Helper()
	page, err := b.Person.Arrive(b.rig.absolute(target))
	b.rig.Must(err)
	return page
}

// Press presses a control and follows redirects on the site. fields are id, value, id, value …
func (b *Browser) Press(from *person.Page, id string, fields ...string) *person.Page {
	b.rig.Helper()
	page, err := b.Follow(b.PressOnly(from, id, fields...), nil)
	b.rig.Must(err)
	return page
}

// PressOnly presses a control and follows nothing.
func (b *Browser) PressOnly(from *person.Page, id string, fields ...string) *person.Page {
	b.rig.Helper()
	values := map[string]string{}
	for i := 0; i < len(fields); i += 2 {
		values[fields[i]] = fields[i+1]
	}
	page, err := b.Person.Press(from, id, values)
	b.rig.Must(err)
	return page
}

// SignIn fills in a sign-in page.
func (b *Browser) SignIn(page *person.Page) *person.Page {
	b.rig.Helper()
	return b.Press(page, "sign-in", "email", b.Email, "password", b.Password)
}

// Post sends a form that no page holds.
func (b *Browser) Post(target string, form url.Values) *person.Page {
	b.rig.Helper()
	return b.PostFrom(Site, target, form)
}

// PostFrom sends a form from another site's page.
func (b *Browser) PostFrom(origin, target string, form url.Values) *person.Page {
	b.rig.Helper()
	page, err := b.Send(b.rig.formPost(origin, target, form))
	b.rig.Must(err)
	return page
}

func (r *Rig) absolute(target string) string {
	r.Helper()
	base, err := url.Parse(Site)
	r.Must(err)
	u, err := base.Parse(target)
	r.Must(err)
	return u.String()
}

// Request is an authorization request of an app, with PKCE and state. pairs are name, value, name, value …; an empty value
// takes the parameter out.
func (r *Rig) Request(app tokentest.App, pairs ...string) string {
	return "/oauth/authorize?" + r.Parameters(app, pairs...).Encode()
}

// Parameters are the same, to be posted.
func (r *Rig) Parameters(app tokentest.App, pairs ...string) url.Values {
	q := url.Values{
		"client_id": {app.ID}, "redirect_uri": {tokentest.RedirectURI}, "response_type": {"code"}, "scope": {"openid orders.read"},
		"state": {"af0ifjsldkj"}, "code_challenge": {tokentest.Challenge}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	return q
}

// BrowserFrom gives somebody a fresh browser at a network address.
func (r *Rig) BrowserFrom(address, email string) *Browser {
	return &Browser{person.New(From{r, address}, email, Password), r}
}
