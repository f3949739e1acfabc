package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// What Fill stores is what transactions would have: it is found, listed, and its refresh tokens rotate.
func TestFill(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			url := engine.migrated(t)
			now := micros.Time(1_700_000_000_000_000)
			var done, total int64
			f := &store.Filling{
				Issuer: "acme", Users: 21, Clients: []string{"a", "b", "c"}, Families: 40, Scopes: oauth.ScopeSet{"orders"}, Begin: now, Now: now * 2, Unused: time.Hour,
				Progress: func(d, t int64) { done, total = d, t },
			}
			if err := store.Fill(t.Context(), url, f); err != nil {
				t.Fatal(err)
			}
			if f.Tokens() != 2520 || total != 3*21+63+2520 || done != total {
				t.Errorf("%d tokens; %d of %d rows", f.Tokens(), done, total)
			}
			s := open(t, url)
			seen := map[string]bool{}
			for _, number := range []int{0, 1, 40, 1259, 2519} {
				want := f.Family(number)
				family, err := s.Family(t.Context(), "acme", want.ID)
				if err != nil || family.Grant.ID != want.GrantID || family.ClientID != want.ClientID || family.UserID != want.UserID || !family.Binding.Refreshable {
					t.Errorf("family %d: %+v, %v; it should be %+v", number, family, err, want)
				}
				seen[want.ID] = true
				err = s.InTx(t.Context(), func(tx *store.Tx) error { return tx.RotateRefreshToken(want.ID, 1, 2, family.ExpiresAt) })
				if err != nil {
					t.Errorf("family %d does not rotate: %v", number, err)
				}
			}
			if len(seen) != 5 {
				t.Errorf("numbers share a family: %v", seen)
			}
			grants, err := s.GrantsOfUser(t.Context(), "acme", f.Family(2519).UserID, 10)
			if err != nil || len(grants) != 3 || grants[0].ClientID != "c" || !slices.Equal(grants[0].Scopes, f.Scopes) {
				t.Errorf("%d connections, %v", len(grants), err)
			}
			if err := store.Fill(t.Context(), url, f); err == nil || errors.Is(err, store.ErrNotFound) {
				t.Errorf("filled twice: %v", err)
			}
		})
	}
}
