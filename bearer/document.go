package bearer

import (
	"context"
	"sync"
	"time"
)

const (
	// missPause bounds what a flood of made-up key ids costs the authorization server: one fetch in ten seconds.
	missPause = 10 * time.Second
	// failPause keeps a server that is down from being asked for every request, and is short enough to notice that it
	// is back.
	failPause = 2 * time.Second
)

// document is something the authorization server publishes: fetched once for everybody who waits, refreshed while the
// old copy still serves, and kept while the server is down.
type document[T any] struct {
	life    context.Context // ends every fetch with the guard
	fetch   func(context.Context) (T, error)
	now     func() time.Time
	timeout time.Duration
	fresh   time.Duration

	mu      sync.Mutex
	value   T
	fetched time.Time // zero until the first success
	tried   time.Time // when the last fetch began
	failure error     // of the last fetch
	flight  chan struct{}
}

func newDocument[T any](life context.Context, cfg Config, fresh time.Duration, fetch func(context.Context) (T, error)) *document[T] {
	return &document[T]{life: life, fetch: fetch, now: cfg.Now, timeout: cfg.Timeout, fresh: fresh}
}

// get returns the document. It waits only when there is no copy to use.
func (d *document[T]) get(ctx context.Context) (T, error) {
	d.mu.Lock()
	value, age, have := d.value, d.now().Sub(d.fetched), !d.fetched.IsZero()
	if have && age < stillUsable {
		if age >= d.fresh {
			d.start(failPause)
		}
		d.mu.Unlock()
		return value, nil
	}
	flight := d.start(failPause)
	d.mu.Unlock()
	return d.wait(ctx, flight)
}

// renew fetches the document again because something was missing from it, at most once in missPause.
func (d *document[T]) renew(ctx context.Context) (T, error) {
	d.mu.Lock()
	pause := missPause
	if d.failure != nil {
		pause = failPause
	}
	flight := d.start(pause)
	d.mu.Unlock()
	return d.wait(ctx, flight)
}

// start begins a fetch unless one is under way or began less than pause ago. It returns what to wait for, or nil. The
// caller holds the lock.
func (d *document[T]) start(pause time.Duration) <-chan struct{} {
	if d.flight != nil {
		return d.flight
	}
	now := d.now()
	if !d.tried.IsZero() && now.Sub(d.tried) < pause {
		return nil
	}
	d.tried, d.flight = now, make(chan struct{})
	go d.run(d.flight)
	return d.flight
}

func (d *document[T]) run(flight chan struct{}) {
	ctx, cancel := context.WithTimeout(d.life, d.timeout)
	defer cancel()
	value, err := d.fetch(ctx)

	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.value, d.fetched = value, d.now()
	}
	d.failure, d.flight = err, nil
	close(flight)
}

// wait reports the outcome of the last fetch: its failure even when an old copy is left, because whoever waits has
// looked in that copy already.
func (d *document[T]) wait(ctx context.Context, flight <-chan struct{}) (T, error) {
	if flight != nil {
		select {
		case <-flight:
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.value, d.failure
}
