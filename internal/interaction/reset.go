package interaction

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/password"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/throttle"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// resetting is what a reset link leads back to, sealed.
type resetting struct {
	R string `json:"r,omitempty"`
}

const resetPurpose = "reset-password"

func (h *Handler) showResetPassword(t *turn) error {
	if sentTo := t.flow.MailedTo; t.in.Has("sent") && sentTo != "" {
		t.flow.MailedTo = ""
		return h.showIn(t, http.StatusOK, func(flow web.Flow) web.Page { return web.ResetSent{Flow: flow, Email: sentTo} })
	}
	return h.askReset(t, http.StatusOK, web.ResetPassword{})
}

func (h *Handler) askReset(t *turn, status int, page web.ResetPassword) (err error) {
	if page.Flow, err = h.view(t); err != nil {
		return err
	}
	return h.render(t, status, page)
}

// resetPassword answers alike whether or not the address has a user.
func (h *Handler) resetPassword(t *turn) error {
	typed := t.in.Get(string(web.FieldEmail))
	email, ok := mail.Address(typed)
	if !ok {
		problem := web.ProblemEmailInvalid
		if typed == "" {
			problem = web.ProblemEmailMissing
		}
		return h.askReset(t, statusMistakes, web.ResetPassword{Email: typed, Errors: web.Errors{{Field: web.FieldEmail, Problem: problem}}})
	}
	limited, err := h.limits.Spend(t.r.Context(), mailLimits(t.r.Context(), email)...)
	if err != nil {
		return err
	}
	if !limited.Never() {
		note(t, oauth.ReasonTooManyTries)
		t.w.Header().Set("Retry-After", throttle.RetryAfter(limited, h.now()))
		return h.askReset(t, http.StatusTooManyRequests, web.ResetPassword{Email: typed, Until: limited.Time()})
	}
	user, err := h.Store.UserByEmail(t.r.Context(), h.Issuer.Name, email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	user.Email = email
	if err := h.sendReset(t, user); err != nil {
		return err
	}
	t.flow.MailedTo = email
	return h.goTo(t, "/reset-password", "sent")
}

// goTo shows what came of a form with the next request, so that a reload posts nothing twice.
func (h *Handler) goTo(t *turn, path, flag string) error {
	if t.flow.ID == "" {
		notices := t.flow
		t.flow = h.plainFlow(notices.Next)
		t.flow.MailedTo, t.flow.Changed = notices.MailedTo, notices.Changed
	}
	sealed, err := h.sealer.seal(t.flow)
	if err != nil {
		return err
	}
	wire.Redirect(t.w, t.r, link(path, sealed)+"&"+flag+"=1")
	return nil
}

// sendReset does the same work for an address without a user, whose ID is empty, but for the mail: how long the answer takes
// tells nobody who has an account here.
func (h *Handler) sendReset(t *turn, user store.User) error {
	token := seal.NewSecret(h.Rand, "")
	letter, err := h.Outbox.Write(mail.Message{To: user.Email, Lang: h.langOf(t, user), Mail: web.ResetMail{
		Issuer: h.Issuer.Name, Name: user.Name, Minutes: int(h.Issuer.Lifetimes.EmailCode / time.Minute),
		URL: h.Issuer.Endpoint("/new-password?" + url.Values{"token": {token}}.Encode()),
	}})
	if err != nil {
		return err
	}
	plain, err := json.Marshal(resetting{R: t.in.Get("r")})
	if err != nil {
		return err
	}
	challenge := store.Challenge{
		Hash: store.Hash(token), Issuer: h.Issuer.Name, Purpose: store.PurposeResetPassword, Email: user.Email, UserID: user.ID,
		CodeHash: []byte{}, Sealed: h.Keyring.Seal(resetPurpose, []byte(h.Issuer.Name), plain, h.Rand),
		ExpiresAt: h.now().Add(h.Issuer.Lifetimes.EmailCode),
	}
	return h.Store.InTx(t.r.Context(), func(tx *store.Tx) error {
		if err := tx.EndChallenges(h.Issuer.Name, store.PurposeResetPassword, user.Email); err != nil { // the newest link is the one that works
			return err
		}
		if err := tx.CreateChallenge(challenge); err != nil || user.ID == "" {
			return err
		}
		return h.Outbox.Queue(tx, letter)
	})
}

// reset is a reset link that was followed.
type reset struct {
	store.Challenge

	token string
	state web.LinkState
}

// reset finds the link's challenge. A token that was never made is shown as one that has expired.
func (h *Handler) reset(t *turn) (reset, error) {
	token := t.in.Get("token")
	challenge, err := h.Store.Challenge(t.r.Context(), h.Issuer.Name, store.PurposeResetPassword, store.Hash(token))
	found := reset{Challenge: challenge, token: token}
	switch {
	case errors.Is(err, store.ErrNotFound):
		found.state = web.LinkExpired
		return found, nil
	case err != nil:
		return found, err
	case !challenge.UsedAt.Never():
		found.state = web.LinkUsed
	case h.now() >= challenge.ExpiresAt:
		found.state = web.LinkExpired
	}
	return found, h.rejoin(t, challenge)
}

// rejoin takes up the flow in which the link was asked for, if it still runs.
func (h *Handler) rejoin(t *turn, challenge store.Challenge) error {
	if t.in.Has("r") {
		return nil
	}
	plain, err := h.Keyring.Open(resetPurpose, []byte(h.Issuer.Name), challenge.Sealed)
	if err != nil {
		return err
	}
	var before resetting
	if err := json.Unmarshal(plain, &before); err != nil {
		return err
	}
	flow, err := h.sealer.open(before.R)
	if err != nil || h.expired(flow) || flow.Request == nil {
		return nil //nolint:nilerr // the link is good by itself
	}
	t.flow = flow
	if err = h.prove(t); refused(err) { // the app was stopped, or the device answered: the link is good by itself still
		t.flow, t.client = Flow{}, nil
		return nil
	}
	return err
}

func (h *Handler) showNewPassword(t *turn) error {
	if changed := t.flow.Changed; t.in.Has("changed") && changed != nil {
		t.flow.Changed = nil
		return h.showIn(t, http.StatusOK, func(flow web.Flow) web.Page {
			return web.PasswordChanged{Flow: flow, SessionsEnded: changed.SessionsEnded}
		})
	}
	followed, err := h.reset(t)
	if err != nil {
		return err
	}
	return h.askNewPassword(t, linkStatus(followed.state), followed, nil)
}

// linkStatus: a link that is over is gone (RFC 9110 §15.5.11).
func linkStatus(state web.LinkState) int {
	if state == web.LinkValid {
		return http.StatusOK
	}
	return http.StatusGone
}

func (h *Handler) askNewPassword(t *turn, status int, followed reset, mistakes web.Errors) error {
	return h.showIn(t, status, func(flow web.Flow) web.Page {
		page := web.NewPassword{Flow: flow, State: followed.state, Errors: mistakes, MinPassword: password.MinLength}
		if followed.state == web.LinkValid {
			page.Token, page.Email = followed.token, followed.Email
		}
		return page
	})
}

func (h *Handler) newPassword(t *turn) error {
	followed, err := h.reset(t)
	if err != nil {
		return err
	}
	if followed.state != web.LinkValid {
		return h.askNewPassword(t, http.StatusGone, followed, nil)
	}
	user, err := h.Store.User(t.r.Context(), h.Issuer.Name, followed.UserID)
	if err != nil {
		return err
	}
	secret := t.in.Get(string(web.FieldNewPassword))
	if mistakes := password.Mistake(web.FieldNewPassword, secret, user.Email, user.Name); mistakes != nil {
		return h.askNewPassword(t, statusMistakes, followed, mistakes)
	}
	reqlog.From(t.r.Context()).User = user.ID
	ended, err := h.replacePassword(t, user, secret, followed.Hash)
	if errors.Is(err, store.ErrNotFound) { // used or expired this moment
		if followed, err = h.reset(t); err != nil {
			return err
		}
		return h.askNewPassword(t, linkStatus(followed.state), followed, nil)
	}
	if err != nil {
		return err
	}
	h.Sessions.RememberDevice(t.w, t.r, user.ID) // whoever reads the person's mail is no stranger to them
	t.flow.Changed = &passwordChanged{SessionsEnded: int(ended)}
	return h.goTo(t, "/new-password", "changed")
}

// replacePassword spends the link, and ends every session: whoever knew the old password is out. Guesses at the old one count
// no longer, or a person whom somebody locked out would stay so.
func (h *Handler) replacePassword(t *turn, user store.User, secret string, spent []byte) (ended int64, err error) {
	hash, err := h.Passwords.Hash(t.r.Context(), secret)
	if err != nil {
		return 0, err
	}
	letter, err := h.passwordNotice(t.r, user, h.langOf(t, user))
	if err != nil {
		return 0, err
	}
	err = h.Store.InTx(t.r.Context(), func(tx *store.Tx) error {
		if _, err := tx.SpendChallenge(h.Issuer.Name, store.PurposeResetPassword, spent); err != nil {
			return err
		}
		if err := tx.SetPassword(h.Issuer.Name, user.ID, hash); err != nil {
			return err
		}
		if err := h.limits.Clear(tx, SignInLimit(user.Email)); err != nil {
			return err
		}
		if ended, err = tx.EndOtherSessions(h.Issuer.Name, user.ID, nil); err != nil {
			return err
		}
		if err := tx.Record(store.Event{Issuer: h.Issuer.Name, Type: store.EventPasswordReset, UserID: user.ID}); err != nil {
			return err
		}
		return h.Outbox.Queue(tx, letter)
	})
	return ended, err
}

func (h *Handler) passwordNotice(r *http.Request, user store.User, lang string) (mail.Letter, error) {
	return h.Outbox.Write(mail.Message{To: user.Email, Lang: lang, Mail: web.PasswordChangedMail{
		Issuer: h.Issuer.Name, Name: user.Name, At: h.now().Time(), Device: r.UserAgent(), ResetURL: h.Issuer.Endpoint("/reset-password"),
	}})
}
