// Package throttle bounds how often something is tried: counts in the database, which every node shares, under names that tell
// nobody whom they are about (RFC 6749 §10.10, RFC 8628 §5.1).
package throttle

import (
	"context"
	"encoding/base64"
	"net/netip"
	"strconv"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
)

// Limit bounds how often something is tried in a window. Windows do not slide: whoever is limited knows when it ends.
type Limit struct {
	Name   string // what is counted
	Whose  string // an address, an e-mail, a device: kept as a keyed hash only. Empty counts nothing
	Most   int64
	Window time.Duration
}

// Limiter counts for one issuer.
type Limiter struct {
	Issuer  string
	Store   *store.Store
	Keyring *seal.Keyring
}

// Spend counts one more try before it is judged, so that racing guesses cannot outnumber the limits. limited is when to try
// again; never means that it may go on.
func (l *Limiter) Spend(ctx context.Context, limits ...Limit) (limited micros.Time, err error) {
	err = l.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		limited, err = l.SpendIn(tx, limits...)
		return err
	})
	return limited, err
}

// SpendIn counts in a transaction that does more. What it counted goes with the transaction when that fails.
func (l *Limiter) SpendIn(tx *store.Tx, limits ...Limit) (limited micros.Time, err error) {
	for _, limit := range limits {
		if limit.Whose == "" {
			continue
		}
		counted, err := tx.CountThrottle(l.Issuer, l.bucket(limit), limit.Window)
		if err != nil {
			return 0, err
		}
		if counted.Count > limit.Most {
			limited = max(limited, counted.ExpiresAt)
		}
	}
	return limited, nil
}

// Clear forgets the tries of a limit.
func (l *Limiter) Clear(tx *store.Tx, limit Limit) error {
	return tx.ClearThrottle(l.Issuer, l.bucket(limit))
}

// bucket names a limit's row without telling whom it is about.
func (l *Limiter) bucket(limit Limit) string {
	mac := l.Keyring.MAC("throttle", []byte(l.Issuer), []byte(limit.Name), []byte(limit.Whose))
	return limit.Name + ":" + base64.RawURLEncoding.EncodeToString(mac[:16])
}

// Address is the network that a request came from: an IPv6 customer holds a whole /64, so its addresses count as one.
func Address(ctx context.Context) string {
	text := reqlog.From(ctx).Address
	address, err := netip.ParseAddr(text)
	if err != nil || address.Unmap().Is4() {
		return text
	}
	prefix, err := address.Prefix(64)
	if err != nil {
		return text
	}
	return prefix.Masked().String()
}

// RetryAfter is the header for somebody who is limited, in whole seconds (RFC 9110 §10.2.3).
func RetryAfter(limited, now micros.Time) string {
	return strconv.Itoa(int(Wait(limited, now) / time.Second))
}

// Wait is how long somebody who is limited has to wait, in whole seconds, rounded up: who comes back earlier is limited again.
func Wait(limited, now micros.Time) time.Duration {
	return max(time.Second, (limited.Sub(now) + time.Second - 1).Truncate(time.Second))
}
