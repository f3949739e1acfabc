package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// gatherer sends the statements of many requests in one round trip: while one is under way the next gathers, on a few connections. Each is
// a statement of its own that begins after it was asked for, so it sees everything that was acknowledged before, on any node.
type gatherer struct {
	engine *postgresEngine
	// exchange is one round trip. Its error is everybody's; what the server says of one statement is that statement's alone.
	exchange func(ctx context.Context, conn *pgx.Conn, batch []*question) error
	// certain: whoever asked waits for the outcome, even when nobody waits for them any more.
	certain bool

	queue   chan *question
	mu      sync.RWMutex // held for reading while a question is handed over, so that stop never closes under it
	closed  bool
	workers sync.WaitGroup
}

// question is one waiting statement.
type question struct {
	ctx    context.Context // ends when the caller goes away before its turn
	bound  context.Context // ends when it has waited for too long
	query  string
	args   []any
	answer *answer
	err    error
	done   chan struct{}
}

// gatherLimit bounds how long the first of a round trip waits for the others.
const gatherLimit = 32

func (g *gatherer) start(connections int) *gatherer {
	g.queue = make(chan *question, queueLength)
	for range connections {
		g.workers.Go(g.work)
	}
	return g
}

// run waits for an answer. A question that was sent is carried out even when nobody waits for it any more: it costs less than a connection.
func (g *gatherer) run(ctx context.Context, query string, args []any) (*answer, error) {
	outlast := ctx
	if g.certain {
		outlast = context.WithoutCancel(ctx)
	}
	waiting, cancel := context.WithTimeout(outlast, 2*answerLimit)
	defer cancel()
	q := &question{ctx: ctx, bound: waiting, query: query, args: args, done: make(chan struct{})}
	if err := g.enqueue(waiting, q); err != nil {
		return nil, err
	}
	select {
	case <-q.done:
		return q.answer, q.err
	case <-waiting.Done():
		return nil, uncertain(waiting.Err(), g.certain)
	}
}

func (g *gatherer) enqueue(ctx context.Context, q *question) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return errClosed
	}
	select {
	case g.queue <- q:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop answers what was asked and ends.
func (g *gatherer) stop() {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		close(g.queue)
	}
	g.mu.Unlock()
	g.workers.Wait()
}

func (g *gatherer) work() {
	for first := range g.queue {
		batch := g.gather(first)
		if asked := slices.DeleteFunc(slices.Clone(batch), givenUp); len(asked) > 0 {
			g.serve(asked)
		}
		for _, q := range batch {
			close(q.done)
		}
	}
}

// givenUp: nobody waits any more, and it was not sent.
func givenUp(q *question) bool {
	if q.err = q.ctx.Err(); q.err == nil {
		q.err = q.bound.Err()
	}
	return q.err != nil
}

func (g *gatherer) gather(first *question) []*question {
	batch := []*question{first}
	for len(batch) < gatherLimit {
		select {
		case q, open := <-g.queue:
			if !open {
				return batch
			}
			batch = append(batch, q)
		default:
			return batch
		}
	}
	return batch
}

// serve gives each question its outcome, and asks again where nothing can have been committed.
func (g *gatherer) serve(batch []*question) {
	for attempt := range maxAttempts {
		err := g.send(batch)
		if err == nil {
			return
		}
		for _, q := range batch {
			q.answer, q.err = nil, err
		}
		if !retryable(err) {
			return
		}
		pause(context.Background(), g.engine.backoff(err, attempt))
	}
}

func (g *gatherer) send(batch []*question) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit)
	defer cancel()
	conn, err := g.engine.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // closes one that is broken, or still within a transaction
	return g.exchange(ctx, conn.Conn(), batch)
}

// read sends queries together. PostgreSQL skips what comes after a failure, so the rest travels alone then.
func read(ctx context.Context, conn *pgx.Conn, batch []*question) error {
	trip := &pgx.Batch{}
	for _, q := range batch {
		trip.Queue(q.query, q.args...)
	}
	results := conn.SendBatch(ctx, trip)
	answered, err := answers(results, batch)
	_ = results.Close() // each question has its own outcome
	if err == nil || !ours(err) {
		return err
	}
	if len(batch) == 1 {
		batch[0].err = err
		return nil
	}
	for _, q := range batch[answered:] {
		if err := read(ctx, conn, []*question{q}); err != nil {
			return err
		}
	}
	return nil
}

// answers reads the outcomes in order and returns how many there were before the first failure.
func answers(results pgx.BatchResults, batch []*question) (answered int, err error) {
	for _, q := range batch {
		rows, _ := results.Query() // its error is the rows' too
		if q.answer, err = readAnswer(rows); err != nil {
			return answered, err
		}
		answered++
	}
	return answered, nil
}

// ours: the server refused a statement for what it says, and the connection goes on.
func ours(err error) bool {
	_, statement := errors.AsType[*pgconn.PgError](err)
	return statement && !retryable(err)
}

// decideTogether commits the decisions of many requests together, as SQLite's writer does. They lock their rows in one order, so that two nodes
// never wait for each other; when one fails they are all undone, and each is decided alone.
func (e *postgresEngine) decideTogether(ctx context.Context, conn *pgx.Conn, batch []*question) error {
	if len(batch) == 1 {
		return decideAlone(ctx, conn, batch[0])
	}
	slices.SortStableFunc(batch, func(a, b *question) int { return strings.Compare(rowOf(a), rowOf(b)) })
	tx := &postgresTx{ctx: context.WithoutCancel(ctx), conn: conn, prelude: e.prelude()}
	for _, q := range batch {
		tx.waiting = append(tx.waiting, &statement{tx: tx, query: q.query, args: q.args})
	}
	statements := tx.waiting
	err := tx.flush(true)
	if err == nil {
		for i, q := range batch {
			q.answer = statements[i].answer
		}
		return nil
	}
	tx.rollback()
	if !ours(err) {
		return err
	}
	for _, q := range batch {
		if err := decideAlone(ctx, conn, q); err != nil {
			return err
		}
	}
	return nil
}

// rowOf names the row that a decision is about: its first argument.
func rowOf(q *question) string {
	if len(q.args) == 0 {
		return ""
	}
	switch id := q.args[0].(type) {
	case string:
		return id
	case []byte:
		return string(id)
	}
	return ""
}

// decideAlone is a statement that PostgreSQL commits by itself.
func decideAlone(ctx context.Context, conn *pgx.Conn, q *question) error {
	rows, _ := conn.Query(ctx, q.query, q.args...) // its error is the rows' too
	answer, err := readAnswer(rows)
	if err != nil && retryable(err) && undone(err) {
		return err
	}
	if q.answer, q.err = answer, nil; err != nil {
		q.err = uncertain(err, !undone(err))
	}
	return nil
}
