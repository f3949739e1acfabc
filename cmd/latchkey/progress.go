package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"latchkey.dev/internal/bench"
	"latchkey.dev/internal/store"
)

// progress draws a bar on a terminal, and prints a line now and then elsewhere.
type progress struct {
	out   io.Writer
	drawn bool // on a terminal
	open  bool // a line was begun
}

func newProgress(out io.Writer) *progress { return &progress{out: out, drawn: isTerminal(out)} }

const barWidth = 30

// draw puts the bar in place of the one before.
func (p *progress) draw(label string, done, total int64, rest string) {
	percent := 100 * done / max(1, total)
	filled := int(percent) * barWidth / 100
	bar := strings.Repeat("#", filled) + strings.Repeat(".", barWidth-filled)
	_, _ = fmt.Fprintf(p.out, "\r\x1b[K%s [%s] %3d %%  %s", label, bar, percent, rest)
	p.open = true
}

// copied shows how far a copy is, with a line a table where nothing can be drawn.
func (p *progress) copied(now store.CopyProgress) {
	done := now.Done == now.Total && now.Checking
	if !p.drawn {
		if done {
			_, _ = fmt.Fprintf(p.out, "%s: %d rows copied and read back\n", now.Table, now.Total)
		}
		return
	}
	what := "copying "
	if now.Checking {
		what = "checking"
	}
	p.draw(fmt.Sprintf("%s %-18s", what, now.Table), now.Done, now.Total, fmt.Sprintf("%d of %d", now.Done, now.Total))
	if done {
		p.end()
	}
}

// measured shows what is measured, and about how long the rest takes.
func (p *progress) measured(now bench.Progress) {
	rest := "about " + now.Left.Round(time.Second).String() + " left"
	if !p.drawn {
		_, _ = fmt.Fprintf(p.out, "%s (%d of %d done, %s)\n", now.What, now.Done, now.Total, rest)
		return
	}
	p.draw("", int64(now.Done), int64(now.Total), rest+": "+now.What)
}

// countedPerLine is a multiple of the batches in which rows are changed.
const countedPerLine = 10_000

// counted shows how many rows were changed, with a line now and then where nothing can be drawn: people brought, connections ended.
func (p *progress) counted(what string) func(done, total int64) {
	return func(done, total int64) {
		if p.drawn {
			p.draw(what, done, total, fmt.Sprintf("%d of %d", done, total))
		} else if done > 0 && done%countedPerLine == 0 {
			_, _ = fmt.Fprintf(p.out, "%d of %d %s\n", done, total, what)
		}
	}
}

// end leaves the line of a bar.
func (p *progress) end() {
	if p.open {
		_, _ = fmt.Fprintln(p.out)
	}
	p.open = false
}
