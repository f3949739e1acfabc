package mint

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/store"
)

// refreshPurpose separates the key that authenticates refresh tokens from every other.
const refreshPurpose = "refresh_token"

// A refresh token is the family's id, the generation, and a MAC over both and the issuer.
const (
	familyLength  = 16
	namedLength   = familyLength + 4
	refreshLength = namedLength + 32
)

// RefreshToken makes a family's refresh token of a generation: the same one whenever it is asked for, so that a lost answer
// can be repeated and nothing of it is stored. Without the master key none can be made (RFC 6749 §10.10).
func (m *Mint) RefreshToken(familyID string, generation int64) (string, error) {
	id, err := store.ParseID(familyID)
	if err != nil {
		return "", fmt.Errorf("mint: family: %w", err)
	}
	if generation < 1 || generation > math.MaxUint32 {
		return "", fmt.Errorf("mint: generation %d of family %s is out of range", generation, familyID)
	}
	raw := make([]byte, namedLength, refreshLength)
	copy(raw, id[:])
	binary.BigEndian.PutUint32(raw[familyLength:], uint32(generation))
	mac := m.Keyring.MAC(refreshPurpose, m.owner, raw)
	return m.Issuer.AccessToken.RefreshPrefix + base64.RawURLEncoding.EncodeToString(append(raw, mac[:]...)), nil
}

// refreshEncoded is the length of a refresh token without its prefix, in characters.
var refreshEncoded = base64.RawURLEncoding.EncodedLen(refreshLength)

// ReadRefreshToken returns which family and generation a refresh token names; ok is false when this issuer did not make it. Its prefix may be
// one that the issuer had before: connections outlive a change of the configuration.
func (m *Mint) ReadRefreshToken(token string) (familyID string, generation int64, ok bool) {
	prefix := token[:max(0, len(token)-refreshEncoded)]
	if prefix != m.Issuer.AccessToken.RefreshPrefix && !issuer.ValidPrefix(prefix) { // an access token, which comes here too, fails by its length
		return "", 0, false
	}
	raw, ok := decode(token, prefix)
	if !ok || len(raw) != refreshLength {
		return "", 0, false
	}
	if !m.Keyring.CheckMAC(refreshPurpose, raw[namedLength:], m.owner, raw[:namedLength]) {
		return "", 0, false
	}
	return store.FormatID([16]byte(raw[:familyLength])), int64(binary.BigEndian.Uint32(raw[familyLength:namedLength])), true
}
