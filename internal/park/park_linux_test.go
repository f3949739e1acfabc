package park

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is for what must happen, however slow the machine.
const patience = 20 * time.Second

// stay is an idle time that no test lasts for: who was answered first may wait for the slowest.
const stay = time.Hour

// site is net/http behind Serve.
type site struct {
	server   *http.Server
	listener net.Listener
	lot      *lot
	addr     string
	served   chan error
}

func begin(t *testing.T, inside int, idle time.Duration) *site {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{listener: listener, addr: listener.Addr().String(), served: make(chan error, 1)}
	lots := make(chan *lot, 1)
	s.server = &http.Server{ // without another timeout, net/http takes back no deadline that the lot has set
		Handler: http.HandlerFunc(echo), IdleTimeout: idle,
		BaseContext: func(l net.Listener) context.Context {
			if l, ok := l.(*lot); ok {
				lots <- l
			}
			return context.Background()
		},
	}
	go func() { s.served <- Serve(s.server, listener, inside, time.Now) }()
	s.lot = <-lots
	t.Cleanup(func() { _ = s.server.Close() })
	return s
}

// echo answers with what came and from where.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprintf(w, "%s %s %s", r.URL.Path, r.RemoteAddr, body)
}

// visitor is a client of one connection.
type visitor struct {
	net.Conn
	in *bufio.Reader
}

func (s *site) visit(t *testing.T) *visitor {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &visitor{c, bufio.NewReaderSize(c, 512)}
}

func request(path, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

func (v *visitor) send(pieces ...string) error {
	for _, piece := range pieces {
		if _, err := io.WriteString(v, piece); err != nil {
			return err
		}
	}
	return nil
}

// hear reads one answer, which must be echo's to that path and body.
func (v *visitor) hear(path, body string) error {
	if err := v.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	answer, err := http.ReadResponse(v.in, nil)
	if err != nil {
		return fmt.Errorf("the answer to %s: %w", path, err)
	}
	text, err := io.ReadAll(answer.Body)
	if want := fmt.Sprintf("%s %s %s", path, v.LocalAddr(), body); err != nil || string(text) != want {
		return fmt.Errorf("answered %d %q, %w; want %q", answer.StatusCode, text, err, want)
	}
	return nil
}

func (v *visitor) ask(path, body string) error {
	return errors.Join(v.send(request(path, body)), v.hear(path, body))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) parked() int {
	s.lot.mu.Lock()
	defer s.lot.mu.Unlock()
	return len(s.lot.parked)
}

// eventually waits until a figure is as wanted.
func eventually(t *testing.T, what string, figure func() int, want int) {
	t.Helper()
	for deadline := time.Now().Add(patience); figure() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %d, want %d", what, figure(), want)
		}
	}
}

func openFiles() int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(names)
}

