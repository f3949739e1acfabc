package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"time"
)

// spareFiles is what a process has open besides its connections.
const spareFiles = 200

// busyBesides is how many connections go on asking while the others are idle: a server with nothing at all to do does not clean up.
const busyBesides = 4

// idleConnections is the resident memory of a server of its own that holds so many keep-alive connections, each of which asked once.
func (b *bench) idleConnections(ctx context.Context) (int64, error) {
	// Go raises the soft limit to the hard one by itself, in the server too.
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	if limit.Max < uint64(b.Idle+spareFiles) {
		return 0, fmt.Errorf("%d connections need as many open files, and the system allows %d: raise it with ulimit -Hn", b.Idle, limit.Max)
	}
	server, err := b.start(ctx, "serve", "--config", b.world.configPath())
	if err != nil {
		return 0, err
	}
	defer server.stop()
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", discoveryPath, host("opaque"))
	open := make([]*caller, 0, b.Idle)
	defer func() {
		for _, c := range open {
			c.hangUp()
		}
	}()
	started := b.Clock()
	for i := range b.Idle {
		c := &caller{clock: b.Clock}
		if c.conn, err = dial(ctx, server.place); err != nil {
			return 0, err
		}
		open = append(open, c)
		if err := c.expect(request, 200); err != nil {
			return 0, err
		}
		if i%1000 == 999 {
			left := time.Duration(float64(b.Clock().Sub(started)) / float64(i+1) * float64(b.Idle-i-1))
			b.Progress(Progress{What: "idle connections", Done: i + 1, Total: b.Idle, Left: left})
		}
	}
	_, err = b.drive(ctx, server, busyBesides, b.Measure, func(int) (operation, error) { return repeat(request), nil })
	if err != nil {
		return 0, err
	}
	if b.Profiles != "" {
		if err := download(ctx, "http://"+server.admin+"/debug/pprof/heap", filepath.Join(b.Profiles, "idle-connections.heap")); err != nil {
			return 0, err
		}
	}
	return server.memory()
}
