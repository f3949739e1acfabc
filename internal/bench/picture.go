package bench

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
)

// The picture's measures, in SVG's units.
const (
	pictureWidth = 960
	leftEdge     = 260 // where bars begin
	rightEdge    = 780 // where a bar of the whole scale ends
	topEdge      = 96
	barHeight    = 13
	groupGap     = 15
	footer       = 46
)

// The bars' colours, few connections to many, on paper and on a dark screen: steps of one hue, because the numbers are ordered.
var paper, screen = []string{"#a5c9f0", "#4c8fd6", "#17518f"}, []string{"#2c5a8c", "#5a9ae0", "#b7d8ff"}

// SVG draws each line's share of its limit: durable commits for what writes, net/http for the rest.
func (r *Report) SVG(out io.Writer) error {
	var b strings.Builder
	scale := r.scale()
	height := topEdge + footer
	names := r.names()
	for _, name := range names {
		height += len(r.named(name))*barHeight + groupGap
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc">`+"\n", pictureWidth, height)
	fmt.Fprintf(&b, "<title id=\"title\">%s: shares of the machine's own limits</title>\n<desc id=\"desc\">%s</desc>\n", html.EscapeString(r.subject()), html.EscapeString(r.inWords()))
	r.style(&b)
	fmt.Fprintf(&b, `<rect class="ground" width="%d" height="%d"/>`+"\n", pictureWidth, height)
	fmt.Fprintf(&b, `<text class="heading" x="20" y="34">%s, as shares of what this machine can do at all</text>`+"\n", html.EscapeString(r.subject()))
	r.legend(&b)
	grid(&b, scale, height)
	y := topEdge
	for _, name := range names {
		y = r.group(&b, name, y, scale)
	}
	fmt.Fprintf(&b, `<text class="note" x="20" y="%d">%s · %s · median of %d, %g s each</text>`+"\n", height-14,
		r.At.Format("2006-01-02"), html.EscapeString(r.Machine), max(1, r.Runs), r.Seconds)
	b.WriteString("</svg>\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// subject is what was measured.
func (r *Report) subject() string {
	switch r.Database {
	case "sqlite":
		return "Latchkey on SQLite"
	case "postgres":
		return "Latchkey on PostgreSQL"
	}
	return "the server at " + r.Target
}

func (r *Report) style(b *strings.Builder) {
	b.WriteString("<style>text{font:13px system-ui,sans-serif;fill:#1d2430}.heading{font-size:17px;font-weight:600}.note,.scale{font-size:11.5px;fill:#576072}" +
		".value{font-size:11.5px;font-variant-numeric:tabular-nums;stroke:#fff;stroke-width:3px;paint-order:stroke}.ground{fill:#fff}.grid{stroke:#d5dae2}.limit{stroke:#576072;stroke-dasharray:4 3}")
	for i, colour := range paper {
		fmt.Fprintf(b, ".c%d{fill:%s}", i, colour)
	}
	b.WriteString("@media(prefers-color-scheme:dark){text{fill:#e6eaf1}.note,.scale{fill:#a3adbd}.ground{fill:#12161d}.value{stroke:#12161d}.grid{stroke:#2c3440}.limit{stroke:#a3adbd}")
	for i, colour := range screen {
		fmt.Fprintf(b, ".c%d{fill:%s}", i, colour)
	}
	b.WriteString("}</style>\n")
}

func (r *Report) legend(b *strings.Builder) {
	x := 20
	for _, connections := range r.connections() {
		fmt.Fprintf(b, `<rect class="%s" x="%d" y="52" width="12" height="12"/><text class="scale" x="%d" y="62">%s</text>`+"\n",
			r.colour(connections), x, x+18, counted(connections))
		x += 120
	}
}

func counted(connections int) string {
	if connections == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", connections)
}

// scale is where the axis ends: at the limit, or above it when something is faster.
func (r *Report) scale() float64 {
	end := 1.0
	for _, l := range r.Lines {
		end = max(end, l.share())
	}
	return math.Ceil(end*4) / 4
}

// share is of the limit that a line is held against.
func (l *Line) share() float64 { return cmp.Or(l.ShareCommits, l.ShareHTTP) }

func (l *Line) limitName() string {
	if l.ShareCommits > 0 {
		return fmt.Sprintf("of %d-row commits", l.CommitRows)
	}
	return "of net/http"
}

func grid(b *strings.Builder, scale float64, height int) {
	for quarter := range int(scale*4) + 1 {
		share := float64(quarter) / 4
		class := "grid"
		if share == 1 {
			class = "limit"
		}
		x := leftEdge + share/scale*(rightEdge-leftEdge)
		fmt.Fprintf(b, `<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="scale" x="%.1f" y="%d" text-anchor="middle">%g</text>`+"\n",
			class, x, x, topEdge-10, height-footer+6, x, topEdge-16, share)
	}
}

// group draws one operation's bars and returns where the next one's begin.
func (r *Report) group(b *strings.Builder, name string, y int, scale float64) int {
	lines := r.named(name)
	middle := y + len(lines)*barHeight/2
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text><text class="scale" x="%d" y="%d" text-anchor="end">%s</text>`+"\n",
		leftEdge-12, middle, html.EscapeString(name), leftEdge-12, middle+14, lines[0].limitName())
	for _, l := range lines {
		width := l.share() / scale * (rightEdge - leftEdge)
		fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d"/><text class="value" x="%.1f" y="%d">%.2f · %s/s</text>`+"\n",
			r.colour(l.Connections), leftEdge, y+1, width, barHeight-2, leftEdge+width+6, y+barHeight-3, l.share(), thousands(l.PerSecond))
		y += barHeight
	}
	return y + groupGap
}

// thousands writes a rate as people read it.
func thousands(rate float64) string {
	digits := fmt.Sprint(int(math.Round(rate)))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// inWords is the picture for who hears it.
func (r *Report) inWords() string {
	parts := make([]string, 0, len(r.Lines))
	for _, l := range r.Lines {
		parts = append(parts, fmt.Sprintf("%s at %s: %.2f %s, %s a second", l.Name, counted(l.Connections), l.share(), l.limitName(), thousands(l.PerSecond)))
	}
	return strings.Join(parts, "; ") + "."
}

// names are the operations in the table's order.
func (r *Report) names() []string {
	var names []string
	for _, l := range r.Lines {
		if !slices.Contains(names, l.Name) {
			names = append(names, l.Name)
		}
	}
	return names
}

func (r *Report) named(name string) []Line {
	var lines []Line
	for _, l := range r.Lines {
		if l.Name == name {
			lines = append(lines, l)
		}
	}
	return lines
}

func (r *Report) connections() []int {
	var all []int
	for _, l := range r.Lines {
		if !slices.Contains(all, l.Connections) {
			all = append(all, l.Connections)
		}
	}
	slices.Sort(all)
	return all
}

// colour is the class of a number of connections: the darkest is the most.
func (r *Report) colour(connections int) string {
	all := r.connections()
	step := len(paper) - len(all) + slices.Index(all, connections)
	return fmt.Sprintf("c%d", max(0, step))
}
