package interaction

import (
	"net/http"
	"time"

	"latchkey.dev/internal/session"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
)

// PasswordChange is what became of an attempt to change the password. It was changed if there are no Errors and Until is zero.
type PasswordChange struct {
	Errors        web.Errors // FieldCurrentPassword, FieldNewPassword
	Until         time.Time  // set: too many attempts at the current password; when to try again
	SessionsEnded int        // other browsers that were signed out
}

// ChangePassword changes the password of who is signed in, if they know the current one, ends their other sessions and tells
// them by mail. The error is trouble of ours.
func (h *Handler) ChangePassword(r *http.Request, who *session.Session, currentPassword, newPassword string) (PasswordChange, error) {
	mistakes := web.Errors(nil)
	if currentPassword == "" {
		mistakes = web.Errors{{Field: web.FieldCurrentPassword, Problem: web.ProblemPasswordMissing}}
	}
	mistakes = append(mistakes, passwordMistake(web.FieldNewPassword, newPassword, who.User.Email, who.User.Name)...)
	if len(mistakes) > 0 {
		return PasswordChange{Errors: mistakes}, nil
	}
	limited, err := h.spend(r.Context(), personLimit(who.UserID))
	if err != nil || !limited.Never() {
		return PasswordChange{Until: limited.Time()}, err
	}
	fits, err := h.Passwords.Verify(r.Context(), who.User.PasswordHash, currentPassword)
	if err != nil {
		return PasswordChange{}, err
	}
	switch {
	case !fits:
		return PasswordChange{Errors: web.Errors{{Field: web.FieldCurrentPassword, Problem: web.ProblemPasswordWrong}}}, nil
	case currentPassword == newPassword:
		return PasswordChange{Errors: web.Errors{{Field: web.FieldNewPassword, Problem: web.ProblemPasswordSame}}}, nil
	}
	return h.saveNewPassword(r, who, newPassword)
}

func (h *Handler) saveNewPassword(r *http.Request, who *session.Session, newPassword string) (change PasswordChange, err error) {
	hash, err := h.Passwords.Hash(r.Context(), newPassword)
	if err != nil {
		return change, err
	}
	letter, err := h.passwordNotice(r, who.User, h.langOf(&turn{r: r, session: who}, who.User))
	if err != nil {
		return change, err
	}
	err = h.Store.InTx(r.Context(), func(tx *store.Tx) error {
		if err := tx.SetPassword(h.Issuer.Name, who.UserID, hash); err != nil {
			return err
		}
		ended, err := tx.EndOtherSessions(h.Issuer.Name, who.UserID, who.Hash)
		if err != nil {
			return err
		}
		change.SessionsEnded = int(ended)
		if err := tx.ClearThrottle(h.Issuer.Name, h.bucket(personLimit(who.UserID))); err != nil {
			return err
		}
		if err := tx.Record(store.Event{Issuer: h.Issuer.Name, Type: store.EventPasswordChanged, UserID: who.UserID}); err != nil {
			return err
		}
		return h.Outbox.Queue(tx, letter)
	})
	return change, err
}
