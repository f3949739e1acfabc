package serviceaccount

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"latchkey.dev/internal/oauth"
)

func TestKeysAreMadeAheadAfterTheFirstDemand(t *testing.T) {
	maker := NewKeyMaker(rand.Reader)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		maker.Run(ctx)
	}()
	first, err := maker.Make(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ahead := <-maker.spare // made without being asked for
	if ahead.Equal(first) {
		t.Error("a key was made ahead that was handed out already")
	}
	cancel()
	<-ended
}

// A rush that cannot be served in time is told so, and a caller that left costs nothing.
func TestARushIsToldToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		maker := NewKeyMaker(rand.Reader)
		for range makers {
			maker.turns <- struct{}{}
		}
		started := time.Now()
		_, err := maker.Make(t.Context())
		var said *oauth.Error
		if !errors.As(err, &said) || said.HTTPStatus() != http.StatusServiceUnavailable || said.RetryAfter == 0 {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(started); waited != patience {
			t.Errorf("waited %v", waited)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := maker.Make(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
