package store

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
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
