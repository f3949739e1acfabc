package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/pgtest"
	"latchkey.dev/internal/store/storetest"
)

// furnished is a SQLite database with something in it, closed.
func furnished(t *testing.T) (url string) {
	t.Helper()
	url = storetest.SQLite(t)
	f := newSample(t, open(t, url))
	for i := range 2500 {
		name := fmt.Sprint("family-", i)
		f.ok(f.s.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.CreateUser(store.User{Issuer: "acme", ID: name, Email: name + "@example.com", Name: "Zoë 北京 \" \t"})
		}))
	}
	f.code("one")
	f.ok(f.redeem("one"))
	f.ok(f.rotate("one", 1))
	f.code("unused")
	f.ok(f.s.Close())
	return url
}

func ignoreProgress(store.CopyProgress) {}

func TestCopy(t *testing.T) {
	t.Parallel()
	from, to := furnished(t), pgtest.Empty(t)
	var told []store.CopyProgress
	copied, err := store.Copy(t.Context(), from, to, func(p store.CopyProgress) { told = append(told, p) })
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int64{}
	for _, table := range copied {
		rows[table.Table] = table.Rows
	}
	if rows["users"] != 2501 || rows["families"] != 1 || rows["codes"] != 2 || rows["events"] != 1 {
		t.Errorf("copied %v", rows)
	}
	if len(told) < 6 {
		t.Errorf("progress was told %d times", len(told))
	}
	before, after := open(t, from), &sample{t: t, s: open(t, to)}
	was, err := before.User(t.Context(), "acme", "family-7")
	after.ok(err)
	if is, err := after.s.User(t.Context(), "acme", "family-7"); err != nil || is != was {
		t.Errorf("got %+v, %v; want %+v", is, err, was)
	}
	after.ok(after.rotate("one", 2)) // where it was left
	after.ok(after.redeem("unused"))
	if err := after.redeem("one"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a code that was spent before: %v", err)
	}
}

func TestCopyRefusesATargetThatHoldsSomething(t *testing.T) {
	from, to := storetest.SQLite(t), pgtest.New(t)
	newSample(t, open(t, to))
	var filled *store.NotEmptyError
	if _, err := store.Copy(t.Context(), from, to, ignoreProgress); !errors.As(err, &filled) {
		t.Errorf("got %v, want NotEmptyError", err)
	}
	strange := pgtest.Empty(t)
	pgtest.Exec(t, strange, "CREATE TABLE somebody_elses (n int); INSERT INTO somebody_elses VALUES (1)")
	if _, err := store.Copy(t.Context(), from, strange, ignoreProgress); !errors.As(err, &filled) || filled.Table != "somebody_elses" {
		t.Errorf("got %v, want NotEmptyError", err)
	}
	if tables := pgtest.Text(t, strange, "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'"); tables != "1" {
		t.Errorf("a refused target has %s tables", tables)
	}
}

