package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/pgtest"
	"latchkey.dev/internal/store/storetest"
)

// sample is one connection with a code of its own for each name.
type sample struct {
	t     testing.TB
	s     *store.Store
	grant store.Grant
}

func newSample(t testing.TB, s *store.Store) *sample {
	t.Helper()
	f := &sample{t: t, s: s}
	f.ok(s.InTx(t.Context(), func(tx *store.Tx) (err error) {
		if err = tx.CreateUser(store.User{Issuer: "acme", ID: "u", Email: "u@example.com"}); err != nil {
			return err
		}
		if err = tx.CreateAccount(store.Account{Issuer: "acme", ID: "a"}, "u"); err != nil {
			return err
		}
		if err = tx.CreateClient(store.Client{Issuer: "acme", ID: "c", AccountID: "a", Status: store.ClientActive}); err != nil {
			return err
		}
		f.grant, _, err = tx.SaveConsent(store.Consent{Issuer: "acme", UserID: "u", AccountID: "a", ClientID: "c", Allowed: oauth.ScopeSet{"x"}})
		return err
	}))
	return f
}

func (f *sample) ok(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *sample) code(name string) {
	f.t.Helper()
	f.ok(f.s.InTx(f.t.Context(), func(tx *store.Tx) error {
		return tx.CreateCode(store.Code{Hash: store.Hash(name), Issuer: "acme", ClientID: "c", FamilyID: name, Grant: f.grant, ExpiresAt: tx.Now().Add(time.Minute)})
	}))
}

func (f *sample) redeem(name string) error {
	return f.s.Decide(f.t.Context(), func(tx *store.Tx) error {
		return tx.RedeemCode(store.Hash(name), store.Family{
			ID: name, Issuer: "acme", ClientID: "c", UserID: "u", AccountID: "a", Scopes: f.grant.Scopes, Grant: f.grant, ExpiresAt: tx.Now().Add(time.Hour),
		}, store.Event{Issuer: "acme", Type: store.EventTokenIssued, UserID: "u"})
	})
}

func (f *sample) revoke(jti string) error {
	return f.s.Decide(f.t.Context(), func(tx *store.Tx) error {
		return errors.Join(tx.RevokeToken(jti, tx.Now().Add(time.Hour)), tx.Record(store.Event{Issuer: "acme", Type: store.EventTokenRevoked, UserID: "u"}))
	})
}

func (f *sample) rotate(name string, generation int64) error {
	return f.s.Decide(f.t.Context(), func(tx *store.Tx) error {
		return tx.RotateRefreshToken(name, generation, generation+1, tx.Now().Add(time.Hour))
	})
}

func (f *sample) state(name string) (store.TokenState, error) {
	return f.s.TokenState(f.t.Context(), store.TokenRef{Issuer: "acme", JTI: "j", FamilyID: name, ClientID: "c", IssuedAt: f.s.Now()})
}

// What the token endpoint does costs so many round trips to PostgreSQL, once its statements are prepared.
func TestPostgresRoundTrips(t *testing.T) {
	proxy := pgtest.NewProxy(t, pgtest.New(t))
	f := newSample(t, open(t, proxy.URL+"&pool_max_conns=3"))
	for _, name := range []string{"warm", "up", "measured"} {
		f.code(name)
	}
	f.ok(f.redeem("warm"))
	f.ok(f.rotate("warm", 1))
	f.ok(f.revoke("warm"))
	for _, read := range []func() error{
		func() error { _, err := f.s.Code(t.Context(), "acme", store.Hash("up")); return err },
		func() error { _, err := f.s.Family(t.Context(), "acme", "warm"); return err },
		func() error { _, err := f.state("warm"); return err },
	} {
		f.ok(read())
	}
	for _, act := range []struct {
		name string
		want int64
		do   func() error
	}{
		{"a code is looked up", 1, func() error { _, err := f.s.Code(t.Context(), "acme", store.Hash("measured")); return err }},
		{"a code is redeemed", 1, func() error { return f.redeem("measured") }},
		{"a family is looked up", 1, func() error { _, err := f.s.Family(t.Context(), "acme", "measured"); return err }},
		{"a refresh token is rotated", 1, func() error { return f.rotate("measured", 1) }},
		{"an access token is introspected", 1, func() error { _, err := f.state("measured"); return err }},
		{"an access token is revoked", 1, func() error { return f.revoke("measured") }},
		{"a decision of nothing", 0, func() error { return f.s.Decide(t.Context(), noWork) }},
		{"a transaction of nothing", 0, func() error { return f.s.InTx(t.Context(), noWork) }},
	} {
		before := proxy.Trips()
		f.ok(act.do())
		if trips := proxy.Trips() - before; trips != act.want {
			t.Errorf("%s: %d round trips, want %d", act.name, trips, act.want)
		}
	}
}

