package bearer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

// introspection is RFC 7662 §2.2.
type introspection struct {
	Active    bool   `json:"active"`
	TokenType string `json:"token_type"`
	claims
}

// introspect asks the authorization server about the token, or remembers what it said if the configuration allows that.
func (g *Guard) introspect(ctx context.Context, raw string) (*Token, error) {
	now := g.cfg.Now()
	if token := g.answers.get(raw, now); token != nil {
		return token, nil
	}
	body, err := g.askAbout(ctx, raw)
	if err != nil {
		return nil, err
	}
	token, err := g.readAnswer(body, now)
	if err != nil {
		return nil, err
	}
	g.answers.put(raw, token, now.Add(g.cfg.IntrospectionAge))
	return token, nil
}

func (g *Guard) askAbout(ctx context.Context, raw string) ([]byte, error) {
	metadata, err := g.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	address, err := metadata.introspectionURL()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	form := url.Values{"token": {raw}, "token_type_hint": {"access_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("bearer: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
	req.SetBasicAuth(url.QueryEscape(g.cfg.ClientID), url.QueryEscape(g.cfg.ClientSecret))
	return g.do(req)
}

// readAnswer trusts the authorization server's word that the token is active, and still checks that it is an access
// token, and for this API (RFC 7662 §4).
func (g *Guard) readAnswer(body []byte, now time.Time) (*Token, error) {
	var answer introspection
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, errors.New("bearer: the introspection answer is not the JSON expected")
	}
	switch {
	case !answer.Active:
		return nil, invalidToken("The access token is not active: it has expired, was revoked, or was never issued here.")
	case !strings.EqualFold(answer.TokenType, "Bearer"):
		// A refresh token is active too. Only token_type tells the two apart, so its absence is refused as well.
		return nil, invalidToken("This is not a bearer access token.")
	case answer.Issuer != "" && answer.Issuer != g.cfg.Issuer:
		return nil, invalidToken("The access token is from another issuer.")
	case !slices.Contains(answer.Audience, g.cfg.Audience):
		return nil, invalidToken("The access token is meant for another audience than this API.")
	}
	if err := answer.checkTimes(now, g.cfg.Leeway); err != nil {
		return nil, err
	}
	if err := answer.checkBinding(); err != nil {
		return nil, err
	}
	answer.Issuer = g.cfg.Issuer
	return answer.token(body), nil
}

// answerCache remembers positive answers, by the token's hash so that a memory dump holds no token. When it is full
// the oldest makes room. Negative answers are not kept: made-up tokens could push out the good ones.
type answerCache struct {
	mu      sync.Mutex
	entries map[[sha256.Size]byte]cachedAnswer
	order   [][sha256.Size]byte // a ring once full; next is the oldest
	next    int
	limit   int
}

type cachedAnswer struct {
	token *Token
	until time.Time
}

func newAnswerCache(limit int) *answerCache {
	return &answerCache{entries: make(map[[sha256.Size]byte]cachedAnswer), limit: limit}
}

// get returns nil for a token not remembered, and always from a nil cache.
func (c *answerCache) get(raw string, now time.Time) *Token {
	if c == nil {
		return nil
	}
	key := sha256.Sum256([]byte(raw))
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.entries[key]
	if !ok || !now.Before(entry.until) {
		return nil
	}
	return entry.token
}

func (c *answerCache) put(raw string, token *Token, until time.Time) {
	if c == nil {
		return
	}
	if !token.Expiry.IsZero() && token.Expiry.Before(until) {
		until = token.Expiry
	}
	key := sha256.Sum256([]byte(raw))
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[key]; !ok {
		c.makeRoom(key)
	}
	c.entries[key] = cachedAnswer{token, until}
}

func (c *answerCache) makeRoom(key [sha256.Size]byte) {
	if len(c.order) < c.limit {
		c.order = append(c.order, key)
		return
	}
	delete(c.entries, c.order[c.next])
	c.order[c.next] = key
	c.next = (c.next + 1) % c.limit
}
