package store

import (
	"context"
	"errors"
	"runtime"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	sqlite3 "modernc.org/sqlite/lib"

	"latchkey.dev/internal/store/dbsql"
)

// sqliteEngine is the embedded database: one writer that commits waiting transactions together, and readers beside it.
type sqliteEngine struct {
	file   *placedFile
	reads  *gatherer
	conns  []*sqliteConn // the readers'
	writer *writer
}

// WAL lets readers go on while the writer commits; synchronous=FULL makes a commit outlive a power cut. Moving the log's pages into the
// database falls to one batch, which must not wait long: hence half as many as SQLite's own 1,000.
var (
	writerPragmas = []string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "cache_size(-8000)", "temp_store(MEMORY)", "wal_autocheckpoint(500)"}
	readerPragmas = []string{"busy_timeout(10000)", "query_only(1)", "cache_size(-2000)", "temp_store(MEMORY)"}
)

func openSQLite(path string) (*sqliteEngine, error) {
	if err := refuseOtherLog(path); err != nil {
		return nil, err
	}
	file, err := placed(path)
	if err != nil {
		return nil, err
	}
	writing, err := openSQLiteConn(path, writerPragmas)
	if err != nil {
		return nil, err
	}
	e := &sqliteEngine{file: file}
	var workers []func([]*question)
	for range max(2, runtime.GOMAXPROCS(0)) {
		conn, err := openSQLiteConn(path, readerPragmas)
		if err != nil {
			return nil, errors.Join(err, e.closeReaders(), writing.close())
		}
		e.conns, workers = append(e.conns, conn), append(workers, conn.answer)
	}
	e.reads, e.writer = startGatherer(workers, true, 0), startWriter(writing)
	return e, nil
}

func (e *sqliteEngine) reader() dbsql.DBTX { return sqliteReads{e.reads, e.file} }

func (e *sqliteEngine) inTx(ctx context.Context, fn func(dbsql.DBTX) error) error {
	if err := e.file.check(); err != nil {
		return err
	}
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

func (e *sqliteEngine) look() error { return e.file.look() }

// unavailable: everything that SQLite itself reports, but for a broken constraint, is the machine's trouble and not the caller's.
func (e *sqliteEngine) unavailable(err error) bool {
	if failure, ok := errors.AsType[*sqliteError](err); ok {
		return failure.code&0xff != sqlite3.SQLITE_CONSTRAINT
	}
	return errors.Is(err, errClosed) || errors.Is(err, errGone)
}

func (e *sqliteEngine) close() error {
	e.reads.stop()
	e.writer.stop()
	return errors.Join(e.closeReaders(), e.writer.conn.close())
}

func (e *sqliteEngine) closeReaders() (err error) {
	for _, conn := range e.conns {
		err = errors.Join(err, conn.close())
	}
	e.conns = nil // closing twice is closing once
	return err
}

// sqliteReads is the readers' dbsql.DBTX: what requests ask at the same time is read in one transaction.
type sqliteReads struct {
	*gatherer

	file *placedFile
}

// Query is dbsql.DBTX.
func (r sqliteReads) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	q := &question{ctx: ctx, query: query, args: args}
	if err := r.ask(q); err != nil {
		return nil, err
	}
	return &answerRows{answer: q.answer}, nil
}

// QueryRow is dbsql.DBTX.
func (r sqliteReads) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	return rowFunc(func(into ...any) error { return r.ask(&question{ctx: ctx, query: query, args: args, into: into}) })
}

// Exec is dbsql.DBTX.
func (r sqliteReads) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, errReadOnly
}

var errReadOnly = errors.New("store: this would write outside of a transaction")

// ask waits for an answer. It begins after it was asked for, so it sees all that was acknowledged before.
func (r sqliteReads) ask(q *question) error {
	if err := r.file.check(); err != nil {
		return err
	}
	if err := r.enqueue(q.ctx, nil, q); err != nil {
		return err
	}
	<-q.done
	return q.err
}

// rows are where the answer's one row goes.
func (q *question) rows() [][]any {
	rows := [][]any{q.into}
	for _, alike := range q.alike {
		rows = append(rows, alike.into)
	}
	return rows
}

// answer reads for many requests in one transaction: to begin and end one takes as long as a read.
func (c *sqliteConn) answer(batch []*question) {
	if len(batch) > 1 && c.run("BEGIN", nil, nil) == nil {
		defer func() { _ = c.run("COMMIT", nil, nil) }() // there is nothing that could be lost
	}
	for _, q := range batch {
		if q.into != nil {
			q.err = c.one(q.query, q.args, q.rows()...)
		} else {
			q.answer, q.err = c.all(q.query, q.args)
		}
	}
}
