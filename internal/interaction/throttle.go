package interaction

import (
	"context"
	"encoding/base64"
	"net/netip"
	"strconv"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
)

// limit bounds how often something is tried in a window. Windows do not slide: whoever is limited knows when it ends.
type limit struct {
	name   string // what is counted
	whose  string // an address, an e-mail, a device: kept as a keyed hash only
	most   int64
	window time.Duration
}

// The limits. A person who forgot which of a few passwords it was never meets them.
const (
	triesPerEmail   = 10  // sign-ins of one e-mail address from browsers that it never signed in with
	triesPerDevice  = 20  // sign-ins of one person with one known browser: a stranger cannot use these up
	triesPerAddress = 100 // sign-ins from one network address: an office has one for all
	triesWindow     = 15 * time.Minute

	mailsPerEmail   = 5 // mails that anybody can have sent to an address
	mailsPerAddress = 30
	mailsWindow     = time.Hour
)

func emailLimit(email string) limit { return limit{"sign-in email", email, triesPerEmail, triesWindow} }
func deviceLimit(device, userID string) limit {
	return limit{"sign-in device", device + " " + userID, triesPerDevice, triesWindow}
}
func addressLimit(address string) limit {
	return limit{"sign-in address", address, triesPerAddress, triesWindow}
}

func mailLimits(ctx context.Context, email string) []limit {
	return []limit{{"mail to", email, mailsPerEmail, mailsWindow}, {"mail from", addressOf(ctx), mailsPerAddress, mailsWindow}}
}

// spend counts one more try before it is judged, so that racing guesses cannot outnumber the limits. limited is when to try
// again; never means that it may go on.
func (h *Handler) spend(ctx context.Context, limits ...limit) (limited micros.Time, err error) {
	err = h.Store.InTx(ctx, func(tx *store.Tx) error {
		limited = 0
		for _, limit := range limits {
			if limit.whose == "" {
				continue
			}
			throttle, err := tx.CountThrottle(h.Issuer.Name, h.bucket(limit), limit.window)
			if err != nil {
				return err
			}
			if throttle.Count > limit.most {
				limited = max(limited, throttle.ExpiresAt)
			}
		}
		return nil
	})
	return limited, err
}

// bucket names a limit's row without telling whom it is about.
func (h *Handler) bucket(l limit) string {
	mac := h.Keyring.MAC("throttle", []byte(h.Issuer.Name), []byte(l.name), []byte(l.whose))
	return l.name + ":" + base64.RawURLEncoding.EncodeToString(mac[:16])
}

// addressOf is the request's network: an IPv6 customer holds a whole /64, so its addresses count as one.
func addressOf(ctx context.Context) string {
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

// retryAfter is the header for somebody who is limited, in whole seconds (RFC 9110 §10.2.3).
func retryAfter(limited, now micros.Time) string {
	return strconv.Itoa(max(1, int(limited.Sub(now)/time.Second)))
}
