package store

import (
	"context"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store/dbsql"
)

type (
	// ServiceAccount is a non-human principal of an account. One that was made by an exchange lives only while what its user
	// allowed does.
	ServiceAccount = dbsql.ServiceAccount
	// ServiceKey is the public half of a key that a service account signs in with. The private half is never here.
	ServiceKey = dbsql.ServiceKey
	// ServiceSession is a service account's sign-in, by the hash of its cookies.
	ServiceSession = dbsql.ServiceSession
	// ServiceAccess is another account that a service account may act for, and the connection that allows it.
	ServiceAccess = dbsql.ListServiceAccessRow
)

// What happens to service accounts.
const (
	EventServiceAccountCreated  EventType = "service_account.created"
	EventServiceAccountSignedIn EventType = "service_account.signed_in"
	EventServiceKeyAdded        EventType = "service_key.added"
	EventServiceKeysExpired     EventType = "service_key.expired" // rotated: those before the new one end soon
	EventServiceKeysRemoved     EventType = "service_key.removed"
)

// ServicePrincipal is a key with whose it is.
type ServicePrincipal struct {
	Key     ServiceKey
	Account ServiceAccount
	// Reaches tells whether there is an account that a connection lets it act for.
	Reaches bool
}

// Connected is false when what allowed the service account to be made has ended.
func (p ServicePrincipal) Connected() bool { return p.Account.ExchangeID == "" || p.Reaches }

// CreateServiceAccount adds a service account. An identifier or channel that is taken is ErrConflict.
func (tx *Tx) CreateServiceAccount(account ServiceAccount) error {
	rows, err := tx.q.InsertServiceAccount(tx.ctx, dbsql.InsertServiceAccountParams{
		Issuer: account.Issuer, ID: account.ID, AccountID: account.AccountID, Name: account.Name, Channel: account.Channel,
		Scopes: account.Scopes, ClientID: account.ClientID, ExchangeID: account.ExchangeID, CreatedAt: tx.now,
	})
	return changed(rows, err, ErrConflict)
}

// ServiceAccount returns a service account.
func (s *Store) ServiceAccount(ctx context.Context, issuer, id string) (ServiceAccount, error) {
	row, err := s.read.GetServiceAccount(ctx, dbsql.GetServiceAccountParams{Issuer: issuer, ID: id})
	return one(s, row, err)
}

// ServiceAccountByChannel returns a service account by its channel identifier.
func (s *Store) ServiceAccountByChannel(ctx context.Context, issuer, channel string) (ServiceAccount, error) {
	row, err := s.read.GetServiceAccountByChannel(ctx, dbsql.GetServiceAccountByChannelParams{Issuer: issuer, Channel: channel})
	return one(s, row, err)
}

// ServiceAccounts lists an account's service accounts by identifier, after one that was seen.
func (s *Store) ServiceAccounts(ctx context.Context, issuer, accountID, afterID string, limit int) ([]ServiceAccount, error) {
	rows, err := s.read.ListServiceAccounts(ctx, dbsql.ListServiceAccountsParams{
		Issuer: issuer, AccountID: accountID, ID: afterID, Limit: int32(limit),
	})
	return rows, s.fail(err)
}

// GiveServiceAccess lets a service account act for another account while a connection holds.
func (tx *Tx) GiveServiceAccess(issuer, serviceAccountID, accountID, grantID string) error {
	return tx.q.InsertServiceAccess(tx.ctx, dbsql.InsertServiceAccessParams{
		Issuer: issuer, ServiceAccountID: serviceAccountID, AccountID: accountID, GrantID: grantID, CreatedAt: tx.now,
	})
}

// ServiceAccess lists the other accounts that a service account may act for now.
func (s *Store) ServiceAccess(ctx context.Context, issuer, serviceAccountID string) ([]ServiceAccess, error) {
	rows, err := s.read.ListServiceAccess(ctx, dbsql.ListServiceAccessParams{Issuer: issuer, ServiceAccountID: serviceAccountID})
	return rows, s.fail(err)
}

// LockServiceAccount keeps others from changing the service account's keys until the transaction ends.
func (tx *Tx) LockServiceAccount(issuer, id string) error {
	rows, err := tx.q.LockServiceAccount(tx.ctx, dbsql.LockServiceAccountParams{Issuer: issuer, ID: id, UpdatedAt: tx.now})
	return changed(rows, err, ErrNotFound)
}

// AddServiceKey gives a service account one more key, and forgets those that ended more than a day ago. An identifier that is taken is
// ErrConflict.
func (tx *Tx) AddServiceKey(key ServiceKey) error {
	err := tx.q.DeleteEndedServiceKeys(tx.ctx, dbsql.DeleteEndedServiceKeysParams{
		Issuer: key.Issuer, ServiceAccountID: key.ServiceAccountID, Before: tx.now.Add(-KeepEnded),
	})
	if err != nil {
		return err
	}
	rows, err := tx.q.InsertServiceKey(tx.ctx, dbsql.InsertServiceKeyParams{
		Issuer: key.Issuer, ID: key.ID, ServiceAccountID: key.ServiceAccountID, Alg: key.Alg, PublicKey: key.PublicKey,
		Addresses: key.Addresses, CreatedAt: tx.now, ExpiresAt: key.ExpiresAt,
	})
	return changed(rows, err, ErrConflict)
}

