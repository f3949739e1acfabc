package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"latchkey.dev/internal/bench"
)

// mostConnections is the number of connections that bars, sizing and prose are about.
const mostConnections = 64

// find returns an operation's line. Where a result lacks it, the document would have a hole; the template makes an error of the panic.
func find(r *bench.Report, name string, connections int) bench.Line {
	i := slices.IndexFunc(r.Lines, func(l bench.Line) bool { return l.Name == name && l.Connections == connections })
	if i < 0 {
		panic(fmt.Sprintf("the result of %s with %d stored has no line %q at %d connections", r.Database, r.Stored, name, connections))
	}
	return r.Lines[i]
}

func at64(r *bench.Report, name string) bench.Line { return find(r, name, mostConnections) }

func (e engine) at64(name string) bench.Line { return at64(e.Report, name) }

// signature is how long one takes, in µs; none takes no time.
func (e engine) signature(alg string) float64 {
	for _, s := range e.Signatures {
		if s.Alg == alg {
			return s.Micros
		}
	}
	return 0
}

// count writes a number as people read it: 37,000.
func count(value float64) string { return message.NewPrinter(language.English).Sprintf("%.0f", value) }

// asItIs is as many digits as a number needs.
const asItIs = -1

// plain writes a number with so many digits.
func plain(value float64, digits int) string { return strconv.FormatFloat(value, 'f', digits, 64) }

// ms writes microseconds as milliseconds.
func ms(micros int64) string {
	if micros < 1000 {
		return fmt.Sprintf("%.2f", float64(micros)/1000)
	}
	return fmt.Sprintf("%.1f", float64(micros)/1000)
}

// megabytes rounds up.
func megabytes(bytes int64) float64 { return math.Ceil(float64(bytes) / (1 << 20)) }

// Cost is the server's processor time an operation, in µs.
func (e engine) Cost(name string) string { return count(e.at64(name).Processor) }

// DatabaseCost is PostgreSQL's.
func (e engine) DatabaseCost(name string) string { return count(e.at64(name).DatabaseProcessor) }

// P50 is at one connection: what a single request waits.
func (e engine) P50(name string) string { return ms(find(e.Report, name, 1).P50) }

// MostMemory is the server's after any line, in MB.
func (e engine) MostMemory() float64 {
	var most int64
	for _, l := range e.Lines {
		if l.Connections == mostConnections {
			most = max(most, l.Memory)
		}
	}
	return megabytes(most)
}

// MemoryOfIdle is what each idle connection takes, in KB.
func (e engine) MemoryOfIdle() string {
	return count(float64(e.IdleConnectionsMemory-e.IdleMemory) / float64(e.IdleConnections) / 1024)
}

// MemoryOfNode is what to give a node, in MB: the more of the two engines', rounded up to tens.
func (r results) MemoryOfNode() string {
	return plain(math.Ceil(max(r.SQLite.MostMemory(), r.Postgres.MostMemory())/10)*10, 0)
}

// Signature is how long one takes, in µs.
func (e engine) Signature(alg string) string { return count(e.signature(alg)) }

// Signed lists the signatures.
func (e engine) Signed() string {
	var all []string
	for _, s := range e.Signatures {
		all = append(all, fmt.Sprintf("%s µs with %s", count(s.Micros), s.Alg))
	}
	return strings.Join(all, ", ")
}

// Sum is an example of what two operations need at these rates.
func (e engine) Sum(rate int, name string, otherRate int, other string) string {
	one, two := e.at64(name).Processor, e.at64(other).Processor
	return fmt.Sprintf("%s × %.0f + %s × %.0f µs = %.2f processors", count(float64(rate)), one, count(float64(otherRate)), two,
		(float64(rate)*one+float64(otherRate)*two)/1e6)
}

// Full is how many refresh tokens the fullest database holds.
func (r results) Full() string { return count(float64(r.SQLite.full().Stored)) }

// FullSize is how large that is, in GB.
func (e engine) FullSize() string { return plain(float64(e.full().Size)/1e9, 1) }

// FullCost is the server's processor time an operation on an empty and on the full database.
func (e engine) FullCost(name string) string {
	return count(at64(e.Curve[0], name).Processor) + " and " + count(at64(e.full(), name).Processor)
}

// BytesOfToken is what a stored refresh token takes of it, with its share of the connection.
func (e engine) BytesOfToken() string {
	return count(float64(e.full().Size) / float64(e.full().Stored))
}

// Left is what is left of an operation's rate in the full database.
func (e engine) Left(name string) string { return plain(e.left(name), 2) }