// Connections send whole requests, pieces of them, and several at once, while all but a few are parked after each answer.
func TestEveryRequestIsAnswered(t *testing.T) {
	for _, inside := range []int{0, 1, 100} {
		t.Run(fmt.Sprint(inside), func(t *testing.T) {
			s := begin(t, inside, stay)
			var group sync.WaitGroup
			for i := range 400 {
				v := s.visit(t)
				group.Go(func() {
					if err := v.chatter(i, 25); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			eventually(t, "parked at the end", s.parked, 400-inside)
		})
	}
}

func (v *visitor) chatter(visitor, rounds int) error {
	for round := range rounds {
		if rand.IntN(3) > 0 {
			time.Sleep(rand.N(3 * time.Millisecond))
		}
		path, body := fmt.Sprintf("/%d/%d", visitor, round), strings.Repeat("x", rand.IntN(6000))
		whole := request(path, body)
		var err error
		switch rand.IntN(4) {
		case 0:
			err = v.send(whole)
		case 1:
			cut := rand.IntN(min(len(whole), 80))
			err = v.send(whole[:cut])
			time.Sleep(rand.N(time.Millisecond))
			err = errors.Join(err, v.send(whole[cut:]))
		case 2:
			err = errors.Join(v.send(whole+whole), v.hear(path, body))
		case 3:
			cut := rand.IntN(min(len(whole), 80))
			err = errors.Join(v.send(whole+whole[:cut]), v.hear(path, body))
			time.Sleep(rand.N(time.Millisecond))
			err = errors.Join(err, v.send(whole[cut:]))
		}
		if err := errors.Join(err, v.hear(path, body)); err != nil {
			return err
		}
	}
	return nil
}

// The most recent stay inside net/http, and the others come back as if they had never left.
func TestTheOldestIsParked(t *testing.T) {
	s := begin(t, 2, stay)
	first, second, third := s.visit(t), s.visit(t), s.visit(t)
	must(t, first.ask("/1", ""))
	must(t, second.ask("/2", ""))
	must(t, first.ask("/3", ""))
	if n := s.parked(); n != 0 {
		t.Errorf("%d parked, and two may stay inside", n)
	}
	must(t, third.ask("/4", ""))
	eventually(t, "parked", s.parked, 1)
	must(t, first.ask("/5", ""))
	must(t, third.ask("/6", ""))
	if n := s.parked(); n != 1 {
		t.Errorf("%d parked: the first and the third asked after the second", n)
	}
	must(t, second.ask("/7", "and a body"))
	eventually(t, "parked when it was back", s.parked, 1)
}

// Of these net/http holds bytes, so nothing may take them away from it.
func TestWhatHasBegunIsNotParked(t *testing.T) {
	const body = "a body that comes slowly"
	whole := request("/slow", body)
	for _, cut := range []int{1, 3, 4, 10, len(whole) - 1} {
		for _, behind := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d bytes, behind another request: %t", cut, behind), func(t *testing.T) {
				s := begin(t, 0, stay)
				slow := s.visit(t)
				if behind {
					must(t, slow.send(request("/quick", "")+whole[:cut]))
					must(t, slow.hear("/quick", ""))
				} else {
					must(t, slow.send(whole[:cut]))
				}
				other := s.visit(t)
				must(t, other.ask("/other", ""))
				eventually(t, "parked", s.parked, 1)
				time.Sleep(10 * time.Millisecond)
				must(t, slow.send(whole[cut:]))
				must(t, slow.hear("/slow", body))
				eventually(t, "parked when all were answered", s.parked, 2)
			})
		}
	}
}

// A handler may read a body in pieces of any size. One of net/http's buffer's size, behind a request that came together with the one
// before, looks most like waiting for a request.
func TestPipelinedBodyIsNotParked(t *testing.T) {
	s := begin(t, 0, stay)
	s.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body []byte
		piece := make([]byte, 4096)
		for {
			n, err := r.Body.Read(piece)
			body = append(body, piece[:n]...)
			if errors.Is(err, io.EOF) {
				fmt.Fprintf(w, "%s %s %s", r.URL.Path, r.RemoteAddr, body)
				return
			}
			if err != nil {
				panic(http.ErrAbortHandler)
			}
		}
	})
	body := strings.Repeat("y", 3*4096)
	whole := request("/body", body)
	head := len(whole) - len(body)
	v := s.visit(t)
	must(t, v.send(request("/quick", "")+whole[:head]))
	must(t, v.hear("/quick", ""))
	other := s.visit(t)
	must(t, other.ask("/other", ""))
	must(t, v.send(whole[head:head+5000]))
	time.Sleep(10 * time.Millisecond)
	must(t, v.send(whole[head+5000:]))
	must(t, v.hear("/body", body))
}

func TestIdleTimeoutHoldsForParked(t *testing.T) {
	const idle = 300 * time.Millisecond
	s := begin(t, 0, idle)
	before := openFiles()
	var visitors []*visitor
	began := time.Now()
	for range 50 {
		v := s.visit(t)
		must(t, v.ask("/", ""))
		visitors = append(visitors, v)
	}
	answered := time.Now()
	for _, v := range visitors {
		must(t, v.SetReadDeadline(time.Now().Add(patience)))
		if _, err := v.in.ReadByte(); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if kept := time.Since(began); kept < idle {
			t.Fatalf("closed after %s", kept)
		}
	}
	if kept := time.Since(answered); kept > idle+2*sweepInterval {
		t.Errorf("kept for %s", kept)
	}
	for _, v := range visitors {
		_ = v.Close()
	}
	eventually(t, "open files", openFiles, before)
}

