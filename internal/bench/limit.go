package bench

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/store"
)

// ServeLimit is the machine's own limit for HTTP: net/http answering a fixed JSON body of the given size in bytes to every request,
// after reading the request's. The smallest has 20. It prints its address and serves until ctx ends.
func ServeLimit(ctx context.Context, out io.Writer, size int) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	const begin, end = `{"access_token":"`, `"}`
	body := []byte(begin + strings.Repeat("x", max(0, size-len(begin+end))) + end)
	length := strconv.Itoa(len(body)) // else net/http would send what is long in chunks
	limit := &http.Server{ReadHeaderTimeout: callTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", length)
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

// durableCommits is how many transactions of so many rows the engine commits a second when that many wait at once: SQLite's shared by
// the store's own writer, PostgreSQL's each in one round trip of a connection of its own.
func (w *world) durableCommits(ctx context.Context, connections, rows int, measure time.Duration) (float64, error) {
	commit := w.sharedCommit
	if w.postgres() {
		own, err := w.connect(ctx, connections)
		defer own.close(ctx)
		if err != nil {
			return 0, err
		}
		commit = own.commit
	}
	var commits atomic.Int64
	failures := make([]error, connections)
	var running sync.WaitGroup
	start := w.clock()
	for i := range connections {
		running.Go(func() {
			for w.clock().Sub(start) < measure && failures[i] == nil && ctx.Err() == nil {
				failures[i] = commit(ctx, i, rows)
				commits.Add(1)
			}
		})
	}
	running.Wait()
	took := w.clock().Sub(start)
	return float64(commits.Load()) / took.Seconds(), errors.Join(errors.Join(failures...), ctx.Err())
}

func (w *world) sharedCommit(ctx context.Context, worker, rows int) error {
	return w.store.InTx(ctx, func(tx *store.Tx) error {
		for row := range rows {
			if _, err := tx.CountThrottle("bench-limit", fmt.Sprint(worker, "/", row), time.Hour); err != nil {
				return err
			}
		}
		return nil
	})
}

// ownConnections go around the store, because nothing of ours may be in the machine's limit.
type ownConnections struct {
	conns   []*pgx.Conn
	expires micros.Time // of what they write
}

func (w *world) connect(ctx context.Context, connections int) (*ownConnections, error) {
	own := &ownConnections{expires: micros.Of(w.clock().Add(time.Hour))}
	config, err := pgxpool.ParseConfig(w.database) // the pool's own parameters are no server's
	if err != nil {
		return own, err
	}
	for range connections {
		conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
		if err != nil {
			return own, fmt.Errorf("the limit needs as many connections as the server has clients, so max_connections 30 above that: %w", err)
		}
		own.conns = append(own.conns, conn)
	}
	return own, nil
}

func (o *ownConnections) commit(ctx context.Context, worker, rows int) error {
	const change = "INSERT INTO throttles (issuer, name, count, expires_at) VALUES ('bench-limit', $1, 1, $2)" +
		" ON CONFLICT (issuer, name) DO UPDATE SET count = throttles.count + 1"
	batch := &pgx.Batch{}
	for row := range rows {
		batch.Queue(change, fmt.Sprint(worker, "/", row), o.expires)
	}
	return o.conns[worker].SendBatch(ctx, batch).Close() // without BEGIN, a batch is one transaction
}

func (o *ownConnections) close(ctx context.Context) {
	for _, conn := range o.conns {
		_ = conn.Close(context.WithoutCancel(ctx)) // all that was sent is committed
	}
}
