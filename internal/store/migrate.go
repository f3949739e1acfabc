package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	_ "modernc.org/sqlite" // the driver that migrations, copies and backups go through
)

//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var migrationFiles embed.FS

// schemaVersion is the newest migration that this binary needs. A test holds it to the files.
const schemaVersion = 5

// Migration is one numbered step of the schema.
type Migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

// Migrate brings the database to the newest schema and returns the steps it took.
func Migrate(ctx context.Context, databaseURL string) (steps []Migration, err error) {
	var failed error
	err = withProvider(ctx, databaseURL, func(provider *goose.Provider) error {
		for range migrateAttempts {
			results, err := provider.Up(ctx)
			for _, result := range results {
				steps = append(steps, Migration{Version: result.Source.Version, Name: result.Source.Path, Applied: true})
			}
			if err == nil {
				return nil
			}
			if failed == nil { // what follows on a table that could not be made is only that it is not there
				failed = err
			}
			pause(ctx, migratePause)
		}
		return failed
	})
	return steps, err
}

// On SQLite there is no lock that spans migrations: of two processes that start together, one finds a step taken between its look and
// its leap, and that step is rolled back. Looking again shows it. A step that is wrong in itself fails every time.
const (
	migrateAttempts = 5
	migratePause    = 100 * time.Millisecond
)

// MigrationStatus lists every step that this binary knows, and whether the database has taken it. have is the newest step of the
// database's, which a newer binary may have taken.
func MigrationStatus(ctx context.Context, databaseURL string) (steps []Migration, have int64, err error) {
	if path, ok := strings.CutPrefix(databaseURL, "sqlite:"); ok {
		if _, err := placed(path); err != nil {
			return nil, 0, err
		}
	}
	err = withProvider(ctx, databaseURL, func(provider *goose.Provider) error {
		states, err := provider.Status(ctx)
		for _, state := range states {
			steps = append(steps, Migration{Version: state.Source.Version, Name: state.Source.Path, Applied: state.State == goose.StateApplied})
		}
		if err != nil {
			return err
		}
		have, err = provider.GetDBVersion(ctx)
		return err
	})
	return steps, have, err
}

// withProvider gives fn the migrations on a connection of their own.
func withProvider(ctx context.Context, databaseURL string, fn func(*goose.Provider) error) error {
	db, dialect, options, err := forMigrating(ctx, databaseURL)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	files, err := fs.Sub(migrationFiles, "migrations/"+string(dialect))
	if err != nil {
		return errors.Join(err, db.Close())
	}
	provider, err := goose.NewProvider(dialects[dialect], db, files, options...)
	if err != nil {
		return errors.Join(fmt.Errorf("migrate: %w", err), db.Close())
	}
	if err = fn(provider); err != nil {
		err = fmt.Errorf("migrate: %w", err)
	}
	return errors.Join(err, db.Close())
}

// engineName is also the folder of an engine's migrations.
type engineName string

var dialects = map[engineName]goose.Dialect{"sqlite": goose.DialectSQLite3, "postgres": goose.DialectPostgres}

func forMigrating(ctx context.Context, databaseURL string) (*sql.DB, engineName, []goose.ProviderOption, error) {
	if path, ok := strings.CutPrefix(databaseURL, "sqlite:"); ok {
		if err := refuseOtherLog(path); err != nil {
			return nil, "", nil, err
		}
		if err := makePrivate(path); err != nil {
			return nil, "", nil, err
		}
		db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_txlock=immediate&_pragma="+strings.Join(writerPragmas, "&_pragma="))
		return db, "sqlite", nil, err
	}
	config, err := postgresConfig(databaseURL)
	if err != nil {
		return nil, "", nil, err
	}
	pooler, err := reach(ctx, config.ConnConfig, databaseURL)
	if err != nil {
		return nil, "", nil, err
	}
	options, err := takeTurns(pooler)
	for name := range postgresDefaults { // a step may take its time
		delete(config.ConnConfig.RuntimeParams, name)
	}
	return stdlib.OpenDB(*config.ConnConfig), "postgres", options, err
}

// takeTurns keeps nodes that start together from migrating at once; each asks again every second for a minute. A pooler would give the
// lock to whoever comes next: behind one, a step that another node took first fails, and undoes itself.
func takeTurns(pooler bool) ([]goose.ProviderOption, error) {
	if pooler {
		return nil, nil
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	return []goose.ProviderOption{goose.WithSessionLocker(locker)}, err
}

// SchemaError says that the database is older than this binary needs, or, of Copy, that it is another.
type SchemaError struct{ Have, Need int64 }

func (e *SchemaError) Error() string {
	return fmt.Sprintf("the database's schema is version %d and this latchkey needs %d: run `latchkey migrate up` with the same configuration", e.Have, e.Need)
}

// CheckSchema refuses a database older than this binary needs. A newer one is fine: migrations only add until every node is new.
func (s *Store) CheckSchema(ctx context.Context) error {
	have, known, err := s.Schema(ctx)
	if err != nil {
		return err
	}
	if have < known {
		return &SchemaError{Have: have, Need: known}
	}
	return nil
}

// Schema returns the version of the database's schema, 0 when it was never migrated, and the newest that this binary knows.
func (s *Store) Schema(ctx context.Context) (have, known int64, err error) {
	err = s.engine.reader().QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version").Scan(&have)
	if err != nil && !missingTable(err) {
		return 0, 0, s.fail(err)
	}
	return have, schemaVersion, nil
}

// missingTable tells a database that was never migrated from one in trouble.
func missingTable(err error) bool {
	if postgres, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgres.Code == "42P01" // undefined_table
	}
	var embedded *sqliteError
	return errors.As(err, &embedded) && strings.Contains(embedded.Error(), "no such table")
}
