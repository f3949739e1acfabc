package interaction

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/destination"
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

// Config is what the pages of one issuer are made from.
type Config struct {
	Issuer    *issuer.Issuer
	Store     *store.Store
	Keyring   *seal.Keyring
	Clients   *client.Registry
	Sessions  *session.Manager
	Passwords *password.Hasher
	Outbox    *mail.Outbox
	Pages     *web.Renderer
	Rand      io.Reader
	// Shapes are how answers look by the face that a request came over; one that is not there is the standard's.
	Shapes map[string]destination.Shape
}

// Handler serves the pages of one issuer. Its Show methods answer GET, the others POST.
type Handler struct {
	Config

	sealer sealer
	limits throttle.Limiter
}

// New returns the pages of an issuer.
func New(config Config) *Handler {
	return &Handler{
		Config: config,
		sealer: sealer{keyring: config.Keyring, issuer: []byte(config.Issuer.Name), rand: config.Rand},
		limits: throttle.Limiter{Issuer: config.Issuer.Name, Store: config.Store, Keyring: config.Keyring},
	}
}

// ShowSignIn asks for e-mail and password.
func (h *Handler) ShowSignIn(w http.ResponseWriter, r *http.Request) error {
	return h.show(w, r, h.showSignIn)
}

// SignIn checks them and starts a session.
func (h *Handler) SignIn(w http.ResponseWriter, r *http.Request) error {
	return h.submit(w, r, h.signIn)
}

// ShowSignUp asks a new person for name, e-mail and password.
func (h *Handler) ShowSignUp(w http.ResponseWriter, r *http.Request) error {
	return h.show(w, r, h.showSignUp)
}

// SignUp sends them a code by mail.
func (h *Handler) SignUp(w http.ResponseWriter, r *http.Request) error {
	return h.submit(w, r, h.signUp)
}

// ShowVerify asks for the code; the link in the mail brings it along.
func (h *Handler) ShowVerify(w http.ResponseWriter, r *http.Request) error {
	return h.show(w, r, h.showVerify)
}

// Verify checks the code and creates the user.
func (h *Handler) Verify(w http.ResponseWriter, r *http.Request) error {
	return h.submit(w, r, h.verify)
}

// ShowResetPassword asks where to send a link.
func (h *Handler) ShowResetPassword(w http.ResponseWriter, r *http.Request) error {
	return h.show(w, r, h.showResetPassword)
}

// ResetPassword sends it.
func (h *Handler) ResetPassword(w http.ResponseWriter, r *http.Request) error {
	return h.submit(w, r, h.resetPassword)
}

// ShowNewPassword is where the link leads.
func (h *Handler) ShowNewPassword(w http.ResponseWriter, r *http.Request) error {
	return h.show(w, r, h.showNewPassword)
}

// NewPassword sets the password and ends every session.
func (h *Handler) NewPassword(w http.ResponseWriter, r *http.Request) error {
	return h.submit(w, r, h.newPassword)
}

// ShowChooseAccount asks which account the app is for.
func (h *Handler) ShowChooseAccount(w http.ResponseWriter, r *http.Request) error {
	return h.show(w, r, h.showChooseAccount)
}

// ChooseAccount takes the choice, or lets another person sign in.
func (h *Handler) ChooseAccount(w http.ResponseWriter, r *http.Request) error {
	return h.submit(w, r, h.chooseAccount)
}

// ShowNewAccount asks for a new account's name.
func (h *Handler) ShowNewAccount(w http.ResponseWriter, r *http.Request) error {
	return h.show(w, r, h.showNewAccount)
}

// NewAccount creates it.
func (h *Handler) NewAccount(w http.ResponseWriter, r *http.Request) error {
	return h.submit(w, r, h.newAccount)
}

// ShowConsent asks whether the app may have what it asks for.
func (h *Handler) ShowConsent(w http.ResponseWriter, r *http.Request) error {
	return h.show(w, r, h.showConsent)
}

