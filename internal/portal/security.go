package portal

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/password"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/throttle"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// Whoever sits at a browser that is signed in may guess at the current password this often.
const (
	passwordTries  = 10
	passwordWindow = 15 * time.Minute
)

// Security shows how the user signs in: GET /security.
func (p *Portal) Security(w http.ResponseWriter, r *http.Request) error {
	return p.forUser(w, r, func(v *visit) error {
		page, err := p.securityPage(v)
		if err != nil {
			return err
		}
		page.Notice = take(p, v, web.NoticePasswordChanged, web.NoticeSessionEnded, web.NoticeOthersEnded, web.NoticeLanguageSaved)
		return p.render(v, page)
	})
}

func (p *Portal) securityPage(v *visit) (web.Security, error) {
	ctx := v.r.Context()
	page := web.Security{MinPassword: password.MinLength, Language: v.who.User.Locale}
	sessions, err := p.Store.Sessions(ctx, p.Issuer.Name, v.who.UserID)
	if err != nil {
		return page, err
	}
	for _, row := range sessions {
		page.Sessions = append(page.Sessions, sessionRow(row, v.who.Hash))
	}
	slices.SortStableFunc(page.Sessions, func(a, b web.SessionRow) int { return current(b) - current(a) })
	changed, err := p.Store.LastEventOfUser(ctx, p.Issuer.Name, v.who.UserID, store.EventPasswordChanged, store.EventPasswordReset)
	page.PasswordChanged = changed.Time()
	return page, err
}

func sessionRow(row store.Session, current []byte) web.SessionRow {
	return web.SessionRow{
		ID: row.ID, UserAgent: row.UserAgent, Address: row.Address, SignedInAt: row.AuthTime.Time(), LastSeenAt: row.LastSeenAt.Time(),
		Current: bytes.Equal(row.Hash, current),
	}
}

func current(row web.SessionRow) int {
	if row.Current {
		return 1
	}
	return 0
}

// ChangeSecurity changes how the user signs in: POST /security, action says what.
func (p *Portal) ChangeSecurity(w http.ResponseWriter, r *http.Request) error {
	return p.forUser(w, r, func(v *visit) error {
		form, err := wire.Form(r)
		if err != nil {
			return err
		}
		switch form.Get("action") {
		case "change-password":
			return p.changePassword(v, form)
		case "end-session":
			return p.endSession(v, form.Get("session"))
		case "end-others":
			return p.endOthers(v)
		case "language":
			return p.setLanguage(v, form.Get("lang"))
		}
		return errUnknownAction()
	})
}

// changePassword proves the current password before anything else, and ends every other session with the old one.
func (p *Portal) changePassword(v *visit, form wire.Params) error {
	was, wanted := form.Get(string(web.FieldCurrentPassword)), form.Get(string(web.FieldNewPassword))
	if mistakes := missingPasswords(was, wanted); len(mistakes) > 0 {
		return p.securityAgain(v, http.StatusUnprocessableEntity, func(page *web.Security) { page.Errors = mistakes })
	}
	until, err := p.limits().Spend(v.r.Context(), passwordLimit(v.who.UserID)) // before it is looked at: racing guesses cannot outnumber it
	if err != nil {
		return err
	}
	if !until.Never() {
		v.w.Header().Set("Retry-After", throttle.RetryAfter(until, p.Store.Now()))
		return p.securityAgain(v, http.StatusTooManyRequests, func(page *web.Security) { page.Until = until.Time() })
	}
	mistakes, err := p.replacePassword(v, was, wanted)
	if err != nil {
		return err
	}
	if len(mistakes) > 0 {
		return p.securityAgain(v, http.StatusUnprocessableEntity, func(page *web.Security) { page.Errors = mistakes })
	}
	return p.goWith(v, "/security", string(web.NoticePasswordChanged))
}

// replacePassword proves the one that is, and sets the new one if the first still is what was proven: who reset it meanwhile did so
// to keep out whoever knew it.
func (p *Portal) replacePassword(v *visit, was, wanted string) (web.Errors, error) {
	for user := v.who.User; ; {
		mistakes, err := p.checkPasswords(v, user, was, wanted)
		if err != nil || len(mistakes) > 0 {
			return mistakes, err
		}
		err = p.setPassword(v, user, wanted)
		if !errors.Is(err, store.ErrConflict) {
			return nil, err
		}
		if user, err = p.Store.User(v.r.Context(), p.Issuer.Name, user.ID); err != nil {
			return nil, err
		}
	}
}

