package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey.dev/internal/jwk"
)

// Config says what to measure and where.
type Config struct {
	// Program is the latchkey that is measured; it serves in a process of its own.
	Program string
	// Database is the server's database; empty means SQLite in a temporary folder.
	Database string
	// Connections are the numbers of connections at once that each operation is measured with.
	Connections []int
	// Measure is how long each measurement takes, after a warm-up of a fifth of it.
	Measure time.Duration
	// Repeat is how often everything is measured; the report has the medians.
	Repeat int
	// Only names the operations to measure by a part of their names; empty means all.
	Only []string
	// Stored is how many refresh tokens the database holds beforehand, with a fifth as many connections.
	Stored int
	// Beside is an empty database of the same kind, which each line is measured on too, right before and after; empty leaves that out.
	Beside string
	// Target is measured in place of a server of our own, when it names one.
	Target Target
	// Idle is with how many idle connections the server's memory is measured at the end; 0 leaves that out.
	Idle int
	// Profiles is a folder for the server's processor profile of each measurement; empty takes none.
	Profiles string
	// Progress hears how far the run is.
	Progress func(Progress)
	Clock    func() time.Time
	Rand     io.Reader
}

// Progress is how far something is, and about how long the rest takes.
type Progress struct {
	What        string
	Done, Total int
	Left        time.Duration
}

// Run measures everything, as often as the configuration says.
func Run(ctx context.Context, config Config) (*Report, error) {
	started := config.Clock()
	folder, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	w, err := worldOf(ctx, config, folder)
	if err != nil {
		return nil, err
	}
	b := &bench{Config: config, world: w, bare: make(map[int]*process)}
	b.Repeat = max(1, b.Repeat)
	if config.Beside != "" {
		if b.empty, err = emptyWorld(ctx, config, filepath.Join(folder, "empty")); err != nil {
			return nil, errors.Join(err, w.close())
		}
	}
	report, err := b.all(ctx)
	if err := errors.Join(err, w.close(), b.empty.close()); err != nil {
		return nil, err
	}
	report.At, report.Machine, report.Database = started.UTC().Truncate(time.Second), machine(), w.engine()
	report.Seconds, report.Took = b.Measure.Seconds(), config.Clock().Sub(started)
	return report, nil
}

func worldOf(ctx context.Context, config Config, folder string) (*world, error) {
	if config.Target.URL == "" {
		return newWorld(ctx, config, folder)
	}
	t, err := find(ctx, config.Target)
	return &world{clock: config.Clock, rand: config.Rand, target: t}, err
}

// emptyWorld has nothing stored, whatever the configuration asks for.
func emptyWorld(ctx context.Context, config Config, folder string) (*world, error) {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	config.Database, config.Stored = config.Beside, 0
	return newWorld(ctx, config, folder)
}

type bench struct {
	Config
	world *world
	// empty is the world of the database beside; nil without one.
	empty *world
	// bare are servers without anything of ours, the machine's limit, by the size of the answer that each has; serverBeside serves the empty database.
	bare         map[int]*process
	serverBeside *process
	// report is the run's that is under way, and beside what bare did beside each of its lines; steps counts over all runs.
	report *Report
	beside []Limit
	steps  int
}

// all runs as often as asked, and measures what is measured once.
func (b *bench) all(ctx context.Context) (*Report, error) {
	defer func() {
		for _, bare := range b.bare {
			bare.stop()
		}
	}()
	runs := make([]*Report, b.Repeat)
	for i := range runs {
		runs[i] = &Report{}
		b.report, b.beside = runs[i], nil
		if err := b.run(ctx); err != nil {
			return nil, err
		}
	}
	report, w := summary(runs), b.world
	if w.target != nil {
		report.Target = w.target.host
		return report, nil
	}
	if w.stored != nil {
		report.Stored = w.stored.filling.Tokens()
	}
	var err error
	if report.Listing, err = w.listing(ctx); err != nil {
		return nil, err
	}
	if report.Size, err = w.size(ctx); err != nil || b.Idle == 0 {
		return report, err
	}
	report.IdleConnections = b.Idle
	report.IdleConnectionsMemory, err = b.idleConnections(ctx)
	return report, err
}

