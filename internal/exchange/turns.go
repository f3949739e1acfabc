package exchange

import (
	"context"
	"sync"
)

// turns lets one at a time of those who name the same exchange go on. It saves work; the database decides who wins.
type turns struct {
	mu    sync.Mutex
	queue map[string]*turn
}

// turn is one exchange's: the token in the channel is the turn itself.
type turn struct {
	free    chan struct{}
	waiting int
}

// begin waits for the exchange's turn; end passes it on.
func (t *turns) begin(ctx context.Context, id string) (end func(), err error) {
	one := t.join(id)
	select {
	case <-one.free:
		return func() {
			one.free <- struct{}{}
			t.leave(id)
		}, nil
	case <-ctx.Done():
		t.leave(id)
		return nil, ctx.Err()
	}
}

func (t *turns) join(id string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.queue[id]
	if one == nil {
		one = &turn{free: make(chan struct{}, 1)}
		one.free <- struct{}{}
		if t.queue == nil {
			t.queue = map[string]*turn{}
		}
		t.queue[id] = one
	}
	one.waiting++
	return one
}

func (t *turns) leave(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.queue[id]; one.waiting > 1 {
		one.waiting--
	} else {
		delete(t.queue, id)
	}
}
