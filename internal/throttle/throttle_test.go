package throttle_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/throttle"
	"latchkey.dev/internal/tokentest"
)

func newLimiter(f *tokentest.Fixture) *throttle.Limiter {
	return &throttle.Limiter{Issuer: f.Issuer.Name, Store: f.Store, Keyring: f.Keyring}
}

func guesses(whose string) throttle.Limit {
	return throttle.Limit{Name: "guess", Whose: whose, Most: 3, Window: time.Minute}
}

func TestALimitEndsWithItsWindow(t *testing.T) {
	f := tokentest.New(t)
	l := newLimiter(f)
	began := f.Store.Now()
	for try, want := range []bool{false, false, false, true, true} {
		limited, err := l.Spend(t.Context(), guesses("ada"), guesses(""))
		f.Must(err)
		if limited.Never() == want || want && limited != began.Add(time.Minute) {
			t.Errorf("try %d: limited until %d", try, limited)
		}
	}
	if limited, err := l.Spend(t.Context(), guesses("bob")); err != nil || !limited.Never() {
		t.Errorf("somebody else: %d, %v", limited, err)
	}
	f.Advance(time.Minute)
	if limited, err := l.Spend(t.Context(), guesses("ada")); err != nil || !limited.Never() {
		t.Errorf("in a new window: %d, %v", limited, err)
	}
}

func TestRacingGuessesCannotOutnumberALimit(t *testing.T) {
	f := tokentest.New(t)
	l := newLimiter(f)
	var let atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if limited, err := l.Spend(t.Context(), guesses("ada")); err == nil && limited.Never() {
				let.Add(1)
			}
		})
	}
	all.Wait()
	if let.Load() != 3 {
		t.Errorf("%d tries were let through, want 3", let.Load())
	}
}

func TestAClearedLimitBeginsAgain(t *testing.T) {
	f := tokentest.New(t)
	l := newLimiter(f)
	for range 4 {
		_, err := l.Spend(t.Context(), guesses("ada"))
		f.Must(err)
	}
	f.Tx(func(tx *store.Tx) error { return l.Clear(tx, guesses("ada")) })
	if limited, err := l.Spend(t.Context(), guesses("ada")); err != nil || !limited.Never() {
		t.Errorf("limited until %d, %v", limited, err)
	}
}

func TestAnIPv6CustomerIsOneAddress(t *testing.T) {
	for given, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "::ffff:192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::9": "2001:db8:1:2::/64", "": "",
	} {
		if got := throttle.Address(reqlog.With(t.Context(), &reqlog.Record{Address: given})); got != want {
			t.Errorf("%s counts as %s, want %s", given, got, want)
		}
	}
}

func TestRFC9110_10_2_3_RetryAfterIsWholeSecondsAndNotZero(t *testing.T) {
	for wait, want := range map[time.Duration]string{-time.Hour: "1", 0: "1", 1900 * time.Millisecond: "2", 2 * time.Second: "2", 15 * time.Minute: "900"} {
		now := micros.Time(1e15)
		if got := throttle.RetryAfter(now.Add(wait), now); got != want {
			t.Errorf("%s: %s, want %s", wait, got, want)
		}
	}
}
