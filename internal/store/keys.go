package store

import (
	"context"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/store/dbsql"
)

// SigningKey is a key at rest: its private half is sealed.
type SigningKey = dbsql.SigningKey

// TopicKeys is bumped when any signing key changes; see Store.Watch.
const TopicKeys = "keys"

// SigningKeys lists an issuer's keys, oldest first.
func (s *Store) SigningKeys(ctx context.Context, issuer string) ([]SigningKey, error) {
	rows, err := s.read.ListSigningKeys(ctx, issuer)
	return rows, s.fail(err)
}

// Issuers names those that ever had a signing key here, which a server makes at its first start.
func (s *Store) Issuers(ctx context.Context) ([]string, error) {
	names, err := s.read.ListIssuers(ctx)
	return names, s.fail(err)
}

// SigningKeys lists an issuer's keys as this transaction sees them.
func (tx *Tx) SigningKeys(issuer string) ([]SigningKey, error) {
	return tx.q.ListSigningKeys(tx.ctx, issuer)
}

// LockSigningKeys makes nodes that change keys take turns: no other transaction gets past it until this one ends.
func (tx *Tx) LockSigningKeys() error { return tx.bump(TopicKeys) }

// AddSigningKey records a new key.
func (tx *Tx) AddSigningKey(key SigningKey) error {
	err := tx.q.InsertSigningKey(tx.ctx, dbsql.InsertSigningKeyParams{
		Issuer: key.Issuer, Kid: key.Kid, Alg: key.Alg, State: key.State, PrivateSealed: key.PrivateSealed,
		CreatedAt: tx.now, ActivatedAt: key.ActivatedAt, RetiredAt: key.RetiredAt,
	})
	if err != nil {
		return err
	}
	return tx.bump(TopicKeys)
}

// SetSigningKeyState moves a key on: next becomes current, current becomes previous.
func (tx *Tx) SetSigningKeyState(key SigningKey, state jwk.State) error {
	switch state {
	case jwk.StateCurrent:
		key.ActivatedAt = tx.now
	case jwk.StatePrevious:
		key.RetiredAt = tx.now
	}
	err := tx.q.SetSigningKeyState(tx.ctx, dbsql.SetSigningKeyStateParams{
		Issuer: key.Issuer, Kid: key.Kid, State: state, ActivatedAt: key.ActivatedAt, RetiredAt: key.RetiredAt,
	})
	if err != nil {
		return err
	}
	return tx.bump(TopicKeys)
}

// DropSigningKey removes a key that no living token was signed with.
func (tx *Tx) DropSigningKey(issuer, kid string) error {
	if err := tx.q.DeleteSigningKey(tx.ctx, dbsql.DeleteSigningKeyParams{Issuer: issuer, Kid: kid}); err != nil {
		return err
	}
	return tx.bump(TopicKeys)
}
