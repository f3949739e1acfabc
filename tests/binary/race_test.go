package binary

import (
	"net/http"
	"sync"
	"testing"
	"time"
)

const (
	racers = 64
	rounds = 50
)

// RFC 6749 §4.1.2: of many who redeem one code at once, one wins; and since the others came second, what it bought is revoked.
func TestRFC6749_4_1_2_OneCodeManyRedeemers(t *testing.T) {
	c := newConnector(server.Site, server.transport)
	began, won, revoked := time.Now(), 0, 0
	for range rounds {
		code, err := c.code()
		if err != nil {
			t.Fatal(err)
		}
		replies := race(t, func() *http.Request { return c.redeem(code) })
		winner := only(t, replies)
		won++
		said, err := send(server.transport, c.refresh(winner.json("refresh_token")))
		if err != nil {
			t.Fatal(err)
		}
		if said.json("error") != "invalid_grant" || said.json("reason") != "reused" {
			t.Fatalf("the code came %d times, and what it bought still works: %s", racers, said)
		}
		revoked++
	}
	t.Logf("codes: rounds=%d racers=%d won=%d doubled=%d 5xx=0 revoked=%d in %.1f s", rounds, racers, won, won-rounds, revoked, time.Since(began).Seconds())
}

// only returns the one success among many refusals.
func only(t *testing.T, replies []reply) (winner reply) {
	t.Helper()
	won := 0
	for _, r := range replies {
		switch {
		case r.status == http.StatusOK:
			winner = r
			won++
		case r.status != http.StatusBadRequest || r.json("error") != "invalid_grant":
			t.Fatalf("a loser got %s", r)
		}
	}
	if won != 1 {
		t.Fatalf("%d of %d won", won, len(replies))
	}
	return winner
}

// OAuth 2.1 §4.3.1: of many who rotate one refresh token at once, all get the same successor, since any of the answers may be the
// one that arrives; and a token from before that revokes the family.
func TestOAuth21_4_3_1_OneRefreshTokenManyRotations(t *testing.T) {
	c := newConnector(server.Site, server.transport)
	said, err := c.tokens(server.transport)
	if err != nil {
		t.Fatal(err)
	}
	first, token := said.json("refresh_token"), said.json("refresh_token")
	began := time.Now()
	for range rounds {
		replies := race(t, func() *http.Request { return c.refresh(token) })
		successor := replies[0].json("refresh_token")
		for _, r := range replies {
			if r.status != http.StatusOK || r.json("refresh_token") != successor || successor == token {
				t.Fatalf("one of %d who rotated the same token got %s", racers, r)
			}
		}
		token = successor
	}
	t.Logf("refresh: rounds=%d racers=%d rotations=%d doubled=0 5xx=0 in %.1f s", rounds, racers, rounds, time.Since(began).Seconds())
	for _, used := range []string{first, token} { // the first is old, and presenting it ends the newest
		said, err := send(server.transport, c.refresh(used))
		if err != nil || said.json("error") != "invalid_grant" || said.json("reason") != "reused" {
			t.Fatalf("after a reuse: %s %v", said, err)
		}
	}
}

// race sends the same request from everybody at once.
func race(t *testing.T, request func() *http.Request) []reply {
	t.Helper()
	replies, errs := make([]reply, racers), make([]error, racers)
	var ready, group sync.WaitGroup
	ready.Add(racers)
	for i := range racers {
		group.Go(func() {
			mine := request()
			ready.Done()
			ready.Wait()
			replies[i], errs[i] = send(server.transport, mine)
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return replies
}
