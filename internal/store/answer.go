package store

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"latchkey.dev/internal/micros"
)

// The generated queries ask through pgx's interfaces, on both engines: unlike database/sql's row sets, anybody can make what answers
// them. So a result can be read whole as soon as it comes, no row set keeps a connection, and one transaction or round trip can answer many.

// answer is a whole result.
type answer struct {
	values [][]any // int64, string, []byte, bool, nil
	tag    pgconn.CommandTag
}

// answerRows reads an answer out. The generated queries call the methods below and no others.
type answerRows struct {
	pgx.Rows
	*answer

	next int
}

// Next is pgx.Rows.
func (r *answerRows) Next() bool {
	r.next++
	return r.next <= len(r.values)
}

// Scan is pgx.Rows.
func (r *answerRows) Scan(into ...any) error { return assignAll(into, r.values[r.next-1]) }

// Err is pgx.Rows.
func (r *answerRows) Err() error { return nil }

// Close is pgx.Rows.
func (r *answerRows) Close() {}

// rowFunc is a pgx.Row that asks when it is read.
type rowFunc func(into ...any) error

// Scan is pgx.Row.
func (f rowFunc) Scan(into ...any) error { return f(into...) }

// first reads an answer's only row.
func (a *answer) first(into []any) error {
	if len(a.values) == 0 {
		return pgx.ErrNoRows
	}
	return assignAll(into, a.values[0])
}

// affected tells how many rows a statement changed.
func affected(rows int64) pgconn.CommandTag {
	return pgconn.NewCommandTag("ROWS " + strconv.FormatInt(rows, 10))
}

// plain turns an argument into one of the few types that a database takes.
func plain(arg any) (any, error) {
	switch v := arg.(type) {
	case string, int64, []byte, bool:
		return v, nil
	case micros.Time:
		return int64(v), nil
	default:
		return driver.DefaultParameterConverter.ConvertValue(arg)
	}
}

func plainAll(args []any) ([]any, error) {
	values := make([]any, len(args))
	for i, arg := range args {
		value, err := plain(arg)
		if err != nil {
			return nil, fmt.Errorf("store: argument %d: %w", i+1, err)
		}
		values[i] = value
	}
	return values, nil
}

func assignAll(into, values []any) error {
	for i := range into {
		if err := assign(into[i], values[i]); err != nil {
			return fmt.Errorf("store: column %d: %w", i+1, err)
		}
	}
	return nil
}

// assign puts a column's value where it belongs. There are no NULLs in our tables.
func assign(into, value any) error {
	switch v := value.(type) {
	case string:
		if s, ok := into.(*string); ok {
			*s = v
			return nil
		}
	case int64:
		switch n := into.(type) {
		case *int64:
			*n = v
			return nil
		case *micros.Time:
			*n = micros.Time(v)
			return nil
		case *bool: // SQLite has none of its own
			*n = v != 0
			return nil
		}
	case bool:
		if b, ok := into.(*bool); ok {
			*b = v
			return nil
		}
	case []byte:
		if b, ok := into.(*[]byte); ok {
			*b = bytes.Clone(v) // others may get the same answer
			return nil
		}
	}
	if scanner, ok := into.(sql.Scanner); ok {
		return scanner.Scan(value)
	}
	from, place := reflect.ValueOf(value), reflect.ValueOf(into).Elem() // a name of ours for a string or a number
	if !from.IsValid() || !from.CanConvert(place.Type()) || (from.Kind() == reflect.String) != (place.Kind() == reflect.String) {
		return fmt.Errorf("%T cannot be read into %T", value, into)
	}
	place.Set(from.Convert(place.Type()))
	return nil
}
