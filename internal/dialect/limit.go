package dialect

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/yamlfile"
)

// limit is how many requests a client may make in a window of time; the zero value is no limit.
type limit struct {
	requests int
	window   time.Duration
}

func (l limit) String() string {
	if l.requests == 0 {
		return ""
	}
	return fmt.Sprintf("%d per %s", l.requests, yamlfile.FormatDuration(l.window))
}

// parseLimit reads "1500 per 60s".
func parseLimit(text string) (limit, bool) {
	if text == "" {
		return limit{}, true
	}
	count, window, ok := strings.Cut(text, " per ")
	requests, err := strconv.Atoi(count)
	if !ok || err != nil || requests < 1 {
		return limit{}, false
	}
	length, err := yamlfile.ParseDuration(window)
	return limit{requests, length}, err == nil && length > 0
}

// counted is how many requests of one client a node keeps count of at a time. Beyond that the count starts over: a limit is a
// courtesy to the platform's own clients, and its memory must be bounded.
const counted = 10_000

// counter counts requests by client in windows that begin with the clock. Each node counts its own.
type counter struct {
	limit limit
	clock func() time.Time

	mu     sync.Mutex
	window int64
	counts map[string]int
}

// allowance is what a client has left.
type allowance struct {
	limit     limit
	remaining int
	resets    time.Duration
}

// take counts one request.
func (c *counter) take(client string) (allowance, error) {
	now := c.clock()
	window := now.UnixNano() / int64(c.limit.window)
	left := allowance{limit: c.limit, resets: time.Duration((window+1)*int64(c.limit.window) - now.UnixNano())}
	c.mu.Lock()
	if c.window != window || len(c.counts) > counted {
		c.window, c.counts = window, map[string]int{}
	}
	c.counts[client]++
	left.remaining = c.limit.requests - c.counts[client]
	c.mu.Unlock()
	if left.remaining < 0 {
		return left, oauth.TemporarilyUnavailable("more than %s requests; slow down", c.limit).
			WithStatus(429).With(ReasonRateLimited).WithRetryAfter(left.resets)
	}
	return left, nil
}

// ReasonRateLimited says that a client asks more often than the platform allows.
const ReasonRateLimited = "rate_limited"

// members are what response mappings see as .rate.
func (a allowance) members() map[string]any {
	return map[string]any{"limit": a.limit.requests, "remaining": max(0, a.remaining), "window": yamlfile.FormatDuration(a.limit.window)}
}
