package lastuse_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"latchkey.dev/internal/lastuse"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/pgtest"
	"latchkey.dev/internal/tokentest"
)

func lastUsed(f *tokentest.Fixture, grantID string) micros.Time {
	f.Helper()
	grant, err := f.Store.Grant(context.Background(), f.Issuer.Name, grantID)
	f.Must(err)
	return grant.LastUsedAt
}

func TestUsesWithinAMinuteAreOneWrite(t *testing.T) {
	f := tokentest.New(t)
	grant := f.Grant(f.App(), "orders.read")
	first := f.Store.Now()
	f.LastUse.Touch(grant.ID)
	f.LastUse.Touch("") // a client's own token
	if !lastUsed(f, grant.ID).Never() {
		t.Error("a use was written at once")
	}
	f.Must(f.LastUse.Flush(t.Context()))
	f.Advance(59 * time.Second)
	f.LastUse.Touch(grant.ID)
	f.Must(f.LastUse.Flush(t.Context()))
	if got := lastUsed(f, grant.ID); got != first {
		t.Errorf("written again after %s", got.Sub(first))
	}
	f.Advance(time.Second)
	f.LastUse.Touch(grant.ID)
	f.Must(f.LastUse.Flush(t.Context()))
	if got := lastUsed(f, grant.ID); got.Sub(first) != time.Minute {
		t.Errorf("last used %s after the first, want a minute", got.Sub(first))
	}
}

func TestWhatCannotBeWrittenWaits(t *testing.T) {
	f := tokentest.New(t)
	f.LastUse.Touch(f.Grant(f.App(), "orders.read").ID)
	f.Unavailable()
	for range 2 {
		if err := f.LastUse.Flush(t.Context()); !tokentest.IsUnavailable(err) {
			t.Errorf("%v: a use was forgotten", err)
		}
	}
}

func TestStoppingWritesWhatIsWaiting(t *testing.T) {
	f := tokentest.New(t)
	grant := f.Grant(f.App(), "orders.read")
	f.LastUse.Touch(grant.ID)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	f.LastUse.Run(ctx)
	if lastUsed(f, grant.ID).Never() {
		t.Errorf("the use was lost at the stop; log: %s", f.Log)
	}
}

func TestAFailedWriteIsLoggedAndTriedAgain(t *testing.T) {
	f := tokentest.New(t)
	f.LastUse.Touch(f.Grant(f.App(), "orders.read").ID)
	f.Unavailable()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	f.LastUse.Run(ctx)
	if !strings.Contains(f.Log.String(), "not written") {
		t.Errorf("log %q", f.Log)
	}
}

func TestItWritesEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := tokentest.New(t) // the database's goroutines must be of the same bubble
		grant := f.Grant(f.App(), "orders.read")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			f.LastUse.Run(ctx)
		}()
		f.LastUse.Touch(grant.ID)
		time.Sleep(1100 * time.Millisecond)
		if lastUsed(f, grant.ID).Never() {
			t.Error("nothing was written")
		}
		stop()
		<-done
	})
}

// Two nodes that write uses of the same connections at once never hold what the other waits for.
func TestNodesWriteInOneOrder(t *testing.T) {
	url := pgtest.New(t)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	node := func() *store.Store {
		s, err := store.Open(t.Context(), store.Config{URL: url, Clock: clock, Rand: rand.Reader})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	nodes := []*store.Store{node(), node()}
	grants := manyGrants(t, nodes[0])
	before := deadlocks(t, url)
	recorders := []*lastuse.Recorder{lastuse.New(nodes[0], slog.New(slog.DiscardHandler)), lastuse.New(nodes[1], slog.New(slog.DiscardHandler))}
	for range 5 {
		now = now.Add(time.Hour)
		var all sync.WaitGroup
		for _, recorder := range recorders {
			for _, id := range grants {
				recorder.Touch(id)
			}
			all.Go(func() {
				if err := recorder.Flush(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	if after := deadlocks(t, url); after != before {
		t.Errorf("deadlocks: %s, before %s", after, before)
	}
}

// manyGrants are 150 connections, of one person with as many apps.
func manyGrants(t *testing.T, s *store.Store) (ids []string) {
	t.Helper()
	err := s.InTx(t.Context(), func(tx *store.Tx) error {
		ids = nil
		user, account := store.User{Issuer: "acme", ID: "u", Email: "u@example.com"}, store.Account{Issuer: "acme", ID: "a"}
		err := errors.Join(tx.CreateUser(user), tx.CreateAccount(account, "u"))
		for i := range 150 {
			client := store.Client{Issuer: "acme", ID: fmt.Sprint("c", i), AccountID: "a", Status: store.ClientActive}
			created := tx.CreateClient(client)
			grant, _, consented := tx.SaveConsent(store.Consent{Issuer: "acme", UserID: "u", AccountID: "a", ClientID: client.ID, Allowed: oauth.ScopeSet{"x"}})
			err, ids = errors.Join(err, created, consented), append(ids, grant.ID)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func deadlocks(t *testing.T, url string) string {
	t.Helper()
	return pgtest.Text(t, url, "SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database()")
}
