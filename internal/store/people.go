package store

import (
	"context"
	"errors"
	"slices"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/store/dbsql"
)

type (
	// User is a person who can sign in.
	User = dbsql.User
	// Account is what a user acts for and an app is connected to.
	Account = dbsql.Account
	// Member is a user's place in an account, with the role.
	Member = dbsql.Member
	// MemberDetail is a member with the person's name and address.
	MemberDetail = dbsql.ListMembersRow
	// Membership is one account of a user.
	Membership = dbsql.ListMembershipsRow
	// MembershipCounted is one account of a user, with how many members it has and how many apps are connected to it.
	MembershipCounted = dbsql.ListMembershipsCountedRow
	// Invitation asks a person to become a member.
	Invitation = dbsql.Invitation
)

// MembershipLimit bounds how many accounts of one user are read.
const MembershipLimit = 1000

// CreateUser adds a person. An address that is taken is ErrConflict.
func (tx *Tx) CreateUser(user User) error {
	rows, err := tx.q.InsertUser(tx.ctx, dbsql.InsertUserParams{
		Issuer: user.Issuer, ID: user.ID, Email: user.Email, EmailVerifiedAt: user.EmailVerifiedAt, Name: user.Name,
		Locale: user.Locale, PasswordHash: user.PasswordHash, CreatedAt: tx.now,
	})
	return changed(rows, err, ErrConflict)
}

// BringUser adds a person under the identifier that they have elsewhere, with places in accounts; an account that is not there
// yet is made. One who was brought before is left as they are, and made is false. The address of another person, and the
// identifier of another person or of an app, are ErrConflict.
func (tx *Tx) BringUser(user User, places []Membership) (made bool, err error) {
	rows, err := tx.q.InsertUserBrought(tx.ctx, dbsql.InsertUserBroughtParams{
		Issuer: user.Issuer, ID: user.ID, Email: user.Email, EmailVerifiedAt: user.EmailVerifiedAt, Name: user.Name,
		Locale: user.Locale, PasswordHash: user.PasswordHash, CreatedAt: tx.now,
	})
	if err != nil {
		return false, err
	}
	if rows == 0 {
		there, err := found(tx.q.GetUser(tx.ctx, dbsql.GetUserParams{Issuer: user.Issuer, ID: user.ID}))
		if errors.Is(err, ErrNotFound) || err == nil && there.Email != user.Email {
			err = ErrConflict
		}
		return false, err
	}
	for _, place := range places {
		if err := tx.bringMember(user, place); err != nil {
			return false, err
		}
	}
	return true, nil
}

// WouldBring tells what BringUser would say of a person now: ErrConflict, or nothing.
func (s *Store) WouldBring(ctx context.Context, user User) error {
	rows, err := s.read.ListBearers(ctx, dbsql.ListBearersParams{Issuer: user.Issuer, ID: user.ID, Email: user.Email})
	if err != nil {
		return s.fail(err)
	}
	before := slices.Contains(rows, dbsql.ListBearersRow{ID: user.ID, Email: user.Email})
	if len(rows) > 0 && !before {
		return ErrConflict
	}
	return nil
}

func (tx *Tx) bringMember(user User, place Membership) error {
	rows, err := tx.q.InsertAccountBrought(tx.ctx, dbsql.InsertAccountBroughtParams{
		Issuer: user.Issuer, ID: place.AccountID, Name: place.AccountName, CreatedAt: tx.now,
	})
	if err != nil {
		return err
	}
	if rows > 0 {
		err = tx.Record(Event{
			Issuer: user.Issuer, Type: EventAccountCreated, UserID: user.ID, AccountID: place.AccountID,
			Detail: map[string]string{"name": place.AccountName, "reason": ReasonOperator},
		})
		if err != nil {
			return err
		}
	}
	return tx.AddMember(Member{Issuer: user.Issuer, AccountID: place.AccountID, UserID: user.ID, Role: place.Role})
}

