package store

import (
	"context"
	"slices"
	"sync"

	"latchkey.dev/internal/store/dbsql"
)

// changes knows how often each topic changed, so that what a node caches is dropped when another process changes it.
type changes struct {
	mu       sync.Mutex
	versions map[string]int64
	watchers map[string][]func()
}

// bump counts that a topic changed, in the transaction that changed it.
func (tx *Tx) bump(topic string) error {
	if !slices.Contains(tx.changed, topic) {
		tx.changed = append(tx.changed, topic)
	}
	return tx.q.BumpChange(tx.ctx, topic)
}

// announce drops what this process caches before the change is acknowledged, and tells the others.
func (s *Store) announce(ctx context.Context, topics []string) {
	for _, topic := range topics {
		for _, drop := range s.changes.watching(topic) {
			drop()
		}
		s.engine.notify(ctx, topic)
	}
}

func (c *changes) watching(topic string) []func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.watchers[topic])
}

// FollowChanges hears of changes at once where the database can tell (PostgreSQL, without a pooler in between), until ctx ends or the
// connection does; its caller then asks again. PollChanges finds what it missed.
func (s *Store) FollowChanges(ctx context.Context) error {
	return s.fail(s.engine.listen(ctx, func() error { return s.PollChanges(ctx) }))
}

// Watch calls drop whenever a topic changes: at once when it was this process that changed it, otherwise once PollChanges has seen it.
func (s *Store) Watch(topic string, drop func()) {
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	if s.changes.watchers == nil {
		s.changes.watchers = map[string][]func(){}
	}
	s.changes.watchers[topic] = append(s.changes.watchers[topic], drop)
}

// PollChanges asks the database what changed since the last time and calls whoever watches it. It notices, too, that the embedded
// database's file was moved away or replaced: from then on the store is unavailable.
func (s *Store) PollChanges(ctx context.Context) error {
	if err := s.engine.look(); err != nil {
		return s.fail(err)
	}
	rows, err := s.read.ListChanges(ctx)
	if err != nil {
		return s.fail(err)
	}
	for _, drop := range s.changes.fresh(rows) {
		drop()
	}
	return nil
}

func (c *changes) fresh(rows []dbsql.Change) (drops []func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.versions == nil { // what was cached before the first poll may be older than it: drop that too
		c.versions = map[string]int64{}
	}
	for _, row := range rows {
		if c.versions[row.Topic] != row.Version {
			drops = append(drops, c.watchers[row.Topic]...)
		}
		c.versions[row.Topic] = row.Version
	}
	return drops
}