// Decide asks for one outcome, of its last statement; more is our mistake, and told.
func TestPostgresDecideRefusesASecondOutcome(t *testing.T) {
	f := newSample(t, open(t, pgtest.New(t)))
	f.code("one")
	err := f.s.Decide(t.Context(), func(tx *store.Tx) error {
		if err := tx.SetPassword("acme", "u", "h"); err != nil {
			return err
		}
		return tx.SetPassword("acme", "u", "other")
	})
	if err == nil {
		t.Error("two outcomes were asked for, and it was not told")
	}
	err = f.s.Decide(t.Context(), func(tx *store.Tx) error {
		return errors.Join(tx.SetPassword("acme", "u", "h"), tx.RevokeToken("late", tx.Now().Add(time.Hour)))
	})
	if err == nil {
		t.Error("a statement after the outcome was passed over in silence")
	}
}

// A statement that fails after others were put off fails the whole transaction, and the connection serves the next.
func TestPostgresLateFailureUndoesAll(t *testing.T) {
	f := newSample(t, open(t, pgtest.New(t)+"&pool_max_conns=3"))
	for range 3 {
		err := f.s.InTx(t.Context(), func(tx *store.Tx) error {
			if err := tx.CreateUser(store.User{Issuer: "acme", ID: "v", Email: "v@example.com"}); err != nil {
				return err
			}
			_ = tx.CreateAccount(store.Account{Issuer: "acme", ID: "a"}, "u") // there is one; it fails when it is sent, which may be later
			return tx.RevokeToken("t", 1)
		})
		if err == nil {
			t.Fatal("a duplicate key passed")
		}
		if _, err := f.s.User(t.Context(), "acme", "v"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the user of the failed transaction: %v", err)
		}
	}
}

// Reads that travel together fail alone.
func TestPostgresABadReadSpoilsNoOther(t *testing.T) {
	f := newSample(t, open(t, pgtest.New(t)+"&pool_max_conns=3"))
	var all sync.WaitGroup
	for i := range 400 {
		id, want := "u", error(nil)
		if i%7 == 0 {
			id, want = "broken\x00text", store.ErrNotFound
		}
		all.Go(func() {
			if _, err := f.s.User(t.Context(), "acme", id); !errors.Is(err, want) {
				t.Errorf("%q: got %v, want %v", id, err, want)
			}
		})
	}
	all.Wait()
}

// A read sees what was acknowledged before it was asked for, on any node.
func TestPostgresReadsAreNotBehind(t *testing.T) {
	url := pgtest.New(t)
	here, there := newSample(t, open(t, url)), open(t, url)
	var all sync.WaitGroup
	for i := range 32 {
		name := fmt.Sprint("family-", i)
		here.code(name)
		all.Go(func() {
			if err := here.redeem(name); err != nil {
				t.Error(err)
				return
			}
			for generation := range int64(20) {
				if err := here.rotate(name, generation+1); err != nil {
					t.Error(err)
					return
				}
				family, err := there.Family(t.Context(), "acme", name)
				if err != nil || family.Generation != generation+2 {
					t.Errorf("generation %d, %v; want %d", family.Generation, err, generation+2)
				}
			}
		})
	}
	all.Wait()
}

