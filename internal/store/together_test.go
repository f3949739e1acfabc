package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// What requests ask at once is read at once. It must still see all that was acknowledged before it was asked, be it by another process.
func TestWhatIsReadTogetherIsNeverOlderThanItsQuestion(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			url := engine.migrated(t)
			here, elsewhere := open(t, url), open(t, url)
			must(t, here.InTx(t.Context(), func(tx *store.Tx) error {
				return tx.CreateClient(store.Client{Issuer: "acme", ID: "robot", AccountID: "shop", Status: store.ClientActive})
			}))
			var done atomic.Bool
			var askers sync.WaitGroup
			for range 16 { // so that no question is alone
				askers.Go(func() {
					for !done.Load() {
						ended(t, here, "another")
					}
				})
			}
			for i := range 100 {
				jti := fmt.Sprint("token-", i)
				if got := ended(t, here, jti); got != "" {
					t.Errorf("%s ended before it was revoked: %s", jti, got)
				}
				must(t, elsewhere.InTx(t.Context(), func(tx *store.Tx) error { return tx.RevokeToken(jti, tx.Now().Add(time.Hour)) }))
				if got := ended(t, here, jti); got != oauth.ReasonRevoked {
					t.Errorf("%s is %q after its revocation was acknowledged", jti, got)
				}
			}
			done.Store(true)
			askers.Wait()
		})
	}
}

func ended(t *testing.T, s *store.Store, jti string) string {
	t.Helper()
	state, err := s.TokenState(t.Context(), store.TokenRef{Issuer: "acme", JTI: jti, ClientID: "robot", IssuedAt: micros.Of(time.Now())})
	if err != nil {
		t.Error(err)
	}
	return state.Ended
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
