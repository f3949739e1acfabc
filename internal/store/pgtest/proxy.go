package pgtest

import (
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
		p.pump(server, client, func() {
			if !asked.Swap(true) {
				p.trips.Add(1)
			}
		})
	})
	both.Go(func() { p.pump(client, server, func() { asked.Store(false) }) })
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

// pump passes on what comes, late by half the delay, and ends both directions with its own.
func (p *Proxy) pump(to, from net.Conn, came func()) {
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
		if n > 0 {
			came()
			line <- piece{append([]byte(nil), buffer[:n]...), time.Now().Add(time.Duration(p.delay.Load()) / 2)}
		}
		if err != nil {
			break
		}
	}
	close(line)
	sending.Wait()
}
