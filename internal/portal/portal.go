package portal

import (
	"errors"
	"io"
	"net/http"
	"net/url"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/password"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/session"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/throttle"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// Config is what the pages of one issuer's users depend on.
type Config struct {
	Issuer    *issuer.Issuer
	Store     *store.Store
	Keyring   *seal.Keyring
	Clients   *client.Registry
	Sessions  *session.Manager
	Pages     *web.Renderer
	Passwords *password.Hasher
	Mail      *mail.Outbox
	Rand      io.Reader
}

// Portal serves the pages of one issuer's users. It is safe for concurrent use.
type Portal struct{ Config }

// New returns the portal of an issuer.
func New(config Config) *Portal { return &Portal{config} }

func (p *Portal) limits() *throttle.Limiter {
	return &throttle.Limiter{Issuer: p.Issuer.Name, Store: p.Store, Keyring: p.Keyring}
}

// visit is a request of somebody who is signed in.
type visit struct {
	w    http.ResponseWriter
	r    *http.Request
	who  *session.Session
	lang string // of the page
}

// forUser sends those who are not signed in to sign in first, and then back to the page.
func (p *Portal) forUser(w http.ResponseWriter, r *http.Request, page func(*visit) error) error {
	current, err := p.Sessions.Current(r)
	if err != nil {
		return err
	}
	if current == nil {
		signInFirst(w, r)
		return nil
	}
	return page(&visit{w: w, r: r, who: current, lang: p.Pages.LanguageOf(r)})
}

// signInFirst: a form that was sent is not sent again after the sign-in; the person sees its page and decides anew.
func signInFirst(w http.ResponseWriter, r *http.Request) {
	back := r.URL.EscapedPath()
	if r.Method != http.MethodPost && r.URL.RawQuery != "" {
		back += "?" + r.URL.RawQuery
	}
	wire.Redirect(w, r, "/sign-in?"+url.Values{"next": {back}}.Encode())
}

func (p *Portal) render(v *visit, page web.Page) error {
	return p.Pages.Render(v.w, v.r, http.StatusOK, page)
}

// renderAgain shows a form with its mistakes.
func (p *Portal) renderAgain(v *visit, page web.Page) error {
	return p.Pages.Render(v.w, v.r, http.StatusUnprocessableEntity, page)
}

// inTx runs fn with the user's right to act in the account as it is now; one who is no member is told that there is no such page.
func (p *Portal) inTx(v *visit, fn func(tx *store.Tx) error) error {
	err := p.Store.InTx(v.r.Context(), fn)
	if errors.Is(err, store.ErrNotFound) {
		return errNoPage()
	}
	return err
}

// record fills in what every event of this visit has in common.
func (p *Portal) record(tx *store.Tx, v *visit, event store.Event) error {
	event.Issuer = p.Issuer.Name
	if event.UserID == "" {
		event.UserID = v.who.UserID
	}
	return tx.Record(event)
}

func errNoPage() error {
	err := oauth.InvalidRequest("there is no such page for you").WithStatus(http.StatusNotFound)
	err.Code = "not_found"
	return err
}

func errNotAllowed() error {
	return oauth.AccessDenied("your role in this account does not allow that; ask one of its owners").WithStatus(http.StatusForbidden)
}

func errTooMany() error {
	err := oauth.TemporarilyUnavailable("that was asked for too often; try again later").WithStatus(http.StatusTooManyRequests)
	err.Code = "too_many_requests"
	return err
}

func errUnknownAction() error {
	return oauth.InvalidRequest("this form asks for something that the page does not do; open the page again")
}
