package bench

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// operation is what one connection does again and again. It returns an error when the answer is not the one that was due.
type operation func(c *conn) error

// result is what a load saw.
type result struct {
	operations int
	errors     int
	firstError error
	took       time.Duration
	p50, p99   time.Duration
}

func (r result) perSecond() float64 { return float64(r.operations) / r.took.Seconds() }

// load runs operations on connections at once for a while. each makes a connection's own operation, so that chains do not share.
type load struct {
	addr        string
	connections int
	warmUp      time.Duration
	measure     time.Duration
	clock       func() time.Time
	each        func(worker int) (operation, error)
}

// worker is one connection's tally.
type worker struct {
	latencies  []time.Duration
	errors     int
	firstError error
}

// run measures. between is called when the warm-up is over and again when the measurement is, for counters of the server.
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
	c, err := dial(ctx, l.addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	for ctx.Err() == nil {
		started := l.clock()
		if started.After(end) {
			return nil
		}
		err := do(c)
		finished := l.clock()
		if finished.Before(begin) || finished.After(end) {
			continue
		}
		w.latencies = append(w.latencies, finished.Sub(started))
		if err != nil {
			w.failed(err)
		}
	}
	return nil
}

func (w *worker) failed(err error) {
	w.errors++
	if w.firstError == nil {
		w.firstError = err
	}
}

func tally(workers []worker, took time.Duration) result {
	var all []time.Duration
	r := result{took: took}
	for _, w := range workers {
		all = append(all, w.latencies...)
		r.errors += w.errors
		if r.firstError == nil {
			r.firstError = w.firstError
		}
	}
	slices.Sort(all)
	r.operations = len(all) - r.errors
	if len(all) > 0 {
		r.p50, r.p99 = all[len(all)/2], all[len(all)*99/100]
	}
	return r
}

func sleepUntil(ctx context.Context, clock func() time.Time, t time.Time) {
	timer := time.NewTimer(t.Sub(clock()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
