package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"latchkey.dev/internal/store/pgtest"
)

// onPostgres is nodes on a PostgreSQL of their own.
func onPostgres(t *testing.T, nodes int) (*stage, *cluster) {
	t.Helper()
	c := newCluster(t, "5433")
	c.initialize()
	c.start()
	c.must("CREATE DATABASE latchkey")
	return newStage(t, nodes, t.TempDir(), "--database", c.url("latchkey")), c
}

// Somebody kills a random node every two seconds, and it comes back.
func TestNodesAreKilled(t *testing.T) {
	s, _ := onPostgres(t, 3)
	s.begin()
	for until := time.Now().Add(lasting(10*time.Second, 2*time.Minute)); time.Now().Before(until); {
		time.Sleep(2 * time.Second)
		i := s.random.IntN(len(s.nodes))
		if err := s.nodes[i].Kill(); err != nil {
			t.Fatal(err)
		}
		s.startNode(i)
	}
	s.end(time.Now())
}

// PostgreSQL is restarted in each of its ways.
func TestPostgreSQLRestarts(t *testing.T) {
	for _, way := range []struct {
		name   string
		signal syscall.Signal
	}{{"fast", syscall.SIGINT}, {"immediate", syscall.SIGQUIT}, {"by SIGKILL", syscall.SIGKILL}} {
		t.Run(way.name, func(t *testing.T) {
			s, c := onPostgres(t, 2)
			s.begin()
			for range often(1, 5) {
				time.Sleep(2 * time.Second)
				c.stop(way.signal)
				time.Sleep(time.Second)
				c.start()
			}
			s.end(time.Now())
		})
	}
}

// PostgreSQL takes connections and says nothing.
func TestPostgreSQLIsStopped(t *testing.T) {
	s, c := onPostgres(t, 2)
	s.begin()
	time.Sleep(2 * time.Second)
	c.signalAll(syscall.SIGSTOP)
	time.Sleep(lasting(9*time.Second, 15*time.Second))
	c.signalAll(syscall.SIGCONT)
	s.end(time.Now())
}

// The primary dies, and the standby that confirmed every commit takes over.
func TestStandbyIsPromoted(t *testing.T) {
	primary := newCluster(t, "5433")
	primary.initialize()
	primary.start()
	primary.must("CREATE DATABASE latchkey")
	standby := primary.standby("5434")
	both := fmt.Sprintf("postgres://postgres@/latchkey?host=%s,%s&port=5433,5434&target_session_attrs=read-write", primary.folder, standby.folder)
	s := newStage(t, 2, t.TempDir(), "--database", both)
	s.begin()
	time.Sleep(lasting(2*time.Second, 10*time.Second))
	primary.kill()
	standby.run("pg_ctl", "promote", "--pgdata", standby.data(), "--wait", "--timeout", "60")
	s.end(time.Now())
}

// The way to PostgreSQL is slow. Nothing fails for it.
func TestSlowWay(t *testing.T) {
	c := newCluster(t, "5433")
	c.initialize()
	c.start()
	c.must("CREATE DATABASE latchkey")
	proxy := pgtest.NewProxy(t, c.url("latchkey"))
	s := newStage(t, 2, t.TempDir(), "--database", proxy.URL)
	s.begin()
	for _, delay := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, time.Second} {
		proxy.Delay(delay)
		time.Sleep(lasting(4*time.Second, 30*time.Second))
	}
	proxy.Delay(0)
	s.end(time.Now())
}

// The disk is full, and then it is not.
func TestDiskIsFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("skipped: only root can mount a small disk")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("skipped: a small disk cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := newStage(t, 1, filepath.Join(disk, "data"))
	s.begin()
	for range often(2, 10) {
		time.Sleep(time.Second)
		ballast := filepath.Join(disk, "ballast")
		fill(t, ballast)
		time.Sleep(lasting(3*time.Second, 10*time.Second))
		fill(t, ballast) // what was freed meanwhile
		time.Sleep(time.Second)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	s.end(time.Now())
}

// fill writes until nothing more fits.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 1<<16); len(chunk) > 0; {
		if n, err := file.Write(chunk); err != nil || n < len(chunk) {
			chunk = chunk[:len(chunk)/2] // to the last byte
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
