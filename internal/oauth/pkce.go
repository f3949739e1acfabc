package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// MethodS256 is the only code_challenge_method served: "plain" hands the
// verifier to whoever can read the authorization request (OAuth 2.1 §7.5.1).
const MethodS256 = "S256"

// challengeLength is base64url of a SHA-256 digest without padding (RFC 7636 §4.2).
const challengeLength = 43

// Bounds of a code_verifier (RFC 7636 §4.1).
const (
	minVerifier = 43
	maxVerifier = 128
)

// CheckChallenge checks the code_challenge of an authorization request. An
// absent method means "plain" (RFC 7636 §4.3), which is refused. The error is
// invalid_request (§4.4.1).
func CheckChallenge(challenge, method string) error {
	if challenge == "" {
		return InvalidRequest("code_challenge is missing; send PKCE with code_challenge_method=S256 (RFC 7636 section 4.3)")
	}
	if method != MethodS256 {
		return InvalidRequest("code_challenge_method must be S256 (RFC 7636 section 4.3)")
	}
	if len(challenge) != challengeLength {
		return InvalidRequest("code_challenge must be the 43 characters of base64url(SHA-256(code_verifier)) without padding")
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(challenge); err != nil {
		return InvalidRequest("code_challenge must be base64url without padding (RFC 7636 section 4.2)")
	}
	return nil
}

// VerifyChallenge proves that whoever presents a code also started its
// request (RFC 7636 §4.6). Every refusal is invalid_grant. A code issued
// without a challenge takes no verifier, so that a stripped challenge is
// noticed (RFC 9700 §4.8.2).
func VerifyChallenge(challenge, verifier string) error {
	if challenge == "" && verifier == "" {
		return nil
	}
	if challenge == "" {
		return pkceMismatch("code_verifier was sent, but the authorization request had no code_challenge")
	}
	if verifier == "" {
		return pkceMismatch("code_verifier is missing; the authorization request had a code_challenge")
	}
	if !validVerifier(verifier) {
		return pkceMismatch("code_verifier must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~ (RFC 7636 section 4.1)")
	}
	digest := sha256.Sum256([]byte(verifier))
	var expected [challengeLength]byte
	base64.RawURLEncoding.Encode(expected[:], digest[:])
	if subtle.ConstantTimeCompare(expected[:], []byte(challenge)) != 1 {
		return pkceMismatch("code_verifier does not match the code_challenge of the authorization request")
	}
	return nil
}

func pkceMismatch(description string) error {
	return InvalidGrant("%s", description).With(ReasonPKCEMismatch)
}

// validVerifier holds a verifier to RFC 7636 §4.1: 43*128unreserved.
func validVerifier(s string) bool {
	if len(s) < minVerifier || len(s) > maxVerifier {
		return false
	}
	for i := range len(s) {
		if !unreserved(s[i]) {
			return false
		}
	}
	return true
}

// unreserved is RFC 3986 §2.3.
func unreserved(c byte) bool {
	switch {
	case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		return true
	}
	return c == '-' || c == '.' || c == '_' || c == '~'
}
