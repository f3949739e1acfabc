package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
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
	// Only names the operations to measure by a part of their names; empty means all.
	Only []string
	// Profiles is a folder for the server's processor profile of each measurement; empty takes none.
	Profiles string
	// Progress hears what is being measured.
	Progress io.Writer
	Clock    func() time.Time
	Rand     io.Reader
}

// Report is what a run found.
type Report struct {
	// Limits are what the machine itself can do.
	Limits []Limit `json:"limits"`
	Lines  []Line  `json:"lines"`
	// IdleMemory is the server's resident memory before any request, in bytes; LoadedMemory after the last one.
	IdleMemory   int64         `json:"idle_memory_bytes"`
	LoadedMemory int64         `json:"loaded_memory_bytes"`
	Signatures   []Signature   `json:"signatures"`
	Took         time.Duration `json:"took_ns"`
}

// Limit is the machine's own figures at a number of connections.
type Limit struct {
	Connections int     `json:"connections"`
	HTTP        float64 `json:"http_per_second"`
	HTTPP99     int64   `json:"http_p99_us"`
	HTTPCost    float64 `json:"http_processor_us"`
	// Commits are durable transactions a second, of one and of two rows.
	OneRow  float64 `json:"one_row_commits_per_second"`
	TwoRows float64 `json:"two_row_commits_per_second"`
}

// Signature is how long one takes.
type Signature struct {
	Alg    string  `json:"alg"`
	Micros float64 `json:"us"`
}

// Line is one operation at one number of connections.
type Line struct {
	Name        string  `json:"name"`
	Connections int     `json:"connections"`
	PerSecond   float64 `json:"per_second"`
	P50         int64   `json:"p50_us"`
	P99         int64   `json:"p99_us"`
	Errors      int     `json:"errors"`
	FirstError  string  `json:"first_error,omitempty"`
	// Processor is the server's processor time an operation, in microseconds.
	Processor float64 `json:"processor_us"`
	// Growth is how many bytes the database grew an operation; -1 when it cannot be told.
	Growth float64 `json:"growth_bytes"`
	// ShareHTTP is the share of net/http's rate; ShareCommits of the engine's two-row commits.
	ShareHTTP    float64 `json:"share_http"`
	ShareCommits float64 `json:"share_commits,omitempty"`
}

// Run measures everything once.
func Run(ctx context.Context, config Config) (*Report, error) {
	started := config.Clock()
	folder, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	w, err := newWorld(ctx, config, folder)
	if err != nil {
		return nil, err
	}
	b := &bench{Config: config, world: w, report: &Report{}}
	err = errors.Join(b.run(ctx), w.store.Close())
	b.report.Took = config.Clock().Sub(started)
	return b.report, err
}

type bench struct {
	Config
	world  *world
	report *Report
}

func (b *bench) run(ctx context.Context) error {
	if err := b.limits(ctx); err != nil {
		return fmt.Errorf("measure the machine: %w", err)
	}
	server, err := start(ctx, b.Program, []string{"serve", "--config", b.world.configPath()})
	if err != nil {
		return err
	}
	defer server.stop()
	if b.report.IdleMemory, err = residentMemory(server.pid()); err != nil {
		return err
	}
	for _, m := range measurements() {
		if !b.wanted(m.name) {
			continue
		}
		for _, connections := range b.Connections {
			line, err := b.line(ctx, server, m, connections)
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			b.report.Lines = append(b.report.Lines, line)
		}
	}
	b.report.LoadedMemory, err = residentMemory(server.pid())
	return err
}

// progress says what is being measured; a terminal that went away does not stop the measurement.
func (b *bench) progress(what string, connections int) {
	_, _ = fmt.Fprintf(b.Progress, "%s, %d connections\n", what, connections)
}

func (b *bench) wanted(name string) bool {
	for _, part := range b.Only {
		if strings.Contains(name, part) {
			return true
		}
	}
	return len(b.Only) == 0
}

// answerSize is a token answer's; the limit's body has it too.
const answerSize = 330

