package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"latchkey.dev/internal/store/dbsql"
)

// sqliteEngine is the embedded database: one writer that commits waiting transactions together, and readers beside it.
type sqliteEngine struct {
	readers *sql.DB
	cached  *cachedDB
	writing *sql.DB
	writer  *writer
}

// pragmas: WAL lets readers go on while the writer commits; synchronous=FULL makes a commit outlive a power cut.
const (
	writerPragmas = "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=cache_size(-8000)&_pragma=temp_store(MEMORY)"
	readerPragmas = "_pragma=query_only(1)&_pragma=busy_timeout(10000)&_pragma=cache_size(-2000)&_pragma=temp_store(MEMORY)"
)

// makePrivate makes the file that only its owner reads, before SQLite would make one for everybody: it holds addresses and hashes.
// The log beside it gets the same permissions from SQLite. A file that is there keeps what its operator chose.
func makePrivate(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	return file.Close()
}

func openSQLite(ctx context.Context, path string) (*sqliteEngine, error) {
	if err := makePrivate(path); err != nil {
		return nil, err
	}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath()
	writing, err := sql.Open("sqlite", dsn+"?"+writerPragmas)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	writing.SetMaxOpenConns(1)
	conn, err := writing.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), writing.Close())
	}
	readers, err := sql.Open("sqlite", dsn+"?"+readerPragmas)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), writing.Close())
	}
	count := max(4, runtime.GOMAXPROCS(0)*2)
	readers.SetMaxOpenConns(count)
	readers.SetMaxIdleConns(count)
	return &sqliteEngine{readers: readers, cached: newCachedDB(readers), writing: writing, writer: startWriter(conn)}, nil
}

func (e *sqliteEngine) reader() dbsql.DBTX { return e.cached }

func (e *sqliteEngine) inTx(ctx context.Context, fn func(dbsql.DBTX) error) error {
	return e.writer.do(ctx, fn)
}

// decide is one more transaction of the batch: it costs no more than one that commits by itself.
func (e *sqliteEngine) decide(ctx context.Context, fn func(dbsql.DBTX) error) error {
	return e.inTx(ctx, fn)
}

// notify has nobody to tell: only commands work on the file beside the server, and it looks every second.
func (e *sqliteEngine) notify(context.Context, string) {}

func (e *sqliteEngine) listen(ctx context.Context, _ func() error) error {
	<-ctx.Done()
	return nil
}

// unavailable: everything that SQLite itself reports, but for a broken constraint, is the machine's trouble and not the caller's.
func (e *sqliteEngine) unavailable(err error) bool {
	if failure, ok := errors.AsType[*sqlite.Error](err); ok {
		return failure.Code()&0xff != sqlite3.SQLITE_CONSTRAINT
	}
	return closed(err) || errors.Is(err, errClosed)
}

func (e *sqliteEngine) close() error {
	e.writer.stop()
	return errors.Join(e.cached.close(), e.readers.Close(), e.writing.Close())
}

// cachedDB prepares each statement once: parsing one costs more than running it.
type cachedDB struct {
	db    *sql.DB
	mu    sync.RWMutex
	stmts map[string]*sql.Stmt
}

func newCachedDB(db *sql.DB) *cachedDB { return &cachedDB{db: db, stmts: map[string]*sql.Stmt{}} }

func (c *cachedDB) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	c.mu.RLock()
	stmt, ok := c.stmts[query]
	c.mu.RUnlock()
	if ok {
		return stmt, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if stmt, ok := c.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := c.db.PrepareContext(context.WithoutCancel(ctx), query)
	if err == nil {
		c.stmts[query] = stmt
	}
	return stmt, err
}

func (c *cachedDB) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

func (c *cachedDB) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (c *cachedDB) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := c.PrepareContext(ctx, query)
	if err != nil {
		return c.db.QueryRowContext(ctx, query, args...) // reports the same error in the row
	}
	return stmt.QueryRowContext(ctx, args...)
}

func (c *cachedDB) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, stmt := range c.stmts {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}