// User returns a person by identifier.
func (s *Store) User(ctx context.Context, issuer, id string) (User, error) {
	row, err := s.read.GetUser(ctx, dbsql.GetUserParams{Issuer: issuer, ID: id})
	return one(s, row, err)
}

// UserByEmail returns a person by address, in lower case.
func (s *Store) UserByEmail(ctx context.Context, issuer, email string) (User, error) {
	row, err := s.read.GetUserByEmail(ctx, dbsql.GetUserByEmailParams{Issuer: issuer, Email: email})
	return one(s, row, err)
}

// Users lists people by address, after one that was seen.
func (s *Store) Users(ctx context.Context, issuer, afterEmail string, limit int) ([]User, error) {
	rows, err := s.read.ListUsers(ctx, dbsql.ListUsersParams{Issuer: issuer, Email: afterEmail, Limit: int32(limit)})
	return rows, s.fail(err)
}

// SetPassword replaces the password's hash, and ends the links that would replace it once more: who asked for one may be who must not know it.
func (tx *Tx) SetPassword(issuer, userID, hash string) error {
	if err := tx.q.VoidResets(tx.ctx, dbsql.VoidResetsParams{Issuer: issuer, UserID: userID, Now: tx.now}); err != nil {
		return err
	}
	rows, err := tx.q.UpdatePassword(tx.ctx, dbsql.UpdatePasswordParams{Issuer: issuer, ID: userID, PasswordHash: hash, UpdatedAt: tx.now})
	return changed(rows, err, ErrNotFound)
}

// ReplacePassword is SetPassword for who proved the one before, by the hash that it was proven with. ErrConflict when the hash
// is another by now: the password was reset meanwhile, and what was proven counts no more, or a sign-in made a better hash of it.
func (tx *Tx) ReplacePassword(issuer, userID, proven, hash string) error {
	if err := tx.q.VoidResets(tx.ctx, dbsql.VoidResetsParams{Issuer: issuer, UserID: userID, Now: tx.now}); err != nil {
		return err
	}
	rows, err := tx.q.ReplacePassword(tx.ctx, dbsql.ReplacePasswordParams{Issuer: issuer, ID: userID, Proven: proven, Wanted: hash, Now: tx.now})
	return changed(rows, err, ErrConflict)
}

// RenewPassword keeps a password as it is until the transaction ends, by the hash that it was proven with: whoever replaces it
// afterwards sees what the transaction did, and ends it. renewed is the same or a better hash of it, which takes its place. ErrConflict
// when it is another by now.
func (tx *Tx) RenewPassword(issuer, userID, proven, renewed string) error {
	rows, err := tx.q.RenewPassword(tx.ctx, dbsql.RenewPasswordParams{Issuer: issuer, ID: userID, Proven: proven, Renewed: renewed})
	return changed(rows, err, ErrConflict)
}

// SetProfile changes a person's name and language.
func (tx *Tx) SetProfile(issuer, userID, name, locale string) error {
	rows, err := tx.q.UpdateProfile(tx.ctx, dbsql.UpdateProfileParams{Issuer: issuer, ID: userID, Name: name, Locale: locale, UpdatedAt: tx.now})
	return changed(rows, err, ErrNotFound)
}

// SuspendUser stops a person's sign-in and every token given by them, or lets them back.
func (tx *Tx) SuspendUser(issuer, userID string, suspended bool) error {
	var since micros.Time
	if suspended {
		since = tx.now
	}
	rows, err := tx.q.SuspendUser(tx.ctx, dbsql.SuspendUserParams{Issuer: issuer, ID: userID, SuspendedAt: since, UpdatedAt: tx.now})
	return changed(rows, err, ErrNotFound)
}

