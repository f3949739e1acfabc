package crash

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"

	"latchkey.dev/tests/person"
	"latchkey.dev/tests/running"
)

// actor is a person with an app, doing one thing after the other.
type actor struct {
	record

	name     string
	site     running.Site
	app      running.Client
	redirect string
	random   *rand.Rand

	transport   *http.Transport
	person      *person.Person
	user        user
	people      int // how many this actor has been
	connections []*connection
	machines    []*machine
	broken      []broken

	// patient: the server may say that it is unavailable, and may not be reached.
	patient  bool
	unknown  act     // what was under way when that happened
	outcomes []bool  // of what is found out about it, in several attempts
	waits    []error // one for each time it happened
}

// errUnavailable is the answer 503 to a patient actor: whether it happened is to be found out.
var errUnavailable = errors.New("unavailable")

// errBroken ends an act whose outcome broke a promise; the promise is noted.
var errBroken = errors.New("a promise was broken")

func newActor(number int, site running.Site, seed uint64) *actor {
	app := site.Acme.Client([]string{"parcel-robot", "shop-cli"}[number%2])
	a := &actor{
		name: fmt.Sprintf("actor-%02d", number), site: site, app: app, redirect: app.RedirectURIs[0],
		random: rand.New(rand.NewPCG(seed, uint64(number))),
	}
	if app.ID == "shop-cli" { // RFC 8252 §7.3: the port is chosen when the app starts
		a.redirect = strings.Replace(a.redirect, "127.0.0.1", "127.0.0.1:49152", 1)
	}
	a.newPerson()
	return a
}

// newPerson becomes somebody who has not signed up, at an address of their own, since limits count by address.
func (a *actor) newPerson() {
	a.people++
	number := 0
	_, _ = fmt.Sscanf(a.name, "actor-%d", &number)
	if a.transport != nil {
		a.transport.CloseIdleConnections()
	}
	a.transport = a.site.Transport(fmt.Sprintf("127.%d.%d.%d", 1+a.people/250, number, 1+a.people%250))
	a.user = user{email: fmt.Sprintf("%s.%d@example.com", a.name, a.people), password: a.newPassword()}
	a.person = person.New(a.transport, a.user.email, a.user.password)
	a.connections = nil
}

func (a *actor) newPassword() string {
	return fmt.Sprintf("a long passphrase %x", a.random.Uint64())
}

// note writes down that a promise was broken, once a way of breaking it.
func (a *actor) note(how kind, format string, arguments ...any) error {
	what := fmt.Sprintf(format, arguments...)
	a.pending = "" // there was an answer
	for _, known := range a.broken {
		if known.kind == how && known.what == what {
			return errBroken
		}
	}
	a.broken = append(a.broken, broken{how, what})
	return errBroken
}

// answer is what the endpoints for machines say.
type answer struct {
	status       int
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Error        string `json:"error"`
	Reason       string `json:"reason"`
	Active       bool   `json:"active"`
	JTI          string `json:"jti"`
}

func (r answer) String() string { return fmt.Sprintf("%d %s %s", r.status, r.Error, r.Reason) }

func (r answer) ok() bool { return r.status == http.StatusOK }

// refused: the grant is not good, which is an answer, and not a failure.
func (r answer) refused() bool {
	return r.status == http.StatusBadRequest && r.Error == "invalid_grant"
}

// ask posts a form as a client. An error says that no answer came.
func (a *actor) ask(client running.Client, path string, form url.Values) (answer, error) {
	if client.AuthMethod != "client_secret_basic" {
		form.Set("client_id", client.ID)
	}
	if client.AuthMethod == "client_secret_post" {
		form.Set("client_secret", client.Secret)
	}
	request, err := http.NewRequest(http.MethodPost, a.site.Acme.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client.AuthMethod == "client_secret_basic" {
		request.SetBasicAuth(url.QueryEscape(client.ID), url.QueryEscape(client.Secret))
	}
	response, err := a.transport.RoundTrip(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	said := answer{status: response.StatusCode}
	if response.ContentLength != 0 {
		err = json.NewDecoder(response.Body).Decode(&said)
	}
	if a.patient && said.status == http.StatusServiceUnavailable {
		return said, errUnavailable
	}
	if err == nil && said.status >= http.StatusInternalServerError {
		return said, a.note(failed, "%s answered %s", path, said)
	}
	return said, err
}

// browse checks what the person's browser got.
func (a *actor) browse(page *person.Page, err error) (*person.Page, error) {
	if err == nil && a.patient && page.Status == http.StatusServiceUnavailable {
		return page, errUnavailable
	}
	if err == nil && page.Status >= http.StatusInternalServerError {
		return page, a.note(failed, "%s answered %d", page.URL.Path, page.Status)
	}
	return page, err
}

func (a *actor) page(path string) string { return a.site.Acme.Issuer + path }

func (a *actor) introspect(token string) (answer, error) {
	return a.ask(a.site.Acme.Client("orders-api"), "/oauth/introspect", url.Values{"token": {token}})
}

// authorization is the URL of an authorization request of the actor's app.
func (a *actor) authorization(verifier, prompt string) string {
	challenge := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"response_type": {"code"}, "client_id": {a.app.ID}, "redirect_uri": {a.redirect}, "state": {"s"},
		"scope":          {"openid offline_access orders:read"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	if prompt != "" {
		query.Set("prompt", prompt)
	}
	return a.page("/oauth/authorize?" + query.Encode())
}

func (a *actor) newVerifier() string {
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = byte(a.random.Uint32())
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// some returns one of the connections that fit, nil when none does.
func (a *actor) some(fits func(*connection) bool) *connection {
	var fitting []*connection
	for _, c := range a.connections {
		if fits(c) {
			fitting = append(fitting, c)
		}
	}
	if len(fitting) == 0 {
		return nil
	}
	return fitting[a.random.IntN(len(fitting))]
}
