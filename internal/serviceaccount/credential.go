package serviceaccount

import (
	"context"
	"encoding/json"
	"time"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// CredentialCreate asks for one more key of a service account, by its user code or else by its channel identifier.
type CredentialCreate struct {
	UserCode          string          `json:"user_code"`
	ChannelIdentifier string          `json:"channel_identifier"`
	Addresses         []string        `json:"addresses"`
	ExpiresAt         Expiry          `json:"expires_at"`
	PublicJWK         json.RawMessage `json:"public_jwk"`
}

// CredentialRotate asks for a new key in the place of those before it, which stay good for Overlap.
type CredentialRotate struct {
	CredentialCreate

	Overlap time.Duration
}

// CredentialList asks which keys a service account has.
type CredentialList struct {
	UserCode          string `json:"user_code"`
	ChannelIdentifier string `json:"channel_identifier"`
}

// Listed are a service account's keys, oldest first. One that was removed is not among them; one whose time is over is.
type Listed struct {
	UserCode          string      `json:"user_code"`
	ChannelIdentifier string      `json:"channel_identifier"`
	Keys              []ListedKey `json:"keys"`
}

// ListedKey is what is known of a key. Times are Unix seconds.
type ListedKey struct {
	KeyID      string   `json:"key_id"`
	Alg        jwk.Alg  `json:"alg"`
	Addresses  []string `json:"addresses"` // it may be used from; none means anywhere
	IssuedAt   int64    `json:"issued_at"`
	ExpiresAt  int64    `json:"expires_at,omitempty"`
	LastUsedAt int64    `json:"last_used_at,omitempty"`
	Active     bool     `json:"active"`
}

// CredentialRemove asks to end a key, or every key when KeyID is empty.
type CredentialRemove struct {
	UserCode          string `json:"user_code"`
	ChannelIdentifier string `json:"channel_identifier"`
	KeyID             string `json:"key_id"`
}

// Removed is how many keys ended. Success is false when the one that was named is no active key of the service account.
type Removed struct {
	Success bool  `json:"success"`
	Removed int64 `json:"removed"`
}

// WhoAmI is who is signed in.
func (s *Service) WhoAmI(_ context.Context, principal *Principal) (Principal, error) {
	if principal == nil {
		return Principal{}, SessionRequired()
	}
	return *principal, nil
}

// CredentialCreate gives a service account that the principal may manage one more key. A sixth is refused with 409.
func (s *Service) CredentialCreate(ctx context.Context, principal *Principal, request CredentialCreate) (Credential, error) {
	account, err := s.managed(ctx, principal, request.UserCode, request.ChannelIdentifier)
	if err != nil {
		return Credential{}, err
	}
	return s.AddKey(ctx, account, request.draft(), "")
}

func (r *CredentialCreate) draft() KeyDraft {
	return KeyDraft{PublicJWK: r.PublicJWK, Addresses: r.Addresses, ExpiresAt: r.ExpiresAt.At}
}

// MaxOverlap is how long keys that were rotated can stay good.
const MaxOverlap = 30 * 24 * time.Hour

// CredentialRotate gives a service account that the principal may manage a new key, and ends those before it after the overlap.
func (s *Service) CredentialRotate(ctx context.Context, principal *Principal, request CredentialRotate) (Credential, error) {
	if request.Overlap < 0 || request.Overlap > MaxOverlap {
		return Credential{}, oauth.InvalidRequest("the overlap must be from 0 to %d seconds", int(MaxOverlap/time.Second))
	}
	account, err := s.managed(ctx, principal, request.UserCode, request.ChannelIdentifier)
	if err != nil {
		return Credential{}, err
	}
	return s.RotateKey(ctx, account, request.draft(), request.Overlap, "")
}

// CredentialList lists the keys of a service account that the principal may manage.
func (s *Service) CredentialList(ctx context.Context, principal *Principal, request CredentialList) (Listed, error) {
	account, err := s.managed(ctx, principal, request.UserCode, request.ChannelIdentifier)
	if err != nil {
		return Listed{}, err
	}
	return s.ListKeys(ctx, account)
}

// ListKeys lists a service account's keys.
func (s *Service) ListKeys(ctx context.Context, account store.ServiceAccount) (Listed, error) {
	keys, err := s.Store.ServiceKeys(ctx, s.Issuer.Name, account.ID)
	if err != nil {
		return Listed{}, err
	}
	listed, now := Listed{UserCode: account.ID, ChannelIdentifier: account.Channel, Keys: make([]ListedKey, len(keys))}, s.Store.Now()
	for i, key := range keys {
		listed.Keys[i] = ListedKey{
			KeyID: key.ID, Alg: key.Alg, Addresses: writtenAddresses(key.Addresses), IssuedAt: key.CreatedAt.Unix(),
			ExpiresAt: unixOrNever(key.ExpiresAt), LastUsedAt: unixOrNever(key.LastUsedAt), Active: key.ExpiresAt.Never() || key.ExpiresAt > now,
		}
	}
	return listed, nil
}

func unixOrNever(at micros.Time) int64 {
	if at.Never() {
		return 0
	}
	return at.Unix()
}

// CredentialRemove ends keys of a service account that the principal may manage, and their sessions, at once.
func (s *Service) CredentialRemove(ctx context.Context, principal *Principal, request CredentialRemove) (Removed, error) {
	account, err := s.managed(ctx, principal, request.UserCode, request.ChannelIdentifier)
	if err != nil {
		return Removed{}, err
	}
	removed, err := s.RemoveKey(ctx, account, request.KeyID, "")
	return Removed{Success: err == nil && (removed > 0 || request.KeyID == ""), Removed: removed}, err
}

// managed finds a service account and checks that it is the principal's to manage: itself, or any of its account when it is the
// account's own. What belongs to others looks as if it were not there.
func (s *Service) managed(ctx context.Context, principal *Principal, id, channel string) (store.ServiceAccount, error) {
	if principal == nil {
		return store.ServiceAccount{}, SessionRequired()
	}
	if id == "" && channel == "" {
		return store.ServiceAccount{}, oauth.InvalidRequest("user_code or channel_identifier is missing")
	}
	account, err := s.Find(ctx, id, channel)
	if missing(err) {
		return store.ServiceAccount{}, unknownAccount()
	}
	if err != nil {
		return store.ServiceAccount{}, err
	}
	if account.ID != principal.ID && (principal.Delegated || account.AccountID != principal.AccountID) {
		return store.ServiceAccount{}, unknownAccount()
	}
	return account, nil
}
