package interaction

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/password"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/throttle"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// newcomer is what a person typed at sign-up. It waits, sealed, for the proof that the address is theirs.
type newcomer struct {
	Name         string `json:"name"`
	PasswordHash string `json:"hash"`
	Locale       string `json:"locale"`
	// R is the flow they came from, so that the link in the mail leads on.
	R string `json:"r,omitempty"`
}

const newcomerPurpose = "sign-up"

func (h *Handler) showSignUp(t *turn) error {
	return h.askSignUp(t, http.StatusOK, web.SignUp{})
}

func (h *Handler) askSignUp(t *turn, status int, page web.SignUp) (err error) {
	page.Closed, page.MinPassword = !h.Issuer.SignUp, password.MinLength
	if page.Flow, err = h.view(t); err != nil {
		return err
	}
	return h.render(t, status, page)
}

// signUp always ends at "check your mail": to an address that is taken goes another mail, and the page tells nobody.
func (h *Handler) signUp(t *turn) error {
	if !h.Issuer.SignUp {
		return h.askSignUp(t, http.StatusForbidden, web.SignUp{})
	}
	name, typed, secret := wire.Name(t.in.Get(string(web.FieldName))), t.in.Get(string(web.FieldEmail)), t.in.Get(string(web.FieldPassword))
	email, mistakes := signUpMistakes(name, typed, secret)
	if len(mistakes) > 0 {
		return h.askSignUp(t, statusMistakes, web.SignUp{Name: name, Email: typed, Errors: mistakes})
	}
	if limited, err := h.limits.Spend(t.r.Context(), mailLimits(t.r.Context(), email)...); err != nil || !limited.Never() {
		return h.tooMany(t, limited, err)
	}
	hash, err := h.Passwords.Hash(t.r.Context(), secret) // before anything is looked up: it takes as long either way
	if err != nil {
		return err
	}
	return h.sendCode(t, email, newcomer{Name: name, PasswordHash: hash, Locale: h.pageLang(t), R: t.in.Get("r")}, nil)
}

func signUpMistakes(name, typed, secret string) (email string, mistakes web.Errors) {
	mistakes = web.NameMistake(name, web.FieldName, web.ProblemNameMissing, web.ProblemNameLong)
	email, ok := mail.Address(typed)
	switch {
	case typed == "":
		mistakes = append(mistakes, web.FieldError{Field: web.FieldEmail, Problem: web.ProblemEmailMissing})
	case !ok:
		mistakes = append(mistakes, web.FieldError{Field: web.FieldEmail, Problem: web.ProblemEmailInvalid})
	}
	return email, append(mistakes, password.Mistake(web.FieldPassword, secret, email, name)...)
}

// tooMany tells who asked too often when to come back; err comes first.
func (h *Handler) tooMany(t *turn, limited micros.Time, err error) error {
	if err != nil {
		return err
	}
	note(t, oauth.ReasonTooManyTries)
	t.w.Header().Set("Retry-After", throttle.RetryAfter(limited, h.now()))
	return h.render(t, http.StatusTooManyRequests, web.TooManyRequests{Until: limited.Time()})
}

// sendCode records the challenge, queues its mail and shows where to type the code. An address that is taken gets a challenge
// that no code fits, so that whoever guesses meets the same pages.
//
// A code is its browser's, and ends before alone: anybody can ask for one to an address, and must not end its owner's. How often an
// address is guessed at is bounded by the mails that it gets, mailsPerEmail, with codeTries each.
func (h *Handler) sendCode(t *turn, email string, who newcomer, before *pending) error {
	token, code := seal.NewSecret(h.Rand, ""), ""
	digits, err := sixDigits(h.Rand)
	if err != nil {
		return err
	}
	message, err := h.codeMail(t, email, who, digits)
	if err != nil {
		return err
	}
	if _, open := message.Mail.(web.VerifyMail); open {
		code = digits
	}
	letter, err := h.Outbox.Write(message)
	if err != nil {
		return err
	}
	challenge, err := h.challenge(email, token, code, who)
	if err != nil {
		return err
	}
	var notice web.VerifyState
	err = h.Store.InTx(t.r.Context(), func(tx *store.Tx) error {
		if before != nil {
			notice = web.VerifyResent
			if err := tx.EndChallenge(h.Issuer.Name, store.PurposeSignUp, before.Hash); err != nil {
				return err
			}
		}
		if err := tx.CreateChallenge(challenge); err != nil {
			return err
		}
		return h.Outbox.Queue(tx, letter)
	})
	if err != nil {
		return err
	}
	http.SetCookie(t.w, h.Sessions.Cookie(verifyCookie, token, h.Issuer.Lifetimes.EmailCode))
	wire.Redirect(t.w, t.r, link("/verify", who.R)+stateQuery(who.R, notice))
	return nil
}

// codeMail is a code for a new address, and a word to whoever has it already.
func (h *Handler) codeMail(t *turn, email string, who newcomer, digits string) (mail.Message, error) {
	user, err := h.Store.UserByEmail(t.r.Context(), h.Issuer.Name, email)
	switch {
	case err == nil:
		return mail.Message{To: email, Lang: h.langOf(t, user), Mail: web.AlreadyRegisteredMail{
			Issuer: h.Issuer.Name, Name: user.Name, SignInURL: h.Issuer.Endpoint("/sign-in"), ResetURL: h.Issuer.Endpoint("/reset-password"),
		}}, nil
	case errors.Is(err, store.ErrNotFound):
		return mail.Message{To: email, Lang: who.Locale, Mail: web.VerifyMail{
			Issuer: h.Issuer.Name, Code: digits, Minutes: int(h.Issuer.Lifetimes.EmailCode / time.Minute),
			URL: h.Issuer.Endpoint("/verify?code=" + digits),
		}}, nil
	default:
		return mail.Message{}, err
	}
}

func (h *Handler) challenge(email, token, code string, who newcomer) (store.Challenge, error) {
	plain, err := json.Marshal(who)
	if err != nil {
		return store.Challenge{}, err
	}
	return store.Challenge{
		Hash: store.Hash(token), Issuer: h.Issuer.Name, Purpose: store.PurposeSignUp, Email: email, CodeHash: h.codeHash(token, code),
		Sealed:    h.Keyring.Seal(newcomerPurpose, []byte(h.Issuer.Name), plain, h.Rand),
		ExpiresAt: h.now().Add(h.Issuer.Lifetimes.EmailCode),
	}, nil
}

// codeHash is keyed: six digits behind a plain hash could be tried out by whoever reads the database. No digits at all make a
// hash that nothing typed has, since an empty code is never judged.
func (h *Handler) codeHash(token, code string) []byte {
	mac := h.Keyring.MAC("email-code", []byte(h.Issuer.Name), []byte(token), []byte(code))
	return mac[:]
}

// sixDigits are drawn evenly: what does not divide is drawn again.
func sixDigits(random io.Reader) (string, error) {
	const codes, even = 1_000_000, 16_000_000
	var b [3]byte
	for {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", fmt.Errorf("interaction: no randomness: %w", err)
		}
		if n := int(b[0])<<16 | int(b[1])<<8 | int(b[2]); n < even {
			return fmt.Sprintf("%06d", n%codes), nil
		}
	}
}
