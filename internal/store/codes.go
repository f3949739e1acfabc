package store

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/store/dbsql"
)

// CodeText writes a code: when its flow began, and what is secret about it.
func CodeText(began micros.Time, secret [sha256.Size]byte) string {
	return base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint64(nil, uint64(began)), secret[:]...))
}

// CodeHash keys a code by when its flow began, and then by its hash: codes of the same moment lie side by side, so that a commit of many
// writes a few pages and not one for each. What is not the text of a code is found nowhere.
func CodeHash(code string) []byte {
	const began = 8 // bytes
	raw, err := base64.RawURLEncoding.DecodeString(code)
	if err != nil || len(raw) != began+sha256.Size {
		return Hash(code)
	}
	return append(raw[:began:began], Hash(code)...)
}

// HasCode tells whether a code was recorded, used or not, as this transaction sees it: whoever answers a request twice finds
// the first answer before it changes anything.
func (tx *Tx) HasCode(issuer string, hash []byte) (bool, error) {
	_, err := found(tx.q.GetCode(tx.ctx, dbsql.GetCodeParams{Hash: hash, Issuer: issuer}))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
