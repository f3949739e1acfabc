package token_test

import (
	"errors"
	"sync"
	"testing"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/token"
)

const crowd = 64

// together sends the same request from 64 goroutines at once.
func (e *endpoint) together(request token.Request) (responses []token.Response, failures []error) {
	var group sync.WaitGroup
	var mu sync.Mutex
	start := make(chan struct{})
	for range crowd {
		group.Go(func() {
			<-start
			response, err := e.handler.Token(e.Context(), request)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures = append(failures, err)
				return
			}
			responses = append(responses, response)
		})
	}
	close(start)
	group.Wait()
	return responses, failures
}

func TestRFC6749_4_1_2_OneOf64WinsACode(t *testing.T) {
	e := newEndpoint(t)
	for range 5 {
		responses, failures := e.together(e.codeRequest(e.Code(e.grant)))
		if len(responses) != 1 || len(failures) != crowd-1 {
			t.Fatalf("%d won, want 1", len(responses))
		}
		for _, err := range failures {
			var meant *oauth.Error
			if !errors.As(err, &meant) || meant.Code != oauth.CodeInvalidGrant || meant.Reason != oauth.ReasonReused {
				t.Errorf("a loser got %v", err)
			}
		}
		if _, state := e.holds(responses[0].AccessToken); state.Ended != oauth.ReasonReused {
			t.Errorf("the losers' replays left the winner's token %+v", state)
		}
	}
}

func TestOAuth21_4_3_64RefreshesGetTheSameSuccessor(t *testing.T) {
	e := newEndpoint(t)
	current := e.redeemed().RefreshToken
	for range 5 {
		responses, failures := e.together(e.refreshRequest(current))
		if len(failures) > 0 {
			t.Fatalf("%d of %d refused: %v", len(failures), crowd, failures[0])
		}
		for _, response := range responses {
			if response.RefreshToken != responses[0].RefreshToken {
				t.Fatal("two different successors")
			}
		}
		current = responses[0].RefreshToken
	}
	family, _, ok := e.Mint.ReadRefreshToken(current)
	stored, err := e.Store.Family(t.Context(), e.Issuer.Name, family)
	if e.Must(err); !ok || stored.Generation != 6 {
		t.Errorf("generation %d, want 6: each crowd rotated once", stored.Generation)
	}
}
