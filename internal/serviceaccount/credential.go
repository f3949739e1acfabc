package serviceaccount

import (
	"context"
	"encoding/json"

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
	return s.AddKey(ctx, account, KeyDraft{PublicJWK: request.PublicJWK, Addresses: request.Addresses, ExpiresAt: request.ExpiresAt.At}, "")
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
