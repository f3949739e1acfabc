package authorize

import (
	"context"
	"slices"
	"unicode/utf8"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/wire"
)

// Bounds of what a client has carried for it, in bytes.
const (
	longestState = 2 << 10
	longestNonce = 512
)

// checkRepeated refuses what came twice. Of two states neither goes back: which one the app would know again is anyone's guess.
func (h *Handler) checkRepeated(_ context.Context, p *proven) error {
	if len(p.request.Repeated) == 0 {
		return nil
	}
	if slices.Contains(p.request.Repeated, "state") {
		p.to = p.to.Carrying("", h.Issuer.URL)
	}
	return wire.RepeatedParameter(p.request.Repeated[0])
}

// checkState bounds it. A state that is too long does not go back either: the browser's address would be too long with it.
func (h *Handler) checkState(_ context.Context, p *proven) error {
	if len(p.request.State) > longestState {
		p.to = p.to.Carrying("", h.Issuer.URL)
		return oauth.InvalidRequest("state is longer than %d bytes; keep it on your side and send a reference", longestState)
	}
	least := h.Issuer.Policy.MinState
	if least > 0 && p.request.State == "" {
		return oauth.InvalidRequest("state is missing; send a random one, so that your app knows its own answers").With(oauth.ReasonStateTooShort)
	}
	if utf8.RuneCountInString(p.request.State) < least {
		return oauth.InvalidRequest("state must have at least %d characters, random ones, so that your app knows its own answers", least).
			With(oauth.ReasonStateTooShort)
	}
	return nil
}

// checkNonce bounds it; it goes into the ID Token as it is.
func (h *Handler) checkNonce(_ context.Context, p *proven) error {
	if len(p.request.Nonce) > longestNonce {
		return oauth.InvalidRequest("nonce is longer than %d bytes", longestNonce)
	}
	p.checked.Nonce = p.request.Nonce
	return nil
}
