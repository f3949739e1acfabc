package binary

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"latchkey.dev/internal/bench"
)

// `latchkey bench` measures everything that it says, and each answer is the one that was due. The figures of so short a run mean nothing.
func TestBench(t *testing.T) {
	folder := t.TempDir()
	cmd := exec.Command(server.binary, "bench", "--json", "--seconds", "0.1", "--connections", "2", "--stored", "2000", "--idle-connections", "20",
		"--database", "sqlite:"+folder+"/full.db", "--beside", "sqlite:"+folder+"/empty.db")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var report bench.Report
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Lines) < 14 || report.Stored != 2000 || report.Listing <= 0 || report.IdleConnectionsMemory <= 0 {
		t.Errorf("%d lines, %d stored, listing in %v ms, %d bytes with idle connections", len(report.Lines), report.Stored, report.Listing, report.IdleConnectionsMemory)
	}
	for _, l := range report.Lines {
		if l.Errors > 0 || l.PerSecond <= 0 || l.Processor <= 0 || l.ShareHTTP <= 0 {
			t.Errorf("%+v", l)
		}
		if l.Name == "discovery" && l.Answer < 1000 { // net/http answers as much beside it
			t.Errorf("discovery's answer has %d bytes", l.Answer)
		}
		if stored := strings.HasSuffix(l.Name, "any stored"); stored == (l.ShareEmpty > 0) {
			t.Errorf("%s has %v of the empty database's rate", l.Name, l.ShareEmpty)
		}
	}
}
