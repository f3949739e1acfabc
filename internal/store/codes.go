package store

import (
	"errors"

	"latchkey.dev/internal/store/dbsql"
)

// HasCode tells whether a code was recorded, used or not, as this transaction sees it: whoever answers a request twice finds
// the first answer before it changes anything.
func (tx *Tx) HasCode(issuer string, hash []byte) (bool, error) {
	_, err := found(tx.q.GetCode(tx.ctx, dbsql.GetCodeParams{Hash: hash, Issuer: issuer}))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