// CountServiceKeys counts the keys that are good now.
func (tx *Tx) CountServiceKeys(issuer, serviceAccountID string) (int, error) {
	count, err := tx.q.CountServiceKeys(tx.ctx, dbsql.CountServiceKeysParams{Issuer: issuer, ServiceAccountID: serviceAccountID, ExpiresAt: tx.now})
	return int(count), err
}

// ServiceKeys lists a service account's keys that were not removed, oldest first, expired ones too.
func (s *Store) ServiceKeys(ctx context.Context, issuer, serviceAccountID string) ([]ServiceKey, error) {
	rows, err := s.read.ListServiceKeys(ctx, dbsql.ListServiceKeysParams{Issuer: issuer, ServiceAccountID: serviceAccountID})
	return rows, s.fail(err)
}

// ServiceKey returns a key in whatever state, with whose it is.
func (s *Store) ServiceKey(ctx context.Context, issuer, id string) (ServicePrincipal, error) {
	row, err := s.read.GetServiceKey(ctx, dbsql.GetServiceKeyParams{Issuer: issuer, ID: id})
	row, err = one(s, row, err)
	return ServicePrincipal{Key: row.ServiceKey, Account: row.ServiceAccount, Reaches: row.Reaches}, err
}

// ExpireServiceKeys ends every key of a service account at a time, but those that end before it, and returns how many.
func (tx *Tx) ExpireServiceKeys(issuer, serviceAccountID string, at micros.Time) (int64, error) {
	return tx.q.ExpireServiceKeys(tx.ctx, dbsql.ExpireServiceKeysParams{Issuer: issuer, ServiceAccountID: serviceAccountID, ExpiresAt: at})
}

// RemoveServiceKey ends a key and every session of it now. ErrNotFound when it is none of the service account's that is good.
func (tx *Tx) RemoveServiceKey(issuer, serviceAccountID, id string) error {
	rows, err := tx.q.RevokeServiceKey(tx.ctx, dbsql.RevokeServiceKeyParams{Issuer: issuer, ServiceAccountID: serviceAccountID, ID: id, Now: tx.now})
	return changed(rows, err, ErrNotFound)
}

// RemoveServiceKeys ends every key that is good and returns how many were.
func (tx *Tx) RemoveServiceKeys(issuer, serviceAccountID string) (int64, error) {
	return tx.q.RevokeServiceKeys(tx.ctx, dbsql.RevokeServiceKeysParams{Issuer: issuer, ServiceAccountID: serviceAccountID, Now: tx.now})
}

// SpendAssertion accepts a signed assertion once; ErrConflict when it was accepted before (RFC 7523 §3, rule 7). The hash is of
// issuer, key and jti.
func (tx *Tx) SpendAssertion(hash []byte, until micros.Time) error {
	rows, err := tx.q.SpendAssertion(tx.ctx, dbsql.SpendAssertionParams{Hash: hash, ExpiresAt: until})
	return changed(rows, err, ErrConflict)
}

// UseServiceKey remembers that the key was used. ErrNotFound when it ended since it was read.
func (tx *Tx) UseServiceKey(issuer, id string) error {
	rows, err := tx.q.TouchServiceKey(tx.ctx, dbsql.TouchServiceKeyParams{Issuer: issuer, ID: id, Now: tx.now})
	return changed(rows, err, ErrNotFound)
}

// sessionsOfKey is how many sessions of one key live beside one another; an older one makes place.
const sessionsOfKey = 100

// CreateServiceSession records a service account's sign-in.
func (tx *Tx) CreateServiceSession(session ServiceSession) error {
	err := tx.q.InsertServiceSession(tx.ctx, dbsql.InsertServiceSessionParams{
		Hash: session.Hash, ID: session.ID, Issuer: session.Issuer, KeyID: session.KeyID, Address: session.Address,
		CreatedAt: tx.now, ExpiresAt: session.ExpiresAt,
	})
	if err != nil {
		return err
	}
	return tx.q.TrimServiceSessions(tx.ctx, dbsql.TrimServiceSessionsParams{Issuer: session.Issuer, KeyID: session.KeyID, Offset: sessionsOfKey})
}

// ServiceSession returns a sign-in in whatever state, with its key and whose it is.
func (s *Store) ServiceSession(ctx context.Context, issuer string, hash []byte) (ServiceSession, ServicePrincipal, error) {
	row, err := s.read.GetServiceSession(ctx, dbsql.GetServiceSessionParams{Hash: hash, Issuer: issuer})
	row, err = one(s, row, err)
	return row.ServiceSession, ServicePrincipal{Key: row.ServiceKey, Account: row.ServiceAccount, Reaches: row.Reaches}, err
}

// serviceTokenState is about a service account's own access token: its client_id is the key that bought it (RFC 7523 §2.1).
func (s *Store) serviceTokenState(ctx context.Context, ref TokenRef) (TokenState, error) {
	row, err := s.read.GetServiceTokenState(ctx, dbsql.GetServiceTokenStateParams{TokenID: ref.JTI, Issuer: ref.Issuer, KeyID: ref.ClientID})
	if row, err = one(s, row, err); err != nil {
		return TokenState{}, err
	}
	switch {
	case row.TokenRevoked, !row.RevokedAt.Never(), row.ExchangeID != "" && !row.Reaches:
		return TokenState{Ended: oauth.ReasonRevoked}, nil
	case !row.ExpiresAt.Never() && row.ExpiresAt <= s.Now():
		return TokenState{Ended: oauth.ReasonExpired}, nil
	}
	return TokenState{}, nil
}