func (p *Portal) securityAgain(v *visit, status int, say func(*web.Security)) error {
	page, err := p.securityPage(v)
	if err != nil {
		return err
	}
	say(&page)
	return p.Pages.Render(v.w, v.r, status, page)
}

func missingPasswords(was, wanted string) (mistakes web.Errors) {
	if was == "" {
		mistakes = append(mistakes, web.FieldError{Field: web.FieldCurrentPassword, Problem: web.ProblemPasswordMissing})
	}
	if wanted == "" {
		mistakes = append(mistakes, web.FieldError{Field: web.FieldNewPassword, Problem: web.ProblemPasswordMissing})
	}
	return mistakes
}

func passwordLimit(userID string) throttle.Limit {
	return throttle.Limit{Name: "change password", Whose: userID, Most: passwordTries, Window: passwordWindow}
}

func (p *Portal) checkPasswords(v *visit, user store.User, was, wanted string) (web.Errors, error) {
	right, err := p.Passwords.Verify(v.r.Context(), user.PasswordHash, was)
	if err != nil {
		return nil, err
	}
	switch {
	case !right:
		return web.Errors{{Field: web.FieldCurrentPassword, Problem: web.ProblemPasswordWrong}}, nil
	case was == wanted:
		return web.Errors{{Field: web.FieldNewPassword, Problem: web.ProblemPasswordSame}}, nil
	}
	return password.Mistake(web.FieldNewPassword, wanted, user.Email, user.Name), nil
}

// setPassword hashes and writes the mail first: neither belongs into a transaction.
func (p *Portal) setPassword(v *visit, user store.User, wanted string) error {
	ctx := v.r.Context()
	hash, err := p.Passwords.Hash(ctx, wanted)
	if err != nil {
		return err
	}
	letter, err := p.Mail.Write(mail.Message{To: user.Email, Lang: cmp.Or(user.Locale, v.lang), Mail: web.PasswordChangedMail{
		Issuer: p.Issuer.Name, Name: user.Name, At: p.Store.Now().Time(), Device: v.r.UserAgent(), ResetURL: p.Issuer.Endpoint("/reset-password"),
	}})
	if err != nil {
		return err
	}
	return p.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.ReplacePassword(p.Issuer.Name, user.ID, user.PasswordHash, hash); err != nil {
			return err
		}
		_, endErr := tx.EndOtherSessions(p.Issuer.Name, user.ID, v.who.Hash) // after it: nobody signs in with the one before any more
		return errors.Join(endErr,
			p.limits().Clear(tx, passwordLimit(user.ID)),
			p.record(tx, v, store.Event{Type: store.EventPasswordChanged}),
			p.Mail.Queue(tx, letter))
	})
}

// endSession signs out another of the user's browsers. One that is signed out already is as they want it.
func (p *Portal) endSession(v *visit, id string) error {
	err := p.Store.InTx(v.r.Context(), func(tx *store.Tx) error {
		if err := tx.EndSessionByID(p.Issuer.Name, v.who.UserID, id); err != nil {
			return err
		}
		return p.record(tx, v, store.Event{Type: store.EventSessionEnded, Detail: map[string]string{"session": id}})
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return p.goWith(v, "/security", string(web.NoticeSessionEnded))
}

func (p *Portal) endOthers(v *visit) error {
	err := p.Store.InTx(v.r.Context(), func(tx *store.Tx) error {
		ended, err := tx.EndOtherSessions(p.Issuer.Name, v.who.UserID, v.who.Hash)
		if err != nil || ended == 0 {
			return err
		}
		return p.record(tx, v, store.Event{Type: store.EventSessionEnded, Detail: map[string]string{"session": "others"}})
	})
	if err != nil {
		return err
	}
	return p.goWith(v, "/security", string(web.NoticeOthersEnded))
}

// setLanguage keeps the language with the user, for mails and other browsers, and in this browser at once.
func (p *Portal) setLanguage(v *visit, lang string) error {
	if !slices.Contains(p.Pages.Languages(p.Issuer.Name), lang) {
		return errUnknownAction()
	}
	err := p.saveLanguage(v.r.Context(), v.who.User, lang)
	if err != nil {
		return err
	}
	return p.goWith(v, "/security?lang="+lang, string(web.NoticeLanguageSaved))
}

func (p *Portal) saveLanguage(ctx context.Context, user store.User, lang string) error {
	return p.Store.InTx(ctx, func(tx *store.Tx) error { return tx.SetProfile(p.Issuer.Name, user.ID, user.Name, lang) })
}
