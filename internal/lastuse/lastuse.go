// Package lastuse remembers when each connection was last used, for the connected-apps page. Using a token must not cost a
// database write, so uses are gathered in memory and written in batches: at most one write a grant and minute. A crash loses
// the last second of them, and nothing else.
package lastuse

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/store"
)

const (
	resolution = time.Minute     // how exact the page is
	interval   = time.Second     // how long a use waits to be written
	batch      = 200             // grants a transaction, so that others get their turn
	limit      = 1 << 17         // grants in memory; beyond it uses go unseen until the next minute
	lastChance = 5 * time.Second // for the writes that are waiting when the process stops
)

// Recorder gathers uses. It is safe for concurrent use, and shared by all issuers of a process.
type Recorder struct {
	store   *store.Store
	log     *slog.Logger
	mu      sync.RWMutex
	seen    map[string]micros.Time // the last use that was taken
	waiting map[string]micros.Time // of those, the ones not written yet
	failed  atomic.Int64
}

// New returns a recorder that writes to the store once Run runs.
func New(s *store.Store, log *slog.Logger) *Recorder {
	return &Recorder{store: s, log: log, seen: map[string]micros.Time{}, waiting: map[string]micros.Time{}}
}

// Touch says that a grant was used now. A grant that was used within the last minute costs a read lock and nothing more.
func (r *Recorder) Touch(grantID string) {
	if grantID == "" {
		return
	}
	now := r.store.Now()
	r.mu.RLock()
	last, known := r.seen[grantID]
	r.mu.RUnlock()
	if known && now.Sub(last) < resolution {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !known && len(r.seen) >= limit {
		return
	}
	r.seen[grantID], r.waiting[grantID] = now, now
}

// Failed is how often what was gathered could not be written since the start.
func (r *Recorder) Failed() int64 { return r.failed.Load() }

// Run writes what was gathered every second, and once more when ctx ends.
func (r *Recorder) Run(ctx context.Context) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.flushAndLog(ctx)
		case <-ctx.Done():
			r.flushLast(ctx)
			return
		}
	}
}

func (r *Recorder) flushLast(ended context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ended), lastChance)
	defer cancel()
	r.flushAndLog(ctx)
}

func (r *Recorder) flushAndLog(ctx context.Context) {
	if err := r.Flush(ctx); err != nil {
		r.failed.Add(1)
		r.log.WarnContext(ctx, "last use of connections not written; it will be tried again", "error", err)
	}
}

// Flush writes what is waiting. What could not be written waits for the next time.
func (r *Recorder) Flush(ctx context.Context) error {
	waiting := r.take()
	for len(waiting) > 0 {
		some := cut(waiting, batch)
		err := r.store.InTx(ctx, func(tx *store.Tx) error {
			for _, grantID := range slices.Sorted(maps.Keys(some)) { // in one order, so that two nodes never wait for each other
				if err := tx.TouchGrant(grantID, some[grantID]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			r.giveBack(waiting)
			r.giveBack(some)
			return err
		}
	}
	return nil
}

// take empties the waiting list, and forgets uses that are too old to hold a new one back.
func (r *Recorder) take() map[string]micros.Time {
	now := r.store.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting := r.waiting
	r.waiting = map[string]micros.Time{}
	for grantID, at := range r.seen {
		if now.Sub(at) >= resolution {
			delete(r.seen, grantID)
		}
	}
	return waiting
}

func (r *Recorder) giveBack(some map[string]micros.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for grantID, at := range some {
		if len(r.waiting) < limit {
			r.waiting[grantID] = max(at, r.waiting[grantID])
		}
	}
}

// cut moves up to n entries out of the map.
func cut(from map[string]micros.Time, n int) map[string]micros.Time {
	some := make(map[string]micros.Time, min(n, len(from)))
	for grantID, at := range from {
		if len(some) == n {
			break
		}
		some[grantID] = at
		delete(from, grantID)
	}
	return some
}
