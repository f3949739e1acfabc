package pgtest

import (
	"bytes"
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Proxy stands between a program and PostgreSQL. It counts round trips, makes them slow, and cuts them off.
type Proxy struct {
	// URL is the database through the proxy.
	URL string

	network, target string
	trips           atomic.Int64
	delay           atomic.Int64 // nanoseconds that a round trip takes longer
	afterCommit     atomic.Bool  // the next word that a COMMIT is done is the last on its connection
	mu              sync.Mutex
	open            map[net.Conn]bool
}

// NewProxy puts a proxy before the database of a URL, until the test ends.
func NewProxy(t testing.TB, databaseURL string) *Proxy {
	t.Helper()
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{open: map[net.Conn]bool{}, network: "tcp", target: net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))}
	port := strconv.Itoa(int(config.Port))
	socket := ".s.PGSQL." + port
	if strings.HasPrefix(config.Host, "/") {
		p.network, p.target = "unix", filepath.Join(config.Host, socket)
	}
	folder, err := os.MkdirTemp("", "lkpx") //nolint:usetesting // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", filepath.Join(folder, socket))
	if err != nil {
		t.Fatal(err)
	}
	p.URL = through(databaseURL, folder, port)
	go p.accept(listener)
	t.Cleanup(func() {
		_ = listener.Close()
		p.Cut()
		_ = os.RemoveAll(folder)
	})
	return p
}

// through is the URL with another folder of sockets, and the port that names the socket there.
func through(databaseURL, folder, port string) string {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return databaseURL
	}
	query := u.Query()
	query.Set("host", folder)
	query.Set("port", port)
	u.RawQuery = query.Encode()
	return u.String()
}

// Trips is how many round trips there were: turns of the conversation from the server back to the client.
func (p *Proxy) Trips() int64 { return p.trips.Load() }

// Delay makes every round trip take that much longer from now on.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(d)) }

// Cut ends every connection, without a word.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		_ = conn.Close()
	}
}

// CutAfterCommit ends the connection of the next COMMIT, right behind the server's word that it is done. done tells whether that happened.
func (p *Proxy) CutAfterCommit() (done func() bool) {
	p.afterCommit.Store(true)
	return func() bool { return !p.afterCommit.Load() }
}

// committed is the message CommandComplete of a COMMIT.
var committed = []byte("C\x00\x00\x00\x0bCOMMIT\x00")

// pass is how much of what the server said goes on to the client, and whether that is the last.
func (p *Proxy) pass(said []byte) (n int, last bool) {
	at := bytes.Index(said, committed)
	if at < 0 || !p.afterCommit.CompareAndSwap(true, false) {
		return len(said), false
	}
	return at + len(committed), true
}

func (p *Proxy) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go p.serve(client)
	}
}

func (p *Proxy) serve(client net.Conn) {
	server, err := (&net.Dialer{}).DialContext(context.Background(), p.network, p.target)
	if err != nil {
		_ = client.Close()
		return
	}
	p.mu.Lock()
	p.open[client], p.open[server] = true, true
	p.mu.Unlock()
	var asked atomic.Bool // the client spoke last
	var both sync.WaitGroup
	both.Go(func() {
		p.pump(server, client, func(said []byte) (int, bool) {
			if !asked.Swap(true) {
				p.trips.Add(1)
			}
			return len(said), false
		})
	})
	both.Go(func() {
		p.pump(client, server, func(said []byte) (int, bool) {
			asked.Store(false)
			return p.pass(said)
		})
	})
	both.Wait()
	p.mu.Lock()
	delete(p.open, client)
	delete(p.open, server)
	p.mu.Unlock()
}

// piece is some bytes and when they may go on.
type piece struct {
	bytes []byte
	at    time.Time
}

// pump passes on as much of what comes as pass says, late by half the delay, and ends both directions with its own.
func (p *Proxy) pump(to, from net.Conn, pass func(said []byte) (n int, last bool)) {
	line := make(chan piece, 256)
	var sending sync.WaitGroup
	sending.Go(func() {
		for next := range line {
			time.Sleep(time.Until(next.at))
			if _, err := to.Write(next.bytes); err != nil {
				break
			}
		}
		_, _ = to.Close(), from.Close()
		for range line { // what nobody takes any more
		}
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		last := false
		if n > 0 {
			n, last = pass(buffer[:n])
			line <- piece{append([]byte(nil), buffer[:n]...), time.Now().Add(time.Duration(p.delay.Load()) / 2)}
		}
		if err != nil || last {
			break
		}
	}
	close(line)
	sending.Wait()
}
