package store_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/storetest"
)

// backup is a fresh copy of a database of the test's own.
func backup(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "copy.db")
	if _, err := store.Backup(t.Context(), storetest.SQLite(t), path); err != nil {
		t.Fatal(err)
	}
	return path
}

// modes are what a database's header says of its log: 1 1 for none, 2 2 for a write-ahead log.
func modes(t *testing.T, path string) string {
	t.Helper()
	header, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(header[18:20])
}

func createUser(t *testing.T, s *store.Store, id string) error {
	t.Helper()
	return s.InTx(t.Context(), func(tx *store.Tx) error {
		return tx.CreateUser(store.User{Issuer: "acme", ID: id, Email: id + "@example.com"})
	})
}

// A process may end at any moment: what it leaves of ours never looks like a copy beside another's log, because the file says that it has
// a log before the log has a page.
func TestACopyThatIsOpenedHasALogFromThenOn(t *testing.T) {
	path := backup(t)
	if got := modes(t, path); got != "\x01\x01" {
		t.Fatalf("a copy says %q of its log", got)
	}
	s := open(t, "sqlite:"+path)
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 32 {
		t.Fatalf("the log has %d bytes before the first transaction", log.Size())
	}
	if got := modes(t, path); got != "\x02\x02" {
		t.Errorf("once opened, it says %q of its log", got)
	}
	if err := createUser(t, s, "u"); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, "sqlite:"+path).User(t.Context(), "acme", "u"); err != nil { // beside a log with pages
		t.Error(err)
	}
}

func TestACopyBesideAnothersLogIsRefused(t *testing.T) {
	path := backup(t)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+"-wal", make([]byte, 32+24+4096), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for what, act := range map[string]func(url string) error{
		"Open": func(url string) error {
			_, err := store.Open(ctx, store.Config{URL: url, Clock: time.Now, Rand: rand.Reader})
			return err
		},
		"Migrate":         func(url string) error { _, err := store.Migrate(ctx, url); return err },
		"MigrationStatus": func(url string) error { _, _, err := store.MigrationStatus(ctx, url); return err },
		"Backup":          func(url string) error { _, err := store.Backup(ctx, url, filepath.Join(t.TempDir(), "b")); return err },
		"Copy":            func(url string) error { _, err := store.Copy(ctx, url, "postgres://x/y", nil); return err },
	} {
		for _, name := range []string{path, link} {
			var beside *store.OtherLogError
			if err := act("sqlite:" + name); !errors.As(err, &beside) || !strings.Contains(err.Error(), path+"-shm") {
				t.Errorf("%s: %v, want OtherLogError that names the files beside %s", what, err, path)
			}
		}
	}
}

// To begin a database would delete the log that lies there, with what it alone holds.
func TestNoDatabaseBeginsBesideALog(t *testing.T) {
	url := storetest.SQLite(t)
	path := strings.TrimPrefix(url, "sqlite:")
	s := open(t, url)
	if err := createUser(t, s, "u"); err != nil {
		t.Fatal(err)
	}
	away := filepath.Join(t.TempDir(), "away.db")
	if err := os.Rename(path, away); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	var alone *store.OtherLogError
	if _, err := store.Migrate(t.Context(), url); !errors.As(err, &alone) || !alone.Alone {
		t.Errorf("%v, want OtherLogError", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
	if after, err := os.ReadFile(path + "-wal"); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the log was changed: %v", err)
	}
}

// A log without a page holds nothing that could be applied, so it keeps nobody out.
func TestACopyBesideAnEmptyLogIsOpened(t *testing.T) {
	for _, size := range []int{0, 32} {
		path := backup(t)
		if err := os.WriteFile(path+"-wal", make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := open(t, "sqlite:"+path).CheckSchema(t.Context()); err != nil {
			t.Errorf("beside a log of %d bytes: %v", size, err)
		}
	}
}

// moveAway moves a database with what lies beside it.
func moveAway(t *testing.T, path string) (to string) {
	t.Helper()
	to = filepath.Join(t.TempDir(), "moved.db")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+suffix, to+suffix); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// What a server wrote to a file that is no longer where it was is gone for whoever starts next: it may not go on as if nothing were.
func TestADatabaseThatIsNotWhereItWasIsUnavailable(t *testing.T) {
	for what, replace := range map[string]bool{"moved away": false, "replaced": true} {
		t.Run(what, func(t *testing.T) {
			url := storetest.SQLite(t)
			path := strings.TrimPrefix(url, "sqlite:")
			s := open(t, url)
			if err := errors.Join(createUser(t, s, "before"), s.PollChanges(t.Context())); err != nil {
				t.Fatal(err)
			}
			moved := moveAway(t, path)
			if replace {
				if err := os.Rename(backup(t), path); err != nil {
					t.Fatal(err)
				}
			}
			if err := createUser(t, s, "meanwhile"); err != nil { // until it looks
				t.Fatal(err)
			}
			wantUnavailable(t, "a poll", s.PollChanges(t.Context()))
			wantUnavailable(t, "a write", createUser(t, s, "after"))
			wantUnavailable(t, "a decision", s.Decide(t.Context(), noWork))
			_, err := s.User(t.Context(), "acme", "before")
			wantUnavailable(t, "a read", err)
			wantUnavailable(t, "Ping", s.Ping(t.Context()))
			wantLog(t, url, s)
			then := open(t, "sqlite:"+moved)
			for id, want := range map[string]error{"before": nil, "meanwhile": nil, "after": store.ErrNotFound} {
				if _, err := then.User(t.Context(), "acme", id); !errors.Is(err, want) {
					t.Errorf("the user from %s, in the moved file: %v, want %v", id, err, want)
				}
			}
		})
	}
}

// wantLog closes a store whose file was moved away: the log of the database in its place is not its own to delete, as SQLite knows.
func wantLog(t *testing.T, url string, moved *store.Store) {
	t.Helper()
	if _, err := store.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if err := createUser(t, open(t, url), "new"); err != nil {
		t.Fatal(err)
	}
	if err := moved.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(strings.TrimPrefix(url, "sqlite:") + "-wal"); err != nil {
		t.Error(err)
	}
}

// One that was moved back may lack what was written in between.
func TestADatabaseThatWasMovedBackStaysUnavailable(t *testing.T) {
	url := storetest.SQLite(t)
	path := strings.TrimPrefix(url, "sqlite:")
	s := open(t, url)
	if err := os.Rename(path, path+".aside"); err != nil {
		t.Fatal(err)
	}
	wantUnavailable(t, "a poll", s.PollChanges(t.Context()))
	if err := os.Rename(path+".aside", path); err != nil {
		t.Fatal(err)
	}
	wantUnavailable(t, "a poll once it is back", s.PollChanges(t.Context()))
	wantUnavailable(t, "a write", createUser(t, s, "u"))
}