func (b *bench) limits(ctx context.Context) error {
	for _, alg := range jwk.Algs() {
		took, err := signature(b.Rand, b.Clock, alg)
		if err != nil {
			return err
		}
		b.report.Signatures = append(b.report.Signatures, Signature{Alg: string(alg), Micros: float64(took.Nanoseconds()) / 1e3})
	}
	bare, err := start(ctx, b.Program, []string{"bench", "--serve-limit", strconv.Itoa(answerSize)})
	if err != nil {
		return err
	}
	defer bare.stop()
	for _, connections := range b.Connections {
		b.progress("limits", connections)
		limit := Limit{Connections: connections}
		request := post(host("opaque"), "/oauth/token", b.world.sites["opaque"].basic, "grant_type=client_credentials&scope=reports")
		r, cost, err := b.drive(ctx, bare, connections, func(int) (operation, error) { return repeat(request), nil })
		if err != nil {
			return err
		}
		limit.HTTP, limit.HTTPP99, limit.HTTPCost = r.perSecond(), r.p99.Microseconds(), cost
		if limit.OneRow, err = durableCommits(ctx, b.world.store, b.Clock, connections, 1, b.Measure/2); err != nil {
			return err
		}
		if limit.TwoRows, err = durableCommits(ctx, b.world.store, b.Clock, connections, 2, b.Measure/2); err != nil {
			return err
		}
		b.report.Limits = append(b.report.Limits, limit)
	}
	return nil
}

func (b *bench) line(ctx context.Context, server *process, m measurement, connections int) (Line, error) {
	b.progress(m.name, connections)
	before, beforeErr := b.world.size(ctx)
	profiled := b.profile(ctx, server, fmt.Sprintf("%s-%d.pprof", strings.NewReplacer(" ", "-", ",", "").Replace(m.name), connections))
	r, cost, err := b.drive(ctx, server, connections, func(worker int) (operation, error) { return m.each(ctx, b.world, worker) })
	if err := errors.Join(err, profiled()); err != nil {
		return Line{}, err
	}
	after, afterErr := b.world.size(ctx)
	line := Line{
		Name: m.name, Connections: connections, PerSecond: r.perSecond(), P50: r.p50.Microseconds(), P99: r.p99.Microseconds(),
		Errors: r.errors, Processor: cost, Growth: -1,
	}
	if r.firstError != nil {
		line.FirstError = r.firstError.Error()
	}
	if beforeErr == nil && afterErr == nil && r.operations > 0 {
		line.Growth = float64(after-before) / float64(r.operations)
	}
	for _, limit := range b.report.Limits {
		if limit.Connections == connections {
			line.ShareHTTP = line.PerSecond / limit.HTTP
			if m.writes > 0 {
				line.ShareCommits = line.PerSecond * float64(m.writes) / limit.TwoRows
			}
		}
	}
	return line, nil
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
	return os.WriteFile(path, body, 0o600)
}

// drive loads a process and returns what the load saw and the process's time an operation in microseconds.
func (b *bench) drive(ctx context.Context, p *process, connections int, each func(int) (operation, error)) (result, float64, error) {
	var marks []time.Duration
	var markErr error
	r, err := load{
		addr: p.addr, connections: connections, warmUp: b.Measure / 5, measure: b.Measure, clock: b.Clock, each: each,
	}.run(ctx, func() {
		used, err := processorTime(p.pid())
		marks, markErr = append(marks, used), errors.Join(markErr, err)
	})
	if err := errors.Join(err, markErr); err != nil {
		return r, 0, err
	}
	return r, float64((marks[1] - marks[0]).Microseconds()) / float64(max(1, r.operations)), nil
}

// process is a server under load.
type process struct {
	cmd         *exec.Cmd
	addr, admin string
}

// address finds host:port in the line that a server prints when it is ready.
var address = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// start runs a server and waits for the line that tells its address.
func start(ctx context.Context, program string, args []string) (*process, error) {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // G204: the program is this one
	cmd.Env = append(os.Environ(), "LATCHKEY_MASTER_KEY="+masterKey)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var trouble strings.Builder
	log, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	cmd.Stderr = log // a file, as in production: a pipe would make the load read the log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := address.FindAllString(lines.Text(), -1); len(found) > 0 {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return &process{cmd: cmd, addr: found[0], admin: found[len(found)-1]}, nil
		}
		fmt.Fprintln(&trouble, lines.Text())
	}
	return nil, fmt.Errorf("%s %s did not start: %s", program, strings.Join(args, " "), trouble.String())
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}
