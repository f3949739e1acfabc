package issuer

import (
	"slices"
	"testing"
	"time"

	"latchkey.dev/internal/jwk"
)

// TestRFC9068_2_1_KeysForAccessTokens: access tokens may be signed with what no ID Token is.
func TestRFC9068_2_1_KeysForAccessTokens(t *testing.T) {
	i := &Issuer{IDTokenAlgs: []jwk.Alg{jwk.RS256}, AccessToken: TokenFormat{Kind: JWT, Alg: jwk.EdDSA}}
	if got := i.SigningAlgs(); !slices.Equal(got, []jwk.Alg{jwk.RS256, jwk.EdDSA}) {
		t.Errorf("keys for %v", got)
	}
	i.AccessToken.Kind = Opaque
	if got := i.SigningAlgs(); !slices.Equal(got, []jwk.Alg{jwk.RS256}) || len(i.IDTokenAlgs) != 1 {
		t.Errorf("keys for %v", got)
	}
}

func TestRetiredKeysOutliveTheirTokens(t *testing.T) {
	i := &Issuer{Lifetimes: Lifetimes{AccessToken: 30 * 24 * time.Hour}}
	if published, kept := i.PublishRetiredKeys(), i.KeepRetiredKeys(); published < i.Lifetimes.AccessToken || kept != published {
		t.Errorf("published for %v, kept for %v", published, kept)
	}
	i.Policy.RefreshByAccessToken, i.Lifetimes.RefreshToken = true, 90*24*time.Hour
	if published, kept := i.PublishRetiredKeys(), i.KeepRetiredKeys(); published != 60*24*time.Hour || kept != i.Lifetimes.RefreshToken {
		t.Errorf("an expired access token that proves a refresh: published for %v, kept for %v", published, kept)
	}
}
