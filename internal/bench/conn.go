package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// conn is one keep-alive HTTP/1.1 connection. It reads no more of an answer than the measurement needs, because the load shares
// the machine with the server.
type conn struct {
	net.Conn
	in     *bufio.Reader
	body   []byte
	status int
	// location and cookie are the answer's headers of those names.
	location, cookie []byte
}

const callTimeout = 20 * time.Second

// place is where a server listens.
type place struct {
	addr   string
	secure bool // with TLS
}

func dial(ctx context.Context, to place) (*conn, error) {
	plain := &net.Dialer{Timeout: callTimeout}
	connect := plain.DialContext
	if to.secure {
		connect = (&tls.Dialer{NetDialer: plain}).DialContext
	}
	c, err := connect(ctx, "tcp", to.addr)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, in: bufio.NewReaderSize(c, 16<<10)}, nil
}

// do sends a whole request and reads its answer into c.
func (c *conn) do(request []byte) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	line, err := c.line()
	if err != nil {
		return err
	}
	if len(line) < 12 {
		return fmt.Errorf("not an HTTP answer: %q", line)
	}
	c.location, c.cookie = c.location[:0], c.cookie[:0]
	if c.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return err
	}
	length, err := c.headers()
	if err != nil {
		return err
	}
	return c.read(length)
}

// headers returns the body's length, or -1 when it is chunked. It passes over the other names by their length, so that an answer
// with many headers costs the measurement no more than the limit's with few.
func (c *conn) headers() (length int, err error) {
	for {
		line, err := c.line()
		if err != nil || len(line) == 0 {
			return length, err
		}
		name, value, _ := bytes.Cut(line, []byte{':'})
		value = bytes.TrimLeft(value, " ")
		switch len(name) {
		case len("Content-Length"):
			if bytes.EqualFold(name, []byte("Content-Length")) {
				if length, err = strconv.Atoi(string(value)); err != nil {
					return 0, err
				}
			}
		case len("Transfer-Encoding"):
			if bytes.EqualFold(name, []byte("Transfer-Encoding")) {
				length = -1
			}
		case len("Location"):
			if bytes.EqualFold(name, []byte("Location")) {
				c.location = append(c.location, value...)
			}
		case len("Connection"):
			if bytes.EqualFold(name, []byte("Connection")) && bytes.EqualFold(value, []byte("close")) {
				return 0, errors.New("the server closes the connection")
			}
		}
	}
}

func (c *conn) read(length int) error {
	c.body = c.body[:0]
	if length >= 0 {
		return c.take(length)
	}
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(line), 16, 32)
		if err != nil {
			return err
		}
		if err := c.take(int(size)); err != nil {
			return err
		}
		if _, err := c.line(); err != nil || size == 0 {
			return err
		}
	}
}

// take appends n bytes to the body.
func (c *conn) take(n int) error {
	start := len(c.body)
	if cap(c.body) < start+n {
		c.body = append(make([]byte, 0, start+n+1024), c.body...)
	}
	c.body = c.body[:start+n]
	_, err := io.ReadFull(c.in, c.body[start:])
	return err
}

func (c *conn) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'}), nil
}

// member returns a string member of a flat JSON body without parsing the rest of it.
func (c *conn) member(name string) string {
	_, rest, ok := bytes.Cut(c.body, []byte(`"`+name+`":"`))
	if !ok {
		return ""
	}
	value, _, _ := bytes.Cut(rest, []byte{'"'})
	return string(value)
}
