package jwk

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
)

// publicKey is a JWK (RFC 7517 §4). Members that RFC 7638 §3.2 requires in a
// thumbprint come first and in its lexicographic order, so that a value with
// only those set marshals to the thumbprint's input.
type publicKey struct {
	Curve    string `json:"crv,omitempty"`
	Exponent string `json:"e,omitempty"`
	KeyType  string `json:"kty"`
	Modulus  string `json:"n,omitempty"`
	X        string `json:"x,omitempty"`
	Y        string `json:"y,omitempty"`

	Use string `json:"use,omitempty"`
	Alg Alg    `json:"alg,omitempty"`
	KID string `json:"kid,omitempty"`
}

// coordinate is the length of one coordinate on P-256, in bytes.
const coordinate = 32

func newPublicKey(public crypto.PublicKey) (publicKey, error) {
	if _, err := algOf(public); err != nil {
		return publicKey{}, err
	}
	switch public := public.(type) {
	case *rsa.PublicKey: // RFC 7518 §6.3.1
		return publicKey{KeyType: "RSA", Modulus: encode(public.N.Bytes()),
			Exponent: encode(big.NewInt(int64(public.E)).Bytes())}, nil
	case *ecdsa.PublicKey: // RFC 7518 §6.2.1
		point, err := public.Bytes() // 0x04 and both coordinates
		if err != nil {
			return publicKey{}, fmt.Errorf("read the public key: %w", err)
		}
		return publicKey{KeyType: "EC", Curve: "P-256", X: encode(point[1 : 1+coordinate]), Y: encode(point[1+coordinate:])}, nil
	}
	return publicKey{KeyType: "OKP", Curve: "Ed25519", X: encode(public.(ed25519.PublicKey))}, nil // RFC 8037 §2
}

// Thumbprint is the SHA-256 JWK thumbprint of a public key (RFC 7638 §3).
func Thumbprint(public crypto.PublicKey) (string, error) {
	jwk, err := newPublicKey(public)
	if err != nil {
		return "", err
	}
	canonical, err := json.Marshal(jwk)
	if err != nil {
		return "", fmt.Errorf("marshal the public key: %w", err)
	}
	digest := sha256.Sum256(canonical)
	return encode(digest[:]), nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
