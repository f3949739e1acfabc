package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"latchkey.dev/internal/store"
)

var errRefused = errors.New("refused by the test")

var transactions = []test{
	{"all of it or nothing", func(f *fixture) {
		f.refused(f.try(func(tx *store.Tx) error {
			if err := tx.CreateUser(store.User{Issuer: acme, ID: "noura", Email: "noura@example.com"}); err != nil {
				return err
			}
			return errRefused
		}), errRefused)
		_, err := f.s.User(f.ctx(), acme, "noura")
		f.refused(err, store.ErrNotFound)
	}},
	{"a panic is an error, and neither open nor contagious", func(f *fixture) {
		for range 40 { // more than any pool has connections
			err := f.try(func(tx *store.Tx) error {
				_ = tx.CreateUser(store.User{Issuer: acme, ID: "ghost", Email: "ghost@example.com"})
				panic("broken")
			})
			if err == nil || !strings.Contains(err.Error(), "broken") {
				f.t.Fatalf("got %v, want an error that tells of the panic", err)
			}
		}
		f.user("noura")
		_, err := f.s.User(f.ctx(), acme, "ghost")
		f.refused(err, store.ErrNotFound)
	}},
	{"time stands still within one", func(f *fixture) {
		f.do(func(tx *store.Tx) error {
			first := tx.Now()
			time.Sleep(2 * time.Millisecond)
			equal(f, "now", tx.Now(), first)
			return nil
		})
	}},
	{"a context that ended before it begins leaves nothing", func(f *fixture) {
		ctx, cancel := context.WithCancel(f.ctx())
		cancel()
		err := f.s.InTx(ctx, func(tx *store.Tx) error {
			return tx.CreateUser(store.User{Issuer: acme, ID: "late", Email: "l@example.com"})
		})
		f.refused(err, context.Canceled)
		_, err = f.s.User(f.ctx(), acme, "late")
		f.refused(err, store.ErrNotFound)
	}},
	{"what is committed is seen by the next read", func(f *fixture) {
		for i := range 50 {
			name := numbered("user", i)
			f.user(name)
			_, err := f.s.User(f.ctx(), acme, name)
			f.ok(err)
		}
	}},
	{"many at once all arrive", func(f *fixture) {
		wins := f.race(func(i int) error {
			name := numbered("user", i)
			return f.try(func(tx *store.Tx) error {
				return tx.CreateUser(store.User{Issuer: acme, ID: name, Email: name + "@example.com"})
			})
		})
		equal(f, "committed", wins, racers)
		users, err := f.s.Users(f.ctx(), acme, "", 1000)
		f.ok(err)
		equal(f, "stored", len(users), racers)
	}},
	{"RFC 9562 §5.7: identifiers are ordered by time", identifiersOrdered},
	{"RFC 9562 §5.7: identifiers are unique", identifiersUnique},
	{"public identifiers tell no time", func(f *fixture) {
		first, second := f.s.NewPublicID("app_"), f.s.NewPublicID("app_")
		if len(first) != len("app_")+22 || !strings.HasPrefix(first, "app_") || first[:8] == second[:8] {
			f.t.Errorf("%q and %q: want 128 random bits behind the prefix", first, second)
		}
	}},
	{"a closed store is unavailable", func(f *fixture) {
		f.ok(f.s.Close())
		err := f.try(func(*store.Tx) error { return nil })
		var unavailable *store.UnavailableError
		if !errors.As(err, &unavailable) || unavailable.Uncertain {
			f.t.Errorf("got %v, want UnavailableError that is certain", err)
		}
		if err := f.s.Ping(f.ctx()); !errors.As(err, &unavailable) {
			f.t.Errorf("Ping: got %v, want UnavailableError", err)
		}
	}},
}

func identifiersOrdered(f *fixture) {
	var ids []string
	for range 20 {
		ids = append(ids, f.s.NewID())
		time.Sleep(2 * time.Millisecond)
	}
	f.do(func(tx *store.Tx) error { // the first few of one transaction, as of a person who signs up
		time.Sleep(2 * time.Millisecond) // whenever it is made, an identifier is of the transaction's time
		ids = append(ids, tx.NewID(), tx.NewID(), tx.NewID(), tx.NewID())
		return nil
	})
	f.do(func(tx *store.Tx) error { ids = append(ids, tx.NewID()); return nil })
	if !slices.IsSorted(ids) {
		f.t.Errorf("not in order: %q", ids)
	}
	raw, err := store.ParseID(ids[0])
	f.ok(err)
	equal(f, "version", raw[6]>>4, 7)
	equal(f, "variant", raw[8]>>6, 0b10)
	equal(f, "round trip", store.FormatID(raw), ids[0])
	if _, err := store.ParseID("no identifier"); err == nil {
		f.t.Error("ParseID took nonsense")
	}
}

func identifiersUnique(f *fixture) {
	var mu sync.Mutex
	seen := map[string]bool{}
	f.race(func(int) error {
		for range 100 {
			id := f.s.NewID()
			mu.Lock()
			seen[id] = true
			mu.Unlock()
		}
		return nil
	})
	equal(f, "different identifiers", len(seen), racers*100)
}
