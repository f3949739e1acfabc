package issuer

import (
	"slices"
	"time"

	"latchkey.dev/internal/jwk"
)

// SigningAlgs are the algorithms that the issuer signs anything with, so that it needs keys for them.
func (i *Issuer) SigningAlgs() []jwk.Alg {
	algs := slices.Clone(i.IDTokenAlgs)
	if i.AccessToken.Kind == JWT && !slices.Contains(algs, i.AccessToken.Alg) {
		algs = append(algs, i.AccessToken.Alg)
	}
	return algs
}

// PublishRetiredKeys is how long a retired key must stay published: it outlives every token that it signed.
func (i *Issuer) PublishRetiredKeys() time.Duration {
	return max(24*time.Hour, 2*i.Lifetimes.AccessToken, 2*i.Lifetimes.IDToken)
}

// KeepRetiredKeys is how long the issuer itself must be able to read what a retired key signed: where an expired access token proves a
// refresh, for as long as the refresh token beside it can lie unused.
func (i *Issuer) KeepRetiredKeys() time.Duration {
	if !i.Policy.RefreshByAccessToken {
		return i.PublishRetiredKeys()
	}
	return max(i.PublishRetiredKeys(), i.Lifetimes.RefreshToken)
}
