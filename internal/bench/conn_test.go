package bench

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

// answered is a connection to somebody who reads one request and gives this answer.
func answered(t *testing.T, answer string) *conn {
	t.Helper()
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close() })
	go func() {
		defer there.Close()
		in := bufio.NewReader(there)
		for line := ""; line != "\r\n"; {
			var err error
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
		}
		io.WriteString(there, answer)
	}()
	return &conn{Conn: here, in: bufio.NewReader(here)}
}

const request = "GET / HTTP/1.1\r\n\r\n"

func TestConnReadsAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer, body, location string
		status                 int
	}{
		"a length":      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", "", 200},
		"chunks":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello", "", 200},
		"a redirect":    {"HTTP/1.1 302 Found\r\nlocation: https://app.example/?code=1\r\nContent-Length: 0\r\n\r\n", "", "https://app.example/?code=1", 302},
		"no body":       {"HTTP/1.1 204 No Content\r\n\r\n", "", "", 204},
		"other headers": {"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 1\r\nX-Empty:\r\n\r\nx", "x", "", 200},
	} {
		conn := answered(t, c.answer)
		if err := conn.do([]byte(request)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if conn.status != c.status || string(conn.body) != c.body || string(conn.location) != c.location {
			t.Errorf("%s: %d %q %q", name, conn.status, conn.body, conn.location)
		}
	}
}

func TestConnRefusesWhatItCannotRead(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing":              "",
		"no status":            "hello\r\n\r\n",
		"half a body":          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
		"a length in words":    "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
		"chunks in words":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n",
		"a connection's end":   "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		"a header without end": "HTTP/1.1 200 OK\r\n" + strings.Repeat("x", 8<<10),
	} {
		if err := answered(t, answer).do([]byte(request)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func TestMember(t *testing.T) {
	c := &conn{body: []byte(`{"access_token":"abc","n":1,"empty":""}`)}
	if c.member("access_token") != "abc" || c.member("n") != "" || c.member("empty") != "" || c.member("token") != "" {
		t.Errorf("%q %q", c.member("access_token"), c.member("token"))
	}
}
