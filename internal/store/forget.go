package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"latchkey.dev/internal/store/dbsql"
)

// A person is forgotten in steps, each a transaction that may be run again: see `latchkey user delete`.

// ForgetSignIns ends a person's sessions, and what waits for them in their mail or from them in others'.
func (tx *Tx) ForgetSignIns(user User) error {
	if _, err := tx.EndOtherSessions(user.Issuer, user.ID, nil); err != nil {
		return err
	}
	return errors.Join(
		tx.q.DeleteChallengesOf(tx.ctx, dbsql.DeleteChallengesOfParams{Issuer: user.Issuer, UserID: user.ID, Email: user.Email}),
		tx.q.DeleteInvitationsOf(tx.ctx, dbsql.DeleteInvitationsOfParams{Issuer: user.Issuer, UserID: user.ID, Email: user.Email}),
	)
}

// InvitationsOf lists what a person was invited to, and whom they invited.
func (s *Store) InvitationsOf(ctx context.Context, user User) ([]Invitation, error) {
	rows, err := s.read.ListInvitationsOf(ctx, dbsql.ListInvitationsOfParams{Issuer: user.Issuer, UserID: user.ID, Email: user.Email})
	return rows, s.fail(err)
}

// DeleteAccount removes an account that only one person is in, with its service accounts. ErrConflict when others are, or when it owns apps.
func (tx *Tx) DeleteAccount(issuer, id, userID string) error {
	if _, err := tx.LockMembers(issuer, id, userID); err != nil {
		return err
	}
	// Who is about to join has changed an invitation, and is waited for here.
	if err := tx.q.DeleteInvitationsOfAccount(tx.ctx, dbsql.DeleteInvitationsOfAccountParams{Issuer: issuer, AccountID: id}); err != nil {
		return err
	}
	rows, err := tx.q.DeleteAccount(tx.ctx, dbsql.DeleteAccountParams{Issuer: issuer, ID: id, UserID: userID})
	if err := changed(rows, err, ErrConflict); err != nil {
		return err
	}
	return errors.Join(
		tx.q.DeleteServiceKeysOfAccount(tx.ctx, dbsql.DeleteServiceKeysOfAccountParams{Issuer: issuer, AccountID: id}),
		tx.q.DeleteServiceAccessOfAccount(tx.ctx, dbsql.DeleteServiceAccessOfAccountParams{Issuer: issuer, AccountID: id}),
		tx.q.DeleteServiceAccountsOfAccount(tx.ctx, dbsql.DeleteServiceAccountsOfAccountParams{Issuer: issuer, AccountID: id}),
		tx.q.DeleteExchangesOfAccount(tx.ctx, dbsql.DeleteExchangesOfAccountParams{Issuer: issuer, AccountID: id}),
		tx.q.DeleteMembersOfAccount(tx.ctx, dbsql.DeleteMembersOfAccountParams{Issuer: issuer, AccountID: id}),
	)
}

// ClientsOfAccount lists apps that an account owns, by identifier, without their secrets.
func (s *Store) ClientsOfAccount(ctx context.Context, issuer, accountID string, limit int) ([]Client, error) {
	rows, err := s.read.ListClientsOfAccount(ctx, dbsql.ListClientsOfAccountParams{Issuer: issuer, AccountID: accountID, Limit: int32(limit)})
	return s.clients(rows, err)
}

// somebody stands where an event named a person who was forgotten: the others' activity still tells what they did.
const somebody = "—"

// telling is what stays of an event's detail: nothing that a person chose.
var telling = []string{"reason", "scopes", "role"}

// ForgetEvents makes a small batch of a person's events anonymous, and returns how many: what, when, which account and which app stay.
func (tx *Tx) ForgetEvents(issuer, userID string) (int64, error) {
	rows, err := tx.q.ListEventsOfUser(tx.ctx, dbsql.ListEventsOfUserParams{Issuer: issuer, UserID: userID, ID: LastEvent, Limit: 100})
	events, err := tx.s.events(rows, err)
	if err != nil {
		return 0, err
	}
	for _, event := range events {
		stays := map[string]string{}
		for _, name := range telling {
			if word, ok := event.Detail[name]; ok {
				stays[name] = word
			}
		}
		if err := tx.rewrite(Event{ID: event.ID, Detail: stays}); err != nil {
			return 0, err
		}
	}
	return int64(len(events)), nil
}

// ForgetMention takes a person's name and address out of what somebody else did.
func (tx *Tx) ForgetMention(event Event) error {
	delete(event.Detail, "email")
	event.Detail["name"] = somebody
	return tx.rewrite(event)
}

func (tx *Tx) rewrite(event Event) error {
	data, err := json.Marshal(event.Detail)
	if err != nil {
		return fmt.Errorf("store: event: %w", err)
	}
	return tx.q.RewriteEvent(tx.ctx, dbsql.RewriteEventParams{
		ID: event.ID, UserID: event.UserID, GrantID: event.GrantID, RequestID: event.RequestID, Address: event.Address, Data: string(data),
	})
}

// DeleteUser removes a person who is in no account any more. ErrConflict when they are.
func (tx *Tx) DeleteUser(issuer, id string) error {
	rows, err := tx.q.DeleteUser(tx.ctx, dbsql.DeleteUserParams{Issuer: issuer, ID: id})
	return changed(rows, err, ErrConflict)
}
