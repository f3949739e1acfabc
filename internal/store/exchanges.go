package store

import (
	"cmp"
	"context"
	"errors"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/store/dbsql"
)

// Exchange is one consent on its way to a service account with a key. Its identifier is that of the family its code creates.
type Exchange = dbsql.Exchange

// The steps of an exchange, in the order they are taken.
const (
	StepCodeIssued            = "code_issued"
	StepTokenCreated          = "token_created"
	StepServiceAccountCreated = "service_account_created"
	StepKeyIssued             = "key_issued"
	StepRefused               = "refused" // after any of the others, with why
)

// ExchangeStep is one line of an exchange's timeline.
type ExchangeStep struct {
	Name   string
	At     micros.Time
	Reason string // of a refusal
}

// Timeline is what happened to an exchange, in order. Of several refusals it tells the last.
func Timeline(exchange Exchange) []ExchangeStep {
	steps := []ExchangeStep{
		{Name: StepCodeIssued, At: exchange.CodeIssuedAt}, {Name: StepTokenCreated, At: exchange.TokenCreatedAt},
		{Name: StepServiceAccountCreated, At: exchange.KeyIssuedAt}, {Name: StepKeyIssued, At: exchange.KeyIssuedAt},
	}
	refusal := ExchangeStep{Name: StepRefused, At: exchange.FailedAt, Reason: exchange.Failure}
	taken := make([]ExchangeStep, 0, len(steps)+1)
	for _, step := range steps {
		if step.At.Never() {
			continue
		}
		if !refusal.At.Never() && refusal.At < step.At {
			taken = append(taken, refusal)
			refusal.At = 0
		}
		taken = append(taken, step)
	}
	if !refusal.At.Never() {
		taken = append(taken, refusal)
	}
	return taken
}

// unfinished is how long an exchange that goes no further is remembered.
const unfinished = 30 * 24 * time.Hour

// TrackCode begins an exchange: a code was issued whose token is to be exchanged. The same code again changes nothing. One that
// goes no further is forgotten after a month.
func (tx *Tx) TrackCode(code Code) error {
	return tx.q.TrackCode(tx.ctx, dbsql.TrackCodeParams{
		ID: code.FamilyID, Issuer: code.Issuer, ClientID: code.ClientID, AccountID: code.Grant.AccountID, UserID: code.Grant.UserID,
		GrantID: code.Grant.ID, CodeIssuedAt: cmp.Or(code.CreatedAt, tx.now), ExpiresAt: tx.now.Add(unfinished),
	})
}

// TrackToken notes that the code of an exchange bought its token.
func (tx *Tx) TrackToken(issuer, id string) error {
	rows, err := tx.q.TrackToken(tx.ctx, dbsql.TrackTokenParams{ID: id, Issuer: issuer, TokenCreatedAt: tx.now})
	return changed(rows, err, ErrNotFound)
}

// Spending is what an exchange's token buys.
type Spending struct {
	Issuer, ExchangeID      string
	ServiceAccountID, KeyID string
	TokenID                 string // the token's jti
	TokenExpiresAt          micros.Time
}

// SpendExchange buys with a single-use token, once. ErrNotFound when it was spent, revoked, or what it hangs on ended: whatever
// races, one caller wins.
func (tx *Tx) SpendExchange(spending Spending) error {
	rows, err := tx.q.LockFamily(tx.ctx, dbsql.LockFamilyParams{ID: spending.ExchangeID, Issuer: spending.Issuer})
	if err := changed(rows, err, ErrNotFound); err != nil {
		return err
	}
	rows, err = tx.q.SpendExchange(tx.ctx, dbsql.SpendExchangeParams{
		ID: spending.ExchangeID, Issuer: spending.Issuer, ServiceAccountID: spending.ServiceAccountID, KeyID: spending.KeyID,
		KeyIssuedAt: tx.now, TokenID: spending.TokenID,
	})
	if err := changed(rows, err, ErrNotFound); err != nil {
		return err
	}
	return tx.RevokeToken(spending.TokenID, spending.TokenExpiresAt)
}

// FailExchange notes why a step was refused. An exchange that is not tracked is no error.
func (tx *Tx) FailExchange(issuer, id, reason string) error {
	return tx.q.FailExchange(tx.ctx, dbsql.FailExchangeParams{ID: id, Issuer: issuer, FailedAt: tx.now, Failure: reason})
}

// EndExchange takes back what an exchange bought: every key of its service account (RFC 6749 §4.1.2: a code that comes twice
// revokes what it bought). RevokeFamily comes before it, so that nothing is being bought any more. An exchange that is not tracked is no error.
func (tx *Tx) EndExchange(issuer, id, reason string) error {
	err := tx.q.RevokeKeysOfExchange(tx.ctx, dbsql.RevokeKeysOfExchangeParams{Issuer: issuer, ExchangeID: id, RevokedAt: tx.now})
	return errors.Join(err, tx.FailExchange(issuer, id, reason))
}

// Exchange returns an exchange.
func (s *Store) Exchange(ctx context.Context, issuer, id string) (Exchange, error) {
	row, err := s.read.GetExchange(ctx, dbsql.GetExchangeParams{ID: id, Issuer: issuer})
	return one(s, row, err)
}

// ExchangesOfClient lists an app's exchanges, newest first, before an identifier; see LastEvent.
func (s *Store) ExchangesOfClient(ctx context.Context, issuer, clientID, before string, limit int) ([]Exchange, error) {
	rows, err := s.read.ListExchangesOfClient(ctx, dbsql.ListExchangesOfClientParams{Issuer: issuer, ClientID: clientID, ID: before, Limit: int32(limit)})
	return rows, s.fail(err)
}

// ExchangesOfAccount lists the exchanges that connected an account, newest first, before an identifier; see LastEvent.
func (s *Store) ExchangesOfAccount(ctx context.Context, issuer, accountID, before string, limit int) ([]Exchange, error) {
	rows, err := s.read.ListExchangesOfAccount(ctx, dbsql.ListExchangesOfAccountParams{Issuer: issuer, AccountID: accountID, ID: before, Limit: int32(limit)})
	return rows, s.fail(err)
}

// ExchangesOfDeveloper lists the exchanges of every app that an account of the user owns, newest first, before an identifier; see
// LastEvent.
func (s *Store) ExchangesOfDeveloper(ctx context.Context, issuer, userID, before string, limit int) ([]Exchange, error) {
	rows, err := s.read.ListExchangesOfDeveloper(ctx, dbsql.ListExchangesOfDeveloperParams{
		Issuer: issuer, UserID: userID, Before: before, Limit: int32(limit),
	})
	return rows, s.fail(err)
}
