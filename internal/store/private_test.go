package store_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"latchkey.dev/internal/store"
)

// The file holds addresses and password hashes: nobody else on the machine may read it.
func TestANewDatabaseIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "private.db")
	if _, err := store.Migrate(context.Background(), "sqlite:"+path); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if os.IsNotExist(err) && name != path {
			continue // the log goes with its last connection
		}
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", name, mode)
		}
	}
}