// CreateAccount adds an account with its first owner.
func (tx *Tx) CreateAccount(account Account, ownerID string) error {
	err := tx.q.InsertAccount(tx.ctx, dbsql.InsertAccountParams{Issuer: account.Issuer, ID: account.ID, Name: account.Name, CreatedAt: tx.now})
	if err != nil {
		return err
	}
	return tx.AddMember(Member{Issuer: account.Issuer, AccountID: account.ID, UserID: ownerID, Role: issuer.RoleOwner})
}

// Account returns an account by identifier.
func (s *Store) Account(ctx context.Context, issuer, id string) (Account, error) {
	row, err := s.read.GetAccount(ctx, dbsql.GetAccountParams{Issuer: issuer, ID: id})
	return one(s, row, err)
}

// RenameAccount changes the name that people see.
func (tx *Tx) RenameAccount(issuer, id, name string) error {
	rows, err := tx.q.RenameAccount(tx.ctx, dbsql.RenameAccountParams{Issuer: issuer, ID: id, Name: name})
	return changed(rows, err, ErrNotFound)
}

// AddMember gives a user a place in an account. One who has a place already is ErrConflict.
func (tx *Tx) AddMember(member Member) error {
	rows, err := tx.q.InsertMember(tx.ctx, dbsql.InsertMemberParams{
		Issuer: member.Issuer, AccountID: member.AccountID, UserID: member.UserID, Role: member.Role, CreatedAt: tx.now,
	})
	return changed(rows, err, ErrConflict)
}

// Member returns a user's place in an account.
func (s *Store) Member(ctx context.Context, issuer, accountID, userID string) (Member, error) {
	row, err := s.read.GetMember(ctx, dbsql.GetMemberParams{Issuer: issuer, AccountID: accountID, UserID: userID})
	return one(s, row, err)
}

// Members lists who belongs to an account.
func (s *Store) Members(ctx context.Context, issuer, accountID string) ([]MemberDetail, error) {
	rows, err := s.read.ListMembers(ctx, dbsql.ListMembersParams{Issuer: issuer, AccountID: accountID})
	return rows, s.fail(err)
}

// Memberships lists the accounts of a user, by name, at most MembershipLimit.
func (s *Store) Memberships(ctx context.Context, issuer, userID string) ([]Membership, error) {
	rows, err := s.read.ListMemberships(ctx, dbsql.ListMembershipsParams{Issuer: issuer, UserID: userID, Limit: MembershipLimit})
	return rows, s.fail(err)
}

// MembershipsCounted lists the accounts of a user, by name, from an offset.
func (s *Store) MembershipsCounted(ctx context.Context, issuer, userID string, offset, limit int) ([]MembershipCounted, error) {
	rows, err := s.read.ListMembershipsCounted(ctx, dbsql.ListMembershipsCountedParams{
		Issuer: issuer, UserID: userID, Limit: int32(limit), Offset: int32(offset),
	})
	return rows, s.fail(err)
}

// SetRole changes a member's role. One who is no member is ErrNotFound, the last owner is ErrConflict.
func (tx *Tx) SetRole(issuer, accountID, userID string, role issuer.Role) error {
	if _, err := tx.LockMembers(issuer, accountID, userID); err != nil {
		return err
	}
	rows, err := tx.q.SetMemberRole(tx.ctx, dbsql.SetMemberRoleParams{Issuer: issuer, AccountID: accountID, UserID: userID, Role: role})
	return changed(rows, err, ErrConflict)
}

// RemoveMember takes a user out of an account and ends every connection that they made for it. One who is no member is
// ErrNotFound, the last owner is ErrConflict.
func (tx *Tx) RemoveMember(issuer, accountID, userID, reason string) ([]Grant, error) {
	if _, err := tx.LockMembers(issuer, accountID, userID); err != nil {
		return nil, err
	}
	rows, err := tx.q.DeleteMember(tx.ctx, dbsql.DeleteMemberParams{Issuer: issuer, AccountID: accountID, UserID: userID})
	if err := changed(rows, err, ErrConflict); err != nil {
		return nil, err
	}
	return tx.q.RevokeGrantsOfMember(tx.ctx, dbsql.RevokeGrantsOfMemberParams{
		Issuer: issuer, AccountID: accountID, UserID: userID, RevokedAt: tx.now, RevokeReason: reason,
	})
}