// Cold is what is left of it for tokens all over the table.
func (e engine) Cold(name string) string {
	left, _ := cold(name)(e)
	return plain(left, 2)
}

// SlowestHTTP is the least of net/http's rates over all results.
func (r results) SlowestHTTP() string { return count(slices.Min(r.http())) }

// FastestHTTP is the most.
func (r results) FastestHTTP() string { return count(slices.Max(r.http())) }

func (r results) http() []float64 {
	var rates []float64
	for _, report := range slices.Concat(r.SQLite.Curve, r.Postgres.Curve, []*bench.Report{r.SQLite.Report, r.Postgres.Report}) {
		for _, l := range report.Limits {
			if l.Connections == mostConnections {
				rates = append(rates, math.Round(l.HTTP/1000)*1000)
			}
		}
	}
	return rates
}

// Limits is the table of what the machine can do.
func (e engine) Limits() string {
	rows := []string{"| connections | net/http a second | p99 ms | processor µs | one-row commits | two-row commits |", "| --: | --: | --: | --: | --: | --: |"}
	for _, l := range e.Report.Limits {
		rows = append(rows, fmt.Sprintf("| %d | %s | %s | %.0f | %s | %s |", l.Connections, count(l.HTTP), ms(l.HTTPP99), l.HTTPCost, count(l.OneRow), count(l.TwoRows)))
	}
	return strings.Join(rows, "\n")
}

// Operations is the table of everything measured on an empty database.
func (e engine) Operations() string {
	commits, database, line, cell, blank := "of two-row commits", "", "", "", ""
	if e.Database == "postgres" {
		commits, database, line, blank = "of one-row commits", " PostgreSQL µs |", " --: |", " |"
	}
	rows := []string{
		"| operation | connections | a second | of net/http | " + commits + " | p50 ms | p99 ms | server µs | × net/http |" + database + " bytes |",
		"| --- | --: | --: | --: | --: | --: | --: | --: | --: |" + line + " --: |",
	}
	for _, l := range e.Lines {
		if database != "" {
			cell = fmt.Sprintf(" %.0f |", l.DatabaseProcessor)
		}
		ofCommits := ""
		if l.ShareCommits > 0 {
			ofCommits = fmt.Sprintf("%.2f", l.ShareCommits)
		}
		rows = append(rows, fmt.Sprintf("| %s | %d | %s | %.2f | %s | %s | %s | %.0f | %.1f |%s %s |", l.Name, l.Connections, count(l.PerSecond), l.ShareHTTP, ofCommits,
			ms(l.P50), ms(l.P99), l.Processor, l.CostHTTP, cell, count(l.Growth)))
		for _, q := range l.Requests {
			rows = append(rows, fmt.Sprintf("| … %s | %d | | | | %s | %s | | |%s |", q.Name, l.Connections, ms(q.P50), ms(q.P99), blank))
		}
	}
	return strings.Join(rows, "\n")
}

// AmongOthers is the engine's row in the table of others' servers.
func (e engine) AmongOthers() string {
	cells := []string{"**Latchkey, " + e.Name + "**"}
	for _, name := range []string{"client credentials, opaque", "client credentials, ES256", "refresh", "introspection", "code flow", "jwks"} {
		cells = append(cells, count(find(e.Report, name, 16).PerSecond))
	}
	return row(cells)
}

// AsDataGrows is the table of shares against stored tokens, with what is left of the empty database's rate beside them.
func (r results) AsDataGrows() string {
	head, line := []string{"share of net/http at 64 connections"}, []string{"---"}
	names := append(slices.Clone(usual), "refresh, any stored", "introspection, any stored")
	rows := make([][]string, len(names))
	for i, name := range names {
		rows[i] = []string{name}
	}
	for _, e := range []engine{r.SQLite, r.Postgres} {
		for _, c := range e.Curve {
			stored := "empty"
			if c.Stored > 0 {
				stored = count(float64(c.Stored))
			}
			head, line = append(head, e.Name+", "+stored), append(line, "--:")
			for i, name := range names {
				share := ""
				if c.Stored > 0 || slices.Contains(usual, name) {
					l := at64(c, name)
					share = fmt.Sprintf("%.2f", l.ShareHTTP)
					if l.ShareEmpty > 0 {
						share += fmt.Sprintf(" (%.2f)", l.ShareEmpty)
					}
				}
				rows[i] = append(rows[i], share)
			}
		}
	}
	lines := []string{row(head), row(line)}
	for _, cells := range rows {
		lines = append(lines, row(cells))
	}
	return strings.Join(lines, "\n")
}

func row(cells []string) string { return "| " + strings.Join(cells, " | ") + " |" }
