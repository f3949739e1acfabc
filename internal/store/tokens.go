package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store/dbsql"
)

// CodeBinding is what an authorization request bound its code to (RFC 6749 §4.1.2).
type CodeBinding struct {
	RedirectURI   string         `json:"redirect_uri"`
	CodeChallenge string         `json:"code_challenge,omitempty"` // RFC 7636 §4.4; S256 is the only method
	Scopes        oauth.ScopeSet `json:"scopes"`
	Resources     []string       `json:"resources,omitempty"` // RFC 8707 §2.1
	Nonce         string         `json:"nonce,omitempty"`
	AuthTime      micros.Time    `json:"auth_time"`
	AMR           []string       `json:"amr,omitempty"`
	SessionID     string         `json:"sid,omitempty"`
}

// Code is an authorization code, by its hash, with the grant that it is for.
type Code struct {
	Hash      []byte
	Issuer    string
	ClientID  string
	FamilyID  string // what its redemption creates, and a second use revokes
	Binding   CodeBinding
	CreatedAt micros.Time
	ExpiresAt micros.Time
	UsedAt    micros.Time
	Grant     Grant
	// UserSuspendedAt is read only: nothing is sold to a person who is switched off.
	UserSuspendedAt micros.Time
}

// FamilyBinding is what every token of a family repeats.
type FamilyBinding struct {
	Resources []string    `json:"resources,omitempty"`
	AuthTime  micros.Time `json:"auth_time"`
	AMR       []string    `json:"amr,omitempty"`
	SessionID string      `json:"sid,omitempty"`
	// Refreshable is false when the authorization bought an access token only.
	Refreshable bool `json:"refreshable,omitempty"`
}

// Family is one authorization's tokens: the refresh token that is good now, and the access tokens it bought.
type Family struct {
	ID           string
	Issuer       string
	ClientID     string
	UserID       string
	AccountID    string
	Scopes       oauth.ScopeSet
	Binding      FamilyBinding
	Generation   int64 // of the refresh token that is good now; the first is 1
	RotatedAt    micros.Time
	CreatedAt    micros.Time
	ExpiresAt    micros.Time
	RevokedAt    micros.Time
	RevokeReason string
	Grant        Grant
	// UserSuspendedAt is read only: nothing is sold to a person who is switched off.
	UserSuspendedAt micros.Time
}

// CreateCode records a code. The same code again changes nothing: a double-clicked Allow yields one.
func (tx *Tx) CreateCode(code Code) error {
	data, err := json.Marshal(code.Binding)
	if err != nil {
		return fmt.Errorf("store: code: %w", err)
	}
	return tx.q.InsertCode(tx.ctx, dbsql.InsertCodeParams{
		Hash: code.Hash, Issuer: code.Issuer, ClientID: code.ClientID, GrantID: code.Grant.ID, FamilyID: code.FamilyID,
		Data: string(data), CreatedAt: tx.now, ExpiresAt: code.ExpiresAt,
	})
}

// CreateCodeAtOnce records a code for a connection that is there already, in one statement: see Decide. ErrNotFound when the person's place in
// the account is not that role any more. The connection itself may end at any moment; its codes and tokens then end with it.
func (tx *Tx) CreateCodeAtOnce(code Code, role issuer.Role) error {
	data, err := json.Marshal(code.Binding)
	if err != nil {
		return fmt.Errorf("store: code: %w", err)
	}
	rows, err := tx.q.InsertCodeOfMember(tx.ctx, dbsql.InsertCodeOfMemberParams{
		Hash: code.Hash, Issuer: code.Issuer, ClientID: code.ClientID, GrantID: code.Grant.ID, FamilyID: code.FamilyID, Data: string(data),
		CreatedAt: tx.now, ExpiresAt: code.ExpiresAt, AccountID: code.Grant.AccountID, UserID: code.Grant.UserID, Role: role,
	})
	return changed(rows, err, ErrNotFound)
}

