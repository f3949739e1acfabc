package bench

import (
	"errors"
	"testing"
)

// TestARunBeginsAfterAllEarlierOnes: a token that is used again would revoke its family, and be counted as an error.
func TestARunBeginsAfterAllEarlierOnes(t *testing.T) {
	const tokens = 10_000
	used := map[int]bool{}
	probe := func(number int) (bool, error) { return used[number], nil }
	last := -1
	for run := range 20 {
		first, err := firstUnused(tokens, probe)
		if err != nil || first <= last {
			t.Fatalf("run %d begins at %d, and an earlier one used %d (%v)", run, first, last, err)
		}
		count := 10 + run*40
		for i := range count {
			last = first + i
			if i < count-64 || i%7 == 3 { // the others were under way when the run was stopped
				used[last] = true
			}
		}
	}
	if first, err := firstUnused(tokens, func(int) (bool, error) { return true, nil }); err != nil || first != tokens {
		t.Errorf("all are used: %d, %v", first, err)
	}
	broken := errors.New("no database")
	if _, err := firstUnused(tokens, func(int) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
