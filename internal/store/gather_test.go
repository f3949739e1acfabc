package store

import (
	"context"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"latchkey.dev/internal/micros"
)

func TestOnlyWhatAsksTheSameIsFolded(t *testing.T) {
	ask := func(query string, args ...any) *question {
		return &question{query: query, args: args, into: []any{new(int64)}}
	}
	list := ask("a", "x")
	list.into = nil // every row, not the first
	batch := []*question{
		ask("a", "x", []byte("y")), ask("a", "x", []byte("y")), ask("a", "x", "y"), ask("a", "x"), list, ask("b", "x"), ask("a", "z"),
		ask("a", micros.Time(1)), ask("a", micros.Time(1)), ask("a", "x", []byte("y")),
	}
	different := fold(batch)
	if alike := different[0].alike; !slices.Equal(alike, []*question{batch[1], batch[9]}) {
		t.Errorf("%d ask the same as the first, want 2", len(alike))
	}
	if len(different) != len(batch)-2 {
		t.Errorf("%d are asked, want %d", len(different), len(batch)-2)
	}
}

// While one round trip is under way the next gathers; one that takes its time keeps nobody waiting for longer than patience.
func TestTheNextWaitsForThePatienceAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		batches, slow := make(chan int, 3), make(chan struct{})
		answer := func(batch []*question) {
			batches <- len(batch)
			<-slow
		}
		g := startGatherer([]func([]*question){answer, answer}, false, patience)
		for range 3 {
			if err := g.enqueue(t.Context(), nil, &question{ctx: t.Context()}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if first := <-batches; first != 1 || len(batches) != 0 {
			t.Errorf("%d more round trips before the patience ends, and %d in the first; want none and 1", len(batches), first)
		}
		time.Sleep(patience)
		synctest.Wait()
		if len(batches) != 1 || <-batches != 2 {
			t.Error("what was asked meanwhile did not travel together when the patience ended")
		}
		close(slow)
		g.stop()
	})
}

// A commit whose outcome nobody knows is not tried again, whatever the server said last.
func TestWhatMayBeCommittedIsNotAskedAgain(t *testing.T) {
	said := &pgconn.PgError{SeverityUnlocalized: "FATAL", Code: "57P01"}
	if uncertain := uncertain(said, true); ours(uncertain) || retryable(uncertain) {
		t.Error("it would be tried again")
	}
	batch := []*question{{answer: &answer{}}, {err: errClosed}, {}}
	if left := slices.DeleteFunc(batch, (*question).settled); len(left) != 1 {
		t.Errorf("%d of three would be tried again, want the one without an outcome", len(left))
	}
}

// Of what travels with its COMMIT, a failure that the server told and what was never sent are certain; a pooler's word and silence are not.
func TestWhatFailedBeforeACommitMayBeCertain(t *testing.T) {
	for err, want := range map[error]bool{
		&pgconn.PgError{SeverityUnlocalized: "ERROR", Code: "23505"}: true, &pgconn.PgError{SeverityUnlocalized: "FATAL", Code: "57P01"}: true,
		&pgconn.PgError{SeverityUnlocalized: "FATAL", Code: "08P01"}: false, pgx.ErrPreprocessingBatch{}: true, io.EOF: false, context.DeadlineExceeded: false,
	} {
		if got := skipped(err); got != want {
			t.Errorf("%v: skipped %t, want %t", err, got, want)
		}
	}
}

// Two that decide the same are two: one of them wins.
func TestDecisionsAreNotFolded(t *testing.T) {
	reads, decisions := &trips{}, &trips{certain: true}
	reads.start(1).stop()
	decisions.start(1).stop()
	if !reads.folds || decisions.folds {
		t.Errorf("reads fold: %v, decisions fold: %v", reads.folds, decisions.folds)
	}
}
