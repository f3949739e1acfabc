package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"latchkey.dev/internal/store/dbsql"
)

// postgresEngine is what a platform outgrows one machine on: any number of nodes on one PostgreSQL.
type postgresEngine struct{ db *sql.DB }

// Timeouts that a URL may override with its own parameters of the same name.
var postgresDefaults = map[string]string{
	"statement_timeout":                   "5s",
	"lock_timeout":                        "3s",
	"idle_in_transaction_session_timeout": "10s",
}

const (
	poolSize       = 16
	connectTimeout = 5 * time.Second
	maxAttempts    = 4
)

func openPostgres(ctx context.Context, url string) (*postgresEngine, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	for name, value := range postgresDefaults {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(&UnavailableError{cause: err}, db.Close())
	}
	return &postgresEngine{db: db}, nil
}

func (e *postgresEngine) reader() dbsql.DBTX { return e.db }

func (e *postgresEngine) close() error { return e.db.Close() }

// inTx tries again where nothing can have been committed: serialization failures, deadlocks, and connections lost before the commit.
func (e *postgresEngine) inTx(ctx context.Context, fn func(dbsql.DBTX) error) (err error) {
	for attempt := range maxAttempts {
		err = e.once(ctx, fn)
		if err == nil || !retryable(err) || ctx.Err() != nil {
			return err
		}
		pause(ctx, time.Duration(attempt)*5*time.Millisecond)
	}
	return &UnavailableError{cause: err}
}

func (e *postgresEngine) once(ctx context.Context, fn func(dbsql.DBTX) error) error {
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := protect(fn, tx); err != nil {
		_ = tx.Rollback() // the work is refused either way
		return err
	}
	if err := tx.Commit(); err != nil {
		if _, told := errors.AsType[*pgconn.PgError](err); told { // the server says that it did not commit
			return err
		}
		return &UnavailableError{Uncertain: true, cause: err}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func retryable(err error) bool {
	if _, uncertain := errors.AsType[*UnavailableError](err); uncertain {
		return false
	}
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failure.Code == "40001" || failure.Code == "40P01" // serialization_failure, deadlock_detected
	}
	return errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err)
}

// neverText: what was looked for is not text (a NUL, broken UTF-8), so no row has it. SQLite finds none by itself.
func neverText(err error) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) && failure.Code == "22021" // character_not_in_repertoire
}

// unavailable: integrity violations (class 23) and malformed data (class 22) are ours; all else that the server or the
// network reports is the database's trouble.
func (e *postgresEngine) unavailable(err error) bool {
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		class := failure.Code[:min(2, len(failure.Code))]
		return class != "23" && class != "22" && class != "42"
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || errors.Is(err, driver.ErrBadConn) || closed(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
