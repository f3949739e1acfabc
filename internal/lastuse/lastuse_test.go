package lastuse_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/tokentest"
)

func lastUsed(f *tokentest.Fixture, grantID string) micros.Time {
	f.Helper()
	grant, err := f.Store.Grant(context.Background(), f.Issuer.Name, grantID)
	f.Must(err)
	return grant.LastUsedAt
}

func TestUsesWithinAMinuteAreOneWrite(t *testing.T) {
	f := tokentest.New(t)
	grant := f.Grant(f.App(), "orders.read")
	first := f.Store.Now()
	f.LastUse.Touch(grant.ID)
	f.LastUse.Touch("") // a client's own token
	if !lastUsed(f, grant.ID).Never() {
		t.Error("a use was written at once")
	}
	f.Must(f.LastUse.Flush(t.Context()))
	f.Advance(59 * time.Second)
	f.LastUse.Touch(grant.ID)
	f.Must(f.LastUse.Flush(t.Context()))
	if got := lastUsed(f, grant.ID); got != first {
		t.Errorf("written again after %s", got.Sub(first))
	}
	f.Advance(time.Second)
	f.LastUse.Touch(grant.ID)
	f.Must(f.LastUse.Flush(t.Context()))
	if got := lastUsed(f, grant.ID); got.Sub(first) != time.Minute {
		t.Errorf("last used %s after the first, want a minute", got.Sub(first))
	}
}

func TestWhatCannotBeWrittenWaits(t *testing.T) {
	f := tokentest.New(t)
	f.LastUse.Touch(f.Grant(f.App(), "orders.read").ID)
	f.Unavailable()
	for range 2 {
		if err := f.LastUse.Flush(t.Context()); !tokentest.IsUnavailable(err) {
			t.Errorf("%v: a use was forgotten", err)
		}
	}
}

func TestStoppingWritesWhatIsWaiting(t *testing.T) {
	f := tokentest.New(t)
	grant := f.Grant(f.App(), "orders.read")
	f.LastUse.Touch(grant.ID)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	f.LastUse.Run(ctx)
	if lastUsed(f, grant.ID).Never() {
		t.Errorf("the use was lost at the stop; log: %s", f.Log)
	}
}

func TestAFailedWriteIsLoggedAndTriedAgain(t *testing.T) {
	f := tokentest.New(t)
	f.LastUse.Touch(f.Grant(f.App(), "orders.read").ID)
	f.Unavailable()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	f.LastUse.Run(ctx)
	if !strings.Contains(f.Log.String(), "not written") {
		t.Errorf("log %q", f.Log)
	}
}

func TestItWritesEveryFewSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := tokentest.New(t) // the database's goroutines must be of the same bubble
		grant := f.Grant(f.App(), "orders.read")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			f.LastUse.Run(ctx)
		}()
		f.LastUse.Touch(grant.ID)
		time.Sleep(11 * time.Second)
		if lastUsed(f, grant.ID).Never() {
			t.Error("nothing was written")
		}
		stop()
		<-done
	})
}
