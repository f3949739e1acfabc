package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// operation is what one connection does again and again. It returns an error when the answer is not the one that was due.
type operation func(c *caller) error

// caller is a connection that times its requests.
type caller struct {
	*conn

	clock func() time.Time
	took  []time.Duration // of each request of the operation under way
	sent  []byte          // the last request
}

// expect sends a whole request and holds the answer to a status.
func (c *caller) expect(request []byte, status int) error {
	started := c.clock()
	if err := c.do(request); err != nil {
		return err
	}
	c.sent = request
	c.took = append(c.took, c.clock().Sub(started))
	if c.status != status {
		return fmt.Errorf("status %d, not %d: %.200s", c.status, status, c.body)
	}
	return nil
}

// result is what a load saw, and what it cost.
type result struct {
	usage

	operations int
	errors     int
	firstError error
	took       time.Duration
	p50, p99   time.Duration
	requests   [][]time.Duration // of an operation's first request, of its second, …
}

func (r result) perSecond() float64 { return float64(r.operations) / r.took.Seconds() }

// perOperation divides processor time, into microseconds; what is unknown stays so.
func (r result) perOperation(used time.Duration) float64 {
	if used == unknown {
		return unknown
	}
	return float64(used.Microseconds()) / float64(max(1, r.operations))
}

// load runs operations on connections at once for a while. each makes a connection's own operation, so that chains do not share.
type load struct {
	place       place
	connections int
	warmUp      time.Duration
	measure     time.Duration
	clock       func() time.Time
	each        func(worker int) (operation, error)
}

// worker is one connection's tally.
type worker struct {
	latencies  []time.Duration
	requests   [][]time.Duration
	errors     int
	firstError error
}

// run measures. mark is called when the warm-up is over and again when the measurement is, for counters of the server.
func (l load) run(ctx context.Context, mark func()) (result, error) {
	start := l.clock()
	begin, end := start.Add(l.warmUp), start.Add(l.warmUp+l.measure)
	workers := make([]worker, l.connections)
	failures := make([]error, l.connections)
	var running sync.WaitGroup
	for i := range workers {
		running.Go(func() { failures[i] = l.drive(ctx, i, &workers[i], begin, end) })
	}
	sleepUntil(ctx, l.clock, begin)
	mark()
	sleepUntil(ctx, l.clock, end)
	mark()
	running.Wait()
	if err := errors.Join(failures...); err != nil {
		return result{}, err
	}
	return tally(workers, l.measure), ctx.Err()
}

func (l load) drive(ctx context.Context, number int, w *worker, begin, end time.Time) error {
	do, err := l.each(number)
	if err != nil {
		return err
	}
	c := &caller{clock: l.clock}
	defer func() { c.hangUp() }()
	for ctx.Err() == nil {
		if c.conn == nil {
			if c.conn, err = dial(ctx, l.place); err != nil {
				return err
			}
		}
		c.took = c.took[:0]
		started := l.clock()
		if started.After(end) {
			return nil
		}
		err := do(c)
		finished := l.clock()
		if err != nil {
			c.hangUp() // the rest of an answer may still be on its way
		}
		if finished.Before(begin) || finished.After(end) {
			continue
		}
		w.count(finished.Sub(started), c.took, err)
	}
	return nil
}

// hangUp closes the connection, so that the next operation begins with a new one.
func (c *caller) hangUp() {
	if c.conn != nil {
		_ = c.Close()
		c.conn = nil
	}
}

func (w *worker) count(whole time.Duration, requests []time.Duration, err error) {
	if err != nil {
		w.errors++
		w.firstError = cmp.Or(w.firstError, err)
		return
	}
	w.latencies = append(w.latencies, whole)
	if len(requests) == 1 {
		return // the same figure
	}
	for i, took := range requests {
		if len(w.requests) == i {
			w.requests = append(w.requests, nil)
		}
		w.requests[i] = append(w.requests[i], took)
	}
}

func tally(workers []worker, took time.Duration) result {
	var all []time.Duration
	r := result{took: took}
	for _, w := range workers {
		all = append(all, w.latencies...)
		r.errors += w.errors
		r.firstError = cmp.Or(r.firstError, w.firstError)
		for i, latencies := range w.requests {
			if len(r.requests) == i {
				r.requests = append(r.requests, nil)
			}
			r.requests[i] = append(r.requests[i], latencies...)
		}
	}
	r.operations = len(all)
	r.p50, r.p99 = percentiles(all)
	return r
}

// percentiles sorts latencies, and returns the median and the one that 99 of 100 do not exceed.
func percentiles(all []time.Duration) (p50, p99 time.Duration) {
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100]
}

func sleepUntil(ctx context.Context, clock func() time.Time, t time.Time) {
	timer := time.NewTimer(t.Sub(clock()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
