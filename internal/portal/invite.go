package portal

import (
	"errors"
	"net/url"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/throttle"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// A person sends this many invitations in a window, from however many accounts they make: each is a mail, with words of theirs,
// to somebody who did not ask for one.
const (
	inviteLimit  = 50
	inviteWindow = 24 * time.Hour
)

// invitationPrefix makes a leaked link recognisable to secret scanners.
const invitationPrefix = "lk_in_"

// invite sends an invitation. Its answer is the same whether or not the address has a user.
func (p *Portal) invite(v *visit, account seen, form wire.Params) error {
	typed, role := form.Get(string(web.FieldEmail)), issuer.Role(form.Get(string(web.FieldRole)))
	address, mistakes, err := p.checkInvitation(v, account, typed, role)
	if err != nil {
		return err
	}
	if len(mistakes) > 0 {
		return p.accountAgain(v, account, func(page *web.AccountDetail) {
			page.Errors, page.InviteEmail, page.InviteRole = mistakes, typed, string(role)
		})
	}
	sent, err := p.sendInvitation(v, account, address, role)
	if err != nil {
		return err
	}
	wire.Redirect(v.w, v.r, accountPath(account.ID)+"?"+url.Values{"invited": {sent.ID}}.Encode())
	return nil
}

func (p *Portal) checkInvitation(v *visit, account seen, typed string, role issuer.Role) (address string, mistakes web.Errors, err error) {
	address, ok := mail.Address(typed)
	switch {
	case typed == "":
		mistakes = append(mistakes, web.FieldError{Field: web.FieldEmail, Problem: web.ProblemEmailMissing})
	case !ok:
		mistakes = append(mistakes, web.FieldError{Field: web.FieldEmail, Problem: web.ProblemEmailInvalid})
	}
	if role == "" {
		mistakes = append(mistakes, web.FieldError{Field: web.FieldRole, Problem: web.ProblemRoleMissing})
	} else if !p.mayGive(account.role, role) {
		return "", nil, errNotAllowed()
	}
	members, err := p.members(v, account)
	for _, member := range members { // the visitor sees them anyway
		if ok && member.Email == address {
			mistakes = append(mistakes, web.FieldError{Field: web.FieldEmail, Problem: web.ProblemAlreadyMember})
		}
	}
	return address, mistakes, err
}

// sendInvitation records an invitation and queues its mail. The token is in the mail and nowhere else.
func (p *Portal) sendInvitation(v *visit, account seen, address string, role issuer.Role) (store.Invitation, error) {
	token := seal.NewSecret(p.Rand, invitationPrefix)
	invitation := store.Invitation{
		Issuer: p.Issuer.Name, ID: p.Store.NewPublicID("inv_"), TokenHash: store.Hash(token), AccountID: account.ID, Email: address, Role: role,
		InvitedBy: v.who.UserID, ExpiresAt: p.Store.Now().Add(p.Issuer.Lifetimes.Invitation),
	}
	letter, err := p.invitationMail(v, account, invitation, token)
	if err != nil {
		return invitation, err
	}
	return invitation, p.manage(v, account, func(tx *store.Tx, visitor store.Member) error {
		if !p.mayGive(visitor.Role, role) {
			return errNotAllowed()
		}
		limited, err := p.limits().SpendIn(tx, throttle.Limit{Name: "invite", Whose: v.who.UserID, Most: inviteLimit, Window: inviteWindow})
		if err != nil {
			return err
		}
		if !limited.Never() {
			return errTooMany()
		}
		return errors.Join(tx.Invite(invitation), p.Mail.Queue(tx, letter), p.record(tx, v, store.Event{
			Type: store.EventMemberInvited, AccountID: account.ID, Detail: map[string]string{"email": address, "role": string(role)},
		}))
	})
}

// invitationMail is written in the language of the one invited, if they have a user: only they will read it.
func (p *Portal) invitationMail(v *visit, account seen, invitation store.Invitation, token string) (mail.Letter, error) {
	lang := v.lang
	invited, err := p.Store.UserByEmail(v.r.Context(), p.Issuer.Name, invitation.Email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return mail.Letter{}, err
	}
	if invited.Locale != "" {
		lang = invited.Locale
	}
	return p.Mail.Write(mail.Message{To: invitation.Email, Lang: lang, Mail: web.InvitationMail{
		Issuer: p.Issuer.Name, Inviter: v.who.User.Name, Account: account.Name, Role: string(invitation.Role),
		URL: p.Issuer.Endpoint("/invitations/" + token), ExpiresAt: invitation.ExpiresAt.Time(),
	}})
}

// waiting finds an invitation that waits for its answer.
func (p *Portal) waiting(v *visit, account seen, id string) (store.Invitation, error) {
	all, err := p.Store.Invitations(v.r.Context(), p.Issuer.Name, account.ID)
	if err != nil {
		return store.Invitation{}, err
	}
	for _, invitation := range all {
		if invitation.ID == id {
			return invitation, nil
		}
	}
	return store.Invitation{}, errNoPage()
}

// invitationSent says that an invitation is on its way, for as long as it is.
func (p *Portal) invitationSent(v *visit, account seen, id string) error {
	if !account.role.Manages() {
		return errNotAllowed()
	}
	sent, err := p.waiting(v, account, id)
	if err != nil {
		return err
	}
	return p.render(v, web.InvitationSent{
		Account: web.Account{ID: account.ID, Name: account.Name}, Email: sent.Email, Role: string(sent.Role), ExpiresAt: sent.ExpiresAt.Time(),
	})
}

// inviteAgain sends a new link; the one before no longer works.
func (p *Portal) inviteAgain(v *visit, account seen, id string) error {
	before, err := p.waiting(v, account, id)
	if err != nil {
		return err
	}
	if !p.mayGive(account.role, before.Role) {
		return errNotAllowed()
	}
	if _, err := p.sendInvitation(v, account, before.Email, before.Role); err != nil {
		return err
	}
	return p.goWith(v, accountPath(account.ID), string(web.NoticeInvitationAgain))
}

// withdraw takes an invitation back. One that is gone already is as they want it.
func (p *Portal) withdraw(v *visit, account seen, id string) error {
	before, err := p.waiting(v, account, id)
	if err != nil {
		return err
	}
	err = p.manage(v, account, func(tx *store.Tx, visitor store.Member) error {
		if !mayTouch(visitor.Role, before.Role) {
			return errNotAllowed()
		}
		if err := tx.WithdrawInvitation(p.Issuer.Name, account.ID, id); err != nil {
			return err
		}
		return p.record(tx, v, withdrawnEvent(before))
	})
	if err != nil {
		return err
	}
	return p.goWith(v, accountPath(account.ID), string(web.NoticeInvitationRevoked))
}

func withdrawnEvent(invitation store.Invitation) store.Event {
	return store.Event{
		Type: store.EventInvitationWithdrawn, AccountID: invitation.AccountID,
		Detail: map[string]string{"email": invitation.Email, "role": string(invitation.Role)},
	}
}
