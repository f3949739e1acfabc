package bearer

import (
	"context"
	stdjson "encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json" // Case-sensitive and refuses duplicate members, unlike encoding/json.
)

// Token is an access token that was found good. Requests may share one, so it is not to be changed.
type Token struct {
	Issuer   string
	Subject  string // for whom: a user, or the client itself with client credentials
	ClientID string // which app
	Audience []string
	Scopes   []string
	ID       string    // jti; empty if the server gives none
	IssuedAt time.Time // zero if unknown
	Expiry   time.Time // zero if unknown, which only introspection allows

	claims []byte
}

// HasScope reports whether the token carries the scope.
func (t *Token) HasScope(scope string) bool { return slices.Contains(t.Scopes, scope) }

// Claims decodes everything the authorization server said of the token into v, as [encoding/json] would.
func (t *Token) Claims(v any) error { return stdjson.Unmarshal(t.claims, v) }

type contextKey struct{}

func withToken(ctx context.Context, t *Token) context.Context {
	return context.WithValue(ctx, contextKey{}, t)
}

// FromContext returns the token of a request that passed [Guard.Require], and nil for any other: a handler that was
// mounted without its guard then fails at once instead of serving an empty subject.
func FromContext(ctx context.Context) *Token {
	token, _ := ctx.Value(contextKey{}).(*Token)
	return token
}

// claims are those that both a JWT (RFC 9068 §2.2) and an introspection answer (RFC 7662 §2.2) use.
type claims struct {
	Issuer    string      `json:"iss"`
	Subject   string      `json:"sub"`
	Audience  audience    `json:"aud"`
	Expiry    numericDate `json:"exp"`
	NotBefore numericDate `json:"nbf"`
	IssuedAt  numericDate `json:"iat"`
	ID        string      `json:"jti"`
	ClientID  string      `json:"client_id"`
	Scope     string      `json:"scope"`

	// Confirmation binds the token to a key (RFC 7800 §3.1). A bearer request proves no key.
	Confirmation json.RawMessage `json:"cnf"`
}

func (c claims) token(raw []byte) *Token {
	return &Token{
		Issuer:   c.Issuer,
		Subject:  c.Subject,
		ClientID: c.ClientID,
		Audience: c.Audience,
		Scopes:   strings.Fields(c.Scope),
		ID:       c.ID,
		IssuedAt: c.IssuedAt.time(),
		Expiry:   c.Expiry.time(),
		claims:   raw,
	}
}

// checkTimes holds exp and nbf to RFC 7519 §4.1.4 and §4.1.5, each with the leeway both allow.
func (c claims) checkTimes(now time.Time, leeway time.Duration) error {
	if c.Expiry != 0 && !now.Add(-leeway).Before(c.Expiry.time()) {
		return invalidToken("The access token has expired. Refresh it, or ask the user to connect again.")
	}
	if c.NotBefore != 0 && now.Add(leeway).Before(c.NotBefore.time()) {
		return invalidToken("The access token is not valid yet.")
	}
	return nil
}

// checkBinding refuses a stolen sender-constrained token that is presented as a plain bearer token (RFC 9449 §7.2).
func (c claims) checkBinding() error {
	if len(c.Confirmation) == 0 || string(c.Confirmation) == "null" {
		return nil
	}
	return invalidToken("The access token is bound to a key, and this API takes only plain bearer tokens.")
}

// audience is one string or several (RFC 7519 §4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = audience{one}
		return nil
	}
	var several []string
	if err := json.Unmarshal(data, &several); err != nil {
		return err
	}
	*a = several
	return nil
}

// numericDate is seconds since 1970, with or without a fraction (RFC 7519 §2).
type numericDate float64

// maxDate is the year 9999: past it, seconds no longer fit what time.Time can print.
const maxDate = 253402300799

func (d numericDate) time() time.Time {
	switch {
	case d == 0:
		return time.Time{}
	case d < 0:
		return time.Unix(0, 0)
	case d > maxDate:
		return time.Unix(maxDate, 0)
	}
	return time.Unix(int64(d), 0)
}
