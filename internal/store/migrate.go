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

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"modernc.org/sqlite"
)

//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var migrationFiles embed.FS

// schemaVersion is the newest migration that this binary needs. A test holds it to the files.
const schemaVersion = 3

// Migration is one numbered step of the schema.
type Migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

// Migrate brings the database to the newest schema and returns the steps it took.
func Migrate(ctx context.Context, databaseURL string) (steps []Migration, err error) {
	err = withProvider(databaseURL, func(provider *goose.Provider) error {
		results, err := provider.Up(ctx)
		for _, result := range results {
			steps = append(steps, Migration{Version: result.Source.Version, Name: result.Source.Path, Applied: true})
		}
		return err
	})
	return steps, err
}

// MigrationStatus lists every step that this binary knows, and whether the database has taken it.
func MigrationStatus(ctx context.Context, databaseURL string) (steps []Migration, err error) {
	err = withProvider(databaseURL, func(provider *goose.Provider) error {
		states, err := provider.Status(ctx)
		for _, state := range states {
			steps = append(steps, Migration{Version: state.Source.Version, Name: state.Source.Path, Applied: state.State == goose.StateApplied})
		}
		return err
	})
	return steps, err
}

// withProvider gives fn the migrations on a connection of their own.
func withProvider(databaseURL string, fn func(*goose.Provider) error) error {
	driver, dsn, dialect, folder := "pgx", databaseURL, goose.DialectPostgres, "migrations/postgres"
	options, err := takeTurns()
	if path, ok := strings.CutPrefix(databaseURL, "sqlite:"); ok {
		driver, dialect, folder, options = "sqlite", goose.DialectSQLite3, "migrations/sqlite", nil
		dsn = "file:" + (&url.URL{Path: path}).EscapedPath() + "?_txlock=immediate&" + writerPragmas
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	files, err := fs.Sub(migrationFiles, folder)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	provider, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return errors.Join(fmt.Errorf("migrate: %w", err), db.Close())
	}
	if err = fn(provider); err != nil {
		err = fmt.Errorf("migrate: %w", err)
	}
	return errors.Join(err, db.Close())
}

// takeTurns keeps nodes that start together from migrating at once; each asks again every second for a minute.
func takeTurns() ([]goose.ProviderOption, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	return []goose.ProviderOption{goose.WithSessionLocker(locker)}, err
}

// SchemaError says that the database is older than this binary needs.
type SchemaError struct{ Have, Need int64 }

func (e *SchemaError) Error() string {
	return fmt.Sprintf("the database's schema is version %d and this latchkey needs %d: run `latchkey migrate up` with the same configuration", e.Have, e.Need)
}

// CheckSchema refuses a database older than this binary needs. A newer one is fine: migrations only add until every node is new.
func (s *Store) CheckSchema(ctx context.Context) error {
	var have int64
	err := s.engine.reader().QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version").Scan(&have)
	if err != nil && !missingTable(err) {
		return s.fail(err)
	}
	if have < schemaVersion {
		return &SchemaError{Have: have, Need: schemaVersion}
	}
	return nil
}

// missingTable tells a database that was never migrated from one in trouble.
func missingTable(err error) bool {
	if postgres, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgres.Code == "42P01" // undefined_table
	}
	var embedded *sqlite.Error
	return errors.As(err, &embedded) && strings.Contains(embedded.Error(), "no such table")
}
