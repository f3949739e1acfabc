package store

import (
	"context"
	"errors"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store/dbsql"
)

type (
	// Grant is the connection: user × account × client, with the scopes given.
	Grant = dbsql.Grant
	// GrantOfUser is a connection as its user lists it.
	GrantOfUser = dbsql.ListGrantsOfUserRow
	// GrantOfClient is a connection as the platform lists an app's.
	GrantOfClient = dbsql.ListGrantsOfClientRow
	// GrantOfAccount is a connection as the account's managers list it.
	GrantOfAccount = dbsql.ListGrantsOfAccountRow
)

// Grant returns a connection, alive or revoked.
func (s *Store) Grant(ctx context.Context, issuer, id string) (Grant, error) {
	row, err := s.read.GetGrant(ctx, dbsql.GetGrantParams{ID: id, Issuer: issuer})
	return one(s, row, err)
}

// FindGrant returns the living connection of a user, for an account, with an app.
func (s *Store) FindGrant(ctx context.Context, issuer, userID, accountID, clientID string) (Grant, error) {
	row, err := s.read.FindGrant(ctx, dbsql.FindGrantParams{Issuer: issuer, UserID: userID, AccountID: accountID, ClientID: clientID})
	return one(s, row, err)
}

// Consent is what a person decided about an app's request.
type Consent struct {
	Issuer, UserID, AccountID, ClientID string
	// Allowed and Declined divide what was asked; what was given before and not asked about stays.
	Allowed, Declined oauth.ScopeSet
}

// SaveConsent makes the connection, or changes it. created tells which. ErrConflict asks the caller to run its transaction again:
// another tab was faster. ErrNotFound says that the user is no member of the account, or that there is no such app, perhaps since a moment ago.
func (tx *Tx) SaveConsent(consent Consent) (grant Grant, created bool, err error) {
	if _, err = tx.LockMember(consent.Issuer, consent.AccountID, consent.UserID); err != nil {
		return grant, false, err
	}
	grant, err = found(tx.q.FindGrant(tx.ctx, dbsql.FindGrantParams{
		Issuer: consent.Issuer, UserID: consent.UserID, AccountID: consent.AccountID, ClientID: consent.ClientID,
	}))
	if errors.Is(err, ErrNotFound) {
		grant, err = tx.createGrant(consent)
		return grant, true, err
	}
	if err != nil {
		return grant, false, err
	}
	grant.Scopes = grant.Scopes.Minus(consent.Declined).Union(consent.Allowed)
	grant.Declined = grant.Declined.Minus(consent.Allowed).Union(consent.Declined)
	rows, err := tx.q.UpdateGrant(tx.ctx, dbsql.UpdateGrantParams{
		ID: grant.ID, Version: grant.Version, Scopes: grant.Scopes, Declined: grant.Declined, UpdatedAt: tx.now,
	})
	grant.Version++
	return grant, false, changed(rows, err, ErrConflict)
}

// createGrant keeps the app where it is meanwhile: a connection with one that is gone would be the next one's with its identifier. As
// whoever deletes an app does, it takes the registration first.
func (tx *Tx) createGrant(consent Consent) (Grant, error) {
	if err := tx.KeepRegistration(consent.Issuer, consent.ClientID); err != nil {
		return Grant{}, err
	}
	if _, err := tx.LockClient(consent.Issuer, consent.ClientID); err != nil {
		return Grant{}, err
	}
	grant := Grant{
		ID: tx.NewID(), Issuer: consent.Issuer, UserID: consent.UserID, AccountID: consent.AccountID, ClientID: consent.ClientID,
		Scopes: consent.Allowed, Declined: consent.Declined, Version: 1, CreatedAt: tx.now, UpdatedAt: tx.now,
	}
	rows, err := tx.q.InsertGrant(tx.ctx, dbsql.InsertGrantParams{
		ID: grant.ID, Issuer: grant.Issuer, UserID: grant.UserID, AccountID: grant.AccountID, ClientID: grant.ClientID,
		Scopes: grant.Scopes, Declined: grant.Declined, CreatedAt: tx.now,
	})
	return grant, changed(rows, err, ErrConflict)
}

// TouchGrant remembers that the app used its access; the connected-apps page shows it.
func (tx *Tx) TouchGrant(id string, at micros.Time) error {
	return tx.q.TouchGrant(tx.ctx, dbsql.TouchGrantParams{ID: id, LastUsedAt: at})
}

