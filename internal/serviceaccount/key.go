package serviceaccount

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"time"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// MaxKeys is how many keys of one service account may be good at once: enough to rotate several programs, few enough to know.
const MaxKeys = 5

// KeyDraft is what a new key is made from.
type KeyDraft struct {
	// PublicJWK is the app's own public key. Without one a pair is made, and its private half answered once and forgotten.
	PublicJWK json.RawMessage
	// Addresses it may be used from, single ones or networks; empty means anywhere.
	Addresses []string
	ExpiresAt micros.Time // 0 means never
}

// Credential is a new key as it is told, once, to whom it was made for.
type Credential struct {
	KeyID string `json:"key_id"`
	// PrivateKey is PKCS #1 in PEM; empty when the app brought its own key.
	PrivateKey string  `json:"private_key,omitempty"`
	Alg        jwk.Alg `json:"alg"`
	// UserCode and ChannelIdentifier are the names of the service account.
	UserCode          string `json:"user_code"`
	ChannelIdentifier string `json:"channel_identifier"`
	// AccountID is the account that it acts for; OwnerID is the one that it belongs to.
	AccountID string `json:"account_id"`
	OwnerID   string `json:"owner_id"`
	IssuedAt  int64  `json:"issued_at"`            // Unix seconds
	ExpiresAt int64  `json:"expires_at,omitempty"` // Unix seconds
}

// Prepared is a key that is ready to be recorded.
type Prepared struct {
	key        store.ServiceKey
	privatePEM string
}

// KeyID names the key.
func (p Prepared) KeyID() string { return p.key.ID }

// Prepare makes a key, or reads the app's own. It is slow, so it comes before the transaction that records it.
func (s *Service) Prepare(ctx context.Context, draft KeyDraft) (prepared Prepared, err error) {
	addresses, err := readAddresses(draft.Addresses)
	if err != nil {
		return Prepared{}, err
	}
	if err := checkExpiry(draft.ExpiresAt, s.Store.Now()); err != nil {
		return Prepared{}, err
	}
	public, alg, privatePEM, err := s.pair(ctx, draft.PublicJWK)
	if err != nil {
		return Prepared{}, err
	}
	der, err := marshalPublic(public)
	if err != nil {
		return Prepared{}, err
	}
	id, err := newKeyID(s.Rand, s.policy().Keys)
	if err != nil {
		return Prepared{}, err
	}
	return Prepared{privatePEM: privatePEM, key: store.ServiceKey{
		Issuer: s.Issuer.Name, ID: id, Alg: alg, PublicKey: der, Addresses: addresses, ExpiresAt: draft.ExpiresAt,
	}}, nil
}

func (s *Service) pair(ctx context.Context, own json.RawMessage) (public crypto.PublicKey, alg jwk.Alg, privateText string, err error) {
	if len(own) > 0 && string(own) != "null" {
		public, alg, err = readPublicJWK(own)
		return public, alg, "", err
	}
	private, err := s.Keys.Make(ctx)
	if err != nil {
		return nil, "", "", err
	}
	return private.Public(), jwk.RS256, privatePEM(private), nil
}

// Record gives a service account the prepared key, unless it has as many as it may.
func (s *Service) Record(tx *store.Tx, account store.ServiceAccount, prepared Prepared, userID string) error {
	if err := tx.LockServiceAccount(s.Issuer.Name, account.ID); err != nil {
		return err
	}
	active, err := tx.CountServiceKeys(s.Issuer.Name, account.ID)
	if err != nil {
		return err
	}
	if active >= MaxKeys {
		return tooManyKeys()
	}
	prepared.key.ServiceAccountID = account.ID
	if err := tx.AddServiceKey(prepared.key); err != nil {
		return err
	}
	return tx.Record(s.event(store.EventServiceKeyAdded, account, userID, keyDetail(account, prepared.key.ID)))
}

func keyDetail(account store.ServiceAccount, keyID string) map[string]string {
	return map[string]string{"service_account": account.ID, "name": account.Name, "key": keyID}
}

// Tell is the answer to whom the key was made for: the only place that its private half is in.
func Tell(account store.ServiceAccount, prepared Prepared, accountID string, at micros.Time) Credential {
	return Credential{
		KeyID: prepared.key.ID, PrivateKey: prepared.privatePEM, Alg: prepared.key.Alg, UserCode: account.ID,
		ChannelIdentifier: account.Channel, AccountID: accountID, OwnerID: account.AccountID, IssuedAt: at.Unix(),
		ExpiresAt: unixOrNever(prepared.key.ExpiresAt),
	}
}

// AddKey gives a service account one more key; those before it stay good. userID is who does it, empty for a program.
func (s *Service) AddKey(ctx context.Context, account store.ServiceAccount, draft KeyDraft, userID string) (Credential, error) {
	return s.addKey(ctx, account, draft, userID, func(*store.Tx) error { return nil })
}

// RotateKey gives a service account a new key. Those before it are good for overlap longer, so that programs can change over
// without a failed sign-in; 0 ends them now.
func (s *Service) RotateKey(ctx context.Context, account store.ServiceAccount, draft KeyDraft, overlap time.Duration, userID string) (Credential, error) {
	return s.addKey(ctx, account, draft, userID, func(tx *store.Tx) error {
		ended, err := tx.ExpireServiceKeys(s.Issuer.Name, account.ID, tx.Now().Add(overlap))
		if err != nil || ended == 0 {
			return err
		}
		return tx.Record(s.event(store.EventServiceKeysExpired, account, userID, keyDetail(account, "")))
	})
}

func (s *Service) addKey(ctx context.Context, account store.ServiceAccount, draft KeyDraft, userID string, before func(*store.Tx) error) (Credential, error) {
	acting, err := s.actsFor(ctx, account)
	if missing(err) {
		return Credential{}, oauth.InvalidRequest("the connection that this service account was made for has ended").With(ReasonDisconnected)
	}
	if err != nil {
		return Credential{}, err
	}
	prepared, err := s.Prepare(ctx, draft)
	if err != nil {
		return Credential{}, err
	}
	var at micros.Time
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		at = tx.Now()
		if err := before(tx); err != nil {
			return err
		}
		return s.Record(tx, account, prepared, userID)
	})
	if err != nil {
		return Credential{}, err
	}
	return Tell(account, prepared, acting.AccountID, at), nil
}

// RemoveKey ends a key and its sessions now, or every key of the service account when keyID is empty, and returns how many there
// were. That one is none of its keys, or ended already, is no error.
func (s *Service) RemoveKey(ctx context.Context, account store.ServiceAccount, keyID, userID string) (removed int64, err error) {
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		if removed, err = s.remove(tx, account.ID, keyID); err != nil || removed == 0 {
			return err
		}
		return tx.Record(s.event(store.EventServiceKeysRemoved, account, userID, keyDetail(account, keyID)))
	})
	return removed, err
}

func (s *Service) remove(tx *store.Tx, accountID, keyID string) (int64, error) {
	if keyID == "" {
		return tx.RemoveServiceKeys(s.Issuer.Name, accountID)
	}
	err := tx.RemoveServiceKey(s.Issuer.Name, accountID, keyID)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return 1, nil
}
