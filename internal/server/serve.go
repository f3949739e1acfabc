package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/park"
	"latchkey.dev/internal/store"
)

// How long a connection may take. Nothing here streams, so a slow peer is a broken one, or an attack.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
)

// idleInside is how many idle connections net/http holds itself, for 18 MB; the rest are parked. Coming back from there costs a request
// 20 µs, so these are as many as a busy server's clients may well use in turns.
const idleInside = 1000

// How stopping is paced: first every answer says that its connection closes, while requests are still taken; then the listener
// closes, and what came just before still gets its answer; then what is under way may finish.
const (
	drainDelay   = time.Second
	settleDelay  = 300 * time.Millisecond
	drainTimeout = 25 * time.Second
)

// How often the background looks around.
const (
	pollInterval  = time.Second
	pruneInterval = 10 * time.Second
)

// Listen opens the public listener. It is plain TCP: on a Multipath TCP socket, Go's default, stopping could not be quiet (hush).
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var plain net.ListenConfig
	plain.SetMultipathTCP(false)
	return plain.Listen(ctx, "tcp", address)
}

// Serve answers requests until ctx ends, and then stops gracefully: what was accepted is answered, what waits to be written is
// written. The caller closes the store after it returns.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	var loops sync.WaitGroup
	for _, loop := range []func(context.Context){s.lastUse.Run, s.sender.Run, s.keyMaker.Run, s.follow, s.poll, s.prune} {
		loops.Go(func() { loop(background) })
	}
	defer loops.Wait()
	defer stopBackground()
	httpServer := &http.Server{
		Handler: s, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- park.Serve(httpServer, listener, idleInside, s.clock) }()
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serve: %w", err), httpServer.Close())
	case <-ctx.Done():
		return s.drain(context.WithoutCancel(ctx), httpServer, listener)
	}
}

// drain closes the listener before Shutdown: net/http drops a request whose connection was accepted before Shutdown and whose
// header is read after it (TestStopDropsNoRequest saw eight of eight).
func (s *Server) drain(ctx context.Context, httpServer *http.Server, listener net.Listener) error {
	s.draining.Store(true)
	pause(ctx, drainDelay)
	if err := hush(listener); err != nil {
		s.log.Warn("requests that come while the listener closes may be reset: the system does not let it go quiet first", "error", err)
	}
	pause(ctx, settleDelay)
	if err := listener.Close(); err != nil {
		s.log.Warn("close the listener", "error", err)
	}
	pause(ctx, settleDelay)
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	if err := httpServer.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were still under way after %s: %w", drainTimeout, err), httpServer.Close())
	}
	return nil
}

// follow hears at once what other nodes changed, where the database can tell.
func (s *Server) follow(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.config.Store.FollowChanges(ctx); err != nil && ctx.Err() == nil {
			s.failedRounds.Add(1)
			s.log.Warn("listen for changes", "error", err)
		}
		pause(ctx, pollInterval)
	}
}

// poll notices what other processes changed: a rotated key, a suspended app. It bounds how stale what is cached can be.
func (s *Server) poll(ctx context.Context) {
	s.every(ctx, pollInterval, "look for changes", func() error { return s.config.Store.PollChanges(ctx) })
}

// prune deletes what has long expired, in batches small enough that no request waits for one.
func (s *Server) prune(ctx context.Context) {
	s.every(ctx, pruneInterval, "prune expired rows", func() error { return s.Prune(ctx) })
}

// Prune deletes what is over for long enough now. Serve does so all the time. After each round it rests for as long as that took: without
// rests, and with batches five times as large, a backlog of events tripled what a commit took on SQLite, and its p99 went from 7 to 40 ms.
func (s *Server) Prune(ctx context.Context) error {
	over := s.horizon(s.config.Store.Now())
	for {
		began := s.clock()
		rows, err := s.config.Store.Prune(ctx, over)
		if err != nil || rows == 0 {
			return err
		}
		pause(ctx, s.clock().Sub(began))
	}
}

// horizon is how far back is remembered. A connection that was ended stays as long as any token of it may: a refresh token that comes late
// still hears that its user disconnected the app. A family's row may end a day after its token.
func (s *Server) horizon(now micros.Time) store.Horizon {
	var token time.Duration
	for _, site := range s.sites {
		token = max(token, site.issuer.Lifetimes.AccessToken, site.issuer.Lifetimes.RefreshToken+24*time.Hour)
	}
	over := store.Horizon{Expired: now.Add(-store.KeepEnded), Revoked: now.Add(-store.KeepEnded - token)}
	if s.config.KeepEvents > 0 {
		over.Events = now.Add(-s.config.KeepEvents)
	}
	return over
}

func (s *Server) every(ctx context.Context, interval time.Duration, what string, do func() error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := do(); err != nil && ctx.Err() == nil {
				s.failedRounds.Add(1)
				s.log.Warn("background work failed", "work", what, "error", err)
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
