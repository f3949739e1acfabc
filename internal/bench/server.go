package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"latchkey.dev/internal/config"
)

// process is a server under load.
type process struct {
	place place
	cmd   *exec.Cmd // nil for one that was running before
	admin string
	ready time.Duration // from its start to the line that says so
}

// address finds host:port in the line that a server prints when it is ready.
var address = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// start runs a server and waits for the line that tells its address.
func (b *bench) start(ctx context.Context, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, b.Program, args...) //nolint:gosec // G204: the program is this one
	cmd.Env = append(foreign(os.Environ()), config.EnvMasterKey+"="+masterKey)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var trouble strings.Builder
	log, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stderr = log // a file, as in production: a pipe would make the load read the log
	started := b.Clock()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := address.FindAllString(lines.Text(), -1); len(found) > 0 {
			p := &process{cmd: cmd, place: place{addr: found[0]}, admin: found[len(found)-1], ready: b.Clock().Sub(started)}
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return p, nil
		}
		fmt.Fprintln(&trouble, lines.Text())
	}
	return nil, fmt.Errorf("%s %s did not start: %s", b.Program, strings.Join(args, " "), trouble.String())
}

// foreign leaves out what would configure the server otherwise, or is nobody's business.
func foreign(environment []string) []string {
	return slices.DeleteFunc(environment, func(pair string) bool { return strings.HasPrefix(pair, "LATCHKEY_") })
}

// stop waits until the server has ended.
func (p *process) stop() {
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait()
	}
}

// memory is 0 for a server that was running before: it may be on another machine.
func (p *process) memory() (int64, error) {
	if p.cmd == nil {
		return 0, nil
	}
	return residentMemory(p.cmd.Process.Pid)
}

func (p *process) processorTime() (time.Duration, error) {
	if p.cmd == nil {
		return unknown, nil
	}
	return processorTime(p.cmd.Process.Pid)
}
