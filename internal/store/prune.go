package store

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store/dbsql"
)

// KeepEnded is how long what has ended stays, so that a refusal can still say why.
const KeepEnded = 24 * time.Hour

// Horizon says what is long enough ago to be forgotten, by kind: what ended before it may go. Never keeps all of a kind.
type Horizon struct {
	// Expired is for what has an end of its own: codes, tokens, sign-ins, counts, invitations.
	Expired micros.Time
	// Revoked is for connections that were ended. No token that hangs on one may still be remembered, or its refusal could not say why.
	Revoked micros.Time
	// Events is for the audit log.
	Events micros.Time
}

// Prune deletes one small batch of each kind of what is over and returns how many rows went or were ended; a caller repeats it while
// there are any. Every batch finds its rows by an index, and is a transaction of its own that nobody waits for long.
func (s *Store) Prune(ctx context.Context, over Horizon) (total int64, err error) {
	batches := []func(*Tx) (int64, error){(*Tx).endDeletedClients}
	for _, expired := range []func(*dbsql.Queries, context.Context, micros.Time) (int64, error){
		(*dbsql.Queries).PruneCodes, (*dbsql.Queries).PruneFamilies, (*dbsql.Queries).PruneRevokedTokens, (*dbsql.Queries).PruneSessions,
		(*dbsql.Queries).PruneChallenges, (*dbsql.Queries).PruneThrottles, (*dbsql.Queries).PruneInvitations,
		(*dbsql.Queries).PruneServiceSessions, (*dbsql.Queries).PruneAssertions, (*dbsql.Queries).PruneExchanges, (*dbsql.Queries).PruneDeviceCodes,
	} {
		batches = append(batches, func(tx *Tx) (int64, error) { return expired(tx.q, tx.ctx, over.Expired) })
	}
	batches = append(batches,
		func(tx *Tx) (int64, error) { return tx.pruneRegistrations(over.Expired) },
		func(tx *Tx) (int64, error) { return tx.pruneGrants(over.Revoked) },
		func(tx *Tx) (int64, error) { return tx.q.PruneEvents(tx.ctx, FirstID(over.Events)) },
	)
	for _, batch := range batches {
		var rows int64
		err := s.InTx(ctx, func(tx *Tx) (err error) {
			rows, err = batch(tx)
			return err
		})
		if err != nil {
			return total, err
		}
		total += rows
	}
	return total, nil
}

// FirstID comes before every identifier that NewID makes from then on.
func FirstID(at micros.Time) string {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at)/1000)
	return FormatID([16]byte(append(ms[2:], make([]byte, 10)...)))
}

// pruneRegistrations forgets one small batch of the apps that registered themselves and were never connected.
func (tx *Tx) pruneRegistrations(before micros.Time) (int64, error) {
	gone, err := tx.q.PruneRegistrations(tx.ctx, before)
	if err != nil {
		return 0, err
	}
	for _, row := range gone {
		if err := tx.DeleteClient(row.Issuer, row.ClientID); err != nil && !errors.Is(err, ErrNotFound) {
			return 0, err
		}
	}
	return int64(len(gone)), nil
}

// endDeletedClients ends one small batch of the connections of each deleted app, and forgets the app once it has none.
func (tx *Tx) endDeletedClients() (rows int64, err error) {
	clients, err := tx.q.ListDeletedClients(tx.ctx)
	if err != nil {
		return 0, err
	}
	for _, client := range clients {
		ended, err := tx.DisconnectClient(client.Issuer, client.ClientID, client.DeletedAt, oauth.ReasonRevoked)
		if err != nil {
			return 0, err
		}
		forgotten, err := tx.q.ForgetDeletedClient(tx.ctx, dbsql.ForgetDeletedClientParams{Issuer: client.Issuer, ClientID: client.ClientID})
		if err != nil {
			return 0, err
		}
		rows += ended + forgotten
	}
	return rows, nil
}

// pruneGrants forgets one small batch of the connections that were ended, and the service accounts that lived on them.
func (tx *Tx) pruneGrants(before micros.Time) (int64, error) {
	gone, err := tx.q.PruneGrants(tx.ctx, before)
	if err != nil {
		return 0, err
	}
	for _, id := range gone {
		access, err := tx.q.EndServiceAccess(tx.ctx, id)
		if err != nil {
			return 0, err
		}
		for _, lost := range access {
			if err := tx.deleteServiceAccountMade(lost.Issuer, lost.ServiceAccountID); err != nil {
				return 0, err
			}
		}
	}
	return int64(len(gone)), nil
}

// deleteServiceAccountMade forgets a service account that an exchange made and that reaches nothing any more, with its keys and the exchange.
func (tx *Tx) deleteServiceAccountMade(issuer, id string) error {
	exchange, err := found(tx.q.DeleteServiceAccountMade(tx.ctx, dbsql.DeleteServiceAccountMadeParams{Issuer: issuer, ID: id}))
	if errors.Is(err, ErrNotFound) {
		return nil // a member made it, or another connection holds it
	}
	if err != nil {
		return err
	}
	err = tx.q.DeleteServiceKeys(tx.ctx, dbsql.DeleteServiceKeysParams{Issuer: issuer, ServiceAccountID: id})
	return errors.Join(err, tx.q.DeleteExchange(tx.ctx, exchange))
}
