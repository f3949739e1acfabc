package binary

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// attack is a request as it stands on the wire, and the one right answer.
type attack struct {
	name   string
	head   string // without Host and Content-Length, which are added unless they are what is wrong
	body   string
	whole  bool // head is all there is: nothing is added
	status int
	says   string // part of the answer's body
}

const (
	tokenPost = "POST /oauth/token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	signPost  = "POST /sign-in HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	badInput  = `"error":"invalid_request"`
	badPage   = `data-error="invalid_request"`
)

// attacks are the kinds of bad input of which each must be refused quickly and at no cost.
func attacks() []attack {
	return slices.Concat(badForms(), badTypes(), badTargets(), badHeaders(), badPages())
}

func badForms() []attack {
	return []attack{
		{name: "repeated parameter", head: tokenPost, body: "grant_type=client_credentials&grant_type=client_credentials", status: 400, says: badInput},
		{name: "repeated parameter under another spelling", head: tokenPost, body: "grant_type=a&%67rant_type=b", status: 400, says: badInput},
		{name: "body over 64 KiB", head: tokenPost, body: "grant_type=" + strings.Repeat("a", 64<<10), status: 413, says: badInput},
		{name: "body over 64 KiB in chunks", head: tokenPost + "Transfer-Encoding: chunked\r\n", body: chunked(strings.Repeat("a", 80<<10)), status: 413, says: badInput},
		{name: "body said to be a terabyte", head: tokenPost + "Content-Length: 1000000000000\r\n", body: "grant_type=a", status: 413, says: badInput},
		{name: "100,000 fields", head: tokenPost, body: strings.Repeat("a=b&", 100_000), status: 413, says: badInput},
		{name: "as many fields as fit", head: tokenPost, body: strings.Repeat("a&", 32_000), status: 400, says: badInput},
		{name: "201 fields", head: tokenPost, body: manyFields(201), status: 400, says: "200 parameters"},
		{name: "invalid UTF-8", head: tokenPost, body: "grant_type=%ff%fe", status: 400, says: badInput},
		{name: "invalid UTF-8, bare", head: tokenPost, body: "grant_type=\xff\xfe", status: 400, says: badInput},
		{name: "overlong UTF-8", head: tokenPost, body: "grant_type=%c0%af", status: 400, says: badInput},
		{name: "NUL", head: tokenPost, body: "grant_type=a%00b", status: 400, says: badInput},
		{name: "line feed", head: tokenPost, body: "grant_type=a%0ab", status: 400, says: badInput},
		{name: "C1 control", head: tokenPost, body: "grant_type=%c2%85", status: 400, says: badInput},
		{name: "control character in a name", head: tokenPost, body: "grant%0dtype=a", status: 400, says: badInput},
		{name: "broken escape", head: tokenPost, body: "grant_type=%zz", status: 400, says: badInput},
		{name: "escape cut off", head: tokenPost, body: "grant_type=%4", status: 400, says: badInput},
		{name: "nothing", head: tokenPost, body: "", status: 400, says: badInput},
		{name: "separators only", head: tokenPost, body: strings.Repeat("&", 60<<10), status: 400, says: badInput},
	}
}

func badTypes() []attack {
	deep := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	typed := func(kind string) string { return "POST /oauth/token HTTP/1.1\r\nContent-Type: " + kind + "\r\n" }
	return []attack{
		{name: "text", head: typed("text/plain"), body: "grant_type=a", status: 415, says: badInput},
		{name: "JSON, deep", head: typed("application/json"), body: deep, status: 415, says: badInput},
		{name: "JSON, duplicate keys", head: typed("application/json"), body: `{"grant_type":"a","grant_type":"b"}`, status: 415, says: badInput},
		{name: "multipart", head: typed("multipart/form-data; boundary=x"), body: "--x\r\n\r\n--x--", status: 415, says: badInput},
		{name: "no content type", head: "POST /oauth/token HTTP/1.1\r\n", body: "grant_type=a", status: 415, says: badInput},
		{name: "two content types", head: tokenPost + "Content-Type: text/plain\r\n", body: "grant_type=a", status: 415, says: badInput},
		{name: "another charset", head: typed("application/x-www-form-urlencoded; charset=utf-7"), body: "grant_type=a", status: 415, says: badInput},
		{name: "compressed", head: tokenPost + "Content-Encoding: gzip\r\n", body: "\x1f\x8b", status: 415, says: badInput},
	}
}

