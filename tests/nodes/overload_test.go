package nodes

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey.dev/tests/person"
)

// from reaches a node from one of many loopback addresses, because limits count by address.
func from(n *node, source string) *http.Transport {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		dialer := &net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
		return dialer.DialContext(ctx, network, n.address)
	}
	return &http.Transport{DialContext: dial, DialTLSContext: dial, DisableCompression: true}
}

// flood signs in with wrong passwords, from everywhere and as everybody, until ctx ends. Each wave has addresses and names of its own.
func flood(ctx context.Context, n *node, workers, wave int) (attempts *atomic.Int64, wait func()) {
	attempts = &atomic.Int64{}
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for round := wave * 10_000; ctx.Err() == nil; round++ {
				transport := from(n, fmt.Sprintf("127.%d.%d.%d", 10+worker, round/250%250, 1+round%250))
				visitor := person.New(transport, "", "")
				page, err := visitor.Arrive(issuer + "/sign-in")
				if err == nil && page.Has("sign-in") {
					_, _ = visitor.Press(page, "sign-in", map[string]string{ // how it is refused is of no interest
						"email": fmt.Sprintf("nobody.%d.%d@example.com", worker, round), "password": "a wrong passphrase",
					})
					attempts.Add(1)
				}
				transport.CloseIdleConnections()
			}
		})
	}
	return attempts, all.Wait
}

// pace asks for tokens at a steady pace and returns how long each took.
func pace(t *testing.T, n *node, c client, lasting time.Duration) (took []time.Duration) {
	t.Helper()
	for ticker, end := time.NewTicker(5*time.Millisecond), time.Now().Add(lasting); time.Now().Before(end); <-ticker.C {
		began := time.Now()
		said, err := n.ask(c, "/oauth/token", url.Values{"grant_type": {"client_credentials"}})
		if err != nil || said.status != http.StatusOK {
			t.Fatalf("%s, %v", said, err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took
}

func at(sorted []time.Duration, share float64) time.Duration {
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))].Round(10 * time.Microsecond)
}

// stretch is what it was like to ask for tokens for a while.
type stretch struct {
	p50, p99  time.Duration
	perSecond float64
}

func measure(t *testing.T, n *node, c client, lasting time.Duration) stretch {
	t.Helper()
	took := pace(t, n, c, lasting)
	return stretch{at(took, 0.5), at(took, 0.99), float64(len(took)) / lasting.Seconds()}
}

// usual is the median of each figure: what else the machine does for a moment spoils one stretch and not the others.
func usual(stretches []stretch) stretch {
	return stretch{
		p50:       median(stretches, func(s stretch) time.Duration { return s.p50 }),
		p99:       median(stretches, func(s stretch) time.Duration { return s.p99 }),
		perSecond: median(stretches, func(s stretch) float64 { return s.perSecond }),
	}
}

func median[T cmp.Ordered](stretches []stretch, figure func(stretch) T) T {
	figures := make([]T, len(stretches))
	for i, s := range stretches {
		figures[i] = figure(s)
	}
	slices.Sort(figures)
	return figures[len(figures)/2]
}

// Many who try passwords keep one half of the machine busy at most; whoever asks for a token has the other. Calm and flooded stretches take
// turns, so that a busy machine is as busy for both.
func TestSignInFloodDoesNotSlowTokens(t *testing.T) {
	in := install(t, "sqlite:latchkey.db")
	machine := in.client("--name", "Reports", "--grant-type", "client_credentials", "--scope", "reports")
	in.start(1)
	n := in.nodes[0]
	pace(t, n, machine, 200*time.Millisecond)
	var calms, floods []stretch
	tried, lasted := int64(0), time.Duration(0)
	for wave := range 3 {
		calms = append(calms, measure(t, n, machine, time.Second))
		ctx, stop := context.WithCancel(t.Context())
		attempts, wait := flood(ctx, n, 16, wave)
		for attempts.Load() < 16 && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
		before, began := attempts.Load(), time.Now()
		floods = append(floods, measure(t, n, machine, 1500*time.Millisecond))
		tried, lasted = tried+attempts.Load()-before, lasted+time.Since(began)
		stop()
		wait()
	}
	calm, flooded := usual(calms), usual(floods)
	fmt.Printf("overload: token p50=%s p99=%s, with %.0f sign-ins a second p50=%s p99=%s, share of the rate %.2f\n",
		calm.p50, calm.p99, float64(tried)/lasted.Seconds(), flooded.p50, flooded.p99, flooded.perSecond/calm.perSecond)
	if flooded.p50 > 10*time.Millisecond+3*calm.p50 || flooded.perSecond < 0.6*calm.perSecond {
		t.Errorf("the flood slows the token endpoint: calm %v, flooded %v", calms, floods)
	}
}

// More requests than a node takes at once are refused quickly, with the time to come back, and it goes on as before after that.
func TestTooManyRequestsAreRefusedQuickly(t *testing.T) {
	in := install(t, "sqlite:latchkey.db")
	machine := in.client("--name", "Reports", "--grant-type", "client_credentials", "--scope", "reports")
	in.more = "limits: { requests: 8 }\n"
	in.start(1)
	n := in.nodes[0]
	ctx, stop := context.WithCancel(t.Context())
	_, wait := flood(ctx, n, 64, 0)
	var refused []time.Duration
	for end := time.Now().Add(20 * time.Second); len(refused) < 50 && time.Now().Before(end); {
		began := time.Now()
		request, err := http.NewRequest(http.MethodPost, issuer+"/oauth/token", strings.NewReader("grant_type=client_credentials"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.SetBasicAuth(machine.ID, machine.Secret)
		response, err := n.transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		switch {
		case response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "":
			refused = append(refused, time.Since(began))
		case response.StatusCode != http.StatusOK:
			t.Fatalf("answered %s", response.Status)
		}
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	wait()
	if len(refused) < 50 {
		t.Fatalf("only %d requests were refused", len(refused))
	}
	slices.Sort(refused)
	fmt.Printf("overload: 503 with Retry-After after p50=%s p99=%s\n", at(refused, 0.5), at(refused, 0.99))
	if at(refused, 0.5) > 250*time.Millisecond {
		t.Error("a refusal is slow")
	}
	pace(t, n, machine, 200*time.Millisecond)
}
