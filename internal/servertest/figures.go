package servertest

import (
	"testing"
	"time"

	"latchkey.dev/internal/reqlog"
)

// gauges is server.Metrics, of which tests read the gauges by their names.
type gauges map[string]func() float64

func (gauges) Request(*reqlog.Record, int, time.Duration) {}

func (gauges) Counter(string, string, func() float64) {}

func (g gauges) Gauge(name, _ string, read func() float64) { g[name] = read }

// Hashing is how many passwords the server hashes now.
func (r *Rig) Hashing() int { return int(r.gauges["password_hashes_in_progress"]()) }

// AwaitHash waits until a password is being hashed, as SlowHash's is for a while. hashing tells how many are.
func AwaitHash(t testing.TB, hashing func() int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); hashing() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no password is hashed")
		}
	}
}