// Code returns a code in whatever state it is.
func (s *Store) Code(ctx context.Context, issuer string, hash []byte) (Code, error) {
	row, err := s.read.GetCode(ctx, dbsql.GetCodeParams{Hash: hash, Issuer: issuer})
	if row, err = one(s, row, err); err != nil {
		return Code{}, err
	}
	code := Code{
		Hash: row.Code.Hash, Issuer: row.Code.Issuer, ClientID: row.Code.ClientID, FamilyID: row.Code.FamilyID,
		CreatedAt: row.Code.CreatedAt, ExpiresAt: row.Code.ExpiresAt, UsedAt: row.Code.UsedAt, Grant: row.Grant,
		UserSuspendedAt: row.UserSuspendedAt,
	}
	if err := json.Unmarshal([]byte(row.Code.Data), &code.Binding); err != nil {
		return Code{}, fmt.Errorf("store: code: %w", err)
	}
	return code, nil
}

// RedeemCode spends the code, creates the family that it buys and records what tells of it, at once. ErrNotFound when it is spent, expired
// or its grant is revoked: whatever races, one caller wins, and nothing of the others' is written. It may be the last of what Decide does.
func (tx *Tx) RedeemCode(hash []byte, family Family, told ...Event) error {
	insert, err := tx.newFamily(family)
	if err != nil {
		return err
	}
	if err := tx.q.InsertFamilyOfCode(tx.ctx, dbsql.InsertFamilyOfCodeParams{
		ID: insert.ID, Issuer: insert.Issuer, GrantID: insert.GrantID, ClientID: insert.ClientID, UserID: insert.UserID, AccountID: insert.AccountID,
		Scopes: insert.Scopes, Data: insert.Data, RotatedAt: insert.RotatedAt, ExpiresAt: insert.ExpiresAt, CodeHash: hash,
	}); err != nil {
		return err
	}
	for _, event := range told {
		insert, err := tx.newEvent(event)
		if err != nil {
			return err
		}
		if err := tx.q.InsertEventOfCode(tx.ctx, dbsql.InsertEventOfCodeParams{
			ID: insert.ID, Issuer: insert.Issuer, At: insert.At, Type: insert.Type, UserID: insert.UserID, AccountID: insert.AccountID, ClientID: insert.ClientID,
			GrantID: insert.GrantID, RequestID: insert.RequestID, Address: insert.Address, Data: insert.Data, CodeHash: hash,
		}); err != nil {
			return err
		}
	}
	rows, err := tx.q.ConsumeCode(tx.ctx, dbsql.ConsumeCodeParams{Hash: hash, UsedAt: tx.now})
	return changed(rows, err, ErrNotFound)
}

// CreateOwnFamily creates the tokens that a client gets for itself, on a grant without a user: the one that lives, or a new one
// with the identifier that family.Grant brings. ErrConflict says that another request made it first.
func (tx *Tx) CreateOwnFamily(family Family) error {
	own := family.Grant
	grant, err := found(tx.q.FindGrant(tx.ctx, dbsql.FindGrantParams{Issuer: own.Issuer, AccountID: own.AccountID, ClientID: own.ClientID}))
	switch {
	case errors.Is(err, ErrNotFound):
		rows, err := tx.q.InsertGrant(tx.ctx, dbsql.InsertGrantParams{
			ID: own.ID, Issuer: own.Issuer, AccountID: own.AccountID, ClientID: own.ClientID, Scopes: own.Scopes, CreatedAt: tx.now,
		})
		if err := changed(rows, err, ErrConflict); err != nil {
			return err
		}
	case err != nil:
		return err
	case grant.ID != own.ID:
		return ErrConflict
	case grant.Scopes.String() != own.Scopes.String(): // what the client is registered for has changed
		rows, err := tx.q.UpdateGrant(tx.ctx, dbsql.UpdateGrantParams{ID: grant.ID, Version: grant.Version, Scopes: own.Scopes, UpdatedAt: tx.now})
		if err := changed(rows, err, ErrConflict); err != nil {
			return err
		}
	}
	return tx.createFamily(family)
}

func (tx *Tx) createFamily(family Family) error {
	insert, err := tx.newFamily(family)
	if err != nil {
		return err
	}
	return tx.q.InsertFamily(tx.ctx, insert)
}

