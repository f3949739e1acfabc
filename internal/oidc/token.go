package oidc

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"slices"
)

// ACRPassword is the acr of a sign-in with a password alone.
const ACRPassword = "urn:latchkey:acr:password"

// AMRPassword is the amr value of a password (RFC 8176 §2).
const AMRPassword = "pwd"

// Audience is an aud claim: a string on the wire when it is one, an array when
// there are several (RFC 7519 §4.1.3).
type Audience []string

// Has reports whether the audience includes name.
func (a Audience) Has(name string) bool { return slices.Contains(a, name) }

// MarshalJSON writes one audience as a string, several as an array.
func (a Audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON reads a string or an array.
func (a *Audience) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*a = Audience{""}
		return json.Unmarshal(data, &(*a)[0])
	}
	return json.Unmarshal(data, (*[]string)(a))
}

// IDTokenClaims are the claims of an ID Token (OpenID Connect Core §2). Times
// are Unix seconds.
type IDTokenClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience Audience `json:"aud"`
	Expiry   int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	AuthTime int64    `json:"auth_time,omitempty"` // when the person signed in
	Nonce    string   `json:"nonce,omitempty"`     // exactly as the client sent it
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	ATHash   string   `json:"at_hash,omitempty"` // §3.1.3.6
	SID      string   `json:"sid,omitempty"`     // Front-Channel Logout §3

	// AccountID says which account the person chose; a claim of ours.
	AccountID string `json:"account_id,omitempty"`
}

// AccessTokenClaims are the claims of an access token (RFC 9068 §2.2), both
// in a JWT and in the sealed, opaque form. Times are Unix seconds.
type AccessTokenClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"` // user id, or client_id for client credentials (§2.2)
	Audience Audience `json:"aud"`
	Expiry   int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	JTI      string   `json:"jti"`
	ClientID string   `json:"client_id"`
	Scope    string   `json:"scope,omitempty"` // §2.2.3
	AuthTime int64    `json:"auth_time,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`

	// Ours: what the token hangs on, so that revoking it is one row, and whom it acts for.
	GrantID   string `json:"grant_id,omitempty"`
	FamilyID  string `json:"family_id,omitempty"`
	AccountID string `json:"account_id,omitempty"`
}

// ATHash is the at_hash of an access token: the left half of the hash that
// the ID Token's alg uses, base64url (OpenID Connect Core §3.1.3.6). Ed25519
// uses SHA-512 (RFC 8032 §5.1).
func ATHash(alg, accessToken string) string {
	if alg == "EdDSA" {
		digest := sha512.Sum512([]byte(accessToken))
		return base64.RawURLEncoding.EncodeToString(digest[:sha512.Size/2])
	}
	digest := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(digest[:sha256.Size/2])
}
