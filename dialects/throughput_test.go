package dialects_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
)

// BenchmarkThroughput is a dialect's token endpoint beside the standard one of the same server, over TCP, in turns of a fifth of a
// second: the same client, the same grant, at 16 and 64 connections. The bar is a ratio of 0.6.
//
//	go test ./dialects -run '^$' -bench Throughput -benchtime 10x
func BenchmarkThroughput(b *testing.B) {
	scopes := issuer.Catalogue{{Name: "read", Machine: true}}
	for _, spoken := range []struct{ platform, path, kind, body string }{
		{"tiki", tikiToken, "application/x-www-form-urlencoded", "grant_type=client_credentials&client_id=%s&client_secret=%s"},
		{"noorle", noorleToken, "application/json", `{"grant_type":"client_credentials","client_id":%q,"client_secret":%q}`},
	} {
		p := speaking(b, spoken.platform, scopes)
		app := p.app("acc_robot", by(oauth.AuthMethodPost, "read", oauth.GrantClientCredentials))
		served := httptest.NewServer(p.Handler())
		b.Cleanup(served.Close)
		at := served.Listener.Addr().String()
		form := fmt.Sprintf("grant_type=client_credentials&client_id=%s&client_secret=%s", app.ID, app.Secret)
		standard := rawPost("acme.example", "/oauth/token", "application/x-www-form-urlencoded", form)
		own := rawPost("api.acme.example", spoken.path, spoken.kind, fmt.Sprintf(spoken.body, app.ID, app.Secret))
		for _, connections := range []int{16, 64} {
			b.Run(fmt.Sprintf("%s/%d", spoken.platform, connections), func(b *testing.B) {
				turns, done := [][]byte{standard, own}, [2]int64{}
				for range b.N {
					for i, request := range turns {
						done[i] += answered(b, at, request, connections)
					}
				}
				seconds := float64(b.N) * turn.Seconds()
				b.ReportMetric(float64(done[0])/seconds, "standard/s")
				b.ReportMetric(float64(done[1])/seconds, "dialect/s")
				b.ReportMetric(float64(done[1])/float64(done[0]), "ratio")
				b.ReportMetric(0, "ns/op") // a turn's length says nothing
			})
		}
	}
}

// turn is how long one of the two is asked before the other is.
const turn = 200 * time.Millisecond

func rawPost(host, path, kind, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", path, host, kind, len(body), body)
}

// answered counts the answers of a turn. Its client does as little as it can: it would only hide the difference.
func answered(b *testing.B, at string, request []byte, connections int) int64 {
	b.Helper()
	var count atomic.Int64
	var wait sync.WaitGroup
	end := time.Now().Add(turn)
	for range connections {
		wait.Go(func() {
			done, err := repeat(at, request, end)
			if count.Add(done); err != nil {
				b.Error(err)
			}
		})
	}
	wait.Wait()
	return count.Load()
}

func repeat(at string, request []byte, end time.Time) (done int64, err error) {
	conn, err := net.Dial("tcp", at)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	from := bufio.NewReader(conn)
	for time.Now().Before(end) {
		if _, err := conn.Write(request); err != nil {
			return done, err
		}
		if err := skipAnswer(from); err != nil {
			return done, err
		}
		done++
	}
	return done, nil
}

// skipAnswer reads one answer, which must be a 200 that says how long it is.
func skipAnswer(from *bufio.Reader) error {
	status, err := from.ReadSlice('\n')
	if err != nil || len(status) < 12 || string(status[9:12]) != strconv.Itoa(http.StatusOK) {
		return fmt.Errorf("%q %w", status, err)
	}
	length := 0
	for {
		line, err := from.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == 2 {
			break
		}
		if name := "Content-Length: "; len(line) > len(name) && string(line[:len(name)]) == name {
			if length, err = strconv.Atoi(string(line[len(name) : len(line)-2])); err != nil {
				return err
			}
		}
	}
	_, err = io.CopyN(io.Discard, from, int64(length))
	return err
}
