package park

import (
	"container/ring"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// conn is a connection in net/http's hands, which calls it in turns: only Close may come from anywhere.
type conn struct {
	*net.TCPConn

	lot   *lot
	phase phase
	until time.Time // when its idle time ends
	// buffer is the size of net/http's, seen at the first Read. A later Read into less has bytes before it that wait to be parsed.
	buffer int

	spot  ring.Ring // among the idle, while it is there
	asked bool      // to leave net/http; under the lot's lock

	leaving atomic.Bool // net/http was told that the connection has ended, and holds no byte of it
	closed  atomic.Bool
}

// phase is how far net/http has come between two requests. It calls ConnState, then sets the deadline, and then reads, unless the next
// request was sent with the last one; if so, it sets another deadline.
type phase int

const (
	busy phase = iota
	turned
	waiting
)

func newConn(tcp *net.TCPConn, l *lot) *conn {
	c := &conn{TCPConn: tcp, lot: l}
	c.spot.Value = c
	return c
}

func connState(nc net.Conn, state http.ConnState) {
	if c, ok := nc.(*conn); ok && state == http.StateIdle {
		c.phase = turned
	}
}

// SetReadDeadline moves on only between requests, because within one net/http calls it while another goroutine reads.
func (c *conn) SetReadDeadline(t time.Time) error {
	switch c.phase {
	case turned:
		c.phase, c.until = waiting, t
	case waiting:
		c.phase = busy
	}
	return c.TCPConn.SetReadDeadline(t)
}

// Read says that the connection has ended when it is to be parked.
func (c *conn) Read(p []byte) (int, error) {
	if c.buffer == 0 {
		c.buffer = len(p)
	}
	if c.phase != waiting {
		return c.TCPConn.Read(p)
	}
	c.phase = busy
	if len(p) != c.buffer {
		return c.TCPConn.Read(p)
	}
	c.lot.enter(c)
	n, err := c.TCPConn.Read(p)
	if asked := c.lot.leave(c); !asked {
		return n, err
	}
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		c.leaving.Store(true)
		return 0, io.EOF
	}
	if n > 0 { // it was asked a moment too late
		_ = c.TCPConn.SetReadDeadline(c.until) // it fails when the connection was closed, as the next Read will
	}
	return n, err
}

// Close hands a connection that leaves net/http to the lot. Shutdown may close one that its own goroutine closes too.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	if c.leaving.Load() {
		return c.lot.park(c.TCPConn, c.until)
	}
	return c.TCPConn.Close()
}
