package issuer

import (
	"testing"

	"latchkey.dev/internal/oauth"
)

func TestOIDCCore_11_WhoGetsARefreshToken(t *testing.T) {
	usual := []oauth.GrantType{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}
	for _, c := range []struct {
		name   string
		policy Policy
		scopes oauth.ScopeSet
		grants []oauth.GrantType
		want   bool
	}{
		{"who asks for offline_access", Policy{}, oauth.ScopeSet{"orders.read", "offline_access"}, usual, true},
		{"who does not", Policy{}, oauth.ScopeSet{"orders.read"}, usual, false},
		{"who did not register the grant type", Policy{}, oauth.ScopeSet{"offline_access"}, usual[:1], false},
		{"everybody, where it is always given", Policy{RefreshAlways: true}, oauth.ScopeSet{"orders.read"}, usual, true},
		{"but not without the grant type", Policy{RefreshAlways: true}, oauth.ScopeSet{"orders.read"}, usual[:1], false},
		{"nobody, where tokens are for one use", Policy{RefreshAlways: true, SingleUseTokens: true}, oauth.ScopeSet{"offline_access"}, usual, false},
	} {
		if got := c.policy.Refreshes(c.scopes, c.grants); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
