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
	r.server(&text)
	if r.Runs > 1 {
		fmt.Fprintf(&text, "each figure is the median of %d runs\n", r.Runs)
	}
	r.changes(&text)
	_, err := io.WriteString(out, text.String())
	return err
}

// server is what was measured of the server itself, beside its operations.
func (r *Report) server(text *strings.Builder) {
	if r.Target != "" {
		return
	}
	fmt.Fprintf(text, "\nready in %.0f ms; memory: %d MB idle, %d MB after the load", r.Ready, megabytes(r.IdleMemory), megabytes(r.LoadedMemory))
	if r.IdleConnections > 0 {
		fmt.Fprintf(text, ", %d MB with %d idle connections", megabytes(r.IdleConnectionsMemory), r.IdleConnections)
	}
	fmt.Fprintf(text, "\none person's %d connections are listed in %.1f ms; the database takes %d MB\n", appsOfUser, r.Listing, megabytes(r.Size))
}

// megabytes rounds up, as a bar is read.
func megabytes(bytes int64) int64 { return (bytes + 1<<20 - 1) >> 20 }

// machine is what this machine itself can do.
func (r *Report) machine(text *strings.Builder) {
	fmt.Fprintf(text, "%s; %s", r.Machine, r.subject())
	if r.Stored > 0 {
		fmt.Fprintf(text, ", %s refresh tokens stored beforehand", thousands(float64(r.Stored)))
	}
	text.WriteString("\n\n")
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
	rows := []string{"operation\tconnections\tops/s\tof http\tof commits\tof empty\tp50 µs\tp99 µs\t× http\terrors\tserver µs\t× http\tdatabase µs\tbytes/op\tMB"}
	for _, l := range r.Lines {
		commits := present("%.2f of ", l.ShareCommits) + present("%d-row", l.CommitRows)
		rows = append(rows, fmt.Sprintf("%s\t%d\t%.0f\t%.2f\t%s\t%s\t%d\t%d\t%.1f\t%d\t%s\t%.1f\t%s\t%s\t%d", l.Name, l.Connections, l.PerSecond, l.ShareHTTP, commits,
			present("%.2f", l.ShareEmpty), l.P50, l.P99, l.TailHTTP, l.Errors, known("%.1f", l.Processor), l.CostHTTP, known("%.1f", l.DatabaseProcessor), known("%.0f", l.Growth), megabytes(l.Memory)))
		for _, request := range l.Requests {
			rows = append(rows, fmt.Sprintf("… %s\t%d\t\t\t\t\t%d\t%d\t\t\t\t\t\t\t", request.Name, l.Connections, request.P50, request.P99))
		}
	}
	align(text, rows)
}

// present writes a figure, and nothing for one that was not asked for.
func present[N int | float64](format string, figure N) string {
	if figure == 0 {
		return ""
	}
	return fmt.Sprintf(format, figure)
}

// known writes a figure, and a dash for one that cannot be told.
func known(format string, figure float64) string {
	if figure < 0 {
		return "-"
	}
	return fmt.Sprintf(format, figure)
}

// align writes rows of tab-separated cells as columns.
func align(text *strings.Builder, rows []string) {
	w := tabwriter.NewWriter(text, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = io.WriteString(w, strings.Join(rows, "\t\n")+"\t\n") // a strings.Builder takes everything
	_ = w.Flush()
}