// RevokeGrant ends a connection and with it every token that hangs on it. ErrNotFound when it is unknown or ended already.
func (tx *Tx) RevokeGrant(issuer, id, reason string) (Grant, error) {
	return found(tx.q.RevokeGrant(tx.ctx, dbsql.RevokeGrantParams{ID: id, Issuer: issuer, RevokedAt: tx.now, RevokeReason: reason}))
}

// GrantRevoked tells the user of a connection that it ended, whoever ended it.
func GrantRevoked(grant Grant) Event {
	return Event{
		Issuer: grant.Issuer, Type: EventGrantRevoked, UserID: grant.UserID, AccountID: grant.AccountID, ClientID: grant.ClientID, GrantID: grant.ID,
		Detail: map[string]string{"reason": grant.RevokeReason, "scopes": grant.Scopes.String()},
	}
}

// DisconnectClient ends a small batch of the connections that an app had by a time, tells in the audit log why, and returns how many it
// ended: an app may have more than one transaction should touch, and a caller repeats it while there are any.
func (tx *Tx) DisconnectClient(issuer, clientID string, by micros.Time, why string) (int64, error) {
	ended, err := tx.q.RevokeGrantsOfClient(tx.ctx, dbsql.RevokeGrantsOfClientParams{
		Issuer: issuer, ClientID: clientID, DeletedAt: by, Now: tx.now, Reason: oauth.ReasonRevoked,
	})
	if err != nil {
		return 0, err
	}
	return tx.recordEnded(ended, why)
}

// DisconnectUser is DisconnectClient for a person's connections, with one app or, when none is named, with all.
func (tx *Tx) DisconnectUser(issuer, userID, clientID, why string) (int64, error) {
	ended, err := tx.q.RevokeGrantsOfUser(tx.ctx, dbsql.RevokeGrantsOfUserParams{
		Issuer: issuer, UserID: userID, ClientID: clientID, Now: tx.now, Reason: oauth.ReasonRevoked,
	})
	if err != nil {
		return 0, err
	}
	return tx.recordEnded(ended, why)
}

func (tx *Tx) recordEnded(ended []Grant, why string) (int64, error) {
	for _, grant := range ended {
		event := GrantRevoked(grant)
		event.Detail["reason"] = why
		if err := tx.Record(event); err != nil {
			return 0, err
		}
	}
	return int64(len(ended)), nil
}

// GrantsOfUser lists a user's living connections, newest first.
func (s *Store) GrantsOfUser(ctx context.Context, issuer, userID string, limit int) ([]GrantOfUser, error) {
	rows, err := s.read.ListGrantsOfUser(ctx, dbsql.ListGrantsOfUserParams{Issuer: issuer, UserID: userID, Limit: int32(limit)})
	return rows, s.fail(err)
}

// GrantsWithApp lists a user's living connections with one app, at most one for each account and MembershipLimit of them.
func (s *Store) GrantsWithApp(ctx context.Context, issuer, userID, clientID string) ([]Grant, error) {
	rows, err := s.read.ListGrantsOfUserWithApp(ctx, dbsql.ListGrantsOfUserWithAppParams{
		Issuer: issuer, UserID: userID, ClientID: clientID, Limit: MembershipLimit,
	})
	return rows, s.fail(err)
}

// GrantsOfAccount lists an account's living connections, newest first.
func (s *Store) GrantsOfAccount(ctx context.Context, issuer, accountID string, limit int) ([]GrantOfAccount, error) {
	rows, err := s.read.ListGrantsOfAccount(ctx, dbsql.ListGrantsOfAccountParams{Issuer: issuer, AccountID: accountID, Limit: int32(limit)})
	return rows, s.fail(err)
}

// GrantsOfClient lists an app's living connections by identifier, oldest first, after one that was seen.
func (s *Store) GrantsOfClient(ctx context.Context, issuer, clientID, after string, limit int) ([]GrantOfClient, error) {
	rows, err := s.read.ListGrantsOfClient(ctx, dbsql.ListGrantsOfClientParams{Issuer: issuer, ClientID: clientID, After: after, Page: int32(limit)})
	return rows, s.fail(err)
}

// CountGrants counts an app's living connections, up to limit.
func (s *Store) CountGrants(ctx context.Context, issuer, clientID string, limit int) (int, error) {
	count, err := s.read.CountGrantsOfClient(ctx, dbsql.CountGrantsOfClientParams{Issuer: issuer, ClientID: clientID, Limit: int32(limit)})
	return int(count), s.fail(err)
}
