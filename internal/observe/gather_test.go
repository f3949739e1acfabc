package observe

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// writes remembers each.
type writes []string

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}

func TestGatheredLinesAreWrittenAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen writes
		g := Gather(&seen)
		io.WriteString(g, "first\n")
		io.WriteString(g, "second\n")
		if time.Sleep(moment - time.Nanosecond); len(seen) != 0 {
			t.Errorf("too early: %q", seen)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		io.WriteString(g, "later\n")
		time.Sleep(moment)
		synctest.Wait()
		io.WriteString(g, "last\n")
		g.Flush()
		if got := strings.Join(seen, "|"); got != "first\nsecond\n|later\n|last\n" {
			t.Errorf("%q", got)
		}
	})
}

// However slow the clock, memory is bounded.
func TestGatheredIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen writes
		g := Gather(&seen)
		for range 10 * gatherBytes / 100 {
			g.Write(bytes.Repeat([]byte("x"), 100))
		}
		if len(seen) < 9 || cap(g.lines) > 2*gatherBytes {
			t.Errorf("%d writes, %d bytes held", len(seen), cap(g.lines))
		}
		g.Flush()
	})
}

func TestGatheredKeepsLinesWhole(t *testing.T) {
	var out bytes.Buffer
	g := Gather(&out)
	var writing sync.WaitGroup
	for range 8 {
		writing.Go(func() {
			for range 1000 {
				io.WriteString(g, strings.Repeat("x", 99)+"\n")
			}
		})
	}
	writing.Wait()
	g.Flush()
	lines := strings.SplitAfter(out.String(), "\n")
	if len(lines) != 8001 {
		t.Fatalf("%d lines", len(lines)-1)
	}
	for _, line := range lines[:8000] {
		if len(line) != 100 {
			t.Fatalf("%q", line)
		}
	}
}