func TestHangUpWhileParked(t *testing.T) {
	s := begin(t, 0, stay)
	before := openFiles()
	var visitors []*visitor
	for range 50 {
		v := s.visit(t)
		must(t, v.ask("/", ""))
		visitors = append(visitors, v)
	}
	eventually(t, "parked", s.parked, len(visitors))
	for i, v := range visitors {
		if i%2 == 0 {
			must(t, v.Conn.(*net.TCPConn).SetLinger(0)) // a reset instead of an end
		}
		_ = v.Close()
	}
	eventually(t, "parked after they hung up", s.parked, 0)
	eventually(t, "open files", openFiles, before)
}

func TestShutdownClosesParked(t *testing.T) {
	before := openFiles()
	s := begin(t, 5, stay)
	var visitors []*visitor
	for range 50 {
		v := s.visit(t)
		must(t, v.ask("/", ""))
		visitors = append(visitors, v)
	}
	eventually(t, "parked", s.parked, len(visitors)-5)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, s.server.Shutdown(ctx))
	if err := <-s.served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	for _, v := range visitors {
		must(t, v.SetReadDeadline(time.Now().Add(patience)))
		if _, err := v.in.ReadByte(); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		_ = v.Close()
	}
	eventually(t, "open files", openFiles, before)
}

// Connections are asked to leave, come back and are hung up while net/http closes what it holds.
func TestShutdownWhileParking(t *testing.T) {
	for range 20 {
		before := openFiles()
		s := begin(t, 1, stay)
		var group sync.WaitGroup
		for i := range 30 {
			v := s.visit(t)
			group.Go(func() {
				for v.ask(fmt.Sprint("/", i), "") == nil { // until it is closed
				}
				_ = v.Close()
			})
		}
		time.Sleep(rand.N(10 * time.Millisecond))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		must(t, s.server.Shutdown(ctx))
		cancel()
		group.Wait()
		eventually(t, "open files", openFiles, before)
	}
}

// The listener is closed first when a server stops gracefully; who is there is served until the end.
func TestParkedAreServedWithoutTheListener(t *testing.T) {
	s := begin(t, 0, stay)
	v := s.visit(t)
	must(t, v.ask("/1", ""))
	eventually(t, "parked", s.parked, 1)
	must(t, s.listener.Close())
	if err := <-s.served; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	must(t, v.ask("/2", ""))
}

// net/http closes a connection of its own that Shutdown has closed too; the first of them decides, and the second touches nothing.
func TestOneOwner(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	l, err := open(listener.Addr(), 0, time.Now)
	must(t, err)
	s := &site{addr: listener.Addr().String(), lot: l}
	var visitors [2]*visitor
	var conns [2]*conn
	for i := range conns {
		visitors[i] = s.visit(t)
		tcp, err := listener.Accept()
		must(t, err)
		conns[i] = newConn(tcp.(*net.TCPConn), l)
		conns[i].leaving.Store(true)
	}
	must(t, conns[0].Close())
	if err := conns[0].Close(); !errors.Is(err, net.ErrClosed) || s.parked() != 1 {
		t.Errorf("closed twice: %v, %d parked", err, s.parked())
	}
	must(t, visitors[0].send("a request"))
	back, err := l.Accept()
	must(t, err)
	if err := conns[0].Close(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if _, err := io.ReadFull(back, make([]byte, len("a request"))); err != nil {
		t.Errorf("the one that came back was closed by the one that had left: %v", err)
	}
	must(t, back.Close())
	must(t, l.Close())
	if err := conns[1].Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("parked in a lot that is closed: %v", err)
	}
	must(t, visitors[1].SetReadDeadline(time.Now().Add(patience)))
	if _, err := visitors[1].in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// A parked connection costs its socket and a line in a map; inside net/http it is 18 KB.
func TestMemoryOfParked(t *testing.T) {
	const connections, inside, bound = 3000, 10, 1500
	s := begin(t, inside, stay)
	before := memory()
	visitors := make([]net.Conn, connections)
	for i := range visitors {
		v := s.visit(t)
		must(t, v.ask("/", ""))
		visitors[i] = v.Conn // its buffer is the test's
	}
	eventually(t, "parked", s.parked, connections-inside)
	both := (memory() - before) / connections
	t.Logf("%d bytes a connection, both ends of it together", both)
	if both > 2*bound { // each end is a socket of Go's
		t.Errorf("over %d bytes", 2*bound)
	}
	runtime.KeepAlive(visitors)
}

// memory is what lives, and the stacks.
func memory() int {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // the second empties sync.Pool
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc + stats.StackInuse)
}
