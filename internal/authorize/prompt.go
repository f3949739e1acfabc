package authorize

import (
	"context"
	"math"
	"strconv"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
)

func (h *Handler) checkPrompt(_ context.Context, p *proven) (err error) {
	p.checked.Prompt, err = oidc.ParsePrompt(p.request.Prompt)
	return err
}

// checkMaxAge reads max_age, or takes the app's default_max_age (OpenID Connect Dynamic Client Registration §2).
func (h *Handler) checkMaxAge(_ context.Context, p *proven) error {
	if p.request.MaxAge == "" {
		if age := p.client.Metadata.DefaultMaxAge; age != nil {
			p.checked.MaxAge = bounded(uint64(*age))
		}
		return nil
	}
	age, err := strconv.ParseUint(p.request.MaxAge, 10, 63)
	if err != nil {
		return oauth.InvalidRequest("max_age must be a number of seconds, 0 or more")
	}
	p.checked.MaxAge = bounded(age)
	return nil
}

// bounded keeps an age to 68 years, which is never reached: a time much further back does not fit what we reckon with.
func bounded(age uint64) *int64 {
	seconds := int64(min(age, math.MaxInt32))
	return &seconds
}
