package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table writes the report for people.
func (r *Report) Table(out io.Writer) error {
	var text strings.Builder
	r.machine(&text)
	r.operations(&text)
	for _, l := range r.Lines {
		if l.FirstError != "" {
			fmt.Fprintf(&text, "%s at %d connections, the first error: %s\n", l.Name, l.Connections, l.FirstError)
		}
	}
	fmt.Fprintf(&text, "\nmemory: %d MB idle, %d MB after the load\n", r.IdleMemory>>20, r.LoadedMemory>>20)
	_, err := io.WriteString(out, text.String())
	return err
}

// machine is what this machine itself can do.
func (r *Report) machine(text *strings.Builder) {
	rows := []string{"this machine\tconnections\thttp/s\tp99 µs\tprocessor µs\tone-row commits/s\ttwo-row commits/s"}
	for _, l := range r.Limits {
		rows = append(rows, fmt.Sprintf("\t%d\t%.0f\t%d\t%.1f\t%.0f\t%.0f", l.Connections, l.HTTP, l.HTTPP99, l.HTTPCost, l.OneRow, l.TwoRows))
	}
	align(text, rows)
	for _, s := range r.Signatures {
		fmt.Fprintf(text, "one %s signature: %.0f µs\n", s.Alg, s.Micros)
	}
	text.WriteByte('\n')
}

func (r *Report) operations(text *strings.Builder) {
	rows := []string{"operation\tconnections\tops/s\tof http\tof commits\tp50 µs\tp99 µs\terrors\tprocessor µs\t× http\tbytes/op"}
	for _, l := range r.Lines {
		commits, growth := "", ""
		if l.ShareCommits > 0 {
			commits = fmt.Sprintf("%.2f", l.ShareCommits)
		}
		if l.Growth >= 0 {
			growth = fmt.Sprintf("%.0f", l.Growth)
		}
		rows = append(rows, fmt.Sprintf("%s\t%d\t%.0f\t%.2f\t%s\t%d\t%d\t%d\t%.1f\t%.1f\t%s", l.Name, l.Connections, l.PerSecond, l.ShareHTTP, commits,
			l.P50, l.P99, l.Errors, l.Processor, l.Processor/r.limit(l.Connections).HTTPCost, growth))
	}
	align(text, rows)
}

// align writes rows of tab-separated cells as columns.
func align(text *strings.Builder, rows []string) {
	w := tabwriter.NewWriter(text, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = io.WriteString(w, strings.Join(rows, "\t\n")+"\t\n") // a strings.Builder takes everything
	_ = w.Flush()
}

func (r *Report) limit(connections int) Limit {
	for _, l := range r.Limits {
		if l.Connections == connections {
			return l
		}
	}
	return Limit{}
}
