package interaction

import (
	"crypto/hmac"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/throttle"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// codeTries is how many codes may be tried: one guess in 200,000 gets in.
const codeTries = 5

// verifyCookie ties the code to the browser that asked for it: a code or link that somebody else had sent to a person's
// address signs that person up for nothing.
const verifyCookie = "lk_verify"

// pending is the challenge that this browser waits for.
type pending struct {
	store.Challenge

	token string
	who   newcomer
}

// pending reads it; nil and no error when there is none.
func (h *Handler) pending(t *turn) (*pending, error) {
	cookie, err := h.Sessions.FindCookie(t.r, verifyCookie)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // a browser that waits for nothing is no error
	}
	challenge, err := h.Store.Challenge(t.r.Context(), h.Issuer.Name, store.PurposeSignUp, store.Hash(cookie.Value))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // as above
	}
	if err != nil {
		return nil, err
	}
	found := &pending{Challenge: challenge, token: cookie.Value}
	plain, err := h.Keyring.Open(newcomerPurpose, []byte(h.Issuer.Name), challenge.Sealed)
	if err != nil {
		return nil, err
	}
	return found, json.Unmarshal(plain, &found.who)
}

// showVerify also takes the code from the mail's link: it works in the browser that holds the cookie.
func (h *Handler) showVerify(t *turn) error {
	waiting, err := h.pending(t)
	if err != nil {
		return err
	}
	code := t.in.Get("code")
	switch {
	case waiting == nil && code != "" && t.session == nil: // a phone opens the mail, and they signed up at a desk
		return h.render(t, http.StatusOK, web.VerifyEmail{State: web.VerifyElsewhere})
	case waiting == nil:
		wire.Redirect(t.w, t.r, link("/sign-in", t.in.Get("r")))
		return nil
	case code != "":
		return h.judge(t, waiting, code)
	}
	state := web.VerifyWaiting
	if t.in.Get("state") == string(web.VerifyResent) {
		state = web.VerifyResent
	}
	return h.askCode(t, http.StatusOK, waiting, web.VerifyEmail{State: state})
}

func (h *Handler) askCode(t *turn, status int, waiting *pending, page web.VerifyEmail) (err error) {
	page.Email = waiting.Email
	if page.Flow, err = h.view(t); err != nil {
		return err
	}
	return h.render(t, status, page)
}

func (h *Handler) verify(t *turn) error {
	waiting, err := h.pending(t)
	if err != nil {
		return err
	}
	if waiting == nil {
		wire.Redirect(t.w, t.r, link("/sign-in", t.in.Get("r")))
		return nil
	}
	if t.in.Get("action") == "resend" {
		return h.resend(t, waiting)
	}
	code := strings.Map(codeDigit, t.in.Get(string(web.FieldCode)))
	if code == "" {
		return h.askCode(t, statusMistakes, waiting, web.VerifyEmail{Errors: web.Errors{{Field: web.FieldCode, Problem: web.ProblemCodeMissing}}})
	}
	return h.judge(t, waiting, code)
}

// codeDigit reads a code however it is typed: in groups, and with the digits of an Arabic or Persian keyboard.
func codeDigit(r rune) rune {
	switch {
	case r == ' ' || r == '-':
		return -1
	case '٠' <= r && r <= '٩':
		return '0' + r - '٠'
	case '۰' <= r && r <= '۹':
		return '0' + r - '۰'
	}
	return r
}

// resend makes a new code; the one before is void.
func (h *Handler) resend(t *turn, waiting *pending) error {
	limited, err := h.limits.Spend(t.r.Context(), mailLimits(t.r.Context(), waiting.Email)...)
	if err != nil {
		return err
	}
	if !limited.Never() {
		note(t, oauth.ReasonTooManyTries)
		t.w.Header().Set("Retry-After", throttle.RetryAfter(limited, h.now()))
		return h.askCode(t, http.StatusTooManyRequests, waiting, web.VerifyEmail{State: web.VerifyTooMany, Until: limited.Time()})
	}
	waiting.who.R = t.in.Get("r")
	return h.sendCode(t, waiting.Email, waiting.who, waiting)
}

// judge counts the try before it looks at the code, so that racing guesses cannot outnumber the limit.
func (h *Handler) judge(t *turn, waiting *pending, code string) error {
	fits := hmac.Equal(waiting.CodeHash, h.codeHash(waiting.token, code))
	counted, err := h.attempt(t, waiting)
	switch {
	case err != nil:
		return err
	case !counted:
		return h.tooLate(t, waiting, fits)
	case !fits:
		note(t, oauth.ReasonUnknown)
		return h.askCode(t, statusMistakes, waiting, web.VerifyEmail{State: web.VerifyWrong})
	default:
		return h.signedUp(t, waiting)
	}
}