// LockMembers keeps every other change out of an account's membership until the transaction ends, and returns one member as it
// is now. ErrNotFound when there is no such account or member.
func (tx *Tx) LockMembers(issuer, accountID, userID string) (Member, error) {
	rows, err := tx.q.LockAccount(tx.ctx, dbsql.LockAccountParams{Issuer: issuer, ID: accountID})
	if err := changed(rows, err, ErrNotFound); err != nil {
		return Member{}, err
	}
	return tx.Member(issuer, accountID, userID)
}

// Member returns a user's place in an account as this transaction sees it.
func (tx *Tx) Member(issuer, accountID, userID string) (Member, error) {
	return found(tx.q.GetMember(tx.ctx, dbsql.GetMemberParams{Issuer: issuer, AccountID: accountID, UserID: userID}))
}

// LockMember returns a user's place in an account and keeps it as it is until the transaction ends, so that what it allows
// cannot be taken away meanwhile. ErrNotFound when there is none.
func (tx *Tx) LockMember(issuer, accountID, userID string) (Member, error) {
	return found(tx.q.LockMember(tx.ctx, dbsql.LockMemberParams{Issuer: issuer, AccountID: accountID, UserID: userID}))
}

// Invite records an invitation, in place of those that wait for the same address. Invitation.TokenHash is Hash of the token in
// the mail's link.
func (tx *Tx) Invite(invitation Invitation) error {
	err := tx.q.DeleteInvitationsTo(tx.ctx, dbsql.DeleteInvitationsToParams{
		Issuer: invitation.Issuer, AccountID: invitation.AccountID, Email: invitation.Email,
	})
	if err != nil {
		return err
	}
	return tx.q.InsertInvitation(tx.ctx, dbsql.InsertInvitationParams{
		Issuer: invitation.Issuer, ID: invitation.ID, TokenHash: invitation.TokenHash, AccountID: invitation.AccountID, Email: invitation.Email,
		Role: invitation.Role, InvitedBy: invitation.InvitedBy, CreatedAt: tx.now, ExpiresAt: invitation.ExpiresAt,
	})
}

// Invitation returns an invitation by its token's hash, in whatever state it is.
func (s *Store) Invitation(ctx context.Context, issuer string, tokenHash []byte) (Invitation, error) {
	row, err := s.read.GetInvitation(ctx, dbsql.GetInvitationParams{TokenHash: tokenHash, Issuer: issuer})
	return one(s, row, err)
}

// AcceptInvitation spends an invitation, once. ErrNotFound when it is unknown, expired or spent, or who sent it is suspended.
func (tx *Tx) AcceptInvitation(issuer string, tokenHash []byte) (Invitation, error) {
	return found(tx.q.AcceptInvitation(tx.ctx, dbsql.AcceptInvitationParams{TokenHash: tokenHash, Issuer: issuer, AcceptedAt: tx.now}))
}

// Invitations lists an account's invitations that can still be accepted.
func (s *Store) Invitations(ctx context.Context, issuer, accountID string) ([]Invitation, error) {
	rows, err := s.read.ListInvitations(ctx, dbsql.ListInvitationsParams{Issuer: issuer, AccountID: accountID, ExpiresAt: s.Now()})
	return rows, s.fail(err)
}

// WithdrawInvitation takes an invitation back.
func (tx *Tx) WithdrawInvitation(issuer, accountID, id string) error {
	rows, err := tx.q.DeleteInvitation(tx.ctx, dbsql.DeleteInvitationParams{Issuer: issuer, AccountID: accountID, ID: id})
	return changed(rows, err, ErrNotFound)
}
