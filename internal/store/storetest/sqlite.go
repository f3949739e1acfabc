package storetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"latchkey.dev/internal/store"
)

// SQLite returns the URL of a migrated database of the test's own. It is a copy of one that is migrated once a process, because that
// takes longer than most tests.
func SQLite(t testing.TB) string {
	t.Helper()
	migrated, err := template()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "latchkey.db")
	if err := os.WriteFile(path, migrated, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

var template = sync.OnceValues(func() (migrated []byte, err error) {
	folder, err := os.MkdirTemp("", "latchkey-template-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	path := filepath.Join(folder, "latchkey.db")
	if _, err := store.Migrate(context.Background(), "sqlite:"+path); err != nil { // its log goes with its last connection
		return nil, err
	}
	return os.ReadFile(path)
})
