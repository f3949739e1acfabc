package main

import (
	"fmt"
	"math"
	"strings"

	"latchkey.dev/internal/bench"
)

// bar is a figure that we set out to reach.
type bar struct {
	what string
	// atMost tells which side of it is good. On PostgreSQL it may be another one; noBar shows the figure only.
	atMost           bool
	sqlite, postgres float64
	digits           int
	unit             string
	// figure is what was measured, and the line that it is of, where that is one of several.
	figure func(e engine) (value float64, of string)
}

const noBar = -1

func atLeast(what string, sqlite, postgres float64, digits int, figure func(engine) (float64, string)) bar {
	return bar{what: what, sqlite: sqlite, postgres: postgres, digits: digits, figure: figure}
}

func atMost(what string, want float64, digits int, unit string, figure func(engine) (float64, string)) bar {
	return bar{what: what, atMost: true, sqlite: want, postgres: want, digits: digits, unit: unit, figure: figure}
}

// bars are those of `latchkey bench`, in the plan's order and with its numbers.
var bars = []bar{
	atLeast("1. client credentials, opaque: share of net/http", 0.60, 0.60, 2, shareHTTP("client credentials, opaque")),
	atLeast("1. client credentials, ES256", 0.40, 0.40, 2, shareHTTP("client credentials, ES256")),
	atLeast("1. introspection", 0.50, 0.25, 2, shareHTTP("introspection")),
	atLeast("1. discovery", 0.85, 0.85, 2, shareHTTP("discovery")),
	atLeast("1. JWKS", 0.85, 0.85, 2, shareHTTP("jwks")),
	atLeast("1. UserInfo", 0.45, 0.45, 2, shareHTTP("userinfo")),
	atLeast("2. refresh: share of durable commits, of two rows on SQLite, of one on PostgreSQL", 0.50, 0.40, 2, shareCommits("refresh")),
	atLeast("3. code flow: share of net/http", 0.05, noBar, 3, shareHTTP("code flow")),
	atMost("4. processor time of client credentials, opaque, as a multiple of net/http's", 1.7, 1, "", cost("client credentials, opaque", "")),
	atMost("4. ES256, without the signature", 1.7, 1, "", cost("client credentials, ES256", "ES256")),
	atMost("4. introspection", 2, 1, "", cost("introspection", "")),
	atMost("4. refresh", 8, 1, "", cost("refresh", "")),
	atMost("5. p99 of what writes nothing, as a multiple of net/http's: the worst line but RS256", 4, 1, "", worstTail),
	atMost("5. RS256, whose signatures alone take the processors for longer than that", 4, 1, "", tail("client credentials, RS256")),
	atMost("5. p99 of a request that writes: the worst", 25, 1, " ms", worstWrite),
	atLeast("6. full database: share of an empty one's rate in the same seconds, the worst line", 0.9, 0.9, 2, flat),
	atLeast("6. refresh of tokens all over the table, beside those just issued", 0.9, 0.9, 2, cold("refresh")),
	atLeast("6. introspection of tokens all over the table, beside those just issued", 0.9, 0.9, 2, cold("introspection")),
	atMost("6. full database: start to ready", 200, 0, " ms", func(e engine) (float64, string) { return e.full().Ready, "" }),
	atMost("6. full database: one person's 50 connections listed, 99 times of 100", 5, 1, " ms", func(e engine) (float64, string) { return e.full().Listing, "" }),
	atMost("7. growth of the database an access token", 0, 0, " bytes", growth("client credentials, opaque")),
	atMost("7. growth a refresh", 400, 0, " bytes", growth("refresh")),
	atMost("8. memory, idle", 40, 0, " MB", func(e engine) (float64, string) { return megabytes(e.IdleMemory), "" }),
	atMost("8. at 64 connections, the most after any line", 90, 0, " MB", func(e engine) (float64, string) { return e.MostMemory(), "" }),
	atMost("8. with 10,000 idle connections", 200, 0, " MB", func(e engine) (float64, string) { return megabytes(e.IdleConnectionsMemory), "" }),
}