func (h *Handler) attempt(t *turn, waiting *pending) (counted bool, err error) {
	err = h.Store.InTx(t.r.Context(), func(tx *store.Tx) error {
		_, err := tx.AttemptChallenge(h.Issuer.Name, store.PurposeSignUp, waiting.Hash, codeTries)
		counted = err == nil
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	return counted, err
}

// doubleClick is how long a code that was just used still signs the same browser in: the second click of a double one must
// not end at "expired".
const doubleClick = time.Minute

// tooLate says why the code is not looked at any more.
func (h *Handler) tooLate(t *turn, waiting *pending, fits bool) error {
	fresh, err := h.Store.Challenge(t.r.Context(), h.Issuer.Name, store.PurposeSignUp, waiting.Hash)
	if err != nil {
		return err
	}
	switch {
	case !fresh.UsedAt.Never() && fits && h.now().Sub(fresh.UsedAt) < doubleClick:
		return h.signedUpTwice(t, waiting)
	case fresh.UsedAt.Never() && fresh.Attempts >= codeTries && h.now() < fresh.ExpiresAt:
		note(t, oauth.ReasonTooManyTries)
		return h.askCode(t, statusMistakes, waiting, web.VerifyEmail{State: web.VerifyTooMany})
	default:
		note(t, oauth.ReasonExpired)
		return h.askCode(t, statusMistakes, waiting, web.VerifyEmail{State: web.VerifyExpired})
	}
}

// signedUp creates the user, an account of their own and a session, and goes on with the flow that they came from.
func (h *Handler) signedUp(t *turn, waiting *pending) error {
	user := store.User{
		Issuer: h.Issuer.Name, ID: h.Store.NewPublicID("usr_"), Email: waiting.Email, EmailVerifiedAt: h.now(), Name: waiting.who.Name,
		Locale: waiting.who.Locale, PasswordHash: waiting.who.PasswordHash,
	}
	account := store.Account{Issuer: h.Issuer.Name, ID: h.Store.NewPublicID("acc_"), Name: user.Name}
	var setCookies func(http.ResponseWriter)
	err := h.Store.InTx(t.r.Context(), func(tx *store.Tx) (err error) {
		if _, err = tx.SpendChallenge(h.Issuer.Name, store.PurposeSignUp, waiting.Hash); err != nil {
			return err
		}
		setCookies, err = h.createUser(tx, t, user, account)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound): // the other click of a double one was faster
		return h.tooLate(t, waiting, true)
	case errors.Is(err, store.ErrConflict): // the address was taken meanwhile, by whoever reads its mail too
		wire.Redirect(t.w, t.r, link("/sign-in", t.in.Get("r")))
		return nil
	case err != nil:
		return err
	}
	return h.enter(t, waiting, user.ID, setCookies)
}

func (h *Handler) createUser(tx *store.Tx, t *turn, user store.User, account store.Account) (func(http.ResponseWriter), error) {
	if err := tx.CreateUser(user); err != nil {
		return nil, err
	}
	err := tx.Record(store.Event{Issuer: h.Issuer.Name, Type: store.EventUserSignedUp, UserID: user.ID, Detail: map[string]string{"email": user.Email}})
	if err != nil {
		return nil, err
	}
	if err := h.createAccount(tx, account, user.ID); err != nil {
		return nil, err
	}
	return h.startSession(tx, t, user, user.PasswordHash)
}

// signedUpTwice signs in with what was chosen at sign-up, which a reset may have replaced since.
func (h *Handler) signedUpTwice(t *turn, waiting *pending) error {
	user, err := h.Store.UserByEmail(t.r.Context(), h.Issuer.Name, waiting.Email)
	if err != nil {
		return err
	}
	user.PasswordHash = waiting.who.PasswordHash
	var setCookies func(http.ResponseWriter)
	err = h.Store.InTx(t.r.Context(), func(tx *store.Tx) (err error) {
		setCookies, err = h.startSession(tx, t, user, user.PasswordHash)
		return err
	})
	if errors.Is(err, store.ErrConflict) {
		wire.Redirect(t.w, t.r, link("/sign-in", t.in.Get("r")))
		return nil
	}
	if err != nil {
		return err
	}
	return h.enter(t, waiting, user.ID, setCookies)
}

// enter gives the browser its session. The flow is that of the page, or, after the mail's link, that of the sign-up.
func (h *Handler) enter(t *turn, waiting *pending, userID string, setCookies func(http.ResponseWriter)) error {
	reqlog.From(t.r.Context()).User = userID
	setCookies(t.w)
	if !t.in.Has("r") && waiting.who.R != "" {
		if flow, err := h.sealer.open(waiting.who.R); err == nil {
			t.flow = flow
		}
	}
	return h.goOn(t)
}

// stateQuery carries a notice over the redirect after a form.
func stateQuery(r string, notice web.VerifyState) string {
	switch {
	case notice == "":
		return ""
	case r == "":
		return "?state=" + string(notice)
	default:
		return "&state=" + string(notice)
	}
}