// A notice reaches another node long before its next poll.
func TestPostgresNoticesArrive(t *testing.T) {
	url := pgtest.New(t)
	here, there := open(t, url), open(t, url)
	heard := make(chan struct{}, 1)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	if err := there.PollChanges(ctx); err != nil {
		t.Fatal(err)
	}
	there.Watch(store.TopicClients, func() {
		select {
		case heard <- struct{}{}:
		default:
		}
	})
	go func() { ended <- there.FollowChanges(ctx) }()
	awaitListener(t, url)
	var slowest time.Duration
	for i := range 20 {
		began := time.Now()
		if err := createClient(here, fmt.Sprint("c", i)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-heard:
			slowest = max(slowest, time.Since(began))
		case <-time.After(5 * time.Second):
			t.Fatal("no notice came")
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("a listener that was told to stop says %v", err)
	}
	t.Logf("the slowest of 20 notices took %s", slowest)
}

func createClient(s *store.Store, id string) error {
	return s.InTx(context.Background(), func(tx *store.Tx) error {
		return tx.CreateClient(store.Client{Issuer: "acme", ID: id, AccountID: "a", Status: store.ClientActive})
	})
}

// awaitListener waits until some session listens: LISTEN is the last statement that it ran.
func awaitListener(t *testing.T, url string) {
	t.Helper()
	for range 500 {
		if pgtest.Text(t, url, "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'") != "0" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nobody listens")
}

// A listener whose connection is ended says so, and hears again when it is asked again.
func TestPostgresListenerLosesItsConnection(t *testing.T) {
	url := pgtest.New(t)
	s := open(t, url)
	for range 3 {
		ended := make(chan error, 1)
		go func() { ended <- s.FollowChanges(t.Context()) }()
		awaitListener(t, url)
		pgtest.Exec(t, url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
		select {
		case err := <-ended:
			wantUnavailable(t, "the listener", err)
		case <-time.After(5 * time.Second):
			t.Fatal("it did not notice")
		}
	}
}

// Behind pgbouncer in transaction mode, every transaction may meet another session.
func TestPgbouncer(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: -short")
	}
	storetest.Run(t, func(t testing.TB) *store.Store { return open(t, pgtest.Pooler(t, pgtest.New(t))) })
}

func TestPgbouncerMigrates(t *testing.T) {
	t.Parallel()
	url := pgtest.Pooler(t, pgtest.Empty(t))
	if _, err := store.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if err := open(t, url).CheckSchema(t.Context()); err != nil {
		t.Error(err)
	}
}

// A transaction that waits for a lock behind pgbouncer is bounded too.
func TestPgbouncerBoundsAWait(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	direct, pooled := newSample(t, open(t, url)), open(t, pgtest.Pooler(t, url))
	err := direct.s.InTx(t.Context(), func(tx *store.Tx) error {
		if err := tx.SetProfile("acme", "u", "name", "en"); err != nil {
			return err
		}
		began := time.Now()
		wantUnavailable(t, "the other", pooled.InTx(t.Context(), func(tx *store.Tx) error { return tx.SetPassword("acme", "u", "h") }))
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("it waited for %s", took)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A server that says nothing at all costs each caller a bounded wait, and nothing once it speaks again.
func TestPostgresSilenceIsBounded(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("skipped: -short")
	}
	proxy := pgtest.NewProxy(t, pgtest.New(t))
	f := newSample(t, open(t, proxy.URL))
	f.code("one")
	f.ok(f.redeem("one"))
	proxy.Delay(time.Minute)
	var all sync.WaitGroup
	var longest atomic.Int64
	for i := range 64 {
		all.Go(func() {
			began := time.Now()
			var err error
			if i%2 == 0 {
				_, err = f.state("one")
			} else {
				err = f.rotate("one", 1)
			}
			wantUnavailable(t, "a call", err)
			longest.Store(max(longest.Load(), int64(time.Since(began))))
		})
	}
	all.Wait()
	if waited := time.Duration(longest.Load()); waited > 15*time.Second {
		t.Errorf("a caller waited for %s", waited)
	}
	proxy.Delay(0)
	proxy.Cut()
	if _, err := f.state("one"); err != nil {
		t.Errorf("it did not recover: %v", err)
	}
	if err := f.rotate("one", 1); err != nil {
		t.Errorf("it did not recover: %v", err)
	}
}

func TestPostgresRefusesAnURL(t *testing.T) {
	for _, url := range []string{"postgres://%zz", "postgres://host/db?pool_max_conns=many", "postgres://host/db?sslmode=perhaps"} {
		if s, err := store.Open(t.Context(), store.Config{URL: url, Clock: time.Now, Rand: rand.Reader}); err == nil {
			t.Errorf("%s is opened: %v", url, s.Close())
		}
	}
}

// Decisions that are committed together fail alone.
func TestPostgresABadDecisionSpoilsNoOther(t *testing.T) {
	f := newSample(t, open(t, pgtest.New(t)+"&pool_max_conns=3"))
	var all sync.WaitGroup
	for i := range 300 {
		jti, bad := fmt.Sprint("t", i), i%7 == 0
		if bad {
			jti += "\x00"
		}
		all.Go(func() {
			err := f.revoke(jti)
			if bad != (err != nil) {
				t.Errorf("%q: %v", jti, err)
			}
		})
	}
	all.Wait()
	for i := range 300 {
		ref := store.TokenRef{Issuer: "acme", JTI: fmt.Sprint("t", i), ClientID: "c", IssuedAt: f.s.Now()}
		state, err := f.s.TokenState(t.Context(), ref)
		if kept := state.Ended != ""; err != nil || kept != (i%7 != 0) {
			t.Errorf("t%d is revoked: %t, %v", i, kept, err)
		}
	}
}

// Two nodes that rotate the same families at once do not stand in each other's way: each generation has one winner, and nobody meets a
// deadlock, which would cost everybody in the batch a second.
func TestPostgresDecisionsOfTwoNodesDoNotCross(t *testing.T) {
	url := pgtest.New(t)
	here, there := newSample(t, open(t, url)), &sample{t: t, s: open(t, url)}
	const families, generations = 48, 10
	for i := range families {
		here.code(fmt.Sprint("f", i))
		here.ok(here.redeem(fmt.Sprint("f", i)))
	}
	before := pgtest.Text(t, url, "SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database()")
	var all sync.WaitGroup
	var won atomic.Int64
	for n, node := range []*sample{here, there} {
		for i := range families {
			name := fmt.Sprint("f", (i+n*families/2)%families)
			all.Go(func() {
				for generation := range int64(generations) {
					switch err := node.rotate(name, generation+1); {
					case err == nil:
						won.Add(1)
					case !errors.Is(err, store.ErrNotFound):
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	if won.Load() > families*generations {
		t.Errorf("%d rotations of %d generations", won.Load(), families*generations)
	}
	if after := pgtest.Text(t, url, "SELECT deadlocks::text FROM pg_stat_database WHERE datname = current_database()"); after != before {
		t.Errorf("deadlocks: %s, before %s", after, before)
	}
}

// The guide's statements are run as they stand there, on another collation than the tests' own.
func TestPostgreSQLGuide_SetUp(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guides/postgresql.md")
	if err != nil {
		t.Fatal(err)
	}
	_, statements, _ := strings.Cut(string(guide), "```sql\n")
	statements, _, found := strings.Cut(statements, "```")
	if !found || !strings.Contains(statements, "CREATE DATABASE latchkey ") {
		t.Fatalf("the guide's first SQL makes no database: %q", statements)
	}
	empty := pgtest.Empty(t)
	for statement := range strings.Lines(statements) {
		pgtest.Exec(t, empty, statement)
	}
	t.Cleanup(func() {
		pgtest.Exec(t, empty, "DROP DATABASE latchkey WITH (FORCE)")
		pgtest.Exec(t, empty, "DROP ROLE latchkey")
	})
	made, err := url.Parse(empty)
	if err != nil {
		t.Fatal(err)
	}
	made.User, made.Path = url.User("latchkey"), "/latchkey"
	if _, err := store.Migrate(t.Context(), made.String()); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{URL: made.String(), Clock: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := newSample(t, s)
	f.code("code")
	f.ok(f.redeem("code"))
}

// TestAUserWithoutRightsIsToldSo: since PostgreSQL 15, who does not own a database may make no table there.
func TestAUserWithoutRightsIsToldSo(t *testing.T) {
	url := pgtest.Empty(t)
	pgtest.Exec(t, url, "CREATE ROLE guest LOGIN")
	_, err := store.Migrate(t.Context(), strings.Replace(url, "postgres@", "guest@", 1))
	if !store.Forbidden(err) || !strings.Contains(err.Error(), "permission denied for schema public") {
		t.Errorf("%v", err)
	}
}

// A standby, or a server that only reads, answers as long as nothing is written: a URL that asks for read-write refuses it at the start.
func TestPostgresThatOnlyReads(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	if _, err := store.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, url, "ALTER DATABASE "+pgtest.Text(t, url, "SELECT current_database()::text")+" SET default_transaction_read_only = on")
	s := open(t, url)
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Prune(t.Context(), store.Horizon{}); err == nil {
		t.Error("it was written to")
	}
	between := "?"
	if strings.Contains(url, "?") {
		between = "&"
	}
	opened, err := store.Open(t.Context(), store.Config{URL: url + between + "target_session_attrs=read-write", Clock: time.Now, Rand: rand.Reader})
	if err == nil {
		err = opened.CheckSchema(t.Context())
		_ = opened.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "read only") {
		t.Errorf("got %v, want that the connection is read only", err)
	}
}