// run measures everything once, with a server of its own.
func (b *bench) run(ctx context.Context) error {
	if err := b.limits(ctx); err != nil {
		return fmt.Errorf("measure the machine: %w", err)
	}
	server, err := b.serve(ctx, b.world)
	if err != nil {
		return err
	}
	defer server.stop()
	if b.empty != nil {
		beside, err := b.serve(ctx, b.empty)
		if err != nil {
			return err
		}
		defer beside.stop()
		b.serverBeside = beside
	}
	b.report.Ready = float64(server.ready.Microseconds()) / 1e3
	if b.report.IdleMemory, err = server.memory(); err != nil {
		return err
	}
	if err := b.warm(ctx, server, b.world); err != nil {
		return err
	}
	if b.empty != nil {
		if err := b.warm(ctx, b.serverBeside, b.empty); err != nil {
			return err
		}
	}
	for _, m := range b.wanted() {
		for _, connections := range b.Connections {
			line, err := b.line(ctx, server, m, connections)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			b.report.Lines = append(b.report.Lines, line)
		}
	}
	for i, limit := range b.report.Limits {
		b.report.Limits[i] = limit.with(b.beside)
	}
	b.report.LoadedMemory, err = server.memory()
	return err
}

func (b *bench) serve(ctx context.Context, w *world) (*process, error) {
	if w.target != nil {
		return &process{place: w.target.place}, nil
	}
	return b.start(ctx, "serve", "--config", w.configPath())
}

// warm keeps a server busy for a moment: one that has just started still grows its heap, and the first line would tell of that.
func (b *bench) warm(ctx context.Context, server *process, w *world) error {
	if _, err := b.drive(ctx, server, slices.Max(b.Connections), b.Measure, func(int) (operation, error) { return repeat(w.issue()), nil }); err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	return nil
}

// wanted are the measurements that the configuration asks for.
func (b *bench) wanted() []measurement {
	var wanted []measurement
	for _, m := range b.world.measurements() {
		if len(b.Only) == 0 || containsAny(m.name, b.Only) {
			wanted = append(wanted, m)
		}
	}
	return wanted
}

