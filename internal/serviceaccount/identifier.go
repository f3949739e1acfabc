package serviceaccount

import (
	"cmp"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/seal"
)

// How identifiers look where the issuer's policy says nothing.
const (
	idPrefix    = "svc-"
	keyIDPrefix = "lk-key-"
	anyChannel  = "{id}@{account}"
)

// userCode is base32 in lower case: it stands in an address, where case and punctuation get lost.
var userCode = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newID makes a user code: 80 random bits, or as many digits as the format asks for. It is a name, not a secret.
func newID(rand io.Reader, format issuer.CredentialFormat) (string, error) {
	if format.Digits > 0 {
		digits, err := seal.NewDigits(rand, format.Digits)
		return format.Prefix + digits, err
	}
	var random [10]byte
	if _, err := io.ReadFull(rand, random[:]); err != nil {
		return "", noRandomness(err)
	}
	return cmp.Or(format.Prefix, idPrefix) + userCode.EncodeToString(random[:]), nil
}

// newKeyID makes a key identifier of 128 random bits: nobody finds one by trying.
func newKeyID(rand io.Reader, format issuer.CredentialFormat) (string, error) {
	var random [16]byte
	if _, err := io.ReadFull(rand, random[:]); err != nil {
		return "", noRandomness(err)
	}
	return cmp.Or(format.Prefix, keyIDPrefix) + hex.EncodeToString(random[:]), nil
}

func noRandomness(err error) error { return fmt.Errorf("serviceaccount: no randomness: %w", err) }

// channel is a service account's other name.
func (s *Service) channel(id, accountID string) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, accountID)
	return strings.NewReplacer("{id}", id, "{account}", strings.ToLower(accountID), "{digits}", digits).
		Replace(cmp.Or(s.policy().Channel, anyChannel))
}
