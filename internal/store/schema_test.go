package store_test

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/pgtest"
)

func TestMigrations(t *testing.T) {
	t.Parallel()
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			t.Run("up, once", func(t *testing.T) { migrateOnce(t, engine.empty(t)) })
			t.Run("never migrated", func(t *testing.T) { checkNever(t, engine.empty(t)) })
			t.Run("too old", func(t *testing.T) { checkOld(t, engine.empty(t)) })
			t.Run("newer is fine", func(t *testing.T) { checkNewer(t, engine.empty(t)) })
			t.Run("nodes that start together take turns", func(t *testing.T) { migrateTogether(t, engine.empty(t)) })
		})
	}
}

func migrateOnce(t *testing.T, url string) {
	t.Helper()
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		_, _, err := store.MigrationStatus(t.Context(), url)
		wantSchemaError(t, err, 0)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before, have, err := store.MigrationStatus(t.Context(), url)
	if err != nil || len(before) == 0 || before[0].Applied || have != 0 {
		t.Fatalf("status before: %v, version %d, %v", before, have, err)
	}
	steps, err := store.Migrate(t.Context(), url)
	if err != nil || len(steps) != len(before) {
		t.Fatalf("took %v, %v; want %d steps", steps, err, len(before))
	}
	if steps, err = store.Migrate(t.Context(), url); err != nil || len(steps) != 0 {
		t.Errorf("again: took %v, %v; want none", steps, err)
	}
	after, have, err := store.MigrationStatus(t.Context(), url)
	if err != nil || have != after[len(after)-1].Version {
		t.Fatalf("version %d, %v", have, err)
	}
	for _, step := range after {
		if !step.Applied {
			t.Errorf("%s is not applied", step.Name)
		}
	}
	if err := open(t, url).CheckSchema(t.Context()); err != nil {
		t.Error(err)
	}
}

func checkNever(t *testing.T, url string) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: url, Clock: time.Now, Rand: rand.Reader})
	if err == nil {
		err = errors.Join(s.CheckSchema(t.Context()), s.Close())
	}
	wantSchemaError(t, err, 0)
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("Open made a file: %v", err)
		}
	}
}

func wantSchemaError(t *testing.T, err error, have int64) {
	t.Helper()
	var schema *store.SchemaError
	if !errors.As(err, &schema) || schema.Have != have || schema.Need <= have {
		t.Fatalf("got %v, want a SchemaError that has version %d", err, have)
	}
	if !strings.Contains(err.Error(), "latchkey migrate") {
		t.Errorf("%q does not name the command that mends it", err)
	}
}

func checkOld(t *testing.T, url string) {
	t.Helper()
	steps, err := store.Migrate(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	newest := steps[len(steps)-1].Version
	change(t, url, fmt.Sprint("DELETE FROM goose_db_version WHERE version_id = ", newest))
	wantSchemaError(t, open(t, url).CheckSchema(t.Context()), newest-1) // the newest file is the one that this binary needs
}

func checkNewer(t *testing.T, url string) {
	t.Helper()
	if _, err := store.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	change(t, url, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
	if err := open(t, url).CheckSchema(t.Context()); err != nil {
		t.Errorf("a newer schema is refused: %v", err)
	}
	if have, known, err := open(t, url).Schema(t.Context()); err != nil || have != 99999 || known >= have {
		t.Errorf("Schema: %d, %d, %v", have, known, err)
	}
	if _, have, err := store.MigrationStatus(t.Context(), url); err != nil || have != 99999 {
		t.Errorf("MigrationStatus: %d, %v", have, err)
	}
	if steps, err := store.Migrate(t.Context(), url); err != nil || len(steps) != 0 {
		t.Errorf("Migrate: %v, %v", steps, err)
	}
}

func change(t *testing.T, url, statement string) {
	t.Helper()
	path, ok := strings.CutPrefix(url, "sqlite:")
	if !ok {
		pgtest.Exec(t, url, statement)
		return
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func migrateTogether(t *testing.T, url string) {
	t.Helper()
	const nodes = 4
	var all sync.WaitGroup
	for range nodes {
		all.Go(func() {
			if _, err := store.Migrate(t.Context(), url); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := open(t, url).CheckSchema(t.Context()); err != nil {
		t.Error(err)
	}
}

// The two engines' migrations are numbered and named alike.
func TestMigrationsAreAlike(t *testing.T) {
	names := map[string]int{}
	for _, engine := range []string{"sqlite", "postgres"} {
		files, err := os.ReadDir("migrations/" + engine)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			names[file.Name()]++
		}
	}
	for name, count := range names {
		if count != 2 {
			t.Errorf("%s is there for one engine only", name)
		}
	}
}
