package store

import (
	"context"
	"errors"
	"slices"
	"time"

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

// patience is several times what a round trip takes on a busy machine, and little beside what a person or an app waits for.
const patience = 5 * time.Millisecond

func (t *trips) start(connections int) *trips {
	t.gatherer = startGatherer(slices.Repeat([]func([]*question){t.serve}, connections), !t.certain, patience)
	return t
}

// run is runner.
func (t *trips) run(ctx context.Context, query string, args []any) (*answer, error) {
	return t.await(ctx, &question{query: query, args: args})
}

// await waits for an answer. A question that was sent is carried out even when nobody waits for it any more: it costs less than a connection.
func (t *trips) await(ctx context.Context, q *question) (*answer, error) {
	late := time.NewTimer(2 * answerLimit) // a context of its own for each question shows in profiles
	defer late.Stop()
	q.ctx = ctx
	if err := t.enqueue(ctx, late.C, q); err != nil {
		return nil, err
	}
	var left <-chan struct{}
	if !t.certain {
		left = ctx.Done()
	}
	select {
	case <-q.done:
		return q.answer, q.err
	case <-left:
		return nil, ctx.Err()
	case <-late.C:
		q.left.Store(true)
		return nil, uncertain(context.DeadlineExceeded, t.certain)
	}
}

// serve gives each question its outcome, and asks again where nothing can have been committed. Those that have their outcome keep it:
// of a batch whose members were decided alone, some may be committed already.
func (t *trips) serve(batch []*question) {
	for attempt := range maxAttempts {
		err := t.send(batch)
		if err == nil {
			return
		}
		batch = slices.DeleteFunc(slices.Clone(batch), (*question).settled)
		if len(batch) == 0 || attempt == maxAttempts-1 || !retryable(err) {
			for _, q := range batch {
				q.err = err
			}
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
	trip, asked := &pgx.Batch{}, askings(batch)
	for _, a := range asked {
		a.queue(trip)
	}
	results := conn.SendBatch(ctx, trip)
	err := answers(results, asked)
	_ = results.Close() // each question has its own outcome
	if err == nil || !ours(err) {
		return err
	}
	if len(batch) == 1 {
		batch[0].err = err
		return nil
	}
	for _, q := range batch {
		if q.settled() {
			continue
		}
		if err := read(ctx, conn, []*question{q}); err != nil {
			return err
		}
	}
	return nil
}

// answers reads the outcomes in order, up to the first failure.
func answers(results pgx.BatchResults, asked []*asking) error {
	for _, a := range asked {
		rows, _ := results.Query() // its error is the rows' too
		if err := a.read(rows); err != nil {
			return err
		}
	}
	return nil
}

// ours: the server refused a statement for what it says, and the connection goes on. What may be committed is not to be asked again.
func ours(err error) bool {
	_, statement := errors.AsType[*pgconn.PgError](err)
	_, settled := errors.AsType[*UnavailableError](err)
	return statement && !settled && !retryable(err)
}
