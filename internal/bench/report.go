package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"
)

// Report is what a run found, or the medians of several.
type Report struct {
	At      time.Time `json:"at"`
	Machine string    `json:"machine"`
	// Database is the engine, sqlite or postgres; Target is the host of a server that was running before, whose engine nobody told.
	Database string `json:"database,omitempty"`
	Target   string `json:"target,omitempty"`
	// Stored is how many refresh tokens the database held beforehand.
	Stored int `json:"stored"`
	// Runs is of how many runs each figure is the median; Seconds is how long each measurement took.
	Runs    int     `json:"runs"`
	Seconds float64 `json:"seconds"`
	// Limits are what the machine itself can do, measured in each run; beside each line anew, so that its shares are of the machine's speed then.
	Limits     []Limit     `json:"limits"`
	Signatures []Signature `json:"signatures"`
	Lines      []Line      `json:"lines"`
	// Ready is how long the server took from its start until it said that it is ready, in milliseconds.
	Ready float64 `json:"ready_ms"`
	// IdleMemory is the server's resident memory before any request, in bytes; LoadedMemory after the last one.
	IdleMemory   int64 `json:"idle_memory_bytes"`
	LoadedMemory int64 `json:"loaded_memory_bytes"`
	// IdleConnectionsMemory is its resident memory with IdleConnections that are open and ask nothing, in bytes.
	IdleConnections       int   `json:"idle_connections,omitempty"`
	IdleConnectionsMemory int64 `json:"idle_connections_memory_bytes,omitempty"`
	// Listing is how long the database takes to list one person's fifty connections, in milliseconds, 99 times of 100.
	Listing float64 `json:"listing_ms"`
	// Size is how many bytes the database takes in the end.
	Size int64         `json:"database_bytes"`
	Took time.Duration `json:"took_ns"`
	// Changes are against an earlier report, where one was given.
	Changes []Change `json:"changes,omitempty"`
}

// Limit is the machine's own figures at a number of connections.
type Limit struct {
	Connections int     `json:"connections"`
	HTTP        float64 `json:"http_per_second"`
	HTTPP99     int64   `json:"http_p99_us"`
	HTTPCost    float64 `json:"http_processor_us"`
	// Commits are durable transactions a second, of one and of two rows.
	OneRow  float64 `json:"one_row_commits_per_second"`
	TwoRows float64 `json:"two_row_commits_per_second"`
}

// Signature is how long one takes.
type Signature struct {
	Alg    string  `json:"alg"`
	Micros float64 `json:"us"`
}

// Line is one operation at one number of connections.
type Line struct {
	Name        string  `json:"name"`
	Connections int     `json:"connections"`
	PerSecond   float64 `json:"per_second"`
	// P50 and P99 are of the whole operation; Requests has each request's, where an operation is several.
	P50      int64     `json:"p50_us"`
	P99      int64     `json:"p99_us"`
	Requests []Request `json:"requests,omitempty"`
	// Errors are all runs'.
	Errors int `json:"errors"`
	// Answer is how many bytes of body the last request's answer has; net/http answers as many beside the line.
	Answer     int    `json:"answer_bytes"`
	FirstError string `json:"first_error,omitempty"`
	// Processor is the server's processor time an operation, in microseconds; DatabaseProcessor is PostgreSQL's, -1 when it cannot be told.
	Processor         float64 `json:"processor_us"`
	DatabaseProcessor float64 `json:"database_processor_us"`
	// Growth is how many bytes the database grew an operation; -1 when it cannot be told.
	Growth float64 `json:"growth_bytes"`
	// Memory is the server's resident memory after the measurement, in bytes.
	Memory int64 `json:"memory_bytes"`
	// HTTP is how often a second net/http answered beside it, ShareHTTP the share of that; CostHTTP and TailHTTP are multiples of its processor time and of its p99.
	HTTP      float64 `json:"http_per_second"`
	ShareHTTP float64 `json:"share_http"`
	CostHTTP  float64 `json:"cost_http"`
	TailHTTP  float64 `json:"tail_http"`
	// ShareEmpty is the share of the rate on an empty database, measured right before and after; absent where that was not asked for, or cannot be done.
	ShareEmpty float64 `json:"share_empty,omitempty"`
	// ShareCommits is the share of durable commits of CommitRows rows; absent for what writes nothing.
	ShareCommits float64 `json:"share_commits,omitempty"`
	CommitRows   int     `json:"share_commits_rows,omitempty"`
}

// Request is one of an operation's requests.
type Request struct {
	Name string `json:"name"`
	P50  int64  `json:"p50_us"`
	P99  int64  `json:"p99_us"`
}

// ReadReport reads what `latchkey bench --json` wrote into a file.
func ReadReport(path string) (*Report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var report Report
	if err := json.Unmarshal(text, &report); err != nil || len(report.Lines) == 0 {
		return nil, fmt.Errorf("%s is not what `latchkey bench --json` writes", path)
	}
	return &report, nil
}

// relate fills in what a line is beside the limit at its number of connections. rows is how many each commit of the limit has that the
// operation is held against, commits how many of them the operation makes.
func (l *Line) relate(limit Limit, rows, commits int) {
	l.HTTP, l.ShareHTTP = limit.HTTP, ratio(l.PerSecond, limit.HTTP)
	l.CostHTTP = ratio(l.Processor, limit.HTTPCost)
	l.TailHTTP = ratio(float64(l.P99), float64(limit.HTTPP99))
	if commits == 0 {
		return
	}
	l.CommitRows = rows
	l.ShareCommits = ratio(l.PerSecond*float64(commits), limit.OneRow)
	if rows == 2 {
		l.ShareCommits = ratio(l.PerSecond*float64(commits), limit.TwoRows)
	}
}

