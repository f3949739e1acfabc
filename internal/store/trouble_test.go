package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/pgtest"
	"latchkey.dev/internal/store/storetest"
)

// wantUnavailable wants trouble with the database: what every face answers as 503, and never as a refusal.
func wantUnavailable(t *testing.T, what string, err error) {
	t.Helper()
	var unavailable *store.UnavailableError
	if !errors.As(err, &unavailable) || !unavailable.Unavailable() {
		t.Errorf("%s: got %v, want UnavailableError", what, err)
	}
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
		t.Errorf("%s: %v is a refusal too", what, err)
	}
}

func noWork(*store.Tx) error { return nil }

func TestOpenExplains(t *testing.T) {
	for url, want := range map[string]string{
		"":                        `"sqlite:PATH" or "postgres://`,
		"mysql://x/y":             `"sqlite:PATH" or "postgres://`,
		"sqlite:/nowhere/at/all":  "/nowhere/at/all",
		"postgres://localhost:0/": "",
	} {
		_, err := store.Open(t.Context(), store.Config{URL: url, Clock: time.Now, Rand: rand.Reader})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error that says %q", url, err, want)
		}
	}
}

func TestPostgresNobodyAnswers(t *testing.T) {
	_, err := store.Open(t.Context(), store.Config{
		URL: "postgres://postgres@localhost/x?host=" + t.TempDir(), Clock: time.Now, Rand: rand.Reader,
	})
	wantUnavailable(t, "Open", err)
}

// A server that restarts takes every connection along: the next call gets a new one, or is told 503.
func TestPostgresEndedConnections(t *testing.T) {
	url := pgtest.New(t)
	s := open(t, url)
	for range 10 {
		pgtest.Exec(t, url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		if err := s.InTx(t.Context(), noWork); err != nil {
			wantUnavailable(t, "a transaction", err)
		}
		if err := s.Ping(t.Context()); err != nil {
			wantUnavailable(t, "a read", err)
		}
	}
	if err := s.InTx(t.Context(), noWork); err != nil {
		t.Errorf("it did not recover: %v", err)
	}
}

// The connection goes in the middle of a transaction: it is run again from its start, or refused as a whole.
func TestPostgresConnectionLostWithin(t *testing.T) {
	url := pgtest.New(t)
	s := open(t, url)
	runs := 0
	err := s.InTx(t.Context(), func(tx *store.Tx) error {
		runs++
		if err := tx.CreateUser(store.User{Issuer: "acme", ID: "u", Email: "u@example.com"}); err != nil {
			return err
		}
		if runs == 1 {
			pgtest.Exec(t, url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
		}
		return tx.SetProfile("acme", "u", "name", "en")
	})
	_, read := s.User(t.Context(), "acme", "u")
	switch {
	case err == nil && read != nil:
		t.Errorf("told that it is kept, and it is not: %v", read)
	case err != nil:
		wantUnavailable(t, "the transaction", err)
		if !errors.Is(read, store.ErrNotFound) {
			t.Errorf("told that it failed, and the read says %v", read)
		}
	}
}

// A lock that another session keeps for too long is trouble, not a refusal.
func TestPostgresLockTimeout(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s, impatient := open(t, url), open(t, url+"&lock_timeout=50ms")
	create := func(tx *store.Tx) error {
		return tx.CreateUser(store.User{Issuer: "acme", ID: "u", Email: "u@example.com"})
	}
	if err := s.InTx(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	err := s.InTx(t.Context(), func(tx *store.Tx) error {
		if err := tx.SetProfile("acme", "u", "name", "en"); err != nil {
			return err
		}
		wantUnavailable(t, "the other", impatient.InTx(t.Context(), func(tx *store.Tx) error { return tx.SetPassword("acme", "u", "h") }))
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Two transactions that wait for each other: one is run again, and both arrive.
func TestPostgresDeadlockIsRunAgain(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.New(t))
	for _, id := range []string{"a", "b"} {
		err := s.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.CreateUser(store.User{Issuer: "acme", ID: id, Email: id + "@example.com"})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	met, results := make(chan struct{}, 2), make(chan error, 2)
	cross := func(first, second string) {
		meet := true
		results <- s.InTx(t.Context(), func(tx *store.Tx) error {
			if err := tx.SetPassword("acme", first, "h"); err != nil {
				return err
			}
			if meet { // the second run need not wait
				meet = false
				met <- struct{}{}
				for len(met) < 2 {
					time.Sleep(time.Millisecond)
				}
			}
			return tx.SetPassword("acme", second, "h")
		})
	}
	go cross("a", "b")
	go cross("b", "a")
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestPostgresCancelledCallerIsNoTrouble(t *testing.T) {
	s := open(t, pgtest.New(t))
	ctx, cancel := context.WithCancel(t.Context())
	err := s.InTx(ctx, func(tx *store.Tx) error {
		cancel()
		return tx.CreateUser(store.User{Issuer: "acme", ID: "u", Email: "u@example.com"})
	})
	if err == nil {
		t.Fatal("a cancelled transaction is kept")
	}
	if _, err := s.User(t.Context(), "acme", "u"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the read says %v", err)
	}
}

func TestSQLiteBrokenFileIsTrouble(t *testing.T) {
	url := storetest.SQLite(t)
	path := strings.TrimPrefix(url, "sqlite:")
	s := open(t, url)
	err := s.InTx(t.Context(), func(tx *store.Tx) error {
		return tx.CreateUser(store.User{Issuer: "acme", ID: "u", Email: "u@example.com"})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, 64<<10), 0o600); err != nil { // zeroes where a database was
		t.Fatal(err)
	}
	s, err = store.Open(t.Context(), store.Config{URL: url, Clock: time.Now, Rand: rand.Reader})
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
		_, err = s.User(t.Context(), "acme", "u")
	}
	if err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("a broken file reads as %v", err)
	}
}

// Work that was acknowledged is there for whoever opens the file next, without any goodbye from the first.
func TestSQLiteIsDurableWithoutClose(t *testing.T) {
	url := storetest.SQLite(t)
	s := open(t, url)
	err := s.InTx(t.Context(), func(tx *store.Tx) error {
		return tx.CreateUser(store.User{Issuer: "acme", ID: "u", Email: "u@example.com"})
	})
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	for _, suffix := range []string{"", "-wal"} { // what a crash leaves on the disk
		data, err := os.ReadFile(strings.TrimPrefix(url, "sqlite:") + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := open(t, "sqlite:"+copied).User(t.Context(), "acme", "u"); err != nil {
		t.Error(err)
	}
}
