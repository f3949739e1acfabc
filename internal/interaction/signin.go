package interaction

import (
	"errors"
	"net/http"

	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/throttle"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// plainFlow is a way through the pages that no app began; it ends at a local path.
func (h *Handler) plainFlow(next string) Flow {
	return Flow{ID: seal.NewSecret(h.Rand, ""), StartedAt: h.now(), Next: LocalPath(next)}
}

// showSignIn asks who is not signed in, or not as the app needs it. Without an app, ?next= says where it ends.
func (h *Handler) showSignIn(t *turn) error {
	if t.inFlow() {
		if t.outcome.Step != StepSignIn {
			return h.advance(t)
		}
		return h.askSignIn(t, http.StatusOK, web.SignIn{Email: t.flow.Request.LoginHint})
	}
	if t.flow.ID == "" {
		t.flow = h.plainFlow(t.in.Get("next"))
	}
	if t.session != nil {
		return h.advance(t)
	}
	return h.askSignIn(t, http.StatusOK, web.SignIn{})
}

// askSignIn fills in what every sign-in page shows.
func (h *Handler) askSignIn(t *turn, status int, page web.SignIn) (err error) {
	if page.Flow, err = h.view(t); err != nil {
		return err
	}
	page.SignUp = h.Issuer.SignUp
	if t.inFlow() && t.session != nil {
		if page.Expected, err = h.expected(t); err != nil {
			return err
		}
		page.Again = page.Expected == "" && !recent(t.flow, t.session) && t.flow.SignInSince <= t.flow.StartedAt
	}
	return h.render(t, status, page)
}

// expected is the address of whom the app's ID Token names, when it is not who is signed in. Only a browser that they signed in
// with before is told it: anybody can bring an ID Token, which holds no address unless its app was allowed to see it.
func (h *Handler) expected(t *turn) (string, error) {
	hinted := t.flow.Request.HintSubject
	if hinted == "" || hinted == t.session.UserID || h.Sessions.KnownDevice(t.r, hinted) == "" {
		return "", nil
	}
	user, err := h.Store.User(t.r.Context(), h.Issuer.Name, hinted)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return user.Email, err
}

func (h *Handler) signIn(t *turn) error {
	typed, password := t.in.Get(string(web.FieldEmail)), t.in.Get(string(web.FieldPassword))
	email, mistakes := signInMistakes(typed, password)
	if len(mistakes) > 0 {
		return h.askSignIn(t, statusMistakes, web.SignIn{Email: typed, Errors: mistakes})
	}
	user, err := h.Store.UserByEmail(t.r.Context(), h.Issuer.Name, email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	device := h.Sessions.KnownDevice(t.r, user.ID)
	limited, err := h.limits.Spend(t.r.Context(), signInLimits(t, email, device, user.ID)...)
	if err != nil {
		return err
	}
	if !limited.Never() {
		return h.tooManySignIns(t, typed, limited)
	}
	for {
		err := h.judgePassword(t, typed, password, user, device)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		if user, err = h.Store.User(t.r.Context(), h.Issuer.Name, user.ID); err != nil { // replaced while it was looked at: what it is now counts
			return err
		}
	}
}

// judgePassword lets in whom the password proves. ErrConflict when it is another by the time the session would begin.
func (h *Handler) judgePassword(t *turn, typed, password string, user store.User, device string) error {
	fits, err := h.Passwords.Verify(t.r.Context(), user.PasswordHash, password) // an unknown user's is empty, and takes as long
	if err != nil {
		return err
	}
	if !fits || !user.SuspendedAt.Never() { // one answer for all that is wrong: it tells nobody who has an account here
		noteRefusal(t, user, fits)
		return h.askSignIn(t, statusMistakes, web.SignIn{Email: typed, Problem: web.SignInWrong})
	}
	return h.welcome(t, user, h.renewed(t, user, password), device)
}

// renewed is a better hash of a password that was just proven, while there is somebody who knows it; the one that it has where that is good, or
// where there is no time for another: the next sign-in may have it.
func (h *Handler) renewed(t *turn, user store.User, password string) string {
	if h.Passwords.Weak(user.PasswordHash, password) {
		if better, err := h.Passwords.Hash(t.r.Context(), password); err == nil {
			return better
		}
	}
	return user.PasswordHash
}

// noteRefusal tells the operator, in the log alone, what the page does not say.
func noteRefusal(t *turn, user store.User, fits bool) {
	reason := oauth.ReasonWrongPassword
	switch {
	case user.ID == "":
		reason = oauth.ReasonUnknown
	case fits:
		reason = oauth.ReasonUserSuspended
	}
	reqlog.From(t.r.Context()).User = user.ID
	note(t, reason)
}

// note writes down why a form was refused, for refusals that the form's own page says.
func note(t *turn, reason string) {
	record := reqlog.From(t.r.Context())
	record.Outcome, record.Reason = oauth.CodeAccessDenied, reason
}

func signInMistakes(typed, password string) (email string, mistakes web.Errors) {
	email, ok := mail.Address(typed)
	switch {
	case typed == "":
		mistakes = append(mistakes, web.FieldError{Field: web.FieldEmail, Problem: web.ProblemEmailMissing})
	case !ok:
		mistakes = append(mistakes, web.FieldError{Field: web.FieldEmail, Problem: web.ProblemEmailInvalid})
	}
	if password == "" {
		mistakes = append(mistakes, web.FieldError{Field: web.FieldPassword, Problem: web.ProblemPasswordMissing})
	}
	return email, mistakes
}

// signInLimits: a browser that the person signed in with before has a limit of its own, so that nobody else's guesses lock
// them out.
func signInLimits(t *turn, email, device, userID string) []throttle.Limit {
	if device != "" {
		return []throttle.Limit{deviceLimit(device, userID)}
	}
	return []throttle.Limit{SignInLimit(email), addressLimit(t.r.Context())}
}

func (h *Handler) tooManySignIns(t *turn, typed string, until micros.Time) error {
	note(t, oauth.ReasonTooManyTries)
	t.w.Header().Set("Retry-After", throttle.RetryAfter(until, h.now()))
	return h.askSignIn(t, http.StatusTooManyRequests, web.SignIn{Email: typed, Problem: web.SignInLimited, Until: until.Time()})
}

// welcome starts the session, tells the person by mail if the browser is new, and goes on with the flow.
func (h *Handler) welcome(t *turn, user store.User, renewed, device string) error {
	reqlog.From(t.r.Context()).User = user.ID
	var letters []mail.Letter
	spent := deviceLimit(device, user.ID)
	if device == "" {
		spent = SignInLimit(user.Email)
		letter, err := h.newSignInNotice(t, user)
		if err != nil {
			return err
		}
		letters = append(letters, letter)
	}
	var setCookies func(http.ResponseWriter)
	err := h.Store.InTx(t.r.Context(), func(tx *store.Tx) (err error) {
		if setCookies, err = h.startSession(tx, t, user, renewed); err != nil {
			return err
		}
		if err := h.limits.Clear(tx, spent); err != nil {
			return err
		}
		return h.Outbox.Queue(tx, letters...)
	})
	if err != nil {
		return err
	}
	setCookies(t.w)
	return h.goOn(t)
}

// startSession is for whom user.PasswordHash was proven by; renewed takes its place. A reset that came in between has ended every session,
// and this one must not begin after it.
func (h *Handler) startSession(tx *store.Tx, t *turn, user store.User, renewed string) (func(http.ResponseWriter), error) {
	if err := tx.RenewPassword(h.Issuer.Name, user.ID, user.PasswordHash, renewed); err != nil {
		return nil, err
	}
	began, setCookies, err := h.Sessions.Start(tx, t.r, user.ID, oidc.AMRPassword)
	if err != nil {
		return nil, err
	}
	t.signedIn = began
	return setCookies, tx.Record(store.Event{Issuer: h.Issuer.Name, Type: store.EventUserSignedIn, UserID: user.ID})
}

// goOn continues with the next request, which brings the new session's cookie.
func (h *Handler) goOn(t *turn) error {
	if !t.inFlow() {
		wire.Redirect(t.w, t.r, LocalPath(t.flow.Next))
		return nil
	}
	t.flow.SignedIn = t.signedIn
	sealed, err := h.sealer.seal(t.flow)
	if err != nil {
		return err
	}
	wire.Redirect(t.w, t.r, link("/oauth/authorize/continue", sealed))
	return nil
}

func (h *Handler) newSignInNotice(t *turn, user store.User) (mail.Letter, error) {
	return h.Outbox.Write(mail.Message{To: user.Email, Lang: h.langOf(t, user), Mail: web.NewSignInMail{
		Issuer: h.Issuer.Name, Name: user.Name, At: h.now().Time(), Device: t.r.UserAgent(),
		Address: reqlog.From(t.r.Context()).Address, SecurityURL: h.Issuer.Endpoint("/security"),
	}})
}

// langOf is the language that a person saved, or the one of the page.
func (h *Handler) langOf(t *turn, user store.User) string {
	if user.Locale != "" {
		return user.Locale
	}
	return h.pageLang(t)
}