func badTargets() []attack {
	get := func(target string) string { return "GET " + target + " HTTP/1.1\r\n" }
	return []attack{
		{name: "GET at the token endpoint", head: get("/oauth/token"), status: 405, says: badInput},
		{name: "DELETE at the token endpoint", head: "DELETE /oauth/token HTTP/1.1\r\n", status: 405, says: badInput},
		{name: "a method that nobody knows", head: "BREW /oauth/token HTTP/1.1\r\n", status: 405, says: badInput},
		{name: "POST at the metadata", head: "POST /.well-known/openid-configuration HTTP/1.1\r\n", status: 405, says: badInput},
		{name: "unknown path", head: get("/oauth/nothing"), status: 404},
		{name: "unknown path among the known ones", head: get("/.well-known/nothing"), status: 404},
		{name: "way up", head: get("/static/../../etc/passwd"), status: 404},
		{name: "way up, escaped", head: get("/static/%2e%2e/%2e%2e/etc/passwd"), status: 404},
		{name: "query over 8 KiB", head: get("/oauth/authorize?state=" + strings.Repeat("a", 9<<10)), status: 414, says: badPage},
		{name: "repeated parameter in the query", head: get("/oauth/authorize?client_id=a&client_id=b"), status: 400, says: badPage},
		{name: "control character in the query", head: get("/oauth/authorize?client_id=a%00"), status: 400, says: badPage},
		{name: "unknown host", head: get("/oauth/token") + "Host: evil.example\r\n\r\n", whole: true, status: 421, says: badInput},
		{name: "no host", head: get("/oauth/token") + "\r\n", whole: true, status: 400},
		{name: "two hosts", head: get("/oauth/token") + "Host: a\r\nHost: b\r\n\r\n", whole: true, status: 400},
		{name: "not HTTP", head: "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", whole: true, status: 400},
	}
}

func badHeaders() []attack {
	form := "grant_type=client_credentials"
	return []attack{
		{name: "headers over 32 KiB", head: tokenPost + "X: " + strings.Repeat("a", 40<<10) + "\r\n", body: form, status: 431},
		{name: "thousands of headers", head: tokenPost + strings.Repeat("X: a\r\n", 10_000), body: form, status: 431},
		{name: "two Authorization headers", head: tokenPost + "Authorization: Basic YTpi\r\nAuthorization: Basic YTpi\r\n", body: form, status: 400, says: badInput},
		{name: "Basic without base64", head: tokenPost + "Authorization: Basic ???\r\n", body: form, status: 401, says: `"error":"invalid_client"`},
		{name: "Basic without a colon", head: tokenPost + "Authorization: Basic YWI=\r\n", body: form, status: 401, says: `"error":"invalid_client"`},
		{name: "a very long secret", head: tokenPost, body: form + "&client_id=nightly-reports&client_secret=" + strings.Repeat("a", 60<<10), status: 401, says: `"error":"invalid_client"`},
		{name: "two lengths", head: tokenPost + "Content-Length: 5\r\nContent-Length: 6\r\n", body: form, status: 400},
		{name: "length that is no number", head: tokenPost + "Content-Length: -1\r\n", body: form, status: 400},
		{name: "a very long token", head: "GET /oauth/userinfo HTTP/1.1\r\nAuthorization: Bearer " + strings.Repeat("a", 20<<10) + "\r\n", status: 401, says: "invalid_token"},
		{name: "token with a quote", head: "GET /oauth/userinfo HTTP/1.1\r\nAuthorization: Bearer a\"b\r\n", status: 400, says: badInput},
	}
}

func badPages() []attack {
	return []attack{
		{name: "page: body over 64 KiB", head: signPost, body: strings.Repeat("a", 65<<10), status: 413, says: badPage},
		{name: "page: repeated field", head: signPost, body: "email=a&email=b", status: 400, says: badPage},
		{name: "page: control character", head: signPost, body: "email=a%00b&password=c", status: 400, says: badPage},
		{name: "page: wrong content type", head: "POST /sign-in HTTP/1.1\r\nContent-Type: text/plain\r\n", body: "email=a", status: 415, says: badPage},
		{name: "page: another site's form", head: signPost + "Origin: https://evil.example\r\n", body: "email=a&password=b", status: 403, says: `data-error=`},
		{name: "page: damaged flow", head: "GET /consent?r=" + strings.Repeat("A", 4000) + " HTTP/1.1\r\n", status: 400, says: badPage},
	}
}

