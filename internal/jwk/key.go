package jwk

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Alg is a registered JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
type Alg string

// The algorithms served.
const (
	RS256 Alg = "RS256" // every OpenID Connect client reads it (OpenID Connect Core §15.1)
	ES256 Alg = "ES256"
	EdDSA Alg = "EdDSA" // Ed25519
)

// Algs returns the algorithms served, the most widely read first.
func Algs() []Alg { return []Alg{RS256, ES256, EdDSA} }

// Supported reports whether the algorithm is served.
func (a Alg) Supported() bool { return a == RS256 || a == ES256 || a == EdDSA }

// State is where a key stands in its life. All but the last are published.
type State string

// A key is published before it signs, and after it stopped, so that no cached
// JWKS ever lacks the key of a valid token.
const (
	StateNext     State = "next"
	StateCurrent  State = "current"
	StatePrevious State = "previous"
	StateRetired  State = "retired" // all that it signed has expired; only the issuer still has a use for it
)

// rsaBits is the least that RFC 7518 §3.3 allows; longer signs much slower.
const rsaBits = 2048

// Key is one signing key.
type Key struct {
	KID     string // RFC 7638 thumbprint
	Alg     Alg
	State   State
	Private crypto.Signer

	CreatedAt   time.Time
	ActivatedAt time.Time // when it became current; zero before
	RetiredAt   time.Time // when it became previous; zero before
}

// Generate makes a key in StateNext, named by its RFC 7638 thumbprint.
func Generate(rand io.Reader, alg Alg, now time.Time) (Key, error) {
	private, err := generatePrivate(rand, alg)
	if err != nil {
		return Key{}, fmt.Errorf("generate a %s key: %w", alg, err)
	}
	kid, err := Thumbprint(private.Public())
	if err != nil {
		return Key{}, err
	}
	return Key{KID: kid, Alg: alg, State: StateNext, Private: private, CreatedAt: now}, nil
}

func generatePrivate(rand io.Reader, alg Alg) (crypto.Signer, error) {
	switch alg {
	case RS256:
		return rsa.GenerateKey(rand, rsaBits)
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand)
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand)
		return private, err
	}
	return nil, errors.New("the algorithm must be RS256, ES256 or EdDSA")
}

// MarshalPrivate returns the private key as PKCS #8. Seal it before it rests anywhere.
func (k Key) MarshalPrivate() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.Private)
	if err != nil {
		return nil, fmt.Errorf("marshal key %s: %w", k.KID, err)
	}
	return der, nil
}

// ParsePrivate reads what MarshalPrivate wrote, and refuses keys of kinds or
// lengths that we do not make.
func ParsePrivate(der []byte) (crypto.Signer, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("the private key is not PKCS #8") // x509's text could quote the key
	}
	private, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, errors.New("the private key cannot sign")
	}
	if _, err := algOf(private.Public()); err != nil {
		return nil, err
	}
	return private, nil
}

// algOf returns the one algorithm a public key is used with (RFC 8725 §3.1).
func algOf(public crypto.PublicKey) (Alg, error) {
	switch public := public.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() >= rsaBits {
			return RS256, nil
		}
		return "", fmt.Errorf("an RSA key needs at least %d bits", rsaBits)
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			return ES256, nil
		}
		return "", errors.New("an elliptic curve key must be on P-256")
	case ed25519.PublicKey:
		return EdDSA, nil
	}
	return "", errors.New("a key must be RSA, P-256 or Ed25519")
}

// Rotate returns the keys after one step for alg: next becomes current,
// current becomes previous, previous is dropped, and fresh waits as next. The
// very first key of an algorithm becomes current at once; while a current key
// has no successor yet, fresh only takes that place, because a key that was
// never published must not sign. Keys of other algorithms stay as they are.
func Rotate(keys []Key, alg Alg, fresh Key, now time.Time) []Key {
	hasCurrent, hasNext := has(keys, alg, StateCurrent), has(keys, alg, StateNext)
	if !hasCurrent && !hasNext {
		return append(without(keys, alg, StatePrevious), activate(fresh, now))
	}
	fresh.State = StateNext
	if !hasNext {
		return append(append([]Key(nil), keys...), fresh)
	}
	rotated := without(keys, alg, StatePrevious)
	for i, k := range rotated {
		switch {
		case k.Alg != alg:
		case k.State == StateNext:
			rotated[i] = activate(k, now)
		case k.State == StateCurrent:
			rotated[i].State, rotated[i].RetiredAt = StatePrevious, now
		}
	}
	return append(rotated, fresh)
}

func activate(k Key, now time.Time) Key {
	k.State, k.ActivatedAt = StateCurrent, now
	return k
}

func has(keys []Key, alg Alg, state State) bool {
	return slices.ContainsFunc(keys, func(k Key) bool { return k.Alg == alg && k.State == state })
}

func without(keys []Key, alg Alg, state State) []Key {
	var kept []Key
	for _, k := range keys {
		if k.Alg != alg || k.State != state {
			kept = append(kept, k)
		}
	}
	return kept
}
