package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"latchkey.dev/internal/micros"
)

// show prints v as JSON for programs, or calls human for people.
func (p *program) show(v any, human func()) error {
	if !p.json {
		human()
		return nil
	}
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

func (p *program) say(format string, args ...any) {
	_, _ = fmt.Fprintf(p.out, format+"\n", args...) // a terminal that went away reads nothing more
}

// table prints rows under a heading, or none when there are none.
func (p *program) table(heading string, rows [][]string, none string) {
	if len(rows) == 0 {
		p.say("%s", none)
		return
	}
	lines := []string{strings.ReplaceAll(heading, " | ", "\t")}
	for _, row := range rows {
		for i := range row {
			row[i] = printable(row[i])
		}
		lines = append(lines, strings.Join(row, "\t"))
	}
	p.align(lines)
}

// fields prints names and values below one another; empty values are left out.
func (p *program) fields(pairs ...string) {
	var lines []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			lines = append(lines, pairs[i]+":\t"+printable(pairs[i+1]))
		}
	}
	p.align(lines)
}

// align prints lines whose columns are separated by tabs.
func (p *program) align(lines []string) {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	_, _ = io.WriteString(w, strings.Join(lines, "\n")+"\n") // as say
	_ = w.Flush()
}

// printable keeps what somebody else typed from steering the operator's terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

// stamp writes an instant, and nothing for never.
func stamp(at micros.Time) string {
	if at.Never() {
		return ""
	}
	return at.Time().Truncate(time.Second).Format(time.RFC3339)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
