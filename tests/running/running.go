// Package running builds the real binary and runs it beside a test.
package running

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Binary builds the command as it is shipped, into the folder, and returns its path.
func Binary(folder string) (string, error) {
	path := filepath.Join(folder, "latchkey")
	build := exec.Command("go", "build", "-o", path, "./cmd/latchkey")
	build.Dir = moduleRoot()
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building latchkey: %w\n%s", err, output)
	}
	return path, nil
}

// Tests runs a package's tests with the path of a binary that is built for them and gone afterwards. It returns the exit code.
func Tests(m *testing.M, binary *string) int {
	folder, err := os.MkdirTemp("", "latchkey-tests-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }() // what stays in the temporary folder the system clears
	if *binary, err = Binary(folder); err != nil {
		fmt.Println(err)
		return 1
	}
	return m.Run()
}

func moduleRoot() string {
	_, here, _, _ := runtime.Caller(0) //nolint:dogsled // only the file is of use here
	return filepath.Join(filepath.Dir(here), "..", "..")
}

// Artefacts returns the folder in which tests leave pictures and logs for people, made where it is missing.
func Artefacts(name string) (string, error) {
	folder := filepath.Join(moduleRoot(), "artefacts", name)
	return folder, os.MkdirAll(folder, 0o755)
}

// FreeAddress finds a loopback address at which nobody listens now.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// Process is a latchkey that runs beside the test.
type Process struct {
	command *exec.Cmd
	ended   chan struct{}
}

// Start runs the binary; what it prints goes to log.
func Start(binary string, log io.Writer, arguments ...string) (*Process, error) {
	p := &Process{command: exec.Command(binary, arguments...), ended: make(chan struct{})}
	p.command.Stdout, p.command.Stderr = log, log
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait() // how it ended shows in the log and in what the test asked of it
	}()
	return p, nil
}

// Stop asks the process to end as an operator does, and kills it when it has not within ten seconds.
func (p *Process) Stop() error {
	_ = p.command.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-p.ended:
		return nil
	case <-time.After(10 * time.Second):
		return errors.Join(errors.New("latchkey did not stop within 10 s of SIGTERM"), p.command.Process.Kill())
	}
}

// Until waits for ready to be true, and gives up when the process ends or the time is over.
func (p *Process) Until(limit time.Duration, ready func(context.Context) bool) error {
	return p.ask(limit, 20*time.Millisecond, ready)
}

// Promptly is Until for those who measure.
func (p *Process) Promptly(limit time.Duration, ready func(context.Context) bool) error {
	return p.ask(limit, time.Millisecond, ready)
}

func (p *Process) ask(limit, interval time.Duration, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for pause := time.NewTicker(interval); ; {
		if ready(ctx) {
			return nil
		}
		select {
		case <-pause.C:
		case <-p.ended:
			return errors.New("latchkey ended before it was ready")
		case <-ctx.Done():
			return fmt.Errorf("latchkey was not ready within %s", limit)
		}
	}
}
