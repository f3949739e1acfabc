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
	proxy.Delay(2 * time.Second)
	trips := proxy.Trips()
	var all sync.WaitGroup
	all.Go(func() {
		if f.revoke("no text \x00") == nil {
			f.t.Error("broken text was taken")
		}
	})
	await(f.t, "a round trip", func() bool { return proxy.Trips() > trips })
	begin()
	results := make([]error, len(decisions))
	for i, decide := range decisions {
		all.Go(func() { results[i] = decide() })
	}
	await(f.t, "all decisions in the queue", func() bool { return f.s.Queued() == len(decisions) })
	proxy.Delay(0)
	all.Wait()
	return results
}

// await waits until something is so. It goes on after an error, so that what the test holds is let go.
func await(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("waited for %s in vain", what)
			return
		}
	}
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

var errUndo = errors.New("undo")

// thirdLocked rotates five families together while somebody else's transaction holds the third's row, and returns what each got. meanwhile runs
// beside them.
func thirdLocked(t *testing.T, parameters string, meanwhile func(url string, proxy *pgtest.Proxy)) (results []error) {
	t.Helper()
	url := pgtest.New(t)
	proxy := pgtest.NewProxy(t, url)
	f := newSample(t, open(t, proxy.URL+"&pool_max_conns=3"+parameters))
	decisions := make([]func() error, 5)
	for i := range decisions {
		name := fmt.Sprint("family-", i)
		f.code(name)
		f.ok(f.redeem(name))
		decisions[i] = func() error { return f.rotate(name, 1) }
	}
	err := open(t, url+"&idle_in_transaction_session_timeout=1min").InTx(t.Context(), func(tx *store.Tx) error {
		if err := tx.RotateRefreshToken("family-2", 1, 2, tx.Now().Add(time.Hour)); err != nil {
			return err
		}
		var all sync.WaitGroup
		all.Go(func() { results = heldUp(f, proxy, func() {}, decisions) })
		meanwhile(url, proxy)
		all.Wait()
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		t.Fatal(err)
	}
	return results
}

// wantOneUnavailable wants trouble for the third alone, and returns it.
func wantOneUnavailable(t *testing.T, results []error) (third *store.UnavailableError) {
	t.Helper()
	for i, err := range results {
		if i == 2 {
			wantUnavailable(t, "the locked row's", err)
			errors.As(err, &third)
		} else if err != nil {
			t.Errorf("number %d travelled with it and got %v", i, err)
		}
	}
	return third
}

// A row that somebody else holds costs its own decision, and none that travels with it, however often the wait for it is repeated.
func TestPostgresALockedRowCostsNoNeighbour(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: -short")
	}
	results := thirdLocked(t, "&lock_timeout=3500ms", func(string, *pgtest.Proxy) {}) // twice that is longer than a round trip may take
	if third := wantOneUnavailable(t, results); third != nil && third.Uncertain {
		t.Errorf("the server said that it waited for too long, and it is told as uncertain: %v", third)
	}
}

// The connection goes while the locked row's decision waits alone: it is in doubt, and those behind it, which were not sent, are not.
func TestPostgresALostDecisionCostsNoNeighbour(t *testing.T) {
	t.Parallel()
	results := thirdLocked(t, "&lock_timeout=2s", func(url string, proxy *pgtest.Proxy) {
		together := awaitLock(t, url, "")
		awaitLock(t, url, together)
		proxy.Cut()
	})
	if third := wantOneUnavailable(t, results); third != nil && !third.Uncertain {
		t.Errorf("nobody knows what became of it, and it is told as not committed: %v", third)
	}
}

// awaitLock waits until a transaction waits for a lock, other than the one that began at a time, and returns when it began.
func awaitLock(t *testing.T, url, other string) (began string) {
	t.Helper()
	for range 1000 {
		began = pgtest.Text(t, url, "SELECT coalesce(max(xact_start)::text, '') FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
		if began != "" && began != other {
			return began
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nobody waits for a lock")
	return ""
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

// Behind a pooler too a transaction, and a decision that is a statement and alone, has the timeouts of the URL.
func TestPgbouncerKeepsTheTimeoutsOfTheURL(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	direct := newSample(t, open(t, url))
	direct.code("one")
	direct.ok(direct.redeem("one"))
	pooled := &sample{t: t, s: open(t, pgtest.Pooler(t, url)+"&lock_timeout=200ms&idle_in_transaction_session_timeout=100ms")}
	err := direct.s.InTx(t.Context(), func(tx *store.Tx) error {
		if err := errors.Join(tx.RotateRefreshToken("one", 1, 2, tx.Now().Add(time.Hour)), tx.SetProfile("acme", "u", "name", "en")); err != nil {
			return err
		}
		began := time.Now()
		wantUnavailable(t, "a transaction", pooled.s.InTx(t.Context(), func(tx *store.Tx) error { return tx.SetPassword("acme", "u", "h") }))
		err := pooled.rotate("one", 1)
		wantUnavailable(t, "a decision", err)
		if unavailable, ok := errors.AsType[*store.UnavailableError](err); ok && unavailable.Uncertain {
			t.Errorf("a decision was given up on without a word from the server: %v", err)
		}
		if took := time.Since(began); took > 2900*time.Millisecond { // where the URL's does not hold, the default's 3 s do
			t.Errorf("they waited for %s", took)
		}
		return nil
	})
	direct.ok(err)
	wantUnavailable(t, "a transaction that stood still", pooled.s.InTx(t.Context(), func(tx *store.Tx) error {
		if err := tx.SetPassword("acme", "u", "h"); err != nil {
			return err
		}
		time.Sleep(400 * time.Millisecond)
		return tx.SetPassword("acme", "u", "other")
	}))
}
