package serviceaccount

import (
	"encoding/json"
	"errors"
	"math"

	"github.com/go-jose/go-jose/v4"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/wire"
)

const (
	maxAssertion  = 8 << 10 // bytes
	maxIdentifier = 255     // bytes of a key's or an assertion's identifier
)

// Assertion is a JWT that a service account's key signed (RFC 7523 §3), and the address that it came from.
type Assertion struct {
	Token   string `json:"token"`
	Address string `json:"-"`
}

// statement is what an assertion says. Until its signature is verified, anyone can have said it.
type statement struct {
	signed *jose.JSONWebSignature
	alg    jwk.Alg
	kid    string
	claims claims
}

// claims are the members of RFC 7523 §3 that count here.
type claims struct {
	Issuer    string        `json:"iss"`
	Subject   string        `json:"sub"`
	Audience  oidc.Audience `json:"aud"`
	Expiry    *numericDate  `json:"exp"`
	NotBefore *numericDate  `json:"nbf"`
	IssuedAt  *numericDate  `json:"iat"`
	ID        string        `json:"jti"`
}

// numericDate is seconds since 1970, with a fraction where the client's clock gives one (RFC 7519 §2).
type numericDate micros.Time

// latest keeps sums with a date far from the ends of an int64.
const latest = 1e11 // seconds: in the year 5138

// UnmarshalJSON reads a number.
func (d *numericDate) UnmarshalJSON(data []byte) error {
	var seconds float64
	if err := json.Unmarshal(data, &seconds); err != nil || math.Abs(seconds) > latest {
		return errors.New("a time in the assertion is not a number of seconds since 1970")
	}
	*d = numericDate(seconds * 1e6)
	return nil
}

func (d *numericDate) time() micros.Time {
	if d == nil {
		return 0
	}
	return micros.Time(*d)
}

var errUnreadable = errors.New("not a JWS in compact form with an allowed alg")

// readAssertion takes an assertion apart. Only the algorithms that keys are for are known (RFC 8725 §3.1), and nothing that the
// header demands of us (RFC 7515 §4.1.11).
func readAssertion(token string) (statement, error) {
	if len(token) > maxAssertion {
		return statement{}, errUnreadable
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA})
	if err != nil || len(signed.Signatures) != 1 {
		return statement{}, errUnreadable
	}
	header := signed.Signatures[0].Protected
	for name := range header.ExtraHeaders {
		if name == "crit" || name == "b64" {
			return statement{}, errUnreadable
		}
	}
	said := statement{signed: signed, alg: jwk.Alg(header.Algorithm), kid: header.KeyID}
	if err := wire.DecodeJSON(signed.UnsafePayloadWithoutVerification(), &said.claims); err != nil {
		return statement{}, err
	}
	if len(said.kid) > maxIdentifier || len(said.claims.Subject) > maxIdentifier || len(said.claims.ID) > maxIdentifier {
		return statement{}, errUnreadable
	}
	return said, nil
}

// verify tells whether the key signed it, with the one algorithm that the key is for.
func (said *statement) verify(alg jwk.Alg, publicKey []byte) (bool, error) {
	public, err := parsePublic(publicKey)
	if err != nil {
		return false, err
	}
	if said.alg != alg {
		return false, nil
	}
	_, err = said.signed.Verify(public)
	return err == nil, nil
}
