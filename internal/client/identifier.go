package client

import (
	"fmt"
	"io"

	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
)

// What client identifiers and secrets look like where the issuer's policy says nothing: the prefix lets people and secret
// scanners recognise them.
const (
	idPrefix     = "app_"
	secretPrefix = "lk_cs_"
)

// newID draws a client identifier as the issuer's look.
func (r *Registry) newID() (string, error) {
	format := r.Issuer.Policy.ClientIDs
	switch {
	case format.UUID:
		return r.newUUID()
	case format.Digits > 0:
		digits, err := seal.NewDigits(r.Rand, format.Digits)
		return format.Prefix + digits, err
	case format.Prefix != "":
		return r.Store.NewPublicID(format.Prefix), nil
	default:
		return r.Store.NewPublicID(idPrefix), nil
	}
}

// newUUID is a random one (RFC 9562 §5.4): it tells nobody when the app was registered.
func (r *Registry) newUUID() (string, error) {
	var id [16]byte
	if _, err := io.ReadFull(r.Rand, id[:]); err != nil {
		return "", fmt.Errorf("client: no randomness: %w", err)
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return store.FormatID(id), nil
}

// makeSecret draws a secret: 256 random bits, whatever stands before them.
func (r *Registry) makeSecret() string {
	if prefix := r.Issuer.Policy.ClientSecrets.Prefix; prefix != "" {
		return seal.NewSecret(r.Rand, prefix)
	}
	return seal.NewSecret(r.Rand, secretPrefix)
}