func (tx *Tx) newFamily(family Family) (dbsql.InsertFamilyParams, error) {
	data, err := json.Marshal(family.Binding)
	if err != nil {
		return dbsql.InsertFamilyParams{}, fmt.Errorf("store: family: %w", err)
	}
	return dbsql.InsertFamilyParams{
		ID: family.ID, Issuer: family.Issuer, GrantID: family.Grant.ID, ClientID: family.ClientID, UserID: family.UserID,
		AccountID: family.AccountID, Scopes: family.Scopes, Data: string(data), RotatedAt: tx.now, ExpiresAt: family.ExpiresAt,
	}, nil
}

// Family returns an authorization's tokens in whatever state they are.
func (s *Store) Family(ctx context.Context, issuer, id string) (Family, error) {
	row, err := s.read.GetFamily(ctx, dbsql.GetFamilyParams{ID: id, Issuer: issuer})
	if row, err = one(s, row, err); err != nil {
		return Family{}, err
	}
	f := row.Family
	family := Family{
		ID: f.ID, Issuer: f.Issuer, ClientID: f.ClientID, UserID: f.UserID, AccountID: f.AccountID, Scopes: f.Scopes, Generation: f.Generation,
		RotatedAt: f.RotatedAt, CreatedAt: f.CreatedAt, ExpiresAt: f.ExpiresAt, RevokedAt: f.RevokedAt, RevokeReason: f.RevokeReason, Grant: row.Grant,
		UserSuspendedAt: micros.Time(row.UserSuspendedAt),
	}
	if err := json.Unmarshal([]byte(f.Data), &family.Binding); err != nil {
		return Family{}, fmt.Errorf("store: family %s: %w", id, err)
	}
	return family, nil
}

// EndsAt is when a family's refresh token is too old, when one may be unused for so long. ExpiresAt may be later: see RotateRefreshToken.
func (f *Family) EndsAt(unused time.Duration) micros.Time {
	return min(f.ExpiresAt, f.RotatedAt.Add(unused))
}

// RotateRefreshToken moves a family from the generation that was read to the next, and its row's end to expiresAt; never leaves the end where
// it is, which costs much less. ErrNotFound when another caller moved it, or the family or its grant ended.
func (tx *Tx) RotateRefreshToken(familyID string, generation, next int64, expiresAt micros.Time) error {
	if expiresAt.Never() {
		rows, err := tx.q.RotateFamily(tx.ctx, dbsql.RotateFamilyParams{ID: familyID, Generation: generation, Next: next, Now: tx.now})
		return changed(rows, err, ErrNotFound)
	}
	rows, err := tx.q.RotateFamilyUntil(tx.ctx, dbsql.RotateFamilyUntilParams{ID: familyID, Generation: generation, Next: next, Now: tx.now, ExpiresAt: expiresAt})
	return changed(rows, err, ErrNotFound)
}

// RevokeFamily ends one authorization's tokens. ErrNotFound when they had ended already.
func (tx *Tx) RevokeFamily(issuer, id, reason string) error {
	rows, err := tx.q.RevokeFamily(tx.ctx, dbsql.RevokeFamilyParams{ID: id, Issuer: issuer, RevokedAt: tx.now, RevokeReason: reason})
	return changed(rows, err, ErrNotFound)
}

// RevokeToken ends one access token, by its jti. It is remembered until expiresAt, when the token would have been of no use by itself.
func (tx *Tx) RevokeToken(jti string, expiresAt micros.Time) error {
	return tx.q.RevokeToken(tx.ctx, dbsql.RevokeTokenParams{ID: jti, ExpiresAt: expiresAt})
}

// TokenRef names what an access token hangs on.
type TokenRef struct {
	Issuer, JTI string
	FamilyID    string // empty for a client's own token
	ClientID    string
	IssuedAt    micros.Time
}

// TokenState says whether an access token still holds, exactly, as every node sees it.
type TokenState struct {
	// Ended is empty while the token is good, and a reason otherwise.
	Ended string
	// GrantScopes are what the user's connection allows now; nil for a client's own token.
	GrantScopes oauth.ScopeSet
}

