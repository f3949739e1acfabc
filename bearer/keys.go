package bearer

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// maxKeys bounds a key set; issuers publish a handful.
const maxKeys = 100

// minRSABits is RFC 7518 §3.3's floor.
const minRSABits = 2048

// keySet is the issuer's usable signing keys. It is never changed once made.
type keySet []jose.JSONWebKey

// fetchKeys reads the issuer's JWKS. Keys of unknown types are skipped (RFC 7517 §5); a set without any usable key is
// an error, so that a broken answer never replaces good keys.
func (g *Guard) fetchKeys(ctx context.Context) (keySet, error) {
	metadata, err := g.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	address, err := metadata.jwksURL()
	if err != nil {
		return nil, err
	}
	var published struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := g.getJSON(ctx, address, &published); err != nil {
		return nil, err
	}
	keys := usableKeys(published.Keys)
	if len(keys) == 0 {
		return nil, errors.New("bearer: the authorization server publishes no RS256, ES256 or EdDSA key")
	}
	return keys, nil
}

func usableKeys(published []json.RawMessage) keySet {
	var keys keySet
	for _, raw := range published[:min(len(published), maxKeys)] {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) != nil || key.Use != "" && key.Use != "sig" {
			continue
		}
		alg := algorithmOf(key.Key)
		if alg == "" || key.Algorithm != "" && key.Algorithm != string(alg) {
			continue
		}
		key.Algorithm = string(alg)
		keys = append(keys, key)
	}
	return keys
}

// algorithmOf names the one algorithm a public key may be used with, so that the token never chooses
// (RFC 8725 §3.1). Private, symmetric and weak keys have none.
func algorithmOf(key any) jose.SignatureAlgorithm {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() >= minRSABits {
			return jose.RS256
		}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return jose.ES256
		}
	case ed25519.PublicKey:
		return jose.EdDSA
	}
	return ""
}

// find returns the key with the header's kid and algorithm. A token without a kid is only matched when one key alone
// could have signed it.
func (s keySet) find(kid, alg string) (jose.JSONWebKey, bool) {
	var found []jose.JSONWebKey
	for _, key := range s {
		if key.Algorithm == alg && (kid == "" || key.KeyID == kid) {
			found = append(found, key)
		}
	}
	if len(found) != 1 {
		return jose.JSONWebKey{}, false
	}
	return found[0], true
}

// keyFor finds the key that should have signed, asking the issuer again when it is unknown: its keys may have rotated.
func (g *Guard) keyFor(ctx context.Context, header jose.Header) (jose.JSONWebKey, error) {
	keys, err := g.keys.get(ctx)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	if key, ok := keys.find(header.KeyID, header.Algorithm); ok {
		return key, nil
	}
	// An unknown key while the issuer cannot be asked is our trouble, not the token's: renew's error means 503.
	keys, err = g.keys.renew(ctx)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	key, ok := keys.find(header.KeyID, header.Algorithm)
	if !ok {
		return jose.JSONWebKey{}, invalidToken("The access token is signed with a key that its issuer does not publish.")
	}
	return key, nil
}
