package store_test

import (
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
		"MigrationStatus": func(url string) error { _, err := store.MigrationStatus(ctx, url); return err },
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
