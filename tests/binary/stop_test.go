package binary

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"latchkey.dev/tests/running"
)

// SIGTERM under load: what was accepted is answered in full, nothing is reset, and the process ends with 0.
func TestStopDropsNothing(t *testing.T) {
	for round := range 3 {
		t.Run(fmt.Sprint(round), stopUnderLoad)
	}
}

func stopUnderLoad(t *testing.T) {
	log, err := logFile("stop")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	asAServiceUser(t)
	victim, err := running.StartDev(server.binary, t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	load := &load{site: victim.Site}
	slow := load.beginSlowly(t)
	var group sync.WaitGroup
	for i := range 32 {
		group.Go(func() { load.run(i) })
	}
	time.Sleep(300 * time.Millisecond)
	load.stopping.Store(true)
	began := time.Now()
	go func() {
		time.Sleep(500 * time.Millisecond)
		slow.finish()
	}()
	code, err := victim.Terminate(30 * time.Second)
	group.Wait()
	if err != nil || code != 0 {
		t.Errorf("stopped with code %d, %v", code, err)
	}
	if status := slow.status(); status != http.StatusOK {
		t.Errorf("a request whose body arrived after SIGTERM was answered with %d", status)
	}
	for _, problem := range load.problems {
		t.Error(problem)
	}
	t.Logf("stop: answered=%d of which after SIGTERM=%d dropped=%d stopped in %.1f s with code %d",
		load.answered.Load(), load.after.Load(), len(load.problems), time.Since(began).Seconds(), code)
}

// asAServiceUser takes from what the test starts what root may do to sockets and a service's own user may not. It holds for this test's
// goroutine, and its thread ends with it.
func asAServiceUser(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_NET_ADMIN, 0, 0, 0); err != nil && !errors.Is(err, unix.EPERM) { // who is not root has none
		t.Fatal(err)
	}
}

// load is 32 clients that ask until nobody listens any more.
type load struct {
	site            running.Site
	stopping        atomic.Bool
	answered, after atomic.Int64
	mutex           sync.Mutex
	problems        []error
}

func (l *load) run(number int) {
	transport := l.site.Transport("")
	defer transport.CloseIdleConnections()
	requests := []func() *http.Request{
		func() *http.Request {
			return post(l.site, l.site.Acme.Client("nightly-reports"), "/oauth/token", url.Values{"grant_type": {"client_credentials"}})
		},
		func() *http.Request { return l.get("/.well-known/openid-configuration") },
		func() *http.Request { return l.get("/sign-in") },
		func() *http.Request {
			return post(l.site, l.site.Acme.Client("orders-api"), "/oauth/introspect", url.Values{"token": {"x"}})
		},
	}
	for i := number; ; i++ {
		if !l.one(transport, requests[i%len(requests)]()) {
			return
		}
	}
}

func (l *load) get(path string) *http.Request {
	request, err := http.NewRequest(http.MethodGet, l.site.Acme.Issuer+path, http.NoBody)
	if err != nil {
		panic(err) // the tests' own addresses are good
	}
	return request
}

// one sends a request and tells whether to go on.
func (l *load) one(transport *http.Transport, request *http.Request) bool {
	stopping, reused := l.stopping.Load(), false
	traced := httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }})
	said, err := send(transport, request.WithContext(traced))
	var dialing *net.OpError
	switch {
	case err == nil && said.status == http.StatusOK:
		l.answered.Add(1)
		if stopping {
			l.after.Add(1)
		}
		return true
	case errors.As(err, &dialing) && dialing.Op == "dial" && errors.Is(err, syscall.ECONNREFUSED):
		return !l.stopping.Load() // refused before it began: nothing was dropped
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.problems = append(l.problems, fmt.Errorf("%s on a connection used before: %t, after SIGTERM: %t: %s %w", request.URL.Path, reused, stopping, said, err))
	return false
}

// slowRequest has sent its headers and half of its body.
type slowRequest struct {
	conn net.Conn
	rest []byte
	done chan int
}

func (l *load) beginSlowly(t *testing.T) *slowRequest {
	t.Helper()
	conn, err := net.Dial("tcp", l.site.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	request := post(l.site, l.site.Acme.Client("nightly-reports"), "/oauth/token", url.Values{"grant_type": {"client_credentials"}})
	body, err := io.ReadAll(request.Body)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /oauth/token HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		request.URL.Host, len(body), body[:len(body)/2])
	slow := &slowRequest{conn: conn, rest: body[len(body)/2:], done: make(chan int, 1)}
	go func() {
		response, err := http.ReadResponse(bufio.NewReader(conn), request)
		if err != nil {
			slow.done <- 0
			return
		}
		_, _ = io.Copy(io.Discard, response.Body)
		slow.done <- response.StatusCode
	}()
	return slow
}

func (s *slowRequest) finish() { _, _ = s.conn.Write(s.rest) }

func (s *slowRequest) status() int {
	select {
	case status := <-s.done:
		return status
	case <-time.After(5 * time.Second):
		return 0
	}
}
