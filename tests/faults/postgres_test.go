package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// cluster is a PostgreSQL that tests may kill. It syncs to disk, as in production.
type cluster struct {
	t        *testing.T
	binaries string
	folder   string // holds data and the socket
	port     string
	server   *exec.Cmd
	ended    chan struct{}
}

// newCluster makes a folder with an empty cluster, or skips where PostgreSQL is not installed.
func newCluster(t *testing.T, port string) *cluster {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is good
	if len(found) == 0 {
		t.Skip("skipped: PostgreSQL is not installed (apt-get install postgresql)")
	}
	slices.Sort(found)
	folder, err := os.MkdirTemp("", "lkpf") //nolint:usetesting // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, binaries: filepath.Dir(found[len(found)-1]), folder: folder, port: port}
	c.own(folder)
	t.Cleanup(func() {
		c.kill()
		_ = os.RemoveAll(folder)
	})
	return c
}

func (c *cluster) initialize() {
	c.t.Helper()
	c.run("initdb", "--pgdata", c.data(), "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C")
}

func (c *cluster) data() string { return filepath.Join(c.folder, "data") }

// url leads to a database of the cluster.
func (c *cluster) url(name string) string {
	return "postgres://postgres@localhost/" + name + "?host=" + c.folder + "&port=" + c.port
}

// credential is the user that the package made: PostgreSQL refuses to run as root.
func (c *cluster) credential() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		c.t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(owner.Uid, 10, 32)
	gid, _ := strconv.ParseUint(owner.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (c *cluster) own(folder string) {
	c.t.Helper()
	if who := c.credential(); who != nil {
		if err := os.Chown(folder, int(who.Uid), int(who.Gid)); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.binaries, name), args...)
	cmd.Dir = c.folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.credential(), Setpgid: true}
	return cmd
}

func (c *cluster) run(name string, args ...string) {
	c.t.Helper()
	if out, err := c.command(name, args...).CombinedOutput(); err != nil {
		c.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// start starts the server, again and again where what was killed is still there, and waits until it answers.
func (c *cluster) start() {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		c.launch()
		for c.running() {
			if c.answers() {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(c.folder, "log"))
			c.t.Fatalf("PostgreSQL does not start:\n%s", log)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (c *cluster) launch() {
	c.t.Helper()
	log, err := os.OpenFile(filepath.Join(c.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	c.server = c.command("postgres", "-D", c.data(), "-k", c.folder, "-p", c.port, "-c", "listen_addresses=", "-c", "max_connections=200")
	c.server.Stdout, c.server.Stderr = log, log
	if err := c.server.Start(); err != nil {
		c.t.Fatal(err)
	}
	server, ended := c.server, make(chan struct{})
	c.ended = ended
	go func() {
		defer close(ended)
		_ = server.Wait() // how it ended is in its log
	}()
}

func (c *cluster) running() bool {
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

func (c *cluster) answers() bool { return c.exec("SELECT 1") == nil }

// exec runs a statement in the cluster's first database.
func (c *cluster) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

func (c *cluster) must(statement string) {
	c.t.Helper()
	if err := c.exec(statement); err != nil {
		c.t.Fatalf("%s: %v", statement, err)
	}
}

// stop sends the postmaster a signal and waits for its end: SIGINT is fast, SIGQUIT immediate, SIGKILL no choice at all.
func (c *cluster) stop(signal syscall.Signal) {
	c.t.Helper()
	if err := c.server.Process.Signal(signal); err != nil {
		c.t.Fatal(err)
	}
	<-c.ended
}

func (c *cluster) kill() {
	if c.server == nil || !c.running() {
		return
	}
	for _, pid := range c.family() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	}
	<-c.ended
}

// signalAll reaches every process of the server: each backend has a session of its own.
func (c *cluster) signalAll(signal syscall.Signal) {
	for _, pid := range c.family() {
		_ = syscall.Kill(pid, signal) // it may have ended
	}
}

// family is the postmaster and its children, from /proc.
func (c *cluster) family() []int {
	all := []int{c.server.Process.Pid}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(c.server.Process.Pid) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			all = append(all, pid)
		}
	}
	return all
}

// standby makes a second cluster that follows this one, which waits for it at every commit.
func (c *cluster) standby(port string) *cluster {
	c.t.Helper()
	s := newCluster(c.t, port)
	s.run("pg_basebackup", "--host", c.folder, "--port", c.port, "--username", "postgres", "--pgdata", s.data(), "--wal-method", "stream",
		"--checkpoint", "fast", "--write-recovery-conf")
	follow := fmt.Sprintf("\nprimary_conninfo = 'host=%s port=%s user=postgres application_name=standby'\nsynchronous_standby_names = ''\n", c.folder, c.port)
	file, err := os.OpenFile(filepath.Join(s.data(), "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := file.WriteString(follow); err != nil {
		c.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		c.t.Fatal(err)
	}
	s.start()
	c.must("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
	c.must("SELECT pg_reload_conf()")
	for range 500 {
		if c.text("SELECT coalesce(max(sync_state), '') FROM pg_stat_replication") == "sync" {
			return s
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.t.Fatal("the standby does not follow")
	return nil
}

func (c *cluster) text(query string) (text string) {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.url("postgres"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close(c.t.Context())
	if err := conn.QueryRow(c.t.Context(), query).Scan(&text); err != nil {
		c.t.Fatal(err)
	}
	return text
}
