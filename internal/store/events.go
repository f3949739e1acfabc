package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/store/dbsql"
)

// EventType names what happened.
type EventType string

// What the audit log and the activity page tell. Refreshing a token is not an event: the grant's last use says it.
const (
	EventUserSignedUp        EventType = "user.signed_up"
	EventUserSignedIn        EventType = "user.signed_in"
	EventUserSignedOut       EventType = "user.signed_out"
	EventPasswordChanged     EventType = "user.password_changed"
	EventPasswordReset       EventType = "user.password_reset"
	EventSessionEnded        EventType = "user.session_ended"
	EventUserSuspended       EventType = "user.suspended"
	EventUserResumed         EventType = "user.resumed"
	EventUserDeleted         EventType = "user.deleted" // names nobody
	EventAccountCreated      EventType = "account.created"
	EventAccountRenamed      EventType = "account.renamed"
	EventMemberInvited       EventType = "member.invited"
	EventInvitationWithdrawn EventType = "member.invitation_withdrawn"
	EventMemberJoined        EventType = "member.joined"
	EventMemberRoleChanged   EventType = "member.role_changed"
	EventMemberRemoved       EventType = "member.removed"
	EventGrantCreated        EventType = "grant.created"
	EventGrantChanged        EventType = "grant.changed"
	EventGrantRevoked        EventType = "grant.revoked"
	EventGrantDenied         EventType = "grant.denied"
	EventTokenIssued         EventType = "token.issued" // a code was redeemed
	EventCodeReplayed        EventType = "code.replayed"
	EventRefreshTokenReused  EventType = "refresh_token.reused"
	EventTokenRevoked        EventType = "token.revoked"
	EventClientCreated       EventType = "client.created"
	EventClientChanged       EventType = "client.changed"
	EventClientSuspended     EventType = "client.suspended"
	EventClientResumed       EventType = "client.resumed"
	EventClientDeleted       EventType = "client.deleted"
	EventClientSecretAdded   EventType = "client.secret_added"
	EventClientSecretExpired EventType = "client.secret_expired"
	EventClientTokensRevoked EventType = "client.tokens_revoked"
	EventSigningKeysRotated  EventType = "keys.rotated"
)

// ReasonOperator is the reason in the detail of an event that the platform brought about in a user's name.
const ReasonOperator = "operator"

// EventTypes lists every type, so that a test can hold the pages' wording to it.
var EventTypes = []EventType{
	EventUserSignedUp, EventUserSignedIn, EventUserSignedOut, EventPasswordChanged, EventPasswordReset, EventSessionEnded,
	EventUserSuspended, EventUserResumed, EventUserDeleted, EventAccountCreated, EventAccountRenamed, EventMemberInvited, EventInvitationWithdrawn,
	EventMemberJoined, EventMemberRoleChanged, EventMemberRemoved, EventGrantCreated, EventGrantChanged, EventGrantRevoked,
	EventGrantDenied, EventTokenIssued, EventCodeReplayed, EventRefreshTokenReused, EventTokenRevoked, EventClientCreated,
	EventClientChanged, EventClientSuspended, EventClientResumed, EventClientDeleted, EventClientSecretAdded,
	EventClientSecretExpired, EventClientTokensRevoked, EventSigningKeysRotated,
	EventServiceAccountCreated, EventServiceAccountSignedIn, EventServiceKeyAdded, EventServiceKeysExpired, EventServiceKeysRemoved,
}

// Event is one line of what happened.
type Event struct {
	ID                                   string
	Issuer                               string
	At                                   micros.Time
	Type                                 EventType
	UserID, AccountID, ClientID, GrantID string
	RequestID, Address                   string
	// Detail holds what the type alone does not say, by names such as "scopes", "reason", "email", "role". Never a secret.
	Detail map[string]string
}

// Record writes an event in the transaction that does what it tells. The request's id and address come from its context.
func (tx *Tx) Record(event Event) error {
	insert, err := tx.newEvent(event)
	if err != nil {
		return err
	}
	return tx.q.InsertEvent(tx.ctx, insert)
}

