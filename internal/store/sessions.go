package store

import (
	"context"
	"strings"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/store/dbsql"
)

type (
	// Session is a browser's sign-in, by the hash of its cookie.
	Session = dbsql.Session
	// Challenge waits for a person to prove that a mail reached them.
	Challenge = dbsql.Challenge
	// Throttle is how often something was tried since its window began.
	Throttle = dbsql.Throttle
)

// The purposes of a challenge.
const (
	PurposeSignUp        = "sign_up"
	PurposeResetPassword = "reset_password"
)

// CreateSession records a sign-in. What a browser calls itself need not be text: PostgreSQL keeps nothing else.
func (tx *Tx) CreateSession(session Session) error {
	return tx.q.InsertSession(tx.ctx, dbsql.InsertSessionParams{
		Hash: session.Hash, ID: session.ID, Issuer: session.Issuer, UserID: session.UserID, Amr: session.Amr,
		UserAgent: strings.ToValidUTF8(session.UserAgent, "\uFFFD"), Address: session.Address, AuthTime: tx.now, ExpiresAt: session.ExpiresAt,
	})
}

// Session returns a living sign-in and its user. One of a suspended user is not found.
func (s *Store) Session(ctx context.Context, issuer string, hash []byte) (Session, User, error) {
	row, err := s.read.GetSession(ctx, dbsql.GetSessionParams{Hash: hash, Issuer: issuer, ExpiresAt: s.Now()})
	row, err = one(s, row, err)
	return row.Session, row.User, err
}

// TouchSession remembers that the session was used.
func (tx *Tx) TouchSession(hash []byte) error {
	return tx.q.TouchSession(tx.ctx, dbsql.TouchSessionParams{Hash: hash, LastSeenAt: tx.now})
}

// Sessions lists where a user is signed in, last used first.
func (s *Store) Sessions(ctx context.Context, issuer, userID string) ([]Session, error) {
	rows, err := s.read.ListSessions(ctx, dbsql.ListSessionsParams{Issuer: issuer, UserID: userID, ExpiresAt: s.Now()})
	return rows, s.fail(err)
}

// EndSession signs a browser out. Ending one that ended already is not an error.
func (tx *Tx) EndSession(hash []byte) error {
	return tx.q.EndSession(tx.ctx, hash)
}

// EndSessionByID signs out another browser of the user.
func (tx *Tx) EndSessionByID(issuer, userID, id string) error {
	rows, err := tx.q.EndSessionByID(tx.ctx, dbsql.EndSessionByIDParams{Issuer: issuer, UserID: userID, ID: id})
	return changed(rows, err, ErrNotFound)
}

// EndOtherSessions signs out every browser of the user but the one; a nil hash signs out all.
func (tx *Tx) EndOtherSessions(issuer, userID string, keep []byte) (int64, error) {
	if keep == nil {
		keep = []byte{}
	}
	return tx.q.EndOtherSessions(tx.ctx, dbsql.EndOtherSessionsParams{Issuer: issuer, UserID: userID, Hash: keep})
}

// EndChallenge ends one. It counts as not used: a code that was just used signs its own browser in once more.
func (tx *Tx) EndChallenge(issuer, purpose string, hash []byte) error {
	return tx.q.EndChallenge(tx.ctx, dbsql.EndChallengeParams{Hash: hash, Issuer: issuer, Purpose: purpose, Now: tx.now})
}

// EndChallenges ends all that an address waits with for a purpose.
func (tx *Tx) EndChallenges(issuer, purpose, email string) error {
	return tx.q.EndChallenges(tx.ctx, dbsql.EndChallengesParams{Issuer: issuer, Purpose: purpose, Email: email, Now: tx.now})
}

// CreateChallenge records a challenge.
func (tx *Tx) CreateChallenge(challenge Challenge) error {
	return tx.q.InsertChallenge(tx.ctx, dbsql.InsertChallengeParams{
		Hash: challenge.Hash, Issuer: challenge.Issuer, Purpose: challenge.Purpose, Email: challenge.Email, UserID: challenge.UserID,
		CodeHash: challenge.CodeHash, Sealed: challenge.Sealed, CreatedAt: tx.now, ExpiresAt: challenge.ExpiresAt,
	})
}

// Challenge returns a challenge in whatever state it is.
func (s *Store) Challenge(ctx context.Context, issuer, purpose string, hash []byte) (Challenge, error) {
	row, err := s.read.GetChallenge(ctx, dbsql.GetChallengeParams{Hash: hash, Issuer: issuer, Purpose: purpose})
	return one(s, row, err)
}

// AttemptChallenge counts a try and returns the challenge to judge it by. ErrNotFound when it is spent, expired or was tried
// too often.
func (tx *Tx) AttemptChallenge(issuer, purpose string, hash []byte, limit int64) (Challenge, error) {
	return found(tx.q.AttemptChallenge(tx.ctx, dbsql.AttemptChallengeParams{
		Hash: hash, Issuer: issuer, Purpose: purpose, ExpiresAt: tx.now, Attempts: limit,
	}))
}

// SpendChallenge uses a challenge up, once.
func (tx *Tx) SpendChallenge(issuer, purpose string, hash []byte) (Challenge, error) {
	return found(tx.q.SpendChallenge(tx.ctx, dbsql.SpendChallengeParams{Hash: hash, Issuer: issuer, Purpose: purpose, UsedAt: tx.now}))
}

// CountThrottle counts one more of something and returns how many there were in its window.
func (tx *Tx) CountThrottle(issuer, name string, window time.Duration) (Throttle, error) {
	return tx.q.CountThrottle(tx.ctx, dbsql.CountThrottleParams{Issuer: issuer, Name: name, Now: tx.now, ExpiresAt: tx.now.Add(window)})
}

// Throttle returns the count of something; ErrNotFound when its window is over.
func (s *Store) Throttle(ctx context.Context, issuer, name string) (Throttle, error) {
	row, err := s.read.GetThrottle(ctx, dbsql.GetThrottleParams{Issuer: issuer, Name: name, ExpiresAt: s.Now()})
	return one(s, row, err)
}

// ClearThrottle forgets a count.
func (tx *Tx) ClearThrottle(issuer, name string) error {
	return tx.q.ClearThrottle(tx.ctx, dbsql.ClearThrottleParams{Issuer: issuer, Name: name})
}

// SessionIdle is how stale last_seen_at may be: touching it at every request would make every page a write.
const SessionIdle = 5 * time.Minute

// Stale tells whether the session's last use is worth writing down again.
func Stale(session Session, now micros.Time) bool { return now.Sub(session.LastSeenAt) > SessionIdle }
