package store

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrNotFound is the refusal of a read or of a conditional statement: no such row, or not in that state.
var ErrNotFound = errors.New("store: not found")

// ErrConflict says that what was to be created is there already, or changed since it was read.
var ErrConflict = errors.New("store: conflict")

// UnavailableError is trouble with the database itself. Nothing was committed, unless Uncertain.
type UnavailableError struct {
	// Uncertain is set when nobody knows whether it was committed: the connection was lost while COMMIT was under way, or its answer did not
	// come in time.
	Uncertain bool
	cause     error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("store: database unavailable: %v", e.cause)
}

// Unwrap returns the engine's error.
func (e *UnavailableError) Unwrap() error { return e.cause }

// Unavailable makes every face answer 503 with Retry-After.
func (e *UnavailableError) Unavailable() bool { return true }

// found turns "no row" into ErrNotFound.
func found[T any](row T, err error) (T, error) {
	if errors.Is(err, pgx.ErrNoRows) || neverText(err) {
		return row, ErrNotFound
	}
	return row, err
}

// changed turns "no row was changed" into the refusal.
func changed(rows int64, err error, refusal error) error {
	if err != nil {
		return err
	}
	if rows == 0 {
		return refusal
	}
	return nil
}

// Forbidden tells that PostgreSQL does not let the user do it.
func Forbidden(err error) bool {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	return ok && failure.Code == "42501" // insufficient_privilege
}

// Damaged tells that the embedded database's file is no database, or not one alone: what was copied over another takes in the
// write-ahead log of that one, if it still lies beside it and the copy does not tell that it has none (OtherLogError).
func Damaged(err error) bool {
	var code int32
	if ours, ok := errors.AsType[*sqliteError](err); ok {
		code = ours.code
	} else if drivers, ok := errors.AsType[*sqlite.Error](err); ok { // of migrations, copies and backups
		code = int32(drivers.Code())
	}
	return code&0xff == sqlite3.SQLITE_CORRUPT || code&0xff == sqlite3.SQLITE_NOTADB
}
