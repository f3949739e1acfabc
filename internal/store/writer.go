package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"latchkey.dev/internal/store/dbsql"
)

// writer owns SQLite's only writing connection. While one batch is being synced to disk the next one gathers, so that a hundred
// clients share one fsync. Where a transaction fails, its neighbours' are run again without it.
type writer struct {
	conn    *sqliteConn
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

func startWriter(conn *sqliteConn) *writer {
	w := &writer{conn: conn, queue: make(chan *write, queueLength), stopped: make(chan struct{})}
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
}

// commit runs the waiting transactions as one of SQLite's. On return each job's err is final.
func (w *writer) commit(first *write) []*write {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		first.err = err
		return []*write{first}
	}
	batch, err := w.together(first)
	if errors.Is(err, errSpoiled) {
		err = w.apart(batch)
	}
	if err == nil {
		err = w.exec("COMMIT")
	}
	if err != nil {
		return w.abandon(batch, err)
	}
	return batch
}

// errSpoiled: a transaction failed after it had written, and nothing keeps what it wrote apart from its neighbours'.
var errSpoiled = errors.New("store: one of a batch failed")

// together runs what waits, with nothing in between: a savepoint around each would copy every page that it touches. Most of those that
// fail have written nothing, so there is nothing to undo. Any other error than errSpoiled says that the batch is lost.
func (w *writer) together(first *write) (batch []*write, err error) {
	for job := first; job != nil; job = w.next(len(batch)) {
		batch = append(batch, job)
		before := w.conn.written()
		if err := w.carry(job); err != nil {
			return batch, err
		}
		if job.err != nil && w.conn.written() != before {
			return batch, errSpoiled
		}
	}
	return batch, nil
}

// next takes a waiting job, if there is one, after those who are about to send one had a moment to.
func (w *writer) next(have int) *write {
	if have == 1 {
		runtime.Gosched()
	}
	if have == batchLimit {
		return nil
	}
	select {
	case job := <-w.queue:
		return job // nil when the queue is closed and empty
	default:
		return nil
	}
}

// carry runs one transaction. It returns an error only when the whole batch is lost: SQLite ends the outer transaction by itself on a
// full disk or an I/O error.
func (w *writer) carry(job *write) error {
	if job.err = job.ctx.Err(); job.err != nil {
		return nil //nolint:nilerr // the caller gave up, and the batch goes on without it
	}
	if job.err = protect(job.fn, w.conn); w.conn.ended() {
		return errors.Join(errEnded, job.err)
	}
	return nil
}

var errEnded = errors.New("store: SQLite ended the transaction")

// apart runs a spoiled batch again, each transaction in a savepoint.
func (w *writer) apart(batch []*write) error {
	for _, query := range []string{"ROLLBACK", "BEGIN IMMEDIATE"} {
		if err := w.exec(query); err != nil {
			return err
		}
	}
	for _, job := range batch {
		if err := w.alone(job); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) alone(job *write) error {
	if err := w.exec("SAVEPOINT one"); err != nil {
		return err
	}
	if err := w.carry(job); err != nil {
		return err
	}
	if job.err != nil {
		if err := w.exec("ROLLBACK TO one"); err != nil {
			return err
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

// abandon gives every transaction of a lost batch the reason, those too that had refused: what they read, a lost neighbour may have written.
// Those who gave up keep their own.
func (w *writer) abandon(batch []*write, cause error) []*write {
	_ = w.exec("ROLLBACK") // fails when SQLite rolled back already
	for _, job := range batch {
		if gone := job.ctx.Err(); gone == nil || !errors.Is(job.err, gone) {
			job.err = &UnavailableError{cause: cause}
		}
	}
	return batch
}

func (w *writer) exec(query string) error { return w.conn.run(query, nil, nil) }
