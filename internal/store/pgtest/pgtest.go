// Package pgtest gives tests a PostgreSQL of their own: one private server for a test process, a fresh database for each test.
// Nothing needs to be running or configured; where PostgreSQL is not installed the test is skipped and says so.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey.dev/internal/store"
)

// template is the migrated database that others are copied from.
const template = "migrated"

// one is this process's server: starting it costs a second, so its tests share it.
var one = sync.OnceValues(start)

// New returns the URL of a migrated database that holds nothing. The test may do anything to its rows; its tables go on to
// another test, because emptying them takes a tenth of the time that a new database does.
func New(t testing.TB) string {
	t.Helper()
	s := running(t)
	name, err := s.take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.giveBack(name); err != nil {
			t.Error(err)
		}
	})
	return s.url(name)
}

// Empty returns the URL of a database that was never migrated, and is dropped when the test ends.
func Empty(t testing.TB) string {
	t.Helper()
	s := running(t)
	name, err := s.create("template0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return s.url(name)
}

func running(t testing.TB) *server {
	t.Helper()
	folder := binaries()
	if folder == "" {
		t.Skip("skipped: PostgreSQL is not installed (apt-get install postgresql)")
	}
	s, err := one()
	if err != nil {
		t.Fatalf("start PostgreSQL from %s: %v", folder, err)
	}
	return s
}

// Exec runs one statement in the database of a URL, as its superuser: to break it, to end its connections.
func Exec(t testing.TB, url, statement string) {
	t.Helper()
	if err := run(url, statement); err != nil {
		t.Fatal(err)
	}
}

// binaries is the folder of the newest PostgreSQL installed, or "".
func binaries() string {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian keeps one folder for each version
	if err != nil || len(found) == 0 {
		return ""
	}
	slices.SortFunc(found, func(a, b string) int { // "9" < "15": shorter first, then by text
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return filepath.Dir(found[len(found)-1])
}

// server is a running PostgreSQL that listens on a socket in its folder and nowhere else, so that no port can be taken.
type server struct {
	folder string

	mu      sync.Mutex
	created int
	spare   []string // migrated databases that hold nothing
}

func (s *server) url(name string) string {
	return "postgres://postgres@localhost/" + name + "?host=" + s.folder
}

func (s *server) exec(statement string) error { return run(s.url("postgres"), statement) }

func (s *server) create(from string) (name string, err error) {
	s.mu.Lock()
	s.created++
	name = fmt.Sprintf("test_%d", s.created)
	s.mu.Unlock()
	return name, s.exec("CREATE DATABASE " + name + " TEMPLATE " + from)
}

func (s *server) take() (name string, err error) {
	s.mu.Lock()
	if last := len(s.spare) - 1; last >= 0 {
		name, s.spare = s.spare[last], s.spare[:last]
	}
	s.mu.Unlock()
	if name == "" {
		return s.create(template)
	}
	return name, nil
}

// giveBack ends whatever is still connected and empties the tables.
func (s *server) giveBack(name string) error {
	if err := s.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "'"); err != nil {
		return err
	}
	if err := run(s.url(name), emptyTables); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = append(s.spare, name)
	return nil
}

const emptyTables = `DO $$ DECLARE name text; BEGIN
	FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'goose_db_version' LOOP
		EXECUTE format('DELETE FROM %I', name);
	END LOOP;
END $$`

func run(url, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // the statement's own error is the one that matters
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func start() (*server, error) {
	folder, err := os.MkdirTemp("", "lkpg") // short: a socket's path has at most 107 bytes
	if err != nil {
		return nil, err
	}
	s := &server{folder: folder}
	if err := s.launch(binaries()); err != nil {
		return nil, err
	}
	if err := s.exec("CREATE DATABASE " + template); err != nil {
		return nil, err
	}
	if _, err := store.Migrate(context.Background(), s.url(template)); err != nil {
		return nil, err
	}
	return s, nil
}

// Text runs a query for one text in the database of a URL, as its superuser.
func Text(t testing.TB, url, query string) (text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // the query's own error is the one that matters
	if err := conn.QueryRow(t.Context(), query).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return text
}