// ratio is 0 where there is nothing to compare with.
func ratio(a, b float64) float64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return a / b
}

// line finds an operation's figures, nil when it was not measured.
func (r *Report) line(name string, connections int) *Line {
	for i, l := range r.Lines {
		if l.Name == name && l.Connections == connections {
			return &r.Lines[i]
		}
	}
	return nil
}

// median is the middle one of a figure over several runs; of an even number, the mean of the two in the middle.
func median[R any, T int64 | float64](runs []R, figure func(R) T) T {
	values := make([]T, len(runs))
	for i, run := range runs {
		values[i] = figure(run)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// summary is the medians of runs that measured the same. The ratios are medians of each run's own.
func summary(runs []*Report) *Report {
	sum := *runs[0]
	sum.Runs = len(runs)
	sum.Ready = median(runs, func(r *Report) float64 { return r.Ready })
	sum.IdleMemory = median(runs, func(r *Report) int64 { return r.IdleMemory })
	sum.LoadedMemory = median(runs, func(r *Report) int64 { return r.LoadedMemory })
	sum.Limits, sum.Signatures, sum.Lines = nil, nil, nil
	for i := range runs[0].Limits {
		sum.Limits = append(sum.Limits, medianLimit(each(runs, func(r *Report) Limit { return r.Limits[i] })))
	}
	for i, s := range runs[0].Signatures {
		sum.Signatures = append(sum.Signatures, Signature{Alg: s.Alg, Micros: median(runs, func(r *Report) float64 { return r.Signatures[i].Micros })})
	}
	for i := range runs[0].Lines {
		sum.Lines = append(sum.Lines, medianLine(each(runs, func(r *Report) Line { return r.Lines[i] })))
	}
	return &sum
}

func each[T any](runs []*Report, part func(*Report) T) []T {
	parts := make([]T, len(runs))
	for i, run := range runs {
		parts[i] = part(run)
	}
	return parts
}

// with takes the medians of those measured beside the lines at as many connections; where a line commits nothing, l's own commits.
func (l Limit) with(beside []Limit) Limit {
	same := slices.DeleteFunc(slices.Clone(beside), func(other Limit) bool { return other.Connections != l.Connections })
	if len(same) == 0 {
		return l
	}
	m := medianLimit(same)
	m.OneRow, m.TwoRows = l.OneRow, l.TwoRows
	if writing := slices.DeleteFunc(same, func(other Limit) bool { return other.OneRow == 0 }); len(writing) > 0 {
		commits := medianLimit(writing)
		m.OneRow, m.TwoRows = commits.OneRow, commits.TwoRows
	}
	return m
}

func (l Limit) meanWith(other Limit) Limit {
	return Limit{
		Connections: l.Connections,
		HTTP:        (l.HTTP + other.HTTP) / 2,
		HTTPP99:     (l.HTTPP99 + other.HTTPP99) / 2,
		HTTPCost:    (l.HTTPCost + other.HTTPCost) / 2,
		OneRow:      (l.OneRow + other.OneRow) / 2,
		TwoRows:     (l.TwoRows + other.TwoRows) / 2,
	}
}

func medianLimit(runs []Limit) Limit {
	return Limit{
		Connections: runs[0].Connections,
		HTTP:        median(runs, func(l Limit) float64 { return l.HTTP }),
		HTTPP99:     median(runs, func(l Limit) int64 { return l.HTTPP99 }),
		HTTPCost:    median(runs, func(l Limit) float64 { return l.HTTPCost }),
		OneRow:      median(runs, func(l Limit) float64 { return l.OneRow }),
		TwoRows:     median(runs, func(l Limit) float64 { return l.TwoRows }),
	}
}

func medianLine(runs []Line) Line {
	m := runs[0]
	m.PerSecond = median(runs, func(l Line) float64 { return l.PerSecond })
	m.P50 = median(runs, func(l Line) int64 { return l.P50 })
	m.P99 = median(runs, func(l Line) int64 { return l.P99 })
	m.Processor = median(runs, func(l Line) float64 { return l.Processor })
	m.DatabaseProcessor = median(runs, func(l Line) float64 { return l.DatabaseProcessor })
	m.Growth = median(runs, func(l Line) float64 { return l.Growth })
	m.Memory = median(runs, func(l Line) int64 { return l.Memory })
	m.HTTP = median(runs, func(l Line) float64 { return l.HTTP })
	m.ShareHTTP = median(runs, func(l Line) float64 { return l.ShareHTTP })
	m.CostHTTP = median(runs, func(l Line) float64 { return l.CostHTTP })
	m.TailHTTP = median(runs, func(l Line) float64 { return l.TailHTTP })
	m.ShareCommits = median(runs, func(l Line) float64 { return l.ShareCommits })
	m.ShareEmpty = median(runs, func(l Line) float64 { return l.ShareEmpty })
	m.Errors, m.FirstError = 0, ""
	for _, l := range runs {
		m.Errors += l.Errors
		m.FirstError = cmp.Or(m.FirstError, l.FirstError)
	}
	m.Requests = nil
	for i, request := range runs[0].Requests {
		m.Requests = append(m.Requests, Request{
			Name: request.Name,
			P50:  median(runs, func(l Line) int64 { return l.Requests[i].P50 }),
			P99:  median(runs, func(l Line) int64 { return l.Requests[i].P99 }),
		})
	}
	return m
}
