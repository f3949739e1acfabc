package store

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// gatherer answers the questions of many requests together, as one round trip to PostgreSQL or one read transaction of SQLite: while
// one is under way the next gathers. Each begins after it was asked for, so it sees everything that was acknowledged before, on any node.
type gatherer struct {
	queue   chan *question
	mu      sync.RWMutex // held for reading while a question is handed over, so that stop never closes under it
	closed  bool
	workers sync.WaitGroup
}

// question is one waiting statement.
type question struct {
	ctx    context.Context // ends when the caller goes away before its turn
	bound  context.Context // ends when it has waited for too long; nil when it may
	query  string
	args   []any
	into   []any // where its one row goes, if it is read at once
	answer *answer
	err    error
	done   chan struct{}
}

// gatherLimit bounds how long the first of those asked together waits for the others.
const gatherLimit = 32

// startGatherer answers with each of the functions at a time. A function leaves every question's outcome in it.
func startGatherer(answer []func([]*question)) *gatherer {
	g := &gatherer{queue: make(chan *question, queueLength)}
	for _, answer := range answer {
		g.workers.Go(func() { g.work(answer) })
	}
	return g
}

func (g *gatherer) enqueue(ctx context.Context, q *question) error {
	q.done = make(chan struct{})
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

func (g *gatherer) work(answer func([]*question)) {
	for first := range g.queue {
		batch := g.gather(first)
		if asked := slices.DeleteFunc(slices.Clone(batch), givenUp); len(asked) > 0 {
			answer(asked)
		}
		for _, q := range batch {
			close(q.done)
		}
	}
}

// givenUp: nobody waits any more, and it was not asked yet.
func givenUp(q *question) bool {
	if q.err = q.ctx.Err(); q.err == nil && q.bound != nil {
		q.err = q.bound.Err()
	}
	return q.err != nil
}

// gather takes what waits, after those who are about to ask had a moment to.
func (g *gatherer) gather(first *question) []*question {
	runtime.Gosched()
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
