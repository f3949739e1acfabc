package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// supervise makes a cluster, runs it until standard input ends, and removes it. The test process holds the other end of that
// pipe, so the server goes with it however it ends: no test has to remember to stop it.
const supervise = `
set -e
"$1/initdb" --pgdata "$2/data" --username postgres --auth trust --no-sync --encoding UTF8 --locale C --locale-provider icu --icu-locale en
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c max_connections=300 \
	-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=64MB &
server=$!
trap '' INT TERM HUP
set +e
read -r _
kill -INT "$server"
wait "$server"
rm -rf "$2"
`

// The cluster sorts text as English does, which no query may depend on: SQLite sorts by bytes.

func (s *server) launch(binaries string) error {
	logged, err := os.Create(filepath.Join(s.folder, "log"))
	if err != nil {
		return err
	}
	cmd := exec.Command("/bin/sh", "-c", supervise, "sh", binaries, s.folder) //nolint:noctx // it lives as long as this process
	cmd.Dir = s.folder
	cmd.Stdout, cmd.Stderr = logged, logged
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := s.asPostgres(cmd); err != nil {
		return err
	}
	if _, err := cmd.StdinPipe(); err != nil { // never closed: the end of this process closes it
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return s.ready(ended)
}

// asPostgres gives the folder and the process to the user that the package made: PostgreSQL refuses to run as root.
func (s *server) asPostgres(cmd *exec.Cmd) error {
	if os.Getuid() != 0 {
		return nil
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, uidErr := strconv.ParseUint(owner.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(owner.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr, os.Chown(s.folder, int(uid), int(gid))); err != nil {
		return err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return nil
}

var errStopped = errors.New("PostgreSQL stopped")

// ready waits until the server answers.
func (s *server) ready(ended <-chan error) error {
	deadline := time.After(time.Minute)
	for {
		err := s.exec("SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case ending := <-ended:
			return errors.Join(fmt.Errorf("%w while starting: %s", errStopped, s.log()), ending)
		case <-deadline:
			return fmt.Errorf("it does not answer: %w: %s", err, s.log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *server) log() string {
	text, err := os.ReadFile(filepath.Join(s.folder, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}
