package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/bench"
)

func (p *program) bench() *cobra.Command {
	bar := newProgress(p.err)
	config := bench.Config{Progress: bar.measured, Clock: p.clock, Rand: p.rand}
	var limit int
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure a server on this machine, beside what the machine itself can do", Args: needs,
		Long: "Measure a server on this machine. Each operation runs at several numbers of connections, and the same run measures the machine's own\n" +
			"limits: net/http answering a fixed body of the same size, a signature, a durable commit. So every line also reads as a share of the limit.\n" +
			"It starts its own server with data of its own; stop other work on the machine first.",
		Example: "  latchkey bench\n  latchkey bench --only refresh,introspection --connections 64 --repeat 5\n" +
			"  latchkey bench --database postgres://latchkey@localhost/bench --json",
	}
	cmd.Flags().StringVar(&config.Database, "database", "", "the server's `database`, empty but for an earlier run; default: SQLite in a temporary folder")
	cmd.Flags().IntSliceVar(&config.Connections, "connections", []int{1, 16, 64}, "`numbers` of connections at once")
	cmd.Flags().StringSliceVar(&config.Only, "only", nil, "measure operations whose names contain one of these `parts`")
	cmd.Flags().IntVar(&config.Repeat, "repeat", 1, "measure everything `N` times, the machine's limits too, and report the median of each figure")
	cmd.Flags().StringVar(&config.Profiles, "profiles", "", "write the server's processor profile of each measurement into this `folder`")
	seconds := cmd.Flags().Float64("seconds", 2, "how many `seconds` each measurement takes")
	cmd.Flags().IntVar(&limit, "serve-limit", 0, "")
	_ = cmd.Flags().MarkHidden("serve-limit") // the machine's limit, as a process of its own
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if limit > 0 {
			return bench.ServeLimit(cmd.Context(), p.out, limit)
		}
		program, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
		config.Program, config.Measure = program, time.Duration(*seconds*float64(time.Second))
		report, err := bench.Run(cmd.Context(), config)
		bar.end()
		if err != nil {
			return err
		}
		if p.json {
			return p.show(report, nil)
		}
		return report.Table(p.out)
	}
	return cmd
}
