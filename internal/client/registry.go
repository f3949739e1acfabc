package client

import (
	"context"
	"errors"
	"io"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
)

// How many apps one issuer keeps in memory, and how many identifiers that no app has. Those are counted apart, so that
// somebody who invents them pushes out no app.
const (
	knownLimit   = 4096
	unknownLimit = 1024
)

// Config says whose apps these are.
type Config struct {
	Issuer  *issuer.Issuer
	Store   *store.Store
	Keyring *seal.Keyring
	Clock   func() time.Time
	Rand    io.Reader
	// Trouble is what a client's request is to meet once it is known whose it is: a sandbox's fault. nil is none.
	Trouble func(clientID string) error
}

// Registry is an issuer's apps. It is safe for concurrent use.
type Registry struct {
	Config

	known   *cache[*store.Client]
	unknown *cache[struct{}]
}

// New watches the issuer's apps; nothing is read until one is looked for.
func New(config Config) *Registry {
	r := &Registry{Config: config, known: newCache[*store.Client](knownLimit), unknown: newCache[struct{}](unknownLimit)}
	config.Store.Watch(store.TopicClients, r.Forget)
	return r
}

// maxID bounds what is looked up; no identifier of ours or of a server that was moved here is longer.
const maxID = 255

// Find returns an app, from memory once it was looked for. It is shared: do not change it. An app that there is not is
// store.ErrNotFound.
func (r *Registry) Find(ctx context.Context, clientID string) (*store.Client, error) {
	if client, ok := r.known.get(clientID); ok {
		return client, nil
	}
	if _, ok := r.unknown.get(clientID); ok || clientID == "" || len(clientID) > maxID {
		return nil, store.ErrNotFound
	}
	epoch, unknownEpoch := r.known.now(), r.unknown.now()
	client, err := r.Store.Client(ctx, r.Issuer.Name, clientID)
	if errors.Is(err, store.ErrNotFound) {
		r.unknown.put(clientID, struct{}{}, unknownEpoch)
	}
	if err != nil {
		return nil, err
	}
	r.known.put(clientID, &client, epoch)
	return &client, nil
}

// Forget empties the memory, so that a change made on this node is seen at once. Other nodes see it when they next poll.
func (r *Registry) Forget() {
	r.known.drop()
	r.unknown.drop()
}
