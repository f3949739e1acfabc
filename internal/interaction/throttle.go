package interaction

import (
	"context"
	"time"

	"latchkey.dev/internal/throttle"
)

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

// SignInLimit counts the sign-ins of an address from browsers that it never signed in with. Whoever gives it a new password clears it:
// guesses at the old one count no longer.
func SignInLimit(email string) throttle.Limit {
	return throttle.Limit{Name: "sign-in email", Whose: email, Most: triesPerEmail, Window: triesWindow}
}

func deviceLimit(device, userID string) throttle.Limit {
	return throttle.Limit{Name: "sign-in device", Whose: device + " " + userID, Most: triesPerDevice, Window: triesWindow}
}

func addressLimit(ctx context.Context) throttle.Limit {
	return throttle.Limit{Name: "sign-in address", Whose: throttle.Address(ctx), Most: triesPerAddress, Window: triesWindow}
}

func mailLimits(ctx context.Context, email string) []throttle.Limit {
	return []throttle.Limit{
		{Name: "mail to", Whose: email, Most: mailsPerEmail, Window: mailsWindow},
		{Name: "mail from", Whose: throttle.Address(ctx), Most: mailsPerAddress, Window: mailsWindow},
	}
}
