package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// trips sends the statements of many requests in one round trip, on a few connections.
type trips struct {
	*gatherer

	engine *postgresEngine
	// exchange is one round trip. Its error is everybody's; what the server says of one statement is that statement's alone.
	exchange func(ctx context.Context, conn *pgx.Conn, batch []*question) error
	// certain: these are decisions, each of its own, and whoever asked waits for the outcome even when nobody waits for them any more.
	certain bool
}

func (t *trips) start(connections int) *trips {
	t.gatherer = startGatherer(slices.Repeat([]func([]*question){t.serve}, connections), !t.certain)
	return t
}

// run waits for an answer. A question that was sent is carried out even when nobody waits for it any more: it costs less than a connection.
func (t *trips) run(ctx context.Context, query string, args []any) (*answer, error) {
	outlast := ctx
	if t.certain {
		outlast = context.WithoutCancel(ctx)
	}
	waiting, cancel := context.WithTimeout(outlast, 2*answerLimit)
	defer cancel()
	q := &question{ctx: ctx, bound: waiting, query: query, args: args}
	if err := t.enqueue(waiting, q); err != nil {
		return nil, err
	}
	select {
	case <-q.done:
		return q.answer, q.err
	case <-waiting.Done():
		return nil, uncertain(waiting.Err(), t.certain)
	}
}

// serve gives each question its outcome, and asks again where nothing can have been committed.
func (t *trips) serve(batch []*question) {
	for attempt := range maxAttempts {
		err := t.send(batch)
		if err == nil {
			return
		}
		for _, q := range batch {
			q.answer, q.err = nil, err
		}
		if !retryable(err) {
			return
		}
		pause(context.Background(), t.engine.backoff(err, attempt))
	}
}

func (t *trips) send(batch []*question) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit)
	defer cancel()
	conn, err := t.engine.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // closes one that is broken, or still within a transaction
	return t.exchange(ctx, conn.Conn(), batch)
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
		tx.waiting = append(tx.waiting, &statement{query: q.query, args: q.args})
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
