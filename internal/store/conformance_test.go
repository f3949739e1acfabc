package store_test

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/pgtest"
	"latchkey.dev/internal/store/storetest"
)

// engines are what the store runs on: where a migrated database and an empty one are.
var engines = []struct {
	name            string
	migrated, empty func(t testing.TB) string
}{
	{"sqlite", storetest.SQLite, emptySQLite},
	{"postgres", pgtest.New, pgtest.Empty},
}

func emptySQLite(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "latchkey.db") }

func open(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: url, Clock: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // some tests close it themselves
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t testing.TB) *store.Store { return open(t, engine.migrated(t)) })
		})
	}
}

func BenchmarkStore(b *testing.B) {
	for _, engine := range engines {
		b.Run(engine.name, func(b *testing.B) {
			storetest.Bench(b, func(b testing.TB) *store.Store { return open(b, engine.migrated(b)) })
		})
	}
}
