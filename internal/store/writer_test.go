package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"latchkey.dev/internal/store/dbsql"
)

// startTestWriter is a writer on a database with one table of numbers. Pragmas are added to the writer's own.
func startTestWriter(t *testing.T, pragmas ...string) *writer {
	t.Helper()
	conn, err := openSQLiteConn(filepath.Join(t.TempDir(), "w.db"), append(slices.Clone(writerPragmas), pragmas...))
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.run("CREATE TABLE numbers (n INTEGER PRIMARY KEY, filling BLOB)", nil, nil); err != nil {
		t.Fatal(err)
	}
	w := startWriter(conn)
	t.Cleanup(func() {
		w.stop()
		_ = conn.close()
	})
	return w
}

func insert(n int) func(dbsql.DBTX) error {
	return func(db dbsql.DBTX) error {
		_, err := db.Exec(context.Background(), "INSERT INTO numbers (n) VALUES ($1)", n)
		return err
	}
}

// stored lists what was committed, read within the writer.
func stored(t *testing.T, w *writer) map[int]bool {
	t.Helper()
	found := map[int]bool{}
	err := w.do(context.Background(), func(db dbsql.DBTX) error {
		rows, err := db.Query(context.Background(), "SELECT n FROM numbers")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var n int
			if err := rows.Scan(&n); err != nil {
				return err
			}
			found[n] = true
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// hold keeps the writer busy until release, so that what is sent meanwhile becomes one batch.
func hold(w *writer) (release func()) {
	busy, gate := make(chan struct{}), make(chan struct{})
	go func() {
		_ = w.do(context.Background(), func(dbsql.DBTX) error { // the first of the batch, and may be lost with it
			close(busy)
			<-gate
			return nil
		})
	}()
	<-busy
	return func() { close(gate) }
}

// together sends transactions while the writer is held, and returns what each got.
func together(t *testing.T, w *writer, fns []func(dbsql.DBTX) error) []error {
	t.Helper()
	release := hold(w)
	results := make([]error, len(fns))
	var all sync.WaitGroup
	for i, fn := range fns {
		all.Go(func() { results[i] = w.do(context.Background(), fn) })
	}
	waitFor(t, func() bool { return len(w.queue) == len(fns) })
	release()
	all.Wait()
	return results
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited for nothing")
		}
	}
}

func TestWriterSharesOneCommit(t *testing.T) {
	w := startTestWriter(t)
	release := hold(w)
	const jobs = 100
	var all sync.WaitGroup
	for i := range jobs {
		all.Go(func() { _ = w.do(context.Background(), insert(i)) })
	}
	waitFor(t, func() bool { return len(w.queue) == jobs })
	before := frames(t, w.conn, release, &all)
	if len(stored(t, w)) != jobs {
		t.Error("not all arrived")
	}
	if before > 20 { // a commit each would write two pages or more for every one of them
		t.Errorf("%d pages went to the log for %d transactions: they were not committed together", before, jobs)
	}
}

// frames lets the batch go and counts the pages that it appended to the write-ahead log.
func frames(t *testing.T, conn *sqliteConn, release func(), all *sync.WaitGroup) int {
	t.Helper()
	release()
	all.Wait()
	var busy, logged, moved int64
	if err := conn.QueryRow(t.Context(), "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &logged, &moved); err != nil {
		t.Fatal(err)
	}
	return int(logged)
}

func TestWriterSparesTheNeighboursOfAFailure(t *testing.T) {
	w := startTestWriter(t)
	refused := errors.New("refused")
	fns := make([]func(dbsql.DBTX) error, 60)
	for i := range fns {
		fns[i] = func(db dbsql.DBTX) error {
			if err := insert(i)(db); err != nil {
				return err
			}
			switch i % 3 {
			case 1:
				return refused
			case 2:
				panic("broken")
			}
			return nil
		}
	}
	results := together(t, w, fns)
	kept := stored(t, w)
	for i, err := range results {
		switch {
		case i%3 == 0 && (err != nil || !kept[i]):
			t.Errorf("%d: %v, stored %v: a neighbour's failure spoiled it", i, err, kept[i])
		case i%3 == 1 && !errors.Is(err, refused), i%3 == 2 && (err == nil || !strings.Contains(err.Error(), "panic")):
			t.Errorf("%d: got %v", i, err)
		case i%3 != 0 && kept[i]:
			t.Errorf("%d failed and is stored", i)
		}
	}
}

func TestWriterSparesTheNeighboursOfABrokenConstraint(t *testing.T) {
	w := startTestWriter(t)
	results := together(t, w, []func(dbsql.DBTX) error{insert(1), insert(1), insert(2)})
	failed := 0
	for _, err := range results {
		if err != nil {
			failed++
		}
	}
	if kept := stored(t, w); failed != 1 || !kept[1] || !kept[2] {
		t.Errorf("%d failed, stored %v", failed, kept)
	}
}

func TestWriterLeavesOutWhoGaveUpBeforeTheirTurn(t *testing.T) {
	w := startTestWriter(t)
	release := hold(w)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- w.do(ctx, insert(1)) }()
	waitFor(t, func() bool { return len(w.queue) == 1 })
	cancel()
	release()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if stored(t, w)[1] {
		t.Error("its caller was told that it was cancelled, and it is stored")
	}
}

