package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"latchkey.dev/internal/store/dbsql"
)

// writer owns SQLite's only writing connection. While one batch is being synced to disk the next one gathers, so that a hundred
// clients share one fsync; each transaction has a savepoint of its own, so that a failing one leaves its neighbours alone.
type writer struct {
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt
	queue   chan *write
	mu      sync.RWMutex // held for reading while a write is handed over, so that stop never closes under it
	closed  bool
	stopped chan struct{}
}

// write is one waiting transaction.
type write struct {
	ctx  context.Context
	fn   func(dbsql.DBTX) error
	err  error
	done chan struct{}
}

const (
	queueLength = 1024 // more than this wait at the door, where their context can still end the wait
	batchLimit  = 256  // bounds how long the first of a batch waits for its commit
)

var errClosed = errors.New("store: closed")

func startWriter(conn *sql.Conn) *writer {
	w := &writer{conn: conn, stmts: map[string]*sql.Stmt{}, queue: make(chan *write, queueLength), stopped: make(chan struct{})}
	go w.run()
	return w
}

// do waits until fn's work is on disk. A context that ends before its turn takes the transaction out; after that it is
// carried through, because the caller could not know which it was.
func (w *writer) do(ctx context.Context, fn func(dbsql.DBTX) error) error {
	job := &write{ctx: ctx, fn: fn, done: make(chan struct{})}
	if err := w.enqueue(job); err != nil {
		return err
	}
	<-job.done
	return job.err
}

func (w *writer) enqueue(job *write) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed
	}
	select {
	case w.queue <- job:
		return nil
	case <-job.ctx.Done():
		return job.ctx.Err()
	}
}

// stop lets everything that was accepted finish.
func (w *writer) stop() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.stopped
}

func (w *writer) run() {
	defer close(w.stopped)
	for first := range w.queue {
		batch := w.commit(first)
		for _, job := range batch {
			close(job.done)
		}
	}
	for _, stmt := range w.stmts {
		_ = stmt.Close() // the connection goes next
	}
	_ = w.conn.Close()
}

// commit runs the waiting transactions as one of SQLite's. On return each job's err is final.
func (w *writer) commit(first *write) []*write {
	batch := []*write{first}
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		first.err = err
		return batch
	}
	for job := first; ; {
		if broken := w.apply(job); broken != nil {
			return w.abandon(batch, broken)
		}
		if len(batch) == batchLimit {
			break
		}
		if job = w.next(); job == nil {
			break
		}
		batch = append(batch, job)
	}
	if err := w.exec("COMMIT"); err != nil {
		return w.abandon(batch, err)
	}
	return batch
}

// next takes a waiting job, if there is one.
func (w *writer) next() *write {
	select {
	case job := <-w.queue:
		return job // nil when the queue is closed and empty
	default:
		return nil
	}
}

// apply runs one transaction in its savepoint. It returns an error only when the whole batch is lost: SQLite ends the outer
// transaction by itself on a full disk or an I/O error, and then the savepoint is gone too.
func (w *writer) apply(job *write) error {
	if job.err = job.ctx.Err(); job.err != nil {
		return nil //nolint:nilerr // the caller gave up, and the batch goes on without it
	}
	if err := w.exec("SAVEPOINT one"); err != nil {
		return err
	}
	if job.err = protect(job.fn, w); job.err != nil {
		if err := w.exec("ROLLBACK TO one"); err != nil {
			return errors.Join(job.err, err)
		}
	}
	return w.exec("RELEASE one")
}

// protect keeps a panic in one transaction from taking the writer, and with it every other one, down, and from leaving
// PostgreSQL's open.
func protect(fn func(dbsql.DBTX) error, db dbsql.DBTX) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("store: panic in a transaction: %v\n%s", caught, debug.Stack())
		}
	}()
	return fn(db)
}

// abandon gives every transaction of a lost batch the reason; those that had refused by themselves keep their own.
func (w *writer) abandon(batch []*write, cause error) []*write {
	_ = w.exec("ROLLBACK") // fails when SQLite rolled back already
	for _, job := range batch {
		if job.err == nil {
			job.err = &UnavailableError{cause: cause}
		}
	}
	return batch
}

func (w *writer) exec(query string) error {
	_, err := w.ExecContext(context.Background(), query)
	return err
}

// PrepareContext and the three below are dbsql.DBTX. They ignore the caller's cancellation: an interrupted statement would
// cost every neighbour in the batch its work.
func (w *writer) PrepareContext(_ context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := w.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := w.conn.PrepareContext(context.Background(), query)
	if err == nil {
		w.stmts[query] = stmt
	}
	return stmt, err
}

// ExecContext is dbsql.DBTX.
func (w *writer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := w.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(context.Background(), args...)
}

// QueryContext is dbsql.DBTX.
func (w *writer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := w.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(context.Background(), args...)
}

// QueryRowContext is dbsql.DBTX.
func (w *writer) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := w.PrepareContext(ctx, query)
	if err != nil {
		return w.conn.QueryRowContext(context.Background(), query, args...) // reports the same error in the row
	}
	return stmt.QueryRowContext(context.Background(), args...)
}