// TokenState reads in one statement all that can have ended an access token.
func (s *Store) TokenState(ctx context.Context, ref TokenRef) (TokenState, error) {
	if ref.FamilyID == "" {
		return s.clientTokenState(ctx, ref)
	}
	row, err := s.read.GetUserTokenState(ctx, dbsql.GetUserTokenStateParams{TokenID: ref.JTI, FamilyID: ref.FamilyID, Issuer: ref.Issuer})
	if row, err = one(s, row, err); err != nil {
		return TokenState{}, err
	}
	return userTokenState(row, ref), nil
}

func userTokenState(row dbsql.GetUserTokenStateRow, ref TokenRef) TokenState {
	state := TokenState{GrantScopes: row.GrantScopes, Ended: clientEnded(row.ClientStatus, row.RevokedBefore, ref.IssuedAt)}
	switch {
	case !row.GrantRevokedAt.Never():
		state.Ended = cmp.Or(row.GrantReason, oauth.ReasonRevoked) // no reason given is no reason to let it live
	case !row.FamilyRevokedAt.Never():
		state.Ended = cmp.Or(row.FamilyReason, oauth.ReasonRevoked)
	case row.TokenRevoked:
		state.Ended = oauth.ReasonRevoked
	case !micros.Time(row.UserSuspendedAt).Never():
		state.Ended = oauth.ReasonUserSuspended
	}
	return state
}

// Profile is of a person what apps may be told.
type Profile struct {
	UserID, Email, Name, Locale string
	EmailVerifiedAt, UpdatedAt  micros.Time
}

// UserOfToken is TokenState with the person behind the token, in the same read. ErrNotFound when there is none.
func (s *Store) UserOfToken(ctx context.Context, ref TokenRef) (TokenState, Profile, error) {
	row, err := s.read.GetUserOfToken(ctx, dbsql.GetUserOfTokenParams{TokenID: ref.JTI, FamilyID: ref.FamilyID, Issuer: ref.Issuer})
	if row, err = one(s, row, err); err != nil {
		return TokenState{}, Profile{}, err
	}
	state := userTokenState(dbsql.GetUserTokenStateRow{
		FamilyRevokedAt: row.FamilyRevokedAt, FamilyReason: row.FamilyReason, GrantRevokedAt: row.GrantRevokedAt, GrantReason: row.GrantReason,
		GrantScopes: row.GrantScopes, ClientStatus: row.ClientStatus, RevokedBefore: row.RevokedBefore,
		UserSuspendedAt: int64(row.UserSuspendedAt), TokenRevoked: row.TokenRevoked,
	}, ref)
	return state, Profile{
		UserID: row.UserID, Email: row.Email, Name: row.Name, Locale: row.Locale, EmailVerifiedAt: row.EmailVerifiedAt, UpdatedAt: row.UpdatedAt,
	}, nil
}

func (s *Store) clientTokenState(ctx context.Context, ref TokenRef) (TokenState, error) {
	row, err := s.read.GetClientTokenState(ctx, dbsql.GetClientTokenStateParams{TokenID: ref.JTI, Issuer: ref.Issuer, ClientID: ref.ClientID})
	row, err = one(s, row, err)
	if errors.Is(err, ErrNotFound) {
		return s.serviceTokenState(ctx, ref)
	}
	if err != nil {
		return TokenState{}, err
	}
	state := TokenState{Ended: clientEnded(row.ClientStatus, row.RevokedBefore, ref.IssuedAt)}
	if row.TokenRevoked {
		state.Ended = oauth.ReasonRevoked
	}
	return state, nil
}

// clientEnded: a token issued in the second of the revocation is taken as issued before it, since iat has whole seconds.
func clientEnded(status string, revokedBefore, issuedAt micros.Time) string {
	switch {
	case ClientStatus(status) == ClientSuspended:
		return oauth.ReasonClientSuspended
	case issuedAt <= revokedBefore:
		return oauth.ReasonRevoked
	default:
		return ""
	}
}
