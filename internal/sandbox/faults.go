package sandbox

import (
	"sync"
	"time"

	"latchkey.dev/internal/oauth"
)

const (
	maxExpired = 10_000 // tokens that are expired on request; more is forgetting the oldest
	maxApps    = 1_000
	maxTimes   = 100
)

// Faults are what was asked to go wrong. The zero value is none; it is safe for concurrent use.
type Faults struct {
	mu      sync.Mutex
	expired map[string]struct{} // by jti
	order   []string            // of expired, oldest first
	busy    map[string]int      // by client: how many requests are still to be refused
}

// Expired tells whether a token is to be taken for one that has expired, by its jti.
func (f *Faults) Expired(jti string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, expired := f.expired[jti]
	return expired
}

// Trouble is the trouble that a client's request is to meet; nil when it may go on.
func (f *Faults) Trouble(clientID string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := f.busy[clientID]
	if left == 0 {
		return nil
	}
	if f.busy[clientID] = left - 1; left == 1 {
		delete(f.busy, clientID)
	}
	return oauth.TemporarilyUnavailable("this is the fault that was asked for in the sandbox; try again").WithRetryAfter(time.Second)
}

func (f *Faults) expire(jti string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.expired == nil {
		f.expired = map[string]struct{}{}
	}
	if _, already := f.expired[jti]; already {
		return
	}
	if len(f.order) == maxExpired {
		delete(f.expired, f.order[0])
		f.order = f.order[1:]
	}
	f.expired[jti], f.order = struct{}{}, append(f.order, jti)
}

func (f *Faults) refuse(clientID string, times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy == nil || len(f.busy) >= maxApps {
		f.busy = map[string]int{}
	}
	f.busy[clientID] = times
}
