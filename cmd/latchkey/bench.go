package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/bench"
)

// benchOptions are what the command line says beyond what is measured.
type benchOptions struct {
	config             bench.Config
	seconds            float64
	from, compare, svg string
}

func (p *program) bench() *cobra.Command {
	o := benchOptions{config: bench.Config{Clock: p.clock, Rand: p.rand}}
	var limit int
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure a server on this machine, beside what the machine itself can do", Args: needs,
		Long: "Measure a server on this machine. Each operation runs at several numbers of connections, and the same run measures the machine's own\n" +
			"limits: net/http answering the operation's last request with a fixed body of its answer's size, a signature, a durable commit.\n" +
			"So every line also reads as a share of the limit.\n" +
			"It starts its own server with data of its own; stop other work on the machine first.\n\n" +
			"With --compare it ends with exit code 1 when an operation's share of the limit fell by more than a tenth.",
		Example: "  latchkey bench\n  latchkey bench --only refresh,introspection --connections 64 --repeat 5\n" +
			"  latchkey bench --database postgres://latchkey@localhost/bench --json > today.json\n" +
			"  latchkey bench --from today.json --compare yesterday.json --svg today.svg\n" +
			"  LATCHKEY_BENCH_SECRET=… latchkey bench --target https://login.example --client-id app-1",
	}
	flags := cmd.Flags()
	flags.StringVar(&o.config.Database, "database", "", "the server's `database`, empty but for earlier runs; default: SQLite in a temporary folder")
	flags.IntSliceVar(&o.config.Connections, "connections", []int{1, 16, 64}, "`numbers` of connections at once")
	flags.StringSliceVar(&o.config.Only, "only", nil, "measure operations whose names contain one of these `parts`")
	flags.IntVar(&o.config.Repeat, "repeat", 1, "measure everything `N` times, the machine's limits too, and report the median of each figure")
	flags.IntVar(&o.config.Stored, "stored", 0, "fill the database with `N` refresh tokens and a fifth as many connections first")
	flags.StringVar(&o.config.Beside, "beside", "", "measure each line on this `database` too, an empty one of the same kind, and tell what is left of its rate; for --stored")
	flags.IntVar(&o.config.Idle, "idle-connections", 0, "at the end, measure the server's memory with `N` open connections that ask nothing")
	flags.StringVar(&o.config.Target.URL, "target", "", "measure the running server whose issuer is this `URL`, with what needs only an app's id and secret")
	flags.StringVar(&o.config.Target.At, "at", "", "the `URL` where the target listens, when its issuer's is that of a proxy before it")
	flags.StringVar(&o.config.Target.ClientID, "client-id", "", "the app's `id` at the target; its secret is read from LATCHKEY_BENCH_SECRET")
	flags.StringVar(&o.config.Target.Scope, "scope", "", "the `scope` of the target's tokens; default: what it gives without")
	flags.StringVar(&o.config.Profiles, "profiles", "", "write the server's processor profile of each measurement, and a heap profile with idle connections, into this `folder`")
	flags.Float64Var(&o.seconds, "seconds", 2, "how many `seconds` each measurement takes")
	flags.StringVar(&o.from, "from", "", "measure nothing, and show the result that an earlier --json wrote into this `file`")
	flags.StringVar(&o.compare, "compare", "", "compare with the result that an earlier --json wrote into this `file`")
	flags.StringVar(&o.svg, "svg", "", "draw the result into this `file`")
	flags.IntVar(&limit, "serve-limit", -1, "")
	_ = flags.MarkHidden("serve-limit") // the machine's limit, as a process of its own
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if limit >= 0 {
			return bench.ServeLimit(cmd.Context(), p.out, limit)
		}
		return p.runBench(cmd.Context(), o)
	}
	return cmd
}

func (p *program) runBench(ctx context.Context, o benchOptions) error {
	var old *bench.Report
	var err error
	if o.compare != "" { // before a run of minutes
		if old, err = readReport(o.compare); err != nil {
			return err
		}
	}
	report, err := p.measure(ctx, o)
	if err != nil {
		return err
	}
	worse := 0
	if old != nil {
		worse = report.Compare(old)
	}
	if err := draw(report, o.svg); err != nil {
		return err
	}
	if p.json {
		err = p.show(report, nil)
	} else {
		err = report.Table(p.out)
	}
	if worse > 0 {
		return errors.Join(err, refuse(exitFailure, "%d of %d lines got worse by more than a tenth since %s", worse, len(report.Changes), o.compare))
	}
	return err
}

func (p *program) measure(ctx context.Context, o benchOptions) (*bench.Report, error) {
	if o.from != "" {
		return readReport(o.from)
	}
	if o.seconds <= 0 || len(o.config.Connections) == 0 {
		return nil, usage("--seconds and --connections must be positive")
	}
	for _, n := range o.config.Connections {
		if n < 1 {
			return nil, usage("--connections: %d is not a number of connections", n)
		}
	}
	if err := p.aim(&o.config); err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	bar := newProgress(p.err)
	defer bar.end()
	o.config.Program, o.config.Measure, o.config.Progress = program, time.Duration(o.seconds*float64(time.Second)), bar.measured
	return bench.Run(ctx, o.config)
}

// benchSecret names the variable for a target's secret: arguments can be read by everybody on the machine.
const benchSecret = "LATCHKEY_BENCH_SECRET"

// aim completes what a running server needs, and refuses what can only be done to one of our own.
func (p *program) aim(c *bench.Config) error {
	if c.Target.URL == "" {
		return nil
	}
	c.Target.Secret = p.source.Getenv(benchSecret)
	switch {
	case c.Target.ClientID == "" || c.Target.Secret == "":
		return usage("--target needs an app: its id in --client-id and its secret in the environment variable %s", benchSecret)
	case c.Database != "" || c.Beside != "" || c.Stored > 0 || c.Idle > 0 || c.Profiles != "":
		return usage("--database, --beside, --stored, --idle-connections and --profiles are for a server of our own, not for a --target")
	}
	return nil
}

func readReport(path string) (*bench.Report, error) {
	report, err := bench.ReadReport(path)
	if err != nil {
		return nil, usage("%v", err)
	}
	return report, nil
}

func draw(report *bench.Report, path string) error {
	if path == "" {
		return nil
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(report.SVG(file), file.Close())
}
