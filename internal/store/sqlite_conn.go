package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"latchkey.dev/internal/micros"
)

// sqliteConn is one connection to SQLite, spoken to directly: a read by key takes 3 µs of SQLite's own time when its transaction is
// shared, and database/sql with its driver took 20 more. One goroutine uses it at a time. It is a dbsql.DBTX.
type sqliteConn struct {
	tls   *libc.TLS
	db    uintptr
	stmts map[string]*sqliteStmt // parsing a statement costs more than running it
}

// sqliteStmt is a prepared statement.
type sqliteStmt struct {
	*sqliteConn

	handle uintptr
	order  []int // which argument each parameter takes: SQLite counts $2 first when it stands first
	bound  []any
	memory uintptr // what texts and blobs are bound in
	size   int
}

// sqliteError is what SQLite reports. Its code is an extended one; the low byte is its kind.
type sqliteError struct {
	code    int32
	message string
}

func (e *sqliteError) Error() string { return fmt.Sprintf("sqlite: %s (%d)", e.message, e.code) }

func openSQLiteConn(path string, pragmas []string) (*sqliteConn, error) {
	c := &sqliteConn{tls: libc.NewTLS(), stmts: map[string]*sqliteStmt{}}
	name, err := libc.CString(path)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	const flags = sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_CREATE | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_EXRESCODE
	code, db := c.handle(func(into uintptr) int32 { return sqlite3.Xsqlite3_open_v2(c.tls, name, into, flags, 0) })
	c.db = db
	if code != sqlite3.SQLITE_OK {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, c.failure(code)), c.close())
	}
	for _, pragma := range pragmas {
		if err := c.run("PRAGMA "+pragma, nil, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("open database %s: %s: %w", path, pragma, err), c.close())
		}
	}
	return c, nil
}

// handle gives a function of SQLite's a place for the handle that it returns.
func (c *sqliteConn) handle(get func(into uintptr) int32) (code int32, handle uintptr) {
	const size = unsafe.Sizeof(handle)
	place := libc.Xcalloc(c.tls, 1, libc.Tsize_t(size))
	defer libc.Xfree(c.tls, place)
	code = get(place)
	return code, *(*uintptr)(unsafe.Pointer(unsafe.SliceData(bytesAt(place, int32(size)))))
}

// bytesAt are SQLite's own, which Go does not move. They are good until the next call.
func bytesAt(address uintptr, length int32) []byte {
	if address == 0 || length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&address))), length)
}

func (c *sqliteConn) failure(code int32) error {
	return &sqliteError{code: code, message: libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))}
}

// close may come twice.
func (c *sqliteConn) close() error {
	if c.tls == nil {
		return nil
	}
	for _, stmt := range c.stmts {
		sqlite3.Xsqlite3_finalize(c.tls, stmt.handle) // repeats what its last run said
		libc.Xfree(c.tls, stmt.memory)
	}
	code := sqlite3.Xsqlite3_close_v2(c.tls, c.db)
	c.tls.Close()
	c.tls = nil
	if code != sqlite3.SQLITE_OK {
		return &sqliteError{code: code, message: "close"}
	}
	return nil
}

func (c *sqliteConn) prepare(query string) (*sqliteStmt, error) {
	if stmt, ok := c.stmts[query]; ok {
		return stmt, nil
	}
	text, err := libc.CString(query)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, text)
	code, handle := c.handle(func(into uintptr) int32 {
		return sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, text, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, into, 0)
	})
	if code != sqlite3.SQLITE_OK {
		return nil, c.failure(code)
	}
	stmt := &sqliteStmt{sqliteConn: c, handle: handle}
	for i := range sqlite3.Xsqlite3_bind_parameter_count(c.tls, handle) {
		name := libc.GoString(sqlite3.Xsqlite3_bind_parameter_name(c.tls, handle, i+1))
		number, err := strconv.Atoi(strings.TrimPrefix(name, "$"))
		if err != nil {
			return nil, fmt.Errorf("store: parameter %q of %s: not $1, $2, …", name, query)
		}
		stmt.order = append(stmt.order, number-1)
	}
	stmt.bound = make([]any, len(stmt.order))
	c.stmts[query] = stmt
	return stmt, nil
}

// run runs a statement and hands each row over, which is good until the function returns.
func (c *sqliteConn) run(query string, args []any, row func(*sqliteStmt) (more bool, err error)) error {
	stmt, err := c.prepare(query)
	if err != nil {
		return err
	}
	defer sqlite3.Xsqlite3_reset(c.tls, stmt.handle) // repeats what the last step said
	if err := stmt.bind(args); err != nil {
		return err
	}
	for {
		switch code := sqlite3.Xsqlite3_step(c.tls, stmt.handle); code {
		case sqlite3.SQLITE_DONE:
			return nil
		case sqlite3.SQLITE_ROW:
			if row == nil {
				continue
			}
			if more, err := row(stmt); err != nil || !more {
				return err
			}
		default:
			return c.failure(code)
		}
	}
}

// bind hands arguments over, texts and blobs in memory of SQLite's, which stays as it is until the statement runs again.
func (s *sqliteStmt) bind(args []any) (err error) {
	size := 0
	for i, number := range s.order {
		if number >= len(args) {
			return fmt.Errorf("store: argument %d is missing", number+1)
		}
		if s.bound[i], err = plain(args[number]); err != nil {
			return fmt.Errorf("store: argument %d: %w", number+1, err)
		}
		size += length(s.bound[i])
	}
	if size >= s.size { // one more, so that an empty text has an address: without one it would be a NULL
		libc.Xfree(s.tls, s.memory)
		s.size = 2*size + 1
		s.memory = libc.Xmalloc(s.tls, libc.Tsize_t(s.size))
	}
	free := s.memory
	for i, value := range s.bound {
		if code := s.bindValue(int32(i)+1, value, free); code != sqlite3.SQLITE_OK {
			return s.failure(code)
		}
		free += uintptr(length(value))
	}
	return nil
}

