package serviceaccount

import (
	"context"
	"crypto/rsa"
	"fmt"
	"io"
	"time"

	"latchkey.dev/internal/oauth"
)

const (
	rsaBits   = 2048
	spareKeys = 8               // made ahead: an RSA key takes a tenth of a second and more, at times a whole one
	makers    = 2               // at most this many are made at once, so that a rush leaves processor time for the rest
	patience  = 5 * time.Second // the longest wait for a turn
)

// KeyMaker makes RSA keys, some ahead of need. They are in memory only, and each is handed out once. It is safe for concurrent
// use and shared by all issuers of a process.
type KeyMaker struct {
	rand   io.Reader
	spare  chan *rsa.PrivateKey
	turns  chan struct{}
	wanted chan struct{}
}

// NewKeyMaker returns a maker that makes keys when they are asked for, and ahead of need while Run runs.
func NewKeyMaker(rand io.Reader) *KeyMaker {
	return &KeyMaker{
		rand: rand, spare: make(chan *rsa.PrivateKey, spareKeys), turns: make(chan struct{}, makers), wanted: make(chan struct{}, 1),
	}
}

// Run makes keys ahead of need until ctx ends. It begins with the first demand: most processes never make one.
func (m *KeyMaker) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.wanted:
		}
		for len(m.spare) < spareKeys && m.stock(ctx) {
		}
	}
}

// stock makes one spare key. An error is left to whoever asks for a key next, and hears it.
func (m *KeyMaker) stock(ctx context.Context) bool {
	select {
	case m.turns <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-m.turns }()
	key, err := rsa.GenerateKey(m.rand, rsaBits)
	if err != nil {
		return false
	}
	select {
	case m.spare <- key:
		return true
	default:
		return false
	}
}

// Make returns a key that nobody has seen.
func (m *KeyMaker) Make(ctx context.Context) (*rsa.PrivateKey, error) {
	select {
	case m.wanted <- struct{}{}:
	default:
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case key := <-m.spare:
		return key, nil
	default:
	}
	select {
	case key := <-m.spare:
		return key, nil
	case m.turns <- struct{}{}:
	case <-timeout.C:
		return nil, oauth.TemporarilyUnavailable("many keys are being made at once; try again in a moment").WithRetryAfter(time.Second)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-m.turns }()
	key, err := rsa.GenerateKey(m.rand, rsaBits)
	if err != nil {
		return nil, fmt.Errorf("serviceaccount: make a key: %w", err)
	}
	return key, nil
}
