package portal

import (
	"errors"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
)

// mayGive: a manager gives roles up to admin; only an owner makes owners.
func (p *Portal) mayGive(visitor, role issuer.Role) bool {
	return p.Issuer.HasRole(role) && visitor.Manages() && (role != issuer.RoleOwner || visitor == issuer.RoleOwner)
}

// mayTouch: a manager changes and removes others; only an owner touches an owner.
func mayTouch(visitor, member issuer.Role) bool {
	return visitor.Manages() && (member != issuer.RoleOwner || visitor == issuer.RoleOwner)
}

// rolesFrom lists the roles that a visitor may give, the least first.
func (p *Portal) rolesFrom(visitor issuer.Role) (roles []string) {
	for _, role := range p.Issuer.Roles() {
		if p.mayGive(visitor, role) {
			roles = append(roles, string(role))
		}
	}
	return roles
}

// changeRole gives a member another role.
func (p *Portal) changeRole(v *visit, account seen, memberID string, role issuer.Role) error {
	person, err := p.memberNamed(v, account, memberID)
	if err != nil {
		return err
	}
	err = p.manage(v, account, func(tx *store.Tx, visitor store.Member) error {
		member, err := tx.Member(p.Issuer.Name, account.ID, memberID)
		if err != nil {
			return err
		}
		if !mayTouch(visitor.Role, member.Role) || !p.mayGive(visitor.Role, role) {
			return errNotAllowed()
		}
		if member.Role == role {
			return nil
		}
		if err := tx.SetRole(p.Issuer.Name, account.ID, memberID, role); err != nil {
			return err
		}
		return p.record(tx, v, memberEvent(store.EventMemberRoleChanged, account, person, role))
	})
	return p.memberChanged(v, account, err, web.NoticeRoleChanged)
}

// removeMember asks first, and then takes a member out of the account and ends what they connected to it.
func (p *Portal) removeMember(v *visit, account seen, memberID string, confirmed bool) error {
	person, err := p.memberNamed(v, account, memberID)
	if err != nil {
		return err
	}
	if !mayTouch(account.role, issuer.Role(person.Role)) {
		return errNotAllowed()
	}
	if !confirmed {
		return p.askToRemove(v, account, person)
	}
	err = p.manage(v, account, func(tx *store.Tx, visitor store.Member) error {
		member, err := tx.Member(p.Issuer.Name, account.ID, memberID)
		if err != nil {
			return err
		}
		if !mayTouch(visitor.Role, member.Role) {
			return errNotAllowed()
		}
		return p.remove(tx, v, account, person)
	})
	return p.memberChanged(v, account, err, web.NoticeMemberRemoved)
}

func (p *Portal) remove(tx *store.Tx, v *visit, account seen, person web.Member) error {
	ended, err := tx.RemoveMember(p.Issuer.Name, account.ID, person.UserID, oauth.ReasonMemberRemoved)
	if err != nil {
		return err
	}
	for _, grant := range ended {
		if err := p.record(tx, v, store.GrantRevoked(grant)); err != nil {
			return err
		}
	}
	return p.record(tx, v, memberEvent(store.EventMemberRemoved, account, person, issuer.Role(person.Role)))
}

func (p *Portal) askToRemove(v *visit, account seen, person web.Member) error {
	grants, err := p.Store.GrantsOfUser(v.r.Context(), p.Issuer.Name, person.UserID, connectionLimit)
	if err != nil {
		return err
	}
	page := web.RemoveMember{Account: web.Account{ID: account.ID, Name: account.Name}, Member: person}
	for _, grant := range grants {
		if grant.AccountID == account.ID {
			page.Apps++
		}
	}
	return p.render(v, page)
}

// memberNamed finds a member with their name. Somebody who is none is a page that does not exist.
func (p *Portal) memberNamed(v *visit, account seen, id string) (web.Member, error) {
	members, err := p.members(v, account)
	if err != nil {
		return web.Member{}, err
	}
	for _, member := range members {
		if member.UserID == id {
			return member, nil
		}
	}
	return web.Member{}, errNoPage()
}

// memberChanged answers a change of a member: the store refuses to take an account's last owner away.
func (p *Portal) memberChanged(v *visit, account seen, err error, notice web.AccountNotice) error {
	if errors.Is(err, store.ErrConflict) {
		return p.accountAgain(v, account, func(page *web.AccountDetail) {
			page.Errors = web.Errors{{Field: web.FieldRole, Problem: web.ProblemLastOwner}}
		})
	}
	if err != nil {
		return err
	}
	return p.goWith(v, accountPath(account.ID), string(notice))
}

func memberEvent(kind store.EventType, account seen, person web.Member, role issuer.Role) store.Event {
	return store.Event{
		Type: kind, AccountID: account.ID, Detail: map[string]string{"name": person.Name, "email": person.Email, "role": string(role)},
	}
}
