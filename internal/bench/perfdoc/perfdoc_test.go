package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey.dev/internal/bench"
)

const docs = "../../../docs"

// TestTheDocumentIsMadeFromItsResults: nobody writes a figure by hand, and a new result is not forgotten.
func TestTheDocumentIsMadeFromItsResults(t *testing.T) {
	files, err := document(docs)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 {
		t.Errorf("%d files", len(files))
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(docs, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("docs/%s is not what docs/performance and its template make: run `go generate ./internal/bench/perfdoc` (%v)", name, err)
		}
	}
}

func TestVerdictFollowsFromTheFigure(t *testing.T) {
	figure := func(value float64, of string) func(engine) (float64, string) {
		return func(engine) (float64, string) { return value, of }
	}
	for _, c := range []struct {
		bar  bar
		want string
	}{
		{atLeast("", 0.85, 0.85, 2, figure(0.85, "")), "0.85, met"},
		{atLeast("", 0.85, 0.85, 2, figure(0.8499, "")), "0.84, **missed**"}, // never "0.85, missed"
		{atLeast("", 0.29, 0.29, 2, figure(0.29, "")), "0.29, met"},
		{atMost("", 1.1, 1, "", figure(1.1, "")), "1.1, met"},
		{atMost("", 1.7, 1, "", figure(1.7001, "")), "1.8, **missed**"},
		{atMost("", 25, 1, " ms", figure(20.5, "redeem")), "20.5 ms (redeem), met"},
		{atMost("", 0, 0, " bytes", figure(0, "")), "0 bytes, met"},
		{atMost("", 0, 0, " bytes", figure(0.1, "")), "1 bytes, **missed**"},
		{atLeast("", noBar, 0, 3, figure(0.0281, "")), "0.028"},
		{atLeast("", 0.9, 0.9, 2, figure(math.NaN(), "")), "NaN, **missed**"},
	} {
		if got := c.bar.cell(engine{}, c.bar.sqlite); got != c.want {
			t.Errorf("%s, not %s", got, c.want)
		}
	}
}

func TestFigures(t *testing.T) {
	line := func(name string, share float64) bench.Line {
		return bench.Line{Name: name, Connections: 64, ShareHTTP: share, ShareEmpty: 0.9 + share/10, Processor: 100, CostHTTP: 4, TailHTTP: share}
	}
	run := func(stored int, refresh float64) *bench.Report {
		r := &bench.Report{Stored: stored, Lines: []bench.Line{line("refresh, any stored", 0.1), line("refresh", refresh)}}
		for _, name := range []string{"client credentials, opaque", "client credentials, ES256", "client credentials, EdDSA", "introspection", "userinfo", "discovery", "jwks", "code flow", "revocation"} {
			r.Lines = append(r.Lines, line(name, 1))
		}
		return r
	}
	e := engine{Report: run(0, 0.5), Curve: []*bench.Report{run(0, 0.5), run(1000, 0.4)}}
	e.Signatures = []bench.Signature{{Alg: "ES256", Micros: 25}}
	e.Lines[2].TailHTTP = 5
	e.Lines[9].Requests = []bench.Request{{Name: "authorize", P99: 9000}, {Name: "redeem", P99: 30000}}
	e.Lines[10].Requests = []bench.Request{{Name: "issue", P99: 90000}, {Name: "revoke", P99: 8000}}
	for name, c := range map[string]struct {
		figure func(engine) (float64, string)
		want   float64
		of     string
	}{
		"without the signature": {cost("client credentials, ES256", "ES256"), 3, ""},
		"the worst tail":        {worstTail, 5, "client credentials, opaque"},
		"what writes":           {worstWrite, 30, "redeem"},
		"full beside empty":     {flat, 0.94, "refresh"},
		"all over the table":    {cold("refresh"), 0.25, ""},
	} {
		if value, of := c.figure(e); math.Abs(value-c.want) > 1e-9 || of != c.of {
			t.Errorf("%s: %v (%s), not %v (%s)", name, value, of, c.want, c.of)
		}
	}
}

// TestResultsThatAreNoGoodAreRefused: wrong answers are soon given, and a line that was not measured would leave a hole.
func TestResultsThatAreNoGoodAreRefused(t *testing.T) {
	for change, want := range map[[2]string]string{
		{`"errors": 0`, `"errors": 3`}:                     "3 errors",
		{`"database": "sqlite"`, `"database": "postgres"`}: "was measured on postgres",
		{`"name": "discovery"`, `"name": "discovered"`}:    `no line "discovery" at 64 connections`,
		{`"share_empty"`, `"share_of_nothing"`}:            "--beside",
		{`"idle_connections": 10000`, `"stored": 0`}:       "--idle-connections 10000",
		{`"lines"`, `"nothing"`}:                           "is not what `latchkey bench --json` writes",
	} {
		folder := t.TempDir()
		if err := os.CopyFS(filepath.Join(folder, "performance"), os.DirFS(docs+"/performance")); err != nil {
			t.Fatal(err)
		}
		paths, err := filepath.Glob(filepath.Join(folder, "performance", "sqlite*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte(change[0]), []byte(change[1])), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := document(folder); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", change[1], err)
		}
	}
	if _, err := document(t.TempDir()); err == nil {
		t.Error("a document of nothing")
	}
}
