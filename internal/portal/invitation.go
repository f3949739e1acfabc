package portal

import (
	"errors"
	"net/http"
	"net/url"

	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// Invitation asks the one invited whether to join: GET /invitations/{token}.
func (p *Portal) Invitation(w http.ResponseWriter, r *http.Request) error {
	return p.answering(w, r, func(v *visit, page web.Invitation, _ store.Invitation) error {
		return p.render(v, page)
	})
}

// AnswerInvitation accepts or declines: POST /invitations/{token}, action says which.
func (p *Portal) AnswerInvitation(w http.ResponseWriter, r *http.Request) error {
	form, err := wire.Form(r)
	if err != nil {
		return err
	}
	return p.answering(w, r, func(v *visit, page web.Invitation, invitation store.Invitation) error {
		switch action := form.Get("action"); {
		case action == "other-user":
			return p.otherUser(v)
		case page.State == web.InvitationWrongUser:
			return p.render(v, page)
		case action == "accept":
			return p.accept(v, page, invitation)
		case action == "decline":
			return p.decline(v, invitation)
		}
		return errUnknownAction()
	})
}

// answering finds the invitation that a link means and whether the visitor can answer it. An invitation that has ended looks the
// same as one that never was.
func (p *Portal) answering(w http.ResponseWriter, r *http.Request, open func(*visit, web.Invitation, store.Invitation) error) error {
	return p.forUser(w, r, func(v *visit) error {
		token := r.PathValue("token")
		invitation, err := p.Store.Invitation(r.Context(), p.Issuer.Name, store.Hash(token))
		if errors.Is(err, store.ErrNotFound) {
			return p.ended(v, web.InvitationExpired)
		}
		if err != nil {
			return err
		}
		page, err := p.invitationPage(v, token, invitation)
		if err != nil {
			return err
		}
		if page.State == web.InvitationExpired || page.State == web.InvitationUsed {
			return p.ended(v, page.State)
		}
		return open(v, page, invitation)
	})
}

func (p *Portal) ended(v *visit, state web.InvitationState) error {
	return p.Pages.Render(v.w, v.r, http.StatusGone, web.Invitation{State: state})
}

func (p *Portal) invitationPage(v *visit, token string, invitation store.Invitation) (web.Invitation, error) {
	ctx := v.r.Context()
	page := web.Invitation{Token: token, Role: string(invitation.Role), Email: invitation.Email}
	inviter, err := p.Store.User(ctx, p.Issuer.Name, invitation.InvitedBy)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return page, err
	}
	page.Inviter = inviter.Name
	if page.Account, err = p.names(ctx).account(invitation.AccountID); err != nil {
		return page, err
	}
	page.State, err = p.invitationState(v, invitation, inviter)
	return page, err
}

func (p *Portal) invitationState(v *visit, invitation store.Invitation, sender store.User) (web.InvitationState, error) {
	if !invitation.AcceptedAt.Never() {
		return web.InvitationUsed, nil
	}
	if invitation.ExpiresAt <= p.Store.Now() {
		return web.InvitationExpired, nil
	}
	inviter, err := p.Store.Member(v.r.Context(), p.Issuer.Name, invitation.AccountID, invitation.InvitedBy)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	switch {
	case !sender.SuspendedAt.Never() || !p.stands(inviter, invitation):
		return web.InvitationExpired, nil
	case invitation.Email != v.who.User.Email:
		return web.InvitationWrongUser, nil
	}
	return web.InvitationValid, nil
}

// stands: an invitation is worth what its sender may still give. One who was removed leaves no way back in,
// and of one who is suspended nothing counts.
func (p *Portal) stands(inviter store.Member, invitation store.Invitation) bool {
	return p.mayGive(inviter.Role, invitation.Role)
}

var errEnded = errors.New("portal: the invitation has ended")

// accept spends the invitation and makes the visitor a member, at once.
func (p *Portal) accept(v *visit, page web.Invitation, invitation store.Invitation) error {
	err := p.Store.InTx(v.r.Context(), func(tx *store.Tx) error {
		inviter, err := tx.LockMember(p.Issuer.Name, invitation.AccountID, invitation.InvitedBy)
		if err != nil {
			return err
		}
		if !p.stands(inviter, invitation) {
			return errEnded
		}
		if _, err := tx.AcceptInvitation(p.Issuer.Name, invitation.TokenHash); err != nil {
			return err
		}
		return p.join(tx, v, invitation)
	})
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, errEnded):
		return p.ended(v, web.InvitationExpired)
	case err != nil:
		return err
	}
	return p.goWith(v, accountPath(page.Account.ID), string(web.NoticeJoined))
}

// join: one who is a member already keeps the role they have.
func (p *Portal) join(tx *store.Tx, v *visit, invitation store.Invitation) error {
	err := tx.AddMember(store.Member{Issuer: p.Issuer.Name, AccountID: invitation.AccountID, UserID: v.who.UserID, Role: invitation.Role})
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.record(tx, v, joinedEvent(invitation, v.who.User))
}

func joinedEvent(invitation store.Invitation, user store.User) store.Event {
	return store.Event{
		Type: store.EventMemberJoined, AccountID: invitation.AccountID,
		Detail: map[string]string{"name": user.Name, "email": user.Email, "role": string(invitation.Role)},
	}
}

func (p *Portal) decline(v *visit, invitation store.Invitation) error {
	err := p.Store.InTx(v.r.Context(), func(tx *store.Tx) error {
		if err := tx.WithdrawInvitation(p.Issuer.Name, invitation.AccountID, invitation.ID); err != nil {
			return err
		}
		return p.record(tx, v, withdrawnEvent(invitation))
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	wire.Redirect(v.w, v.r, "/accounts")
	return nil
}

// otherUser signs this browser out, so that the one invited can sign in and come back.
func (p *Portal) otherUser(v *visit) error {
	if err := p.Sessions.End(v.w, v.r); err != nil {
		return err
	}
	wire.Redirect(v.w, v.r, "/sign-in?"+url.Values{"next": {v.r.URL.EscapedPath()}}.Encode())
	return nil
}
