package store

import (
	"bytes"
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// gatherer answers the questions of many requests together, as one round trip to PostgreSQL or one read transaction of SQLite: while
// one is under way the next gathers. Each begins after it was asked for, so it sees everything that was acknowledged before, on any node.
type gatherer struct {
	// patience is how long the next waits for the one under way, so that it gathers more: several at once would each carry less and cost
	// as much. Beyond it, one that takes its time keeps nobody waiting. 0 is none.
	patience time.Duration
	turn     chan struct{} // holds one while somebody gathers or is waited for
	// folds: those who ask the same together get the same answer. It is for reads only: of two that decide the same, one wins.
	folds   bool
	queue   chan *question
	mu      sync.RWMutex // held for reading while a question is handed over, so that stop never closes under it
	closed  bool
	workers sync.WaitGroup
}

// question is one waiting statement.
type question struct {
	ctx    context.Context // ends when the caller goes away before its turn
	left   atomic.Bool     // the caller has waited for too long
	query  string
	args   []any
	before []*statement // what a decision does first
	into   []any        // where its one row goes, if it is read at once
	alike  []*question
	answer *answer
	err    error
	done   chan struct{}
}

// gatherLimit bounds how long the first of those asked together waits for the others.
const gatherLimit = 32

// startGatherer answers with each of the functions at a time. A function leaves every question's outcome in it.
func startGatherer(answer []func([]*question), folds bool, patience time.Duration) *gatherer {
	g := &gatherer{folds: folds, patience: patience, turn: make(chan struct{}, 1), queue: make(chan *question, queueLength)}
	for _, answer := range answer {
		g.workers.Go(func() { g.work(answer) })
	}
	return g
}

// enqueue hands a question over, unless ctx ends or late comes first.
func (g *gatherer) enqueue(ctx context.Context, late <-chan time.Time, q *question) error {
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
	case <-late:
		return context.DeadlineExceeded
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
	for {
		g.turn <- struct{}{}
		first, open := <-g.queue
		if !open {
			<-g.turn
			return
		}
		batch := g.gather(first)
		pass := g.passTurn()
		g.settle(batch, answer)
		pass()
	}
}

// passTurn lets the next one gather when patience ends. The function that it returns does so at once, if that was not yet.
func (g *gatherer) passTurn() func() {
	if g.patience == 0 {
		<-g.turn
		return func() {}
	}
	late := time.AfterFunc(g.patience, func() { <-g.turn })
	return func() {
		if late.Stop() {
			<-g.turn
		}
	}
}

// settle gives each question its outcome.
func (g *gatherer) settle(batch []*question, answer func([]*question)) {
	if asked := slices.DeleteFunc(slices.Clone(batch), givenUp); len(asked) > 0 {
		if g.folds {
			asked = fold(asked)
		}
		answer(asked)
		for _, q := range asked {
			for _, alike := range q.alike {
				alike.answer, alike.err = q.answer, q.err
			}
		}
	}
	for _, q := range batch {
		close(q.done)
	}
}

func (q *question) settled() bool { return q.answer != nil || q.err != nil }

// givenUp: nobody waits any more, and it was not asked yet.
func givenUp(q *question) bool {
	if q.err = q.ctx.Err(); q.err == nil && q.left.Load() {
		q.err = context.DeadlineExceeded
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

// fold leaves one of those that ask the same: a busy app's token is asked about by many at once.
func fold(batch []*question) (different []*question) {
	for _, q := range batch {
		i := slices.IndexFunc(different, q.same)
		if i < 0 {
			different = append(different, q)
			continue
		}
		different[i].alike = append(different[i].alike, q)
	}
	return different
}

func (q *question) same(other *question) bool {
	return q.query == other.query && len(q.into) == len(other.into) && slices.EqualFunc(q.args, other.args, sameArgument)
}

// sameArgument need not see all that is the same.
func sameArgument(a, b any) bool {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return ok && a == b
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	default:
		return false
	}
}
