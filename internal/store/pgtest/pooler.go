package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// onePooler is this process's pgbouncer, before the server that its tests share.
var onePooler = sync.OnceValues(startPooler)

// superviseGuard runs pgbouncer until standard input ends, as supervise does with the server.
const superviseGuard = `
"$1" --quiet "$2/pgbouncer.ini" &
pooler=$!
trap '' INT TERM HUP
read -r _
kill -KILL "$pooler"
wait "$pooler"
rm -rf "$2"
`

// Pooler returns a URL that leads to the same database through pgbouncer in transaction mode. Its pool is small, so that no two
// transactions can count on the same session.
func Pooler(t testing.TB, databaseURL string) string {
	t.Helper()
	running(t)
	if pgbouncer() == "" {
		t.Skip("skipped: pgbouncer is not installed (apt-get install pgbouncer)")
	}
	pooler, err := onePooler()
	if err != nil {
		t.Fatalf("start pgbouncer: %v", err)
	}
	return through(databaseURL, pooler.folder, "6432")
}

func pgbouncer() string {
	for _, path := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	return ""
}

func startPooler() (*server, error) {
	main, err := one()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "lkpb") // short: a socket's path has at most 107 bytes
	if err != nil {
		return nil, err
	}
	s := &server{folder: folder}
	settings := fmt.Sprintf("[databases]\n* = host=%s user=postgres\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = %s\nauth_type = any\n"+
		"pool_mode = transaction\ndefault_pool_size = 6\nmax_client_conn = 400\nlogfile = %s/log\n", main.folder, folder, folder)
	if err := os.WriteFile(filepath.Join(folder, "pgbouncer.ini"), []byte(settings), 0o644); err != nil { // the user that runs it reads it
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", superviseGuard, "sh", pgbouncer(), folder) //nolint:noctx // it lives as long as this process
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := s.asPostgres(cmd); err != nil {
		return nil, err
	}
	if _, err := cmd.StdinPipe(); err != nil { // never closed: the end of this process closes it
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go cmd.Wait() //nolint:errcheck // it ends with this process; until then this keeps the pipe open
	return s, s.awaitPooler(through(main.url("postgres"), folder, "6432"))
}

func (s *server) awaitPooler(pooled string) (err error) {
	for range 250 {
		var conn *pgx.Conn
		if conn, err = pgx.Connect(context.Background(), pooled); err == nil {
			return conn.Close(context.Background())
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("it does not answer: %w: %s", err, s.log())
}
