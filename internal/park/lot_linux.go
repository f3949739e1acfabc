package park

import (
	"container/ring"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sweepInterval is by how much a parked connection may outlive its idle time.
const sweepInterval = time.Second

// longAgo is a deadline that wakes whoever reads.
var longAgo = time.Unix(1, 0)

// lot holds what is parked, and is the listener from which it comes back.
type lot struct {
	addr   net.Addr
	inside int
	clock  func() time.Time

	epoll  int
	file   *os.File        // the same, which Go's own poller waits for: no thread is blocked
	raw    syscall.RawConn // the file's
	events [64]unix.EpollEvent
	tick   *time.Timer // wakes Accept for a sweep

	mu     sync.Mutex
	idle   ring.Ring // connections inside net/http that wait for a request; after this one, the one that has waited for longest
	count  int       // of idle
	parked map[int32]parked
	woken  []*conn
	closed bool
}

// parked is an idle connection that nobody but the lot holds.
type parked struct {
	*net.TCPConn

	until time.Time // the end of its idle time; zero if there is none
}

func open(addr net.Addr, inside int, clock func() time.Time) (*lot, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if err := unix.SetNonblock(epoll, true); err != nil { // without it, os.NewFile would not poll
		return nil, errors.Join(err, unix.Close(epoll))
	}
	l := &lot{addr: addr, inside: inside, clock: clock, epoll: epoll, file: os.NewFile(uintptr(epoll), "epoll"), parked: map[int32]parked{}}
	if l.raw, err = l.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, l.file.Close())
	}
	l.tick = time.AfterFunc(sweepInterval, func() { _ = l.file.SetReadDeadline(longAgo) }) // it fails once the lot is closed
	return l, nil
}

// enter notes that c waits for a request, and asks the one that has waited for longest to leave when they are too many.
func (l *lot) enter(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle.Prev().Link(&c.spot)
	l.count++
	if l.count <= l.inside {
		return
	}
	oldest := l.idle.Unlink(1).Value.(*conn)
	l.count--
	oldest.asked = true
	_ = oldest.TCPConn.SetReadDeadline(longAgo) // it fails for one that was closed, and its Read ends by that
}

// leave reports whether c was asked to leave net/http.
func (l *lot) leave(c *conn) (asked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.asked {
		c.asked = false
		return true
	}
	c.spot.Prev().Unlink(1)
	l.count--
	return false
}

// park watches a socket that net/http has let go of. What has come meanwhile is seen at once.
func (l *lot) park(tcp *net.TCPConn, until time.Time) error {
	if err := l.watch(tcp, until); err != nil {
		return errors.Join(err, tcp.Close())
	}
	return nil
}

func (l *lot) watch(tcp *net.TCPConn, until time.Time) error {
	if err := tcp.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return net.ErrClosed
	}
	var added error
	err = raw.Control(func(fd uintptr) {
		event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(fd)}
		if added = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, int(fd), &event); added == nil {
			l.parked[event.Fd] = parked{tcp, until}
		}
	})
	return errors.Join(err, added)
}

// Accept returns a connection that has something to read, or was hung up; net/http takes it for a new one.
func (l *lot) Accept() (net.Conn, error) {
	for {
		if c := l.next(); c != nil {
			return c, nil
		}
		err := l.wait()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = l.sweep(l.clock())
		}
		if err != nil {
			return nil, err
		}
	}
}

func (l *lot) next() *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.woken) == 0 {
		return nil
	}
	c := l.woken[0]
	l.woken = l.woken[1:]
	return c
}

// wait moves what the system reports from parked to woken. Only here and in sweep does anything leave the lot, both of them in turns,
// so that a number of a socket never means another one than when it was reported.
func (l *lot) wait() error {
	var n int
	var failed error
	err := l.raw.Read(func(fd uintptr) (done bool) {
		n, failed = unix.EpollWait(int(fd), l.events[:], 0)
		return n > 0 || failed != nil
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, event := range l.events[:n] {
		p, ok := l.parked[event.Fd]
		if !ok { // closed since
			continue
		}
		delete(l.parked, event.Fd)
		if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, int(event.Fd), nil); err != nil {
			return errors.Join(err, p.Close())
		}
		l.woken = append(l.woken, newConn(p.TCPConn, l))
	}
	return nil
}

// sweep closes what was idle for too long, and sees to the next sweep.
func (l *lot) sweep(now time.Time) error {
	if err := l.file.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	l.tick.Reset(sweepInterval)
	l.mu.Lock()
	defer l.mu.Unlock()
	for fd, p := range l.parked {
		if !p.until.IsZero() && !now.Before(p.until) {
			delete(l.parked, fd)
			_ = p.Close()
		}
	}
	return nil
}

// Close closes what is parked, and from now on what would be.
func (l *lot) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return net.ErrClosed
	}
	l.closed = true
	for _, p := range l.parked {
		_ = p.Close()
	}
	for _, c := range l.woken {
		_ = c.Close()
	}
	l.parked, l.woken = nil, nil
	l.tick.Stop()
	return l.file.Close()
}

// Addr is that of the listener that the connections came from.
func (l *lot) Addr() net.Addr { return l.addr }