func TestCopyRefusesASourceThatIsNone(t *testing.T) {
	to := pgtest.Empty(t)
	for _, from := range []string{"postgres://x/y", "sqlite:" + filepath.Join(t.TempDir(), "none.db"), emptySQLite(t)} {
		if _, err := store.Copy(t.Context(), from, to, ignoreProgress); err == nil {
			t.Errorf("%s was copied", from)
		}
	}
	old := storetest.SQLite(t)
	change(t, old, "DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
	var schema *store.SchemaError
	if _, err := store.Copy(t.Context(), old, to, ignoreProgress); !errors.As(err, &schema) {
		t.Errorf("got %v, want SchemaError", err)
	}
}

// What arrives differently is noticed, and then nothing stays.
func TestCopyReadsBack(t *testing.T) {
	t.Parallel()
	for what, body := range map[string]string{
		"a row that is changed":  "NEW.name := 'x'; RETURN NEW;",
		"a row that is left out": "IF NEW.id = 'family-7' THEN RETURN NULL; END IF; RETURN NEW;",
	} {
		t.Run(what, func(t *testing.T) {
			to := pgtest.New(t)
			pgtest.Exec(t, to, "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "+body+" END $$")
			pgtest.Exec(t, to, "CREATE TRIGGER spoil BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION spoil()")
			t.Cleanup(func() { pgtest.Exec(t, to, "DROP FUNCTION spoil CASCADE") })
			if _, err := store.Copy(t.Context(), furnished(t), to, ignoreProgress); err == nil || !strings.Contains(err.Error(), "read back") {
				t.Errorf("got %v", err)
			}
			if left := pgtest.Text(t, to, "SELECT count(*)::text FROM accounts"); left != "0" {
				t.Errorf("%s accounts stayed", left)
			}
		})
	}
}

// A server that was left running cannot acknowledge what the copy would miss.
func TestCopyHoldsWritersOff(t *testing.T) {
	t.Parallel()
	from := furnished(t)
	s := open(t, from)
	wrote := make(chan error, 1)
	var begun sync.Once
	var finished atomic.Bool
	copied, err := store.Copy(t.Context(), from, pgtest.Empty(t), func(store.CopyProgress) {
		begun.Do(func() {
			go func() {
				err := s.InTx(context.Background(), func(tx *store.Tx) error {
					return tx.CreateUser(store.User{Issuer: "acme", ID: "late", Email: "late@example.com"})
				})
				if err == nil && !finished.Load() {
					err = errors.New("it was acknowledged while the copy was made")
				}
				wrote <- err
			}()
		})
	})
	finished.Store(true)
	if err != nil || len(copied) == 0 {
		t.Fatal(err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

// A copy that is made under load opens, is checked, and is one moment: what one transaction wrote is all there or not at all.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	s := open(t, url)
	var stop atomic.Bool
	var written atomic.Int64
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for n := 0; !stop.Load(); n++ {
				id := fmt.Sprint("u", w, "-", n)
				err := s.InTx(t.Context(), func(tx *store.Tx) error {
					if err := tx.CreateUser(store.User{Issuer: "acme", ID: id, Email: id + "@example.com"}); err != nil {
						return err
					}
					return tx.CreateAccount(store.Account{Issuer: "acme", ID: id}, id)
				})
				if err != nil {
					t.Error(err)
					return
				}
				written.Add(1)
			}
		})
	}
	for round := range 3 {
		before := written.Load()
		for written.Load() < before+200 && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
		acknowledged := written.Load()
		file := filepath.Join(t.TempDir(), "copy.db")
		size, err := store.Backup(t.Context(), url, file)
		if err != nil {
			t.Fatal(err)
		}
		checkBackup(t, file, size, acknowledged)
		t.Logf("round %d: %d rows, %d bytes", round, acknowledged, size)
	}
	stop.Store(true)
	writers.Wait()
}

func checkBackup(t *testing.T, file string, size, atLeast int64) {
	t.Helper()
	about, err := os.Stat(file)
	if err != nil || about.Mode().Perm() != 0o600 || about.Size() != size {
		t.Errorf("%v, %v", about, err)
	}
	copied := open(t, "sqlite:"+file)
	if err := copied.CheckSchema(t.Context()); err != nil {
		t.Error(err)
	}
	var counts [3]int64
	for i, table := range []string{"users", "accounts", "members"} {
		counts[i] = count(t, file, table)
	}
	if counts[0] < atLeast || counts[0] != counts[1] || counts[1] != counts[2] {
		t.Errorf("users, accounts, members: %v; at least %d were acknowledged", counts, atLeast)
	}
	if left, _ := filepath.Glob(file + ".partial*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func count(t *testing.T, file, table string) (rows int64) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestBackupRefuses(t *testing.T) {
	url, folder := storetest.SQLite(t), t.TempDir()
	there := filepath.Join(folder, "there")
	if err := os.WriteFile(there, []byte("dear to somebody"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Backup(t.Context(), url, there); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a file that is there: %v", err)
	}
	if _, err := store.Backup(t.Context(), "postgres://x/y", filepath.Join(folder, "a")); !errors.Is(err, store.ErrNotEmbedded) {
		t.Errorf("PostgreSQL: %v", err)
	}
	never := filepath.Join(folder, "never.db")
	if err := os.WriteFile(never, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.MigrationStatus(t.Context(), "sqlite:"+never); err != nil { // leaves a table that says so
		t.Fatal(err)
	}
	for name, from := range map[string]string{
		"no database": "sqlite:" + filepath.Join(folder, "none.db"), "no database in it": "sqlite:" + there, "a database without a schema": "sqlite:" + never,
	} {
		file := filepath.Join(folder, "copy")
		if _, err := store.Backup(t.Context(), from, file); err == nil {
			t.Errorf("%s was backed up", name)
		}
		if left, _ := filepath.Glob(file + "*"); len(left) > 0 {
			t.Errorf("%s left %v", name, left)
		}
	}
}
