package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/pgtest"
)

// ways are how a node reaches PostgreSQL.
var ways = []struct {
	name    string
	through func(t testing.TB, url string) string
}{
	{"direct", func(_ testing.TB, url string) string { return url }},
	{"pgbouncer", pgtest.Pooler},
}

// heldUp has decisions travel together, on a store with one connection for them: they are made while one round trip is under way that
// decides nothing. begin runs when that one is.
func heldUp(f *sample, proxy *pgtest.Proxy, begin func(), decisions []func() error) []error {
	f.t.Helper()
	const trip = 600 * time.Millisecond
	proxy.Delay(trip)
	var all sync.WaitGroup
	all.Go(func() {
		if f.revoke("no text \x00") == nil {
			f.t.Error("broken text was taken")
		}
	})
	time.Sleep(trip / 3)
	begin()
	results := make([]error, len(decisions))
	for i, decide := range decisions {
		all.Go(func() { results[i] = decide() })
	}
	time.Sleep(trip / 3)
	proxy.Delay(0)
	all.Wait()
	return results
}

// A commit that the server acknowledged is told as one, and happened once, though the connection ends right behind the word.
func TestPostgresAnAcknowledgedCommitStands(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			url := pgtest.New(t)
			proxy := pgtest.NewProxy(t, way.through(t, url))
			f := newSample(t, open(t, proxy.URL+"&pool_max_conns=3"))
			count := func(query, want string) {
				t.Helper()
				if got := pgtest.Text(t, url, query); got != want {
					t.Errorf("%s: %s, want %s", query, got, want)
				}
			}
			for i := range 6 {
				f.code(fmt.Sprint("family-", i))
			}

			cut := proxy.CutAfterCommit()
			if err := f.redeem("family-0"); err != nil || !cut() {
				t.Errorf("a redemption: %v; cut behind its commit: %t", err, cut())
			}
			count("SELECT count(*)::text FROM events WHERE type = 'token.issued'", "1")

			runs := 0
			cut = proxy.CutAfterCommit()
			err := f.s.InTx(t.Context(), func(tx *store.Tx) error {
				runs++
				return tx.CreateUser(store.User{Issuer: "acme", ID: "v", Email: "v@example.com"})
			})
			if err != nil || runs != 1 || !cut() {
				t.Errorf("a transaction: %v, run %d times; cut behind its commit: %t", err, runs, cut())
			}

			decisions := make([]func() error, 5)
			for i := range decisions {
				decisions[i] = func() error { return f.redeem(fmt.Sprint("family-", i+1)) }
			}
			results := heldUp(f, proxy, func() { cut = proxy.CutAfterCommit() }, decisions)
			if err := errors.Join(results...); err != nil || !cut() {
				t.Errorf("decisions that travel together: %v; cut behind their commit: %t", err, cut())
			}
			count("SELECT count(*)::text FROM events WHERE type = 'token.issued'", "6")
			count("SELECT count(DISTINCT xmin::text)::text FROM families WHERE id <> 'family-0'", "1") // or they did not travel together
		})
	}
}

// What never left is sent again: the first to write to connections that a restart ended has not sent anything.
func TestPostgresWhatWasNotSentIsSentAgain(t *testing.T) {
	proxy := pgtest.NewProxy(t, pgtest.New(t))
	f := newSample(t, open(t, proxy.URL))
	f.ok(f.revoke("warm"))
	for i := range 5 {
		proxy.Cut()
		if err := f.revoke(fmt.Sprint("token-", i)); err != nil {
			t.Errorf("a decision: %v", err)
		}
	}
}
