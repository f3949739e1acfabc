package serviceaccount

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oauth"
)

// maxJWK bounds what is read, in bytes; the longest honest one is RSA with 4096 bits and a few optional members.
const maxJWK = 4 << 10

// Bounds of an app's own RSA key. Below is too weak (RFC 7518 §3.3), above costs us more at every sign-in than it gains; a small
// exponent has no use but in attacks.
const (
	leastRSABits     = 2048
	mostRSABits      = 4096
	leastRSAExponent = 65537
)

// readPublicJWK reads the public key that an app brought (RFC 7517), and the one algorithm that it is for (RFC 8725 §3.1).
func readPublicJWK(data []byte) (crypto.PublicKey, jwk.Alg, error) {
	if len(data) > maxJWK {
		return nil, "", oauth.InvalidRequest("public_jwk is longer than %d bytes", maxJWK)
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(data); err != nil { // its text could quote the key
		return nil, "", oauth.InvalidRequest("public_jwk is not a JWK (RFC 7517) of an RSA, P-256 or Ed25519 key")
	}
	if !key.IsPublic() {
		return nil, "", oauth.InvalidRequest("public_jwk must be the public half only; this one held a private key, so make a new pair")
	}
	alg, err := algOf(key.Key)
	if err != nil {
		return nil, "", err
	}
	if key.Algorithm != "" && key.Algorithm != string(alg) {
		return nil, "", oauth.InvalidRequest("the alg of public_jwk must be %s", alg)
	}
	if key.Use != "" && key.Use != "sig" {
		return nil, "", oauth.InvalidRequest("the use of public_jwk must be sig")
	}
	return key.Key, alg, nil
}

func algOf(public crypto.PublicKey) (jwk.Alg, error) {
	switch public := public.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < leastRSABits || bits > mostRSABits || public.E < leastRSAExponent {
			return "", oauth.InvalidRequest("an RSA key must have %d to %d bits and an exponent of at least %d", leastRSABits, mostRSABits, leastRSAExponent)
		}
		return jwk.RS256, nil
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			return jwk.ES256, nil
		}
	case ed25519.PublicKey:
		return jwk.EdDSA, nil
	}
	return "", oauth.InvalidRequest("public_jwk must be an RSA, P-256 or Ed25519 key")
}

// marshalPublic is how a public key rests: SubjectPublicKeyInfo (RFC 5280 §4.1).
func marshalPublic(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("serviceaccount: public key: %w", err)
	}
	return der, nil
}

func parsePublic(der []byte) (crypto.PublicKey, error) {
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("serviceaccount: public key: %w", err)
	}
	return public, nil
}

// privatePEM is the one time that a private key leaves: PKCS #1, which every library reads (RFC 8017 appendix A.1.2).
func privatePEM(private *rsa.PrivateKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))
}