func containsAny(name string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// What is measured takes so many measurements' time: the machine's commits, a line with net/http beside it, and the line on the empty database.
const (
	commitsCost = 1
	lineCost    = 2
	besideCost  = 1
)

func (b *bench) costOf(m measurement) int {
	cost := lineCost
	if b.commitsBeside(m) {
		cost += commitsCost
	}
	if b.empty != nil {
		cost += besideCost
	}
	return cost
}

func (b *bench) commitsBeside(m measurement) bool { return m.commits > 0 && b.world.target == nil }

// progress tells what is measured next.
func (b *bench) progress(what string, connections, cost int) {
	total := commitsCost
	for _, m := range b.wanted() {
		total += b.costOf(m)
	}
	total *= b.Repeat * len(b.Connections)
	step := b.Measure + b.Measure/5
	if b.Repeat > 1 {
		what = fmt.Sprintf("run %d of %d: %s", b.steps*b.Repeat/total+1, b.Repeat, what)
	}
	b.Progress(Progress{
		What: fmt.Sprintf("%s, %d connections", what, connections), Done: b.steps, Total: total, Left: time.Duration(total-b.steps) * step,
	})
	b.steps += cost
}

// limits are the machine's own. Those of net/http are measured beside each line, and those of commits beside each that commits once more.
func (b *bench) limits(ctx context.Context) (err error) {
	for _, alg := range jwk.Algs() {
		took, err := signature(b.Rand, b.Clock, alg)
		if err != nil {
			return err
		}
		b.report.Signatures = append(b.report.Signatures, Signature{Alg: string(alg), Micros: float64(took.Nanoseconds()) / 1e3})
	}
	for _, connections := range b.Connections {
		limit := Limit{Connections: connections}
		if b.world.target == nil { // a running server's database is its own
			b.progress("the machine's commits", connections, commitsCost)
			if err := b.commits(ctx, &limit, b.Measure); err != nil {
				return err
			}
		}
		b.report.Limits = append(b.report.Limits, limit)
	}
	return nil
}

func (b *bench) commits(ctx context.Context, limit *Limit, measure time.Duration) (err error) {
	if limit.OneRow, err = b.world.durableCommits(ctx, limit.Connections, 1, measure/2); err != nil {
		return err
	}
	limit.TwoRows, err = b.world.durableCommits(ctx, limit.Connections, 2, measure/2)
	return err
}

// limitBeside measures the limits anew for each line, for half as long because it does so before and after: a machine that is shared with
// others changes its speed from one second to the next. net/http gets the line's request, and answers as much as the server does.
func (b *bench) limitBeside(ctx context.Context, m measurement, as exchange, connections int) (Limit, error) {
	bare, err := b.bareServer(ctx, as.answer)
	if err != nil {
		return Limit{}, err
	}
	r, err := b.drive(ctx, bare, connections, b.Measure/2, func(int) (operation, error) { return repeat(as.request), nil })
	if err != nil {
		return Limit{}, fmt.Errorf("measure the machine: %w", err)
	}
	limit := Limit{Connections: connections, HTTP: r.perSecond(), HTTPP99: r.p99.Microseconds(), HTTPCost: r.perOperation(r.server)}
	if b.commitsBeside(m) {
		if err := b.commits(ctx, &limit, b.Measure/2); err != nil {
			return Limit{}, fmt.Errorf("measure the machine: %w", err)
		}
	}
	return limit, nil
}

func (b *bench) bareServer(ctx context.Context, answer int) (_ *process, err error) {
	if b.bare[answer] == nil {
		b.bare[answer], err = b.start(ctx, "bench", "--serve-limit", strconv.Itoa(answer))
	}
	return b.bare[answer], err
}

// exchange is a request, and how many bytes of body answer it.
type exchange struct {
	request []byte
	answer  int
}

// sample does the operation once, and returns its last request. What goes wrong with it, the line will tell.
func (b *bench) sample(ctx context.Context, server *process, m measurement) (exchange, error) {
	do, err := m.each(ctx, b.world, 0)
	if err != nil {
		return exchange{}, err
	}
	c := &caller{clock: b.Clock}
	if c.conn, err = dial(ctx, server.place); err != nil {
		return exchange{}, err
	}
	defer c.hangUp()
	err = do(c)
	if c.sent == nil {
		return exchange{}, err
	}
	return exchange{request: c.sent, answer: len(c.body)}, nil
}

func (b *bench) line(ctx context.Context, server *process, m measurement, connections int) (Line, error) {
	b.progress(m.name, connections, b.costOf(m))
	as, err := b.sample(ctx, server, m)
	if err != nil {
		return Line{}, err
	}
	limitBefore, err := b.limitBeside(ctx, m, as, connections)
	if err != nil {
		return Line{}, err
	}
	emptyBefore, err := b.rateOfEmpty(ctx, m.name, connections)
	if err != nil {
		return Line{}, err
	}
	before, beforeErr := b.world.size(ctx)
	profiled := b.profile(ctx, server, fmt.Sprintf("%s-%d.pprof", strings.NewReplacer(" ", "-", ",", "").Replace(m.name), connections))
	r, err := b.drive(ctx, server, connections, b.Measure, func(worker int) (operation, error) { return m.each(ctx, b.world, worker) })
	if err := errors.Join(err, profiled()); err != nil {
		return Line{}, err
	}
	after, afterErr := b.world.size(ctx)
	line := Line{
		Name: m.name, Connections: connections, PerSecond: r.perSecond(), P50: r.p50.Microseconds(), P99: r.p99.Microseconds(),
		Errors: r.errors, Processor: r.perOperation(r.server), DatabaseProcessor: r.perOperation(r.database), Growth: -1,
		Requests: requestsOf(m.requests, r.requests), Answer: as.answer,
	}
	if r.firstError != nil {
		line.FirstError = r.firstError.Error()
	}
	if beforeErr == nil && afterErr == nil && r.operations > 0 {
		line.Growth = float64(max(0, after-before)) / float64(r.operations)
	}
	if line.Memory, err = server.memory(); err != nil {
		return Line{}, err
	}
	emptyAfter, err := b.rateOfEmpty(ctx, m.name, connections)
	if err != nil {
		return Line{}, err
	}
	line.ShareEmpty = ratio(line.PerSecond, (emptyBefore+emptyAfter)/2)
	limitAfter, err := b.limitBeside(ctx, m, as, connections)
	if err != nil {
		return Line{}, err
	}
	limit := limitBefore.meanWith(limitAfter)
	b.beside = append(b.beside, limit)
	line.relate(limit, b.world.commitRows(), m.commits)
	return line, nil
}

// requestsOf names what each request of an operation took; all of them took nothing where no operation came to its end.
func requestsOf(names []string, took [][]time.Duration) (all []Request) {
	took = append(took, make([][]time.Duration, max(0, len(names)-len(took)))...)
	for i, name := range names {
		p50, p99 := percentiles(took[i])
		all = append(all, Request{Name: name, P50: p50.Microseconds(), P99: p99.Microseconds()})
	}
	return all
}

// rateOfEmpty is how often a second the empty database's server does the same, measured for half as long because it is measured twice: before
// and after. It is 0 where there is no such database, or nothing stored in it to do this with.
func (b *bench) rateOfEmpty(ctx context.Context, name string, connections int) (float64, error) {
	if b.empty == nil {
		return 0, nil
	}
	all := b.empty.measurements()
	i := slices.IndexFunc(all, func(m measurement) bool { return m.name == name })
	if i < 0 {
		return 0, nil
	}
	r, err := b.drive(ctx, b.serverBeside, connections, b.Measure/2, func(worker int) (operation, error) { return all[i].each(ctx, b.empty, worker) })
	if err := cmp.Or(err, r.firstError); err != nil {
		return 0, fmt.Errorf("measure the empty database: %w", err)
	}
	return r.perSecond(), nil
}

// profile asks the server for its processor profile while a measurement runs; the returned function waits for it.
func (b *bench) profile(ctx context.Context, server *process, name string) (wait func() error) {
	if b.Profiles == "" {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		done <- download(ctx, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", server.admin, max(1, int(b.Measure.Seconds()))), filepath.Join(b.Profiles, name))
	}()
	return func() error { return <-done }
}

func download(ctx context.Context, url, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 5 * time.Minute}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, body, 0o600)
}

// drive loads a process for so long, and returns what the load saw, and what it cost the process and the database.
func (b *bench) drive(ctx context.Context, p *process, connections int, measure time.Duration, each func(int) (operation, error)) (result, error) {
	var marks []usage
	var markErr error
	r, err := load{
		place: p.place, connections: connections, warmUp: measure / 5, measure: measure, clock: b.Clock, each: each,
	}.run(ctx, func() {
		used, err := b.used(p)
		marks, markErr = append(marks, used), errors.Join(markErr, err)
	})
	if err := errors.Join(err, markErr); err != nil {
		return r, err
	}
	r.usage = usage{server: marks[1].server - marks[0].server, database: marks[1].database - marks[0].database}
	if p.cmd == nil {
		r.server = unknown
	}
	if !b.world.postgresHere() {
		r.database = unknown
	}
	return r, nil
}

// usage is processor time.
type usage struct{ server, database time.Duration }

// unknown is processor time that cannot be told.
const unknown = -1

func (b *bench) used(p *process) (used usage, err error) {
	if used.server, err = p.processorTime(); err != nil || !b.world.postgresHere() {
		return used, err
	}
	used.database, err = processorTimeOf("postgres")
	return used, err
}
