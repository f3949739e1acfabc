package store

import (
	"context"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// gatherer sends the reads of many requests in one round trip: while one is under way the next gathers, on a few connections. Each read
// is a statement of its own that begins after it was asked for, so it sees everything that was acknowledged before, on any node.
type gatherer struct {
	engine  *postgresEngine
	queue   chan *read
	mu      sync.RWMutex // held for reading while a read is handed over, so that stop never closes under it
	closed  bool
	workers sync.WaitGroup
}

// read is one waiting query.
type read struct {
	query  string
	args   []any
	answer *answer
	err    error
	done   chan struct{}
}

// gatherLimit bounds how long the first of a round trip waits for the others.
const gatherLimit = 32

func startGatherer(engine *postgresEngine, connections int) *gatherer {
	g := &gatherer{engine: engine, queue: make(chan *read, queueLength)}
	for range connections {
		g.workers.Go(g.work)
	}
	return g
}

// run waits for a read. One that nobody waits for any more is carried out all the same: it costs less than a connection.
func (g *gatherer) run(ctx context.Context, query string, args []any) (*answer, error) {
	waiting, cancel := context.WithTimeout(ctx, 2*answerLimit)
	defer cancel()
	r := &read{query: query, args: args, done: make(chan struct{})}
	if err := g.enqueue(waiting, r); err != nil {
		return nil, err
	}
	select {
	case <-r.done:
		return r.answer, r.err
	case <-waiting.Done():
		return nil, waiting.Err()
	}
}

func (g *gatherer) enqueue(ctx context.Context, r *read) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return errClosed
	}
	select {
	case g.queue <- r:
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
		g.serve(batch)
		for _, r := range batch {
			close(r.done)
		}
	}
}

func (g *gatherer) gather(first *read) []*read {
	batch := []*read{first}
	for len(batch) < gatherLimit {
		select {
		case r, open := <-g.queue:
			if !open {
				return batch
			}
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

// serve gives each read its outcome. Reading again is always safe.
func (g *gatherer) serve(batch []*read) {
	for attempt := range maxAttempts {
		err := g.send(batch)
		if err == nil {
			return
		}
		for _, r := range batch {
			r.answer, r.err = nil, err
		}
		if !retryable(err) {
			return
		}
		pause(context.Background(), g.engine.backoff(err, attempt))
	}
}

// send is one round trip. Its error is the connection's; what the server says of one read is that read's alone.
func (g *gatherer) send(batch []*read) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit)
	defer cancel()
	conn, err := g.engine.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	answered, err := exchange(ctx, conn.Conn(), batch)
	if _, statement := errors.AsType[*pgconn.PgError](err); !statement || retryable(err) {
		return err
	}
	if len(batch) == 1 {
		batch[0].answer, batch[0].err = nil, err
		return nil
	}
	for _, r := range batch[answered:] { // whose fault it is shows when each travels alone
		if err := g.alone(ctx, conn.Conn(), r); err != nil {
			return err
		}
	}
	return nil
}

func (g *gatherer) alone(ctx context.Context, conn *pgx.Conn, r *read) error {
	_, err := exchange(ctx, conn, []*read{r})
	if _, statement := errors.AsType[*pgconn.PgError](err); err == nil || (statement && !lost(err)) {
		r.err = err
		return nil
	}
	return err
}

// exchange sends the reads together and returns how many were answered before the first that failed.
func exchange(ctx context.Context, conn *pgx.Conn, batch []*read) (answered int, err error) {
	trip := &pgx.Batch{}
	for _, r := range batch {
		r.err = nil
		trip.Queue(r.query, r.args...)
	}
	results := conn.SendBatch(ctx, trip)
	defer results.Close() //nolint:errcheck // each read has its own outcome
	for _, r := range batch {
		rows, _ := results.Query() // its error is the rows' too
		if r.answer, err = readAnswer(rows); err != nil {
			return answered, err
		}
		answered++
	}
	return answered, nil
}
