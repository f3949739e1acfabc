package bench

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestShares(t *testing.T) {
	limit := Limit{HTTP: 40000, HTTPP99: 5000, HTTPCost: 25, OneRow: 20000, TwoRows: 10000}
	l := Line{PerSecond: 4000, P99: 20000, Processor: 50}
	l.relate(limit, 2, 0)
	if l.ShareHTTP != 0.1 || l.TailHTTP != 4 || l.CostHTTP != 2 || l.ShareCommits != 0 || l.CommitRows != 0 {
		t.Errorf("what writes nothing: %+v", l)
	}
	l.relate(limit, 2, 2) // two commits an operation are 8,000 of 10,000
	if l.ShareCommits != 0.8 || l.CommitRows != 2 {
		t.Errorf("SQLite: %+v", l)
	}
	l.relate(limit, 1, 1)
	if l.ShareCommits != 0.2 || l.CommitRows != 1 {
		t.Errorf("PostgreSQL: %+v", l)
	}
	unmeasured := Line{PerSecond: 1, Processor: unknown}
	unmeasured.relate(Limit{}, 1, 1)
	if unmeasured.ShareHTTP != 0 || unmeasured.CostHTTP != 0 || unmeasured.ShareCommits != 0 {
		t.Errorf("without a limit: %+v", unmeasured)
	}
}

func TestSummaryIsTheMedianOfEachFigure(t *testing.T) {
	run := func(rate float64, p99 int64, share float64, failed int) *Report {
		l := Line{Name: "refresh", Connections: 16, PerSecond: rate, P99: p99, ShareHTTP: share, Errors: failed, Requests: []Request{{Name: "a", P99: p99 * 2}}}
		if failed > 0 {
			l.FirstError = "status 503"
		}
		return &Report{Ready: rate, Limits: []Limit{{Connections: 16, HTTP: rate * 10}}, Signatures: []Signature{{Alg: "ES256", Micros: rate}}, Lines: []Line{l}}
	}
	sum := summary([]*Report{run(100, 9, 0.5, 0), run(300, 1, 0.3, 2), run(200, 5, 0.9, 1)})
	l := sum.Lines[0]
	if sum.Runs != 3 || sum.Ready != 200 || sum.Limits[0].HTTP != 2000 || sum.Signatures[0].Micros != 200 {
		t.Errorf("%+v", sum)
	}
	if l.PerSecond != 200 || l.P99 != 5 || l.ShareHTTP != 0.5 || l.Errors != 3 || l.FirstError != "status 503" || l.Requests[0].P99 != 10 {
		t.Errorf("%+v", l)
	}
}

func TestMedian(t *testing.T) {
	same := func(x float64) float64 { return x }
	for want, runs := range map[float64][]float64{7: {7}, 2: {3, 1}, 4: {9, 4, 1}, 3: {4, 100, 1, 2}} {
		if got := median(runs, same); got != want {
			t.Errorf("%v: %v, not %v", runs, got, want)
		}
	}
}

func TestTally(t *testing.T) {
	workers := make([]worker, 2)
	for i := range 100 {
		workers[i%2].count(time.Duration(i+1)*3, []time.Duration{time.Duration(i + 1), time.Duration(i+1) * 2}, nil)
	}
	workers[1].count(time.Hour, nil, errors.New("broken"))
	r := tally(workers, 2*time.Second)
	if r.operations != 100 || r.errors != 1 || r.firstError == nil || r.perSecond() != 50 || r.p50 != 51*3 || r.p99 != 100*3 {
		t.Errorf("%+v", r)
	}
	if p50, _ := percentiles(r.requests[1]); len(r.requests) != 2 || p50 != 51*2 {
		t.Errorf("the second request: %v", r.requests)
	}
	if r.perOperation(100*time.Millisecond) != 1000 || r.perOperation(unknown) != unknown {
		t.Errorf("%v %v", r.perOperation(100*time.Millisecond), r.perOperation(unknown))
	}
}

func lines(shares ...float64) *Report {
	r := &Report{Database: "sqlite", At: time.Unix(0, 0)}
	for i, share := range shares {
		r.Lines = append(r.Lines, Line{Name: "op", Connections: 1 << i, ShareHTTP: share, ShareCommits: share / 2, CommitRows: 2, PerSecond: share * 1e6})
	}
	return r
}

func TestCompareMarksWhatGotWorse(t *testing.T) {
	r := lines(0.5, 0.89, 1.2)
	r.Lines = append(r.Lines, Line{Name: "new", ShareHTTP: 1})
	if worse := r.Compare(lines(0.5, 1, 1)); worse != 1 || len(r.Changes) != 3 {
		t.Fatalf("%d are worse: %+v", worse, r.Changes)
	}
	if r.Changes[0].Worse || !r.Changes[1].Worse || r.Changes[2].Worse || r.Changes[1].Ratio != 0.89 || r.Changes[2].Commits != 1.2 {
		t.Errorf("%+v", r.Changes)
	}
	var out bytes.Buffer
	if err := r.Table(&out); err != nil || strings.Count(out.String(), "worse") != 1 {
		t.Errorf("%v\n%s", err, &out)
	}
}

// Another engine's commits are another measure.
func TestCompareLeavesOtherCommitsAlone(t *testing.T) {
	r, old := lines(1), lines(1)
	old.Lines[0].CommitRows = 1
	if r.Compare(old); r.Changes[0].Commits != 0 {
		t.Errorf("%+v", r.Changes)
	}
}

func TestPictureIsWellFormedAndSaysAllInText(t *testing.T) {
	r := lines(0.5, 1.1, 2.4)
	r.Lines[0].Name, r.Machine = "a <script> & b", `"quoted" & <odd>`
	var out bytes.Buffer
	if err := r.SVG(&out); err != nil {
		t.Fatal(err)
	}
	var texts []string
	decoder := xml.NewDecoder(bytes.NewReader(out.Bytes()))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
		if text, ok := token.(xml.CharData); ok {
			texts = append(texts, string(text))
		}
	}
	for _, want := range []string{"a <script> & b", "0.25 · 500,000/s", "1.20 · 2,400,000/s", "of 2-row commits", "4 connections"} {
		if !slices.Contains(texts, want) {
			t.Errorf("the picture does not say %q: %q", want, texts)
		}
	}
	for _, want := range []string{`role="img"`, "<title ", "<desc ", "prefers-color-scheme:dark"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the picture lacks %s", want)
		}
	}
}

func TestThousands(t *testing.T) {
	for rate, want := range map[float64]string{0: "0", 999.4: "999", 999.5: "1,000", 37000: "37,000", 1234567: "1,234,567"} {
		if got := thousands(rate); got != want {
			t.Errorf("%v: %s, not %s", rate, got, want)
		}
	}
}

func TestAnOperationThatAlwaysFailsHasItsRequestsToo(t *testing.T) {
	names := []string{"issue", "revoke"}
	if got := requestsOf(names, nil); len(got) != 2 || got[1] != (Request{Name: "revoke"}) {
		t.Errorf("%+v", got)
	}
	if got := requestsOf(names, [][]time.Duration{{time.Millisecond}, {time.Second}}); got[0].P50 != 1000 || got[1].P99 != 1e6 {
		t.Errorf("%+v", got)
	}
	if got := requestsOf(nil, nil); got != nil {
		t.Errorf("%+v", got)
	}
}