// Bars is the table of what was reached.
func (r results) Bars() string {
	rows := []string{"| bar | wanted | SQLite | PostgreSQL |", "| --- | --- | --- | --- |"}
	for _, b := range bars {
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s |", b.what, b.wanted(), b.cell(r.SQLite, b.sqlite), b.cell(r.Postgres, b.postgres)))
	}
	return strings.Join(rows, "\n")
}

func (b bar) wanted() string {
	sign := "≥ "
	if b.atMost {
		sign = "≤ "
	}
	number := func(value float64) string { return sign + plain(value, asItIs) }
	switch b.postgres {
	case b.sqlite:
		return number(b.sqlite) + b.unit
	case noBar:
		return number(b.sqlite) + b.unit + " on SQLite"
	}
	return number(b.sqlite) + "; PostgreSQL " + number(b.postgres)
}

// cell rounds a figure towards missing its bar, so that what it says and what it shows are the same.
func (b bar) cell(e engine, want float64) string {
	value, of := b.figure(e)
	scale := math.Pow10(b.digits)
	const exact = 1e-9 // 1.1 is no 1.1000000000000001
	rounded := math.Floor(value*scale+exact) / scale
	met := rounded >= want
	if b.atMost {
		rounded = max(0, math.Ceil(value*scale-exact)/scale)
		met = rounded <= want
	}
	said := plain(rounded, b.digits) + b.unit
	if of != "" {
		said += " (" + of + ")"
	}
	switch {
	case want == noBar:
		return said
	case met:
		return said + ", met"
	}
	return said + ", **missed**"
}

func shareHTTP(name string) func(engine) (float64, string) {
	return func(e engine) (float64, string) { return e.at64(name).ShareHTTP, "" }
}

func shareCommits(name string) func(engine) (float64, string) {
	return func(e engine) (float64, string) { return e.at64(name).ShareCommits, "" }
}

func growth(name string) func(engine) (float64, string) {
	return func(e engine) (float64, string) { return e.at64(name).Growth, "" }
}

// cost is the processor time as a multiple of net/http's, without a signature where one is named.
func cost(name, signature string) func(engine) (float64, string) {
	return func(e engine) (float64, string) {
		l := e.at64(name)
		return l.CostHTTP * (l.Processor - e.signature(signature)) / l.Processor, ""
	}
}

func tail(name string) func(engine) (float64, string) {
	return func(e engine) (float64, string) { return e.at64(name).TailHTTP, "" }
}

func worstTail(e engine) (worst float64, of string) {
	for _, name := range []string{"client credentials, opaque", "client credentials, ES256", "client credentials, EdDSA", "introspection", "userinfo", "discovery", "jwks"} {
		if tail := e.at64(name).TailHTTP; tail > worst {
			worst, of = tail, name
		}
	}
	return worst, of
}

func worstWrite(e engine) (worst float64, of string) {
	requests := []bench.Request{{Name: "refresh", P99: e.at64("refresh").P99}}
	for _, name := range []string{"code flow", "revocation"} {
		requests = append(requests, e.at64(name).Requests...)
	}
	for _, r := range requests {
		if ms := float64(r.P99) / 1000; r.Name != "issue" && ms > worst { // issue writes nothing
			worst, of = ms, r.Name
		}
	}
	return worst, of
}

// usual are the operations that the curve is of.
var usual = []string{"client credentials, opaque", "introspection", "userinfo", "refresh", "code flow", "revocation"}

// flat is what is left of an empty database's rates when it is full.
func flat(e engine) (least float64, of string) {
	least = math.Inf(1)
	for _, name := range usual {
		if left := e.left(name); left < least {
			least, of = left, name
		}
	}
	return least, of
}

func (e engine) left(name string) float64 { return at64(e.full(), name).ShareEmpty }

// cold is what is left of an operation's share when each request is for another row.
func cold(name string) func(engine) (float64, string) {
	return func(e engine) (float64, string) {
		return at64(e.full(), name+", any stored").ShareHTTP / at64(e.full(), name).ShareHTTP, ""
	}
}

func (e engine) full() *bench.Report { return e.Curve[len(e.Curve)-1] }
