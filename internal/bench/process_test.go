package bench

import (
	"os"
	"strings"
	"testing"
	"time"
)

// stat is proc(5)'s: pid, name, state, then numbers; 14 to 17 are the times in hundredths of a second.
const stat = "7 (post) gres (x)) S 1 2 3 4 5 6 7 8 9 10 100 20 3 4 20 0 1 0"

func TestProcessorTimeOfAnOddName(t *testing.T) {
	own, err := ticks([]byte(stat), endedTime)
	if err != nil || own != 1200*time.Millisecond {
		t.Errorf("own time %v, %v", own, err)
	}
	all, err := ticks([]byte(stat), timesEnd)
	if err != nil || all != 1270*time.Millisecond {
		t.Errorf("with children %v, %v", all, err)
	}
	if name := nameOf([]byte(stat)); name != "post) gres (x)" {
		t.Errorf("name %q", name)
	}
	for _, broken := range []string{"", "7 (x", "7 (x) S 1 2", strings.Replace(stat, "100", "ten", 1)} {
		if _, err := ticks([]byte(broken), endedTime); err == nil {
			t.Errorf("%q was read", broken)
		}
	}
}

func TestOwnFigures(t *testing.T) {
	memory, err := residentMemory(os.Getpid())
	if err != nil || memory < 1<<20 || memory > 1<<34 {
		t.Errorf("%d bytes, %v", memory, err)
	}
	if _, err := processorTime(os.Getpid()); err != nil {
		t.Error(err)
	}
	if _, err := processorTime(-1); err == nil {
		t.Error("a process that is not there was read")
	}
}

// The measured server must not be configured by the shell, and hears no secret of a target.
func TestForeignEnvironment(t *testing.T) {
	if kept := foreign([]string{"PATH=/bin", "LATCHKEY_DATABASE=postgres://x", "LATCHKEY_BENCH_SECRET=s"}); len(kept) != 1 || kept[0] != "PATH=/bin" {
		t.Errorf("%q", kept)
	}
}
