package authorize

import (
	"context"

	"latchkey.dev/internal/oauth"
)

// checkPKCE demands a challenge of everybody but a confidential client that registered without, where the issuer allows that
// (OAuth 2.1 §4.1.1, §7.5.1). One that is sent is always checked.
func (h *Handler) checkPKCE(_ context.Context, p *proven) error {
	challenge, method := p.request.CodeChallenge, p.request.CodeChallengeMethod
	if challenge == "" && method == "" && !p.client.Public() && p.client.Metadata.PKCEOptional && h.Issuer.PKCEOptional {
		return nil
	}
	if err := oauth.CheckChallenge(challenge, method); err != nil {
		return err
	}
	p.checked.CodeChallenge = challenge
	return nil
}