func TestWriterCarriesThroughWhatBegan(t *testing.T) {
	w := startTestWriter(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := w.do(ctx, func(db dbsql.DBTX) error {
		cancel()
		_, err := db.Exec(ctx, "INSERT INTO numbers (n) VALUES ($1)", 1)
		return err
	})
	if err != nil || !stored(t, w)[1] {
		t.Errorf("got %v, stored %v", err, stored(t, w)[1])
	}
}

func TestWriterQueueIsBounded(t *testing.T) {
	w := startTestWriter(t)
	release := hold(w)
	var all sync.WaitGroup
	for i := range queueLength {
		all.Go(func() { _ = w.do(context.Background(), insert(i)) })
	}
	waitFor(t, func() bool { return len(w.queue) == queueLength })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := w.do(ctx, insert(queueLength)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the wait at the door to end with its context", err)
	}
	release()
	all.Wait()
	if kept := len(stored(t, w)); kept != queueLength {
		t.Errorf("%d stored, want %d", kept, queueLength)
	}
}

func TestWriterStopsAfterWhatItAccepted(t *testing.T) {
	w := startTestWriter(t)
	release := hold(w)
	results := make([]error, 50)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { results[i] = w.do(context.Background(), insert(i)) })
	}
	waitFor(t, func() bool { return len(w.queue) == len(results) })
	release()
	w.stop()
	w.stop() // twice is once
	all.Wait()
	if err := errors.Join(results...); err != nil {
		t.Error(err)
	}
	if err := w.do(t.Context(), insert(99)); !errors.Is(err, errClosed) {
		t.Errorf("got %v, want errClosed", err)
	}
}

func TestWriterStopsWhileOthersKnock(t *testing.T) {
	w := startTestWriter(t)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			for n := range 20 {
				if err := w.do(context.Background(), insert(i*20+n)); err != nil && !errors.Is(err, errClosed) {
					t.Error(err)
				}
			}
		})
	}
	w.stop()
	all.Wait()
}

func TestWriterLeaksNoGoroutine(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s := filepath.Join(t.TempDir(), "l.db")
	if err := makePrivate(s); err != nil {
		t.Fatal(err)
	}
	engine, err := openSQLite(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.inTx(t.Context(), func(dbsql.DBTX) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := engine.close(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
}

// fill inserts n with more than a page of filling.
func fill(n int) func(dbsql.DBTX) error {
	return func(db dbsql.DBTX) error {
		_, err := db.Exec(context.Background(), "INSERT INTO numbers (n, filling) VALUES ($1, zeroblob(100000))", n)
		return err
	}
}

// A full disk ends the whole batch: SQLite has rolled it back, so nobody in it may be told that their work is kept.
func TestWriterFullDiskIsUnavailableForTheWholeBatch(t *testing.T) {
	w := startTestWriter(t, "max_page_count(40)")
	results := together(t, w, []func(dbsql.DBTX) error{insert(1), fill(2), insert(3), insert(4)})
	kept := stored(t, w)
	engine := &sqliteEngine{}
	for i, err := range results {
		told, is := err == nil, kept[i+1]
		if told != is {
			t.Errorf("%d was told %v, and stored is %v", i+1, err, is)
		}
		var unavailable *UnavailableError
		if err != nil && !errors.As(err, &unavailable) && !engine.unavailable(err) {
			t.Errorf("%d: got %v, want trouble with the database", i+1, err)
		}
	}
	if err := w.do(t.Context(), insert(9)); err != nil {
		t.Errorf("the writer did not recover: %v", err)
	}
}

// A refusal may rest on what a neighbour wrote. When the commit fails neither happened, so nobody may be told of a refusal.
func TestWriterALostBatchRefusesNobody(t *testing.T) {
	w := startTestWriter(t, "foreign_keys(1)")
	do := func(query string) func(dbsql.DBTX) error {
		return func(db dbsql.DBTX) error {
			tag, err := db.Exec(context.Background(), query)
			return changed(tag.RowsAffected(), err, ErrConflict)
		}
	}
	spend := do("INSERT INTO numbers (n) VALUES (1) ON CONFLICT DO NOTHING")
	if _, err := w.conn.Exec(t.Context(), "CREATE TABLE owed (n INTEGER REFERENCES numbers (n) DEFERRABLE INITIALLY DEFERRED)"); err != nil {
		t.Fatal(err)
	}
	release := hold(w)
	gone, leave := context.WithCancel(t.Context())
	jobs := []*write{{ctx: gone, fn: spend}}
	for _, fn := range []func(dbsql.DBTX) error{spend, spend, do("INSERT INTO owed VALUES (99)")} { // the last makes COMMIT fail
		jobs = append(jobs, &write{ctx: t.Context(), fn: fn})
	}
	for _, job := range jobs {
		job.done = make(chan struct{})
		if err := w.enqueue(job); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	release()
	for i, job := range jobs {
		<-job.done
		_, unavailable := errors.AsType[*UnavailableError](job.err)
		if i == 0 && !errors.Is(job.err, context.Canceled) || i > 0 && (!unavailable || errors.Is(job.err, ErrConflict)) {
			t.Errorf("%d: got %v", i, job.err)
		}
	}
	if err := w.do(t.Context(), spend); err != nil {
		t.Errorf("nothing was kept, and now: %v", err)
	}
}

// What a caller is told and what is kept must agree, whatever mix of failures a batch meets, full disk included.
func TestWriterTellsTheTruth(t *testing.T) {
	for round := range 20 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			w := startTestWriter(t, "max_page_count(60)")
			fns := make([]func(dbsql.DBTX) error, 40)
			for i := range fns {
				fns[i] = []func(dbsql.DBTX) error{insert(i), insert(i), fill(i), func(db dbsql.DBTX) error { return errors.Join(insert(i)(db), errors.New("refused")) }}[(i*7+round)%4]
			}
			results := together(t, w, fns)
			kept := stored(t, w)
			for i, err := range results {
				if (err == nil) != kept[i] {
					t.Errorf("%d was told %v, and stored is %v", i, err, kept[i])
				}
			}
		})
	}
}
