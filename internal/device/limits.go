package device

import (
	"context"
	"time"

	"latchkey.dev/internal/throttle"
)

// The limits. Somebody who mistypes a code now and then never meets them.
const (
	beginsPerAddress = 100 // devices that begin at one network address: an office has one for all
	triesPerAddress  = 30  // codes entered at one: a guess is right once in millions of these (RFC 8628 §5.1)
	triesPerCode     = 10  // a code that many people enter was sent to them by somebody else (RFC 8628 §5.4)
	window           = 15 * time.Minute
)

func beginLimit(ctx context.Context) throttle.Limit {
	return throttle.Limit{Name: "device begins", Whose: throttle.Address(ctx), Most: beginsPerAddress, Window: window}
}

func enterLimits(ctx context.Context, userCode string) []throttle.Limit {
	return []throttle.Limit{
		{Name: "device address", Whose: throttle.Address(ctx), Most: triesPerAddress, Window: window},
		{Name: "device code", Whose: userCode, Most: triesPerCode, Window: window},
	}
}
