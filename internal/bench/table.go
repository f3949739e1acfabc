package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Table writes the report for people.
func (r *Report) Table(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "this machine\tconnections\thttp/s\tp99 µs\tprocessor µs\tone-row commits/s\ttwo-row commits/s\t")
	for _, l := range r.Limits {
		fmt.Fprintf(w, "\t%d\t%.0f\t%d\t%.1f\t%.0f\t%.0f\t\n", l.Connections, l.HTTP, l.HTTPP99, l.HTTPCost, l.OneRow, l.TwoRows)
	}
	fmt.Fprintln(w, "\t\t\t\t\t\t\t")
	_ = w.Flush()
	for _, s := range r.Signatures {
		fmt.Fprintf(out, "one %s signature: %.0f µs\n", s.Alg, s.Micros)
	}
	fmt.Fprintln(out)
	fmt.Fprintln(w, "operation\tconnections\tops/s\tof http\tof commits\tp50 µs\tp99 µs\terrors\tprocessor µs\t× http\tbytes/op\t")
	for _, l := range r.Lines {
		commits, growth := "", ""
		if l.ShareCommits > 0 {
			commits = fmt.Sprintf("%.2f", l.ShareCommits)
		}
		if l.Growth >= 0 {
			growth = fmt.Sprintf("%.0f", l.Growth)
		}
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.2f\t%s\t%d\t%d\t%d\t%.1f\t%.1f\t%s\t\n",
			l.Name, l.Connections, l.PerSecond, l.ShareHTTP, commits, l.P50, l.P99, l.Errors, l.Processor, l.Processor/r.limit(l.Connections).HTTPCost, growth)
	}
	_ = w.Flush()
	for _, l := range r.Lines {
		if l.FirstError != "" {
			fmt.Fprintf(out, "%s at %d connections, the first error: %s\n", l.Name, l.Connections, l.FirstError)
		}
	}
	fmt.Fprintf(out, "\nmemory: %d MB idle, %d MB after the load\n", r.IdleMemory>>20, r.LoadedMemory>>20)
}

func (r *Report) limit(connections int) Limit {
	for _, l := range r.Limits {
		if l.Connections == connections {
			return l
		}
	}
	return Limit{}
}
