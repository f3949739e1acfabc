package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey.dev/internal/store"
)

// Bench measures how many redemptions and rotations an engine commits in a second, and how many tokens it looks up, alone and with many
// callers at once.
func Bench(b *testing.B, open Open) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("redeem/%d", callers), func(b *testing.B) {
			f := &fixture{t: b, s: open(b)}
			codes := f.codesInBulk(f.connection(), b.N)
			commits(b, callers, func(i int) error {
				return f.try(func(tx *store.Tx) error { return tx.RedeemCode(codes[i].Hash, f.familyOf(codes[i])) })
			})
		})
		b.Run(fmt.Sprintf("rotate/%d", callers), func(b *testing.B) {
			f := &fixture{t: b, s: open(b)}
			families, generations := f.familiesFor(callers)
			commits(b, callers, func(i int) error {
				mine := i % callers
				return f.rotate(families[mine], generations[mine].Add(1))
			})
		})
		b.Run(fmt.Sprintf("state/%d", callers), func(b *testing.B) {
			f := &fixture{t: b, s: open(b)}
			ref := f.userToken(f.family(f.connection(), "bench"))
			commits(b, callers, func(int) error {
				_, err := f.s.TokenState(f.ctx(), ref)
				return err
			})
		})
	}
}

// commits shares b.N calls among the callers.
func commits(b *testing.B, callers int, act func(i int) error) {
	b.Helper()
	b.ResetTimer()
	var running sync.WaitGroup
	for caller := range callers {
		running.Go(func() {
			for i := caller; i < b.N; i += callers {
				if err := act(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

// codesInBulk makes codes a thousand at a time.
func (f *fixture) codesInBulk(grant store.Grant, n int) []store.Code {
	f.t.Helper()
	codes := make([]store.Code, n)
	for i := range codes {
		name := fmt.Sprint("bulk-", i)
		codes[i] = store.Code{
			Hash: store.Hash(name), Issuer: acme, ClientID: grant.ClientID, FamilyID: name, Grant: grant, ExpiresAt: f.later(),
		}
	}
	for from := 0; from < n; from += 1000 {
		f.do(func(tx *store.Tx) error {
			for _, code := range codes[from:min(from+1000, n)] {
				f.ok(tx.CreateCode(code))
			}
			return nil
		})
	}
	return codes
}

func (f *fixture) familiesFor(callers int) (ids []string, generations []atomic.Int64) {
	f.t.Helper()
	grant := f.connection()
	for i := range callers {
		ids = append(ids, f.family(grant, numbered("bench", i)).ID)
	}
	return ids, make([]atomic.Int64, callers)
}
