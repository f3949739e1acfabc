package store

import (
	"slices"
	"testing"

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

// Two that decide the same are two: one of them wins.
func TestDecisionsAreNotFolded(t *testing.T) {
	reads, decisions := &trips{}, &trips{certain: true}
	reads.start(1).stop()
	decisions.start(1).stop()
	if !reads.folds || decisions.folds {
		t.Errorf("reads fold: %v, decisions fold: %v", reads.folds, decisions.folds)
	}
}
