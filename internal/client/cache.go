package client

import "sync"

// cache is a bounded map that forgets what was not used for longest: two halves, of which the older goes when the younger is
// full. A hit in the young half, which is nearly every one, takes a read lock and nothing else.
type cache[V any] struct {
	half       int
	mu         sync.RWMutex
	young, old map[string]V
	epoch      uint64
}

func newCache[V any](limit int) *cache[V] {
	return &cache[V]{half: limit / 2, young: map[string]V{}}
}

func (c *cache[V]) get(key string) (V, bool) {
	c.mu.RLock()
	value, ok := c.young[key]
	var aged bool
	if !ok {
		value, aged = c.old[key]
	}
	epoch := c.epoch
	c.mu.RUnlock()
	if aged {
		c.put(key, value, epoch)
	}
	return value, ok || aged
}

// now is the epoch to hand to put: read it before what is put.
func (c *cache[V]) now() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.epoch
}

// put remembers a value that was read in an epoch. One read before the last drop may be out of date and is not kept.
func (c *cache[V]) put(key string, value V, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	if len(c.young) >= c.half {
		c.old, c.young = c.young, make(map[string]V, c.half)
	}
	c.young[key] = value
}

func (c *cache[V]) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.young, c.old = map[string]V{}, nil
}