// Consent takes the answer back to the app.
func (h *Handler) Consent(w http.ResponseWriter, r *http.Request) error {
	return h.submit(w, r, h.consent)
}

// ShowContinue goes on with the flow in r, wherever it stands. It is where an authorization request by POST, which comes
// without the session's cookie, and a sign-in lead to.
func (h *Handler) ShowContinue(w http.ResponseWriter, r *http.Request) error {
	return h.show(w, r, h.advance)
}

// Begin starts a flow for a checked request. The error is for the client: what it sent does not fit into r.
func (h *Handler) Begin(request Request) (Flow, *oauth.Error) {
	now := h.Store.Now()
	flow := Flow{ID: seal.NewSecret(h.Rand, ""), StartedAt: now, Request: &request, SignInSince: request.signInSince(now)}
	r, err := h.sealer.seal(flow)
	if err != nil || len(r) > longestFlow-256 { // what the pages add to it later
		return Flow{}, oauth.InvalidRequest("the request is too long as a whole; shorten state, nonce, scope or resource")
	}
	return flow, nil
}

func (h *Handler) shape(face string) destination.Shape { return h.Shapes[face] }

// Proceed takes the person to the page that the flow needs, or back to the app if it needs none.
func (h *Handler) Proceed(w http.ResponseWriter, r *http.Request, flow Flow) error {
	if r.Method == http.MethodPost { // cross-site: the session's cookie comes with the next request only (RFC 6265bis §5.2)
		sealed, err := h.sealer.seal(flow)
		if err != nil {
			return err
		}
		wire.Redirect(w, r, link("/oauth/authorize/continue", sealed))
		return nil
	}
	t := &turn{w: w, r: r, flow: flow, begun: true}
	if !slices.Contains(h.Issuer.Hosts, strings.ToLower(r.Host)) { // another address of the platform: pages and cookies live at the issuer's own
		return h.answer(t, nil, h.bringHome)
	}
	return h.answer(t, h.resume(t), h.advance)
}

// bringHome goes on at the issuer's own address.
func (h *Handler) bringHome(t *turn) error {
	sealed, err := h.sealer.seal(t.flow)
	if err != nil {
		return err
	}
	wire.Redirect(t.w, t.r, h.Issuer.Endpoint(link("/oauth/authorize/continue", sealed)))
	return nil
}

func (h *Handler) show(w http.ResponseWriter, r *http.Request, handle func(*turn) error) error {
	query, err := wire.Query(r)
	if err != nil {
		return err
	}
	t := &turn{w: w, r: r, in: query}
	return h.answer(t, h.begin(t), handle)
}

func (h *Handler) submit(w http.ResponseWriter, r *http.Request, handle func(*turn) error) error {
	form, err := wire.Form(r, "scope")
	if err != nil {
		return err
	}
	t := &turn{w: w, r: r, in: form}
	return h.answer(t, h.begin(t), handle)
}

// answer handles a turn unless it could not begin, and shows the page of a refusal that has one.
func (h *Handler) answer(t *turn, err error, handle func(*turn) error) error {
	if err == nil {
		err = handle(t)
	}
	if refused, ok := err.(*refusedPage); ok { //nolint:errorlint // made right here in this package and never wrapped
		_ = wire.Note(t.r.Context(), refused.reason)
		return h.render(t, refused.status, refused.page)
	}
	return err
}

// refusedPage is a refusal with a page of its own.
type refusedPage struct {
	status int
	page   web.Page
	reason *oauth.Error // for the log
}

// refused tells a refusal from trouble.
func refused(err error) bool {
	var page *refusedPage
	var told *oauth.Error
	return errors.As(err, &page) || errors.As(err, &told)
}

func (r *refusedPage) Error() string { return fmt.Sprintf("page %T: %s", r.page, r.reason.Error()) }