func (tx *Tx) newEvent(event Event) (dbsql.InsertEventParams, error) {
	detail, err := json.Marshal(event.Detail)
	if err != nil {
		return dbsql.InsertEventParams{}, fmt.Errorf("store: event: %w", err)
	}
	requestID, address := requestOf(tx.ctx)
	return dbsql.InsertEventParams{
		ID: tx.NewID(), Issuer: event.Issuer, At: tx.now, Type: string(event.Type), UserID: event.UserID, AccountID: event.AccountID,
		ClientID: event.ClientID, GrantID: event.GrantID, RequestID: requestID, Address: address, Data: string(detail),
	}, nil
}

// LastEvent is a page's start: before it comes every event there is.
const LastEvent = "g" // after every hexadecimal identifier

// EventsOfUser lists what a user did and what was done in their name, newest first, before an identifier.
func (s *Store) EventsOfUser(ctx context.Context, issuer, userID, before string, limit int) ([]Event, error) {
	rows, err := s.read.ListEventsOfUser(ctx, dbsql.ListEventsOfUserParams{Issuer: issuer, UserID: userID, ID: before, Limit: int32(limit)})
	return s.events(rows, err)
}

// EventsOfAccount lists what happened to an account, newest first, before an identifier.
func (s *Store) EventsOfAccount(ctx context.Context, issuer, accountID, before string, limit int) ([]Event, error) {
	rows, err := s.read.ListEventsOfAccount(ctx, dbsql.ListEventsOfAccountParams{Issuer: issuer, AccountID: accountID, ID: before, Limit: int32(limit)})
	return s.events(rows, err)
}

// Events lists what happened at an issuer from one identifier on and before another, newest first. No index tells whose an event is, so it
// looks at so many of all issuers' and returns those that are its own; the following page begins before next, which is empty at the end.
func (s *Store) Events(ctx context.Context, issuer, since, before string, looked int) (own []Event, next string, err error) {
	rows, err := s.read.ListEvents(ctx, dbsql.ListEventsParams{Since: since, Before: before, Page: int32(looked)})
	if len(rows) == looked {
		next = rows[looked-1].ID
	}
	own, err = s.events(slices.DeleteFunc(rows, func(row dbsql.Event) bool { return row.Issuer != issuer }), err)
	return own, next, err
}

// LastEventOfUser is when the last event of either type happened to a user; never when none did.
func (s *Store) LastEventOfUser(ctx context.Context, issuer, userID string, kind, otherKind EventType) (micros.Time, error) {
	at, err := s.read.LastEventOfUser(ctx, dbsql.LastEventOfUserParams{Issuer: issuer, UserID: userID, Kind: string(kind), OtherKind: string(otherKind)})
	if at, err = one(s, at, err); errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return at, err
}

func (s *Store) events(rows []dbsql.Event, err error) ([]Event, error) {
	if err != nil {
		return nil, s.fail(err)
	}
	events := make([]Event, len(rows))
	for i, row := range rows {
		events[i] = Event{
			ID: row.ID, Issuer: row.Issuer, At: row.At, Type: EventType(row.Type), UserID: row.UserID, AccountID: row.AccountID,
			ClientID: row.ClientID, GrantID: row.GrantID, RequestID: row.RequestID, Address: row.Address,
		}
		if err := json.Unmarshal([]byte(row.Data), &events[i].Detail); err != nil {
			return nil, fmt.Errorf("store: event %s: %w", row.ID, err)
		}
	}
	return events, nil
}

// Mail is a sealed mail waiting to be sent: it may carry a code, so the database never sees its text.
type Mail = dbsql.Outbox

// QueueMail hands a mail to whichever node sends it first. It goes out only if the transaction commits.
func (tx *Tx) QueueMail(issuer string, sealed []byte) error {
	return tx.q.InsertMail(tx.ctx, dbsql.InsertMailParams{ID: tx.NewID(), Issuer: issuer, Sealed: sealed, CreatedAt: tx.now})
}

// ClaimMail takes due mails for sending; until retryAfter has passed no other node takes them.
func (tx *Tx) ClaimMail(retryAfter time.Duration) ([]Mail, error) {
	return tx.q.ClaimMail(tx.ctx, dbsql.ClaimMailParams{NextAttemptAt: tx.now.Add(retryAfter), Now: tx.now})
}

// MailSent takes a mail out of the outbox.
func (tx *Tx) MailSent(id string) error { return tx.q.DeleteMail(tx.ctx, id) }
