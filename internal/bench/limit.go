package bench

import (
	"context"
	"crypto"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/store"
)

// ServeLimit is the machine's own limit for HTTP: net/http answering a fixed JSON body of the given size to every request,
// after reading its form. It prints its address and serves until ctx ends.
func ServeLimit(ctx context.Context, out io.Writer, size int) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	body := []byte(`{"access_token":"` + strings.Repeat("x", max(0, size-20)) + `"}`)
	limit := &http.Server{ReadHeaderTimeout: callTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})}
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return err
	}
	go func() {
		<-ctx.Done()
		_ = limit.Close()
	}()
	if err := limit.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

// signature is how long one signature takes on one core.
func signature(random io.Reader, clock func() time.Time, alg jwk.Alg) (time.Duration, error) {
	key, err := jwk.Generate(random, alg, clock())
	if err != nil {
		return 0, err
	}
	message := []byte(strings.Repeat("m", 400))
	digest, hash := message, crypto.Hash(0)
	if alg != jwk.EdDSA {
		sum := sha256.Sum256(message)
		digest, hash = sum[:], crypto.SHA256
	}
	const least = 200 * time.Millisecond
	start, count := clock(), 0
	for clock().Sub(start) < least {
		if _, err := key.Private.Sign(random, digest, hash); err != nil {
			return 0, err
		}
		count++
	}
	return clock().Sub(start) / time.Duration(count), nil
}

// durableCommits is how many transactions of so many rows the engine commits a second when that many wait at once.
func durableCommits(ctx context.Context, s *store.Store, clock func() time.Time, connections, rows int, measure time.Duration) (float64, error) {
	var commits atomic.Int64
	failures := make([]error, connections)
	var running sync.WaitGroup
	start := clock()
	for i := range connections {
		running.Go(func() {
			for clock().Sub(start) < measure && failures[i] == nil && ctx.Err() == nil {
				failures[i] = s.InTx(ctx, func(tx *store.Tx) error {
					for row := range rows {
						if _, err := tx.CountThrottle("bench-limit", fmt.Sprint(i, "/", row), time.Hour); err != nil {
							return err
						}
					}
					return nil
				})
				commits.Add(1)
			}
		})
	}
	running.Wait()
	for _, err := range failures {
		if err != nil {
			return 0, err
		}
	}
	return float64(commits.Load()) / clock().Sub(start).Seconds(), ctx.Err()
}
