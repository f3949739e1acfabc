package portal

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// Account shows one account to those who belong to it: GET /accounts/{id}.
func (p *Portal) Account(w http.ResponseWriter, r *http.Request) error {
	return p.forUser(w, r, func(v *visit) error {
		query, err := wire.Query(r)
		if err != nil {
			return err
		}
		seen, err := p.accountSeen(v, r.PathValue("id"))
		if err != nil {
			return err
		}
		if sent := query.Get("invited"); sent != "" {
			return p.invitationSent(v, seen, sent)
		}
		return p.account(v, seen)
	})
}

// seen is an account as one of its members finds it.
type seen struct {
	store.Account

	role issuer.Role // the visitor's
}

// accountSeen finds an account that the user belongs to. Any other is a page that does not exist.
func (p *Portal) accountSeen(v *visit, id string) (seen, error) {
	member, err := p.Store.Member(v.r.Context(), p.Issuer.Name, id, v.who.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return seen{}, errNoPage()
	}
	if err != nil {
		return seen{}, err
	}
	account, err := p.Store.Account(v.r.Context(), p.Issuer.Name, id)
	return seen{account, member.Role}, err
}

func (p *Portal) account(v *visit, account seen) error {
	page, err := p.accountPage(v, account)
	if err != nil {
		return err
	}
	page.Notice = take(p, v, web.NoticeAccountCreated, web.NoticeAccountRenamed, web.NoticeRoleChanged, web.NoticeMemberRemoved,
		web.NoticeInvitationRevoked, web.NoticeInvitationAgain, web.NoticeJoined)
	return p.render(v, page)
}

func (p *Portal) accountPage(v *visit, account seen) (web.AccountDetail, error) {
	page := web.AccountDetail{
		Account: web.Account{ID: account.ID, Name: account.Name}, Role: string(account.role), Manage: account.role.Manages(),
		Roles: p.rolesFrom(account.role), InviteRole: string(p.Issuer.Roles()[0]),
	}
	var err error
	if page.Members, err = p.members(v, account); err != nil {
		return page, err
	}
	if page.Manage { // whose address is invited is the managers' business
		if page.Invitations, err = p.invitations(v, account); err != nil {
			return page, err
		}
	}
	page.Connections, err = p.connectionsOf(v, account)
	return page, err
}

func (p *Portal) members(v *visit, account seen) ([]web.Member, error) {
	rows, err := p.Store.Members(v.r.Context(), p.Issuer.Name, account.ID)
	members := make([]web.Member, len(rows))
	for i, row := range rows {
		members[i] = memberOf(row, v.who.UserID)
		members[i].Fixed = !mayTouch(account.role, row.Role)
	}
	return members, err
}

func memberOf(row store.MemberDetail, visitor string) web.Member {
	return web.Member{
		UserID: row.UserID, Name: cmp.Or(row.UserName, row.UserEmail), Email: row.UserEmail, Role: string(row.Role), You: row.UserID == visitor,
	}
}

func (p *Portal) invitations(v *visit, account seen) ([]web.PendingInvitation, error) {
	rows, err := p.Store.Invitations(v.r.Context(), p.Issuer.Name, account.ID)
	waiting := make([]web.PendingInvitation, len(rows))
	for i, row := range rows {
		waiting[i] = web.PendingInvitation{
			ID: row.ID, Email: row.Email, Role: string(row.Role), ExpiresAt: row.ExpiresAt.Time(), Fixed: !mayTouch(account.role, row.Role),
		}
	}
	return waiting, err
}

// connectionsOf lists the apps that anyone connected to the account, each once, since it was first connected.
func (p *Portal) connectionsOf(v *visit, account seen) ([]web.Connection, error) {
	rows, err := p.Store.GrantsOfAccount(v.r.Context(), p.Issuer.Name, account.ID, connectionLimit)
	if err != nil {
		return nil, err
	}
	slices.Reverse(rows) // oldest first
	var connections []web.Connection
	names, listed := p.names(v.r.Context()), map[string]bool{}
	for _, row := range rows {
		if listed[row.ClientID] {
			continue
		}
		listed[row.ClientID] = true
		app, err := names.app(row.ClientID)
		if err != nil {
			return nil, err
		}
		connections = append(connections, web.Connection{App: app.App, Owner: app.owner, ConnectedAt: row.CreatedAt.Time(), Suspended: app.suspended})
	}
	return connections, nil
}

// ChangeAccount changes an account and who belongs to it: POST /accounts/{id}, action says what.
func (p *Portal) ChangeAccount(w http.ResponseWriter, r *http.Request) error {
	return p.forUser(w, r, func(v *visit) error {
		form, err := wire.Form(r)
		if err != nil {
			return err
		}
		account, err := p.accountSeen(v, r.PathValue("id"))
		if err != nil {
			return err
		}
		if !account.role.Manages() {
			return errNotAllowed()
		}
		return p.changeAccount(v, account, form)
	})
}

func (p *Portal) changeAccount(v *visit, account seen, form wire.Params) error {
	switch form.Get("action") {
	case "rename":
		return p.rename(v, account, form)
	case "invite":
		return p.invite(v, account, form)
	case "resend-invitation":
		return p.inviteAgain(v, account, form.Get("invitation"))
	case "revoke-invitation":
		return p.withdraw(v, account, form.Get("invitation"))
	case "change-role":
		return p.changeRole(v, account, form.Get("member"), issuer.Role(form.Get("role")))
	case "remove-member":
		return p.removeMember(v, account, form.Get("member"), form.Get("confirm") == "yes")
	}
	return errUnknownAction()
}

// accountAgain shows the account's page with the mistakes of one of its forms.
func (p *Portal) accountAgain(v *visit, account seen, say func(*web.AccountDetail)) error {
	page, err := p.accountPage(v, account)
	if err != nil {
		return err
	}
	say(&page)
	return p.renderAgain(v, page)
}

func (p *Portal) rename(v *visit, account seen, form wire.Params) error {
	name, mistakes := accountName(form)
	if len(mistakes) > 0 {
		return p.accountAgain(v, account, func(page *web.AccountDetail) { page.Errors, page.NewName = mistakes, name })
	}
	err := p.manage(v, account, func(tx *store.Tx, _ store.Member) error {
		return errors.Join(tx.RenameAccount(p.Issuer.Name, account.ID, name),
			p.record(tx, v, store.Event{Type: store.EventAccountRenamed, AccountID: account.ID, Detail: map[string]string{"name": name}}))
	})
	if err != nil {
		return err
	}
	return p.goWith(v, accountPath(account.ID), string(web.NoticeAccountRenamed))
}

// manage runs fn while nothing else can change who belongs to the account, with the visitor's place in it as it is now. One who
// no longer manages it is refused, and one who no longer belongs to it finds no page.
func (p *Portal) manage(v *visit, account seen, fn func(tx *store.Tx, visitor store.Member) error) error {
	return p.inTx(v, func(tx *store.Tx) error {
		visitor, err := tx.LockMembers(p.Issuer.Name, account.ID, v.who.UserID)
		if err != nil {
			return err
		}
		if !visitor.Role.Manages() {
			return errNotAllowed()
		}
		return fn(tx, visitor)
	})
}
