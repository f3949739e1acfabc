package signing

import (
	"context"
	"fmt"
	"slices"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/store"
)

// Ensure makes what is missing, so that each algorithm has a current key and a next one. Nodes that start together make one
// set between them.
func (k *Keys) Ensure(ctx context.Context) error {
	rows, err := k.Store.SigningKeys(ctx, k.Issuer)
	if err != nil {
		return err
	}
	for _, alg := range k.Algs {
		for range missing(outlines(rows), alg) {
			if err := k.advance(ctx, alg, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// missing is how many keys must still be made: none, the next, or both.
func missing(keys []jwk.Key, alg jwk.Alg) int {
	count := 2
	for _, key := range keys {
		if key.Alg == alg && key.State != jwk.StatePrevious {
			count--
		}
	}
	return max(count, 0)
}

// Rotate moves the algorithm's keys one step on and returns all keys as they are now: next signs, current only verifies, and
// a fresh one is published for the rotation after this. What the key that retired has signed stays verifiable for KeepRetired.
func (k *Keys) Rotate(ctx context.Context, alg jwk.Alg) ([]jwk.Key, error) {
	if !alg.Supported() {
		return nil, fmt.Errorf("the algorithm must be one of %v, not %q", jwk.Algs(), alg)
	}
	if err := k.advance(ctx, alg, true); err != nil {
		return nil, err
	}
	return k.List(ctx)
}

// advance makes one key, which takes a while, and then decides in one transaction what becomes of it. Unless rotating, a key
// that another node has made meanwhile is enough, and ours is forgotten.
func (k *Keys) advance(ctx context.Context, alg jwk.Alg, rotating bool) error {
	fresh, err := jwk.Generate(k.Rand, alg, k.Clock())
	if err != nil {
		return err
	}
	err = k.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.LockSigningKeys(); err != nil {
			return err
		}
		rows, err := tx.SigningKeys(k.Issuer)
		if err != nil {
			return err
		}
		if !rotating && missing(outlines(rows), alg) == 0 {
			return nil
		}
		if err := k.save(tx, rows, jwk.Rotate(outlines(rows), alg, fresh, tx.Now().Time())); err != nil || !rotating {
			return err
		}
		return tx.Record(store.Event{Issuer: k.Issuer, Type: store.EventSigningKeysRotated, Detail: map[string]string{"alg": string(alg)}})
	})
	k.drop()
	return err
}

func outlines(rows []store.SigningKey) []jwk.Key {
	keys := make([]jwk.Key, len(rows))
	for i, row := range rows {
		keys[i] = outline(row)
	}
	return keys
}

// save writes the difference between the rows and the plan. A retired key that the plan drops is kept while something that it
// signed may still be alive.
func (k *Keys) save(tx *store.Tx, rows []store.SigningKey, plan []jwk.Key) error {
	for _, row := range rows {
		at := slices.IndexFunc(plan, func(key jwk.Key) bool { return key.KID == row.Kid })
		var err error
		switch {
		case at >= 0 && plan[at].State != row.State:
			err = tx.SetSigningKeyState(row, plan[at].State)
		case at < 0 && row.RetiredAt.Add(k.KeepRetired) <= tx.Now():
			err = tx.DropSigningKey(k.Issuer, row.Kid)
		}
		if err != nil {
			return err
		}
	}
	for _, key := range plan {
		if key.Private == nil { // an outline: it is in the database already
			continue
		}
		sealed, err := k.seal(key)
		if err != nil {
			return err
		}
		if err := tx.AddSigningKey(sealed); err != nil {
			return err
		}
	}
	return nil
}
