package signing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
)

// purpose separates the keys that seal private keys from every other sealing (see seal).
const purpose = "signing-key"

// ErrMasterKey is what reading a key returns that none of the master keys opens. All else that derives from them is then wrong as well:
// a secret that is checked looks wrong, a token looks forged, and apps would act upon that.
var ErrMasterKey = errors.New("sealed with another master key")

// defaultPublishRetired outlives every ID Token and JWT access token that an issuer is likely to make.
const defaultPublishRetired = 24 * time.Hour

// Config says whose keys these are.
type Config struct {
	// Issuer is the issuer's name.
	Issuer  string
	Store   *store.Store
	Keyring *seal.Keyring
	Clock   func() time.Time
	Rand    io.Reader
	// Algs are the algorithms that Ensure keeps keys for.
	Algs []jwk.Alg
	// PublishRetired is how long a key stays published after it stopped signing, however often keys are rotated meanwhile: at
	// least as long as what it signed lives. 0 means a day.
	PublishRetired time.Duration
	// KeepRetired is how long it stays in the set, where the issuer itself reads what has expired. Never less than PublishRetired.
	KeepRetired time.Duration
}

// Keys is one issuer's signing keys. It is safe for concurrent use.
type Keys struct {
	Config

	cached  atomic.Pointer[jwk.Set]
	loading sync.Mutex // held while loading, so that a drop meanwhile comes after it
}

// New watches the issuer's keys; nothing is read until the first use.
func New(config Config) *Keys {
	config.PublishRetired = cmp.Or(config.PublishRetired, defaultPublishRetired)
	config.KeepRetired = max(config.KeepRetired, config.PublishRetired)
	k := &Keys{Config: config}
	config.Store.Watch(store.TopicKeys, k.drop)
	return k
}

// Set returns the keys, from memory once they are loaded. It is dropped when any node changes them.
func (k *Keys) Set(ctx context.Context) (*jwk.Set, error) {
	if set := k.cached.Load(); set != nil {
		return set, nil
	}
	k.loading.Lock()
	defer k.loading.Unlock()
	if set := k.cached.Load(); set != nil {
		return set, nil
	}
	keys, err := k.List(ctx)
	if err != nil {
		return nil, err
	}
	set, err := jwk.NewSet(keys)
	if err != nil {
		return nil, fmt.Errorf("keys of issuer %s: %w", k.Issuer, err)
	}
	k.cached.Store(set)
	return set, nil
}

func (k *Keys) drop() {
	k.loading.Lock()
	defer k.loading.Unlock()
	k.cached.Store(nil)
}

// List reads every key from the database, oldest first, with its private half opened.
func (k *Keys) List(ctx context.Context) ([]jwk.Key, error) {
	rows, err := k.Store.SigningKeys(ctx, k.Issuer)
	if err != nil {
		return nil, err
	}
	keys := make([]jwk.Key, len(rows))
	for i, row := range rows {
		if keys[i], err = k.open(row); err != nil {
			return nil, err
		}
	}
	k.unpublish(keys)
	return keys, nil
}

// unpublish marks the retired keys that nobody else needs. It is told by the rotations, not by the clock, so that every node publishes the same.
func (k *Keys) unpublish(keys []jwk.Key) {
	for _, current := range keys {
		if current.State != jwk.StateCurrent {
			continue
		}
		for i, key := range keys {
			if key.Alg == current.Alg && key.State == jwk.StatePrevious && !key.RetiredAt.Add(k.PublishRetired).After(current.ActivatedAt) {
				keys[i].State = jwk.StateRetired
			}
		}
	}
}

func (k *Keys) open(row store.SigningKey) (jwk.Key, error) {
	key := outline(row)
	der, err := k.Keyring.Open(purpose, k.owner(row.Kid), row.PrivateSealed)
	if err != nil {
		return key, fmt.Errorf("signing key %s of issuer %s was %w", row.Kid, k.Issuer, ErrMasterKey)
	}
	if key.Private, err = jwk.ParsePrivate(der); err != nil {
		return key, fmt.Errorf("signing key %s of issuer %s: %w", row.Kid, k.Issuer, err)
	}
	return key, nil
}

// outline is a key without its private half, which is all that rotating needs to know.
func outline(row store.SigningKey) jwk.Key {
	return jwk.Key{
		KID: row.Kid, Alg: row.Alg, State: row.State,
		CreatedAt: row.CreatedAt.Time(), ActivatedAt: row.ActivatedAt.Time(), RetiredAt: row.RetiredAt.Time(),
	}
}

// owner binds a sealed key to its issuer and kid: a row copied elsewhere does not open.
func (k *Keys) owner(kid string) []byte { return []byte(k.Issuer + "\x00" + kid) }

func (k *Keys) seal(key jwk.Key) (store.SigningKey, error) {
	der, err := key.MarshalPrivate()
	if err != nil {
		return store.SigningKey{}, err
	}
	return store.SigningKey{
		Issuer: k.Issuer, Kid: key.KID, Alg: key.Alg, State: key.State,
		PrivateSealed: k.Keyring.Seal(purpose, k.owner(key.KID), der, k.Rand),
		ActivatedAt:   micros.Of(key.ActivatedAt), RetiredAt: micros.Of(key.RetiredAt),
	}, nil
}