func length(value any) int {
	switch v := value.(type) {
	case string:
		return len(v)
	case []byte:
		return len(v)
	default:
		return 0
	}
}

// static tells SQLite that what it is given stays where it is.
const static = 0

func (s *sqliteStmt) bindValue(place int32, value any, free uintptr) int32 {
	switch v := value.(type) {
	case int64:
		return sqlite3.Xsqlite3_bind_int64(s.tls, s.handle, place, v)
	case bool:
		if v {
			return sqlite3.Xsqlite3_bind_int64(s.tls, s.handle, place, 1)
		}
		return sqlite3.Xsqlite3_bind_int64(s.tls, s.handle, place, 0)
	case string:
		copy(bytesAt(free, int32(len(v))), v)
		return sqlite3.Xsqlite3_bind_text(s.tls, s.handle, place, free, int32(len(v)), static)
	case []byte:
		if v == nil {
			return sqlite3.Xsqlite3_bind_null(s.tls, s.handle, place)
		}
		copy(bytesAt(free, int32(len(v))), v)
		return sqlite3.Xsqlite3_bind_blob(s.tls, s.handle, place, free, int32(len(v)), static)
	default:
		return sqlite3.SQLITE_MISMATCH
	}
}

// value reads a column as what it is.
func (s *sqliteStmt) value(column int32) any {
	switch sqlite3.Xsqlite3_column_type(s.tls, s.handle, column) {
	case sqlite3.SQLITE_INTEGER:
		return sqlite3.Xsqlite3_column_int64(s.tls, s.handle, column)
	case sqlite3.SQLITE_TEXT:
		return s.text(column)
	case sqlite3.SQLITE_BLOB:
		return s.blob(column)
	case sqlite3.SQLITE_FLOAT:
		return sqlite3.Xsqlite3_column_double(s.tls, s.handle, column)
	default:
		return nil
	}
}

func (s *sqliteStmt) text(column int32) string {
	address := sqlite3.Xsqlite3_column_text(s.tls, s.handle, column)
	return string(bytesAt(address, sqlite3.Xsqlite3_column_bytes(s.tls, s.handle, column)))
}

func (s *sqliteStmt) blob(column int32) []byte {
	address := sqlite3.Xsqlite3_column_blob(s.tls, s.handle, column)
	return append([]byte{}, bytesAt(address, sqlite3.Xsqlite3_column_bytes(s.tls, s.handle, column))...)
}

func (s *sqliteStmt) values() []any {
	values := make([]any, sqlite3.Xsqlite3_column_count(s.tls, s.handle))
	for i := range values {
		values[i] = s.value(int32(i))
	}
	return values
}

// scan reads a row into where it belongs, without a value between where there can be none. The tables are STRICT.
func (s *sqliteStmt) scan(into []any) error {
	for i, into := range into {
		column := int32(i)
		switch into := into.(type) {
		case *string:
			*into = s.text(column)
		case *int64:
			*into = sqlite3.Xsqlite3_column_int64(s.tls, s.handle, column)
		case *micros.Time:
			*into = micros.Time(sqlite3.Xsqlite3_column_int64(s.tls, s.handle, column))
		default:
			if err := assign(into, s.value(column)); err != nil {
				return err
			}
		}
	}
	return nil
}

// one runs a statement and reads its first row, into each of the places.
func (c *sqliteConn) one(query string, args []any, places ...[]any) error {
	found := false
	err := c.run(query, args, func(row *sqliteStmt) (more bool, err error) {
		found = true
		for _, into := range places {
			err = errors.Join(err, row.scan(into))
		}
		return false, err
	})
	if err == nil && !found {
		return pgx.ErrNoRows
	}
	return err
}

// all runs a statement and reads every row.
func (c *sqliteConn) all(query string, args []any) (*answer, error) {
	a := &answer{}
	err := c.run(query, args, func(row *sqliteStmt) (bool, error) {
		a.values = append(a.values, row.values())
		return true, nil
	})
	return a, err
}

// written counts the rows that were ever written here.
func (c *sqliteConn) written() int64 { return sqlite3.Xsqlite3_total_changes64(c.tls, c.db) }

// ended tells that no transaction is open.
func (c *sqliteConn) ended() bool { return sqlite3.Xsqlite3_get_autocommit(c.tls, c.db) != 0 }

// Exec is dbsql.DBTX. It and the two below ignore the caller's cancellation: an interrupted statement would cost every neighbour in
// the batch its work.
func (c *sqliteConn) Exec(_ context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	if err := c.run(query, args, nil); err != nil {
		return pgconn.CommandTag{}, err
	}
	return affected(sqlite3.Xsqlite3_changes64(c.tls, c.db)), nil
}

// Query is dbsql.DBTX.
func (c *sqliteConn) Query(_ context.Context, query string, args ...any) (pgx.Rows, error) {
	a, err := c.all(query, args)
	return &answerRows{answer: a}, err
}

// QueryRow is dbsql.DBTX.
func (c *sqliteConn) QueryRow(_ context.Context, query string, args ...any) pgx.Row {
	return rowFunc(func(into ...any) error { return c.one(query, args, into) })
}