func chunked(body string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body) }

func manyFields(n int) string {
	var fields strings.Builder
	for i := range n {
		fmt.Fprintf(&fields, "f%d=1&", i)
	}
	return fields.String()
}

// wire is the attack's bytes.
func (a attack) wire() []byte {
	if a.whole {
		return []byte(a.head)
	}
	var wire bytes.Buffer
	wire.WriteString(a.head)
	fmt.Fprintf(&wire, "Host: %s\r\n", strings.TrimPrefix(server.Acme.Issuer, "http://"))
	if !strings.Contains(a.head, "Content-Length") && !strings.Contains(a.head, "Transfer-Encoding") && !strings.HasPrefix(a.head, "GET") {
		fmt.Fprintf(&wire, "Content-Length: %d\r\n", len(a.body))
	}
	wire.WriteString("\r\n" + a.body)
	return wire.Bytes()
}

// send sends it on a connection of its own, and returns the answer and how long it took.
func (a attack) send() (reply, time.Duration, error) {
	conn, err := net.Dial("tcp", server.Address)
	if err != nil {
		return reply{}, 0, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // a TCP connection takes it
	began := time.Now()
	go func() { _, _ = conn.Write(a.wire()) }() // the server may refuse before it has read everything
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return reply{}, 0, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, body}, time.Since(began), err
}

// Every kind of bad input gets the right 4xx, in under 50 ms.
func TestBadInput(t *testing.T) {
	const tries, limit = 5, 50 * time.Millisecond
	slowest, which := time.Duration(0), ""
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			var times []time.Duration
			for range tries {
				said, took, err := a.send()
				if err != nil {
					t.Fatal(err)
				}
				if said.status != a.status || !strings.Contains(string(said.body), a.says) {
					t.Fatalf("got %s, want %d with %s", said, a.status, a.says)
				}
				times = append(times, took)
			}
			slices.Sort(times)
			if median := times[tries/2]; median > limit {
				t.Errorf("took %s", median)
			} else if median > slowest {
				slowest, which = median, a.name
			}
		})
	}
	t.Logf("bad input: %d kinds, the slowest in %s (%s)", len(attacks()), slowest.Round(100*time.Microsecond), which)
}

// The server's memory does not grow with the attack.
func TestBadInputTakesNoMemory(t *testing.T) {
	flood := func(times int) {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range times {
					for _, a := range attacks() {
						_, _, _ = a.send() // what comes back is TestBadInput's matter
					}
				}
			})
		}
		group.Wait()
	}
	flood(2)
	before := memory(t, server.ID())
	flood(8)
	after := memory(t, server.ID())
	t.Logf("memory: %.1f MB before, %.1f MB after %d attacks", before, after, 8*8*len(attacks()))
	if after > before+16 {
		t.Errorf("memory grew from %.1f to %.1f MB", before, after)
	}
}

// memory is what a process has resident, in MB.
func memory(t *testing.T, id int) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", id))
	if err != nil {
		t.Skip("no /proc here")
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	kilobytes, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes / 1024
}

// Connections that send their headers drop by drop are closed, and meanwhile keep nobody else waiting.
func TestSlowHeaders(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as the server's patience")
	}
	t.Parallel()
	const connections, patience = 200, 15 * time.Second
	began := time.Now()
	var group sync.WaitGroup
	for range connections {
		group.Go(func() { drip(t, patience) })
	}
	worst := time.Duration(0)
	for range 50 {
		asked := time.Now()
		request, _ := http.NewRequest(http.MethodGet, server.Acme.Issuer+"/.well-known/jwks.json", http.NoBody) // a good address
		if said, err := send(server.transport, request); err != nil || said.status != http.StatusOK {
			t.Errorf("while others drip: %s %v", said, err)
		}
		worst = max(worst, time.Since(asked))
		time.Sleep(20 * time.Millisecond)
	}
	group.Wait()
	t.Logf("slow headers: %d connections closed within %.1f s; meanwhile others waited at most %s", connections, time.Since(began).Seconds(), worst.Round(time.Millisecond))
}

// drip sends a header byte by byte until the server has had enough.
func drip(t *testing.T, patience time.Duration) {
	conn, err := net.Dial("tcp", server.Address)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nX: "))
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		if _, err := conn.Write([]byte("a")); err != nil {
			return
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond)) // a TCP connection takes it
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
			return
		}
	}
	t.Errorf("a connection that never finished its headers was kept for %s", patience)
}
