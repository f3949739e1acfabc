package nodes

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey.dev/internal/store/pgtest"
	"latchkey.dev/tests/person"
)

// crowd is what the rounds need, and what they found.
type crowd struct {
	*installation

	person   *person.Person
	verifier string
	requests atomic.Int64
	troubles atomic.Int64 // answers of 5xx
	doubled  atomic.Int64 // spent twice
	obeyed   atomic.Int64 // obeyed after an acknowledged revocation
	refused  atomic.Int64 // refused although it was good
	mu       sync.Mutex
	examples []string
}

func newCrowd(t *testing.T, in *installation) *crowd {
	t.Helper()
	var secret [32]byte
	_, _ = rand.Read(secret[:])
	c := &crowd{installation: in, verifier: base64.RawURLEncoding.EncodeToString(secret[:])}
	c.person = in.nodes[0].visit()
	if _, err := c.person.Allow(c.authorization(), redirect); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *crowd) authorization() string {
	challenge := sha256.Sum256([]byte(c.verifier))
	return issuer + "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {c.app.ID}, "redirect_uri": {redirect}, "scope": {"openid offline_access orders:read"}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode()
}

// code asks for one as a browser does in which consent is remembered.
func (c *crowd) code() (string, error) {
	c.requests.Add(1)
	callback, err := c.person.Allow(c.authorization(), redirect)
	if err != nil {
		return "", err
	}
	if callback.Query().Get("code") == "" {
		return "", fmt.Errorf("came back with %s", callback.RawQuery)
	}
	return callback.Query().Get("code"), nil
}

// tokens are those of a fresh authorization.
func (c *crowd) tokens() (answer, error) {
	code, err := c.code()
	if err != nil {
		return answer{}, err
	}
	return c.heard(c.nodes[0].redeem(c.app, code, c.verifier))
}

// heard counts an answer.
func (c *crowd) heard(said answer, err error) (answer, error) {
	c.requests.Add(1)
	if err == nil && said.status >= http.StatusInternalServerError {
		c.broke(&c.troubles, "answered %s", said)
	}
	return said, err
}

func (c *crowd) broke(how *atomic.Int64, format string, arguments ...any) {
	how.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.examples) < 10 {
		c.examples = append(c.examples, fmt.Sprintf(format, arguments...))
	}
}

// everywhere does the same at all nodes at once.
func (c *crowd) everywhere(do func(*node) (answer, error)) ([]answer, error) {
	said, errs := make([]answer, len(c.nodes)), make([]error, len(c.nodes))
	start := make(chan struct{})
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() {
			<-start
			said[i], errs[i] = c.heard(do(n))
		})
	}
	close(start)
	all.Wait()
	return said, errors.Join(errs...)
}

// sameCode: one of them buys, and its tokens end because the code came again (RFC 6749 §4.1.2).
func (c *crowd) sameCode() error {
	code, err := c.code()
	if err != nil {
		return err
	}
	all, err := c.everywhere(func(n *node) (answer, error) { return n.redeem(c.app, code, c.verifier) })
	if err != nil {
		return err
	}
	var bought []answer
	for _, said := range all {
		switch {
		case said.status == http.StatusOK:
			bought = append(bought, said)
		case said.Error != "invalid_grant":
			c.broke(&c.refused, "a code that was used: %s", said)
		}
	}
	switch len(bought) {
	case 0:
		c.broke(&c.refused, "nobody could use a code: %v", all)
	case 1:
		return c.ended(bought[0], "its code came again")
	default:
		c.broke(&c.doubled, "a code was used %d times", len(bought))
	}
	return nil
}

// ended looks at all nodes at once whether anything of an authorization still works.
func (c *crowd) ended(tokens answer, why string) error {
	_, err := c.everywhere(func(n *node) (answer, error) { return answer{status: http.StatusOK}, c.over(n, tokens, why) })
	return err
}

// over asks one node everything that an access token and a refresh token are good for.
func (c *crowd) over(n *node, tokens answer, why string) error {
	active, err := c.heard(n.introspect(c.api, tokens.AccessToken))
	if err != nil {
		return err
	}
	about, err := c.heard(n.userinfo(tokens.AccessToken))
	if err != nil {
		return err
	}
	refreshed, err := c.heard(n.refresh(c.app, tokens.RefreshToken))
	if err != nil {
		return err
	}
	if active.Active || about.status == http.StatusOK || refreshed.status == http.StatusOK {
		c.broke(&c.obeyed, "%s, and introspection says %t, userinfo %s, refresh %s", why, active.Active, about, refreshed)
	}
	return nil
}

// sameRefreshToken: all get the same successor (OAuth 2.1 §4.3.1, within the time in which an answer may have been lost).
func (c *crowd) sameRefreshToken() error {
	tokens, err := c.tokens()
	if err != nil {
		return err
	}
	all, err := c.everywhere(func(n *node) (answer, error) { return n.refresh(c.app, tokens.RefreshToken) })
	if err != nil {
		return err
	}
	for _, said := range all {
		switch {
		case said.status != http.StatusOK:
			c.broke(&c.refused, "a refresh token that was good: %s", said)
		case said.RefreshToken != all[0].RefreshToken:
			c.broke(&c.doubled, "a refresh token has several successors")
		}
	}
	next, err := c.heard(c.nodes[1].refresh(c.app, all[0].RefreshToken))
	if err == nil && next.status != http.StatusOK {
		c.broke(&c.refused, "the successor: %s", next)
	}
	return err
}

// sameRevocation: whoever was told that it is done finds it done at another node, at once.
func (c *crowd) sameRevocation() error {
	tokens, err := c.tokens()
	if err != nil {
		return err
	}
	others := map[*node]*node{}
	for i, n := range c.nodes {
		others[n] = c.nodes[(i+1)%len(c.nodes)]
	}
	_, err = c.everywhere(func(n *node) (answer, error) {
		said, err := c.heard(n.ask(c.app, "/oauth/revoke", url.Values{"token": {tokens.RefreshToken}}))
		if err != nil || said.status != http.StatusOK {
			return said, errors.Join(err, fmt.Errorf("revocation answered %s", said))
		}
		return said, c.over(others[n], tokens, "its revocation was acknowledged by another node")
	})
	return err
}

// Whatever is sent to all nodes at once happens once, and a revocation holds everywhere.
func TestNodes(t *testing.T) {
	in := install(t, pgtest.New(t))
	in.start(3)
	c := newCrowd(t, in)
	began := time.Now()
	for round := range *rounds {
		var err error
		switch round % 3 {
		case 0:
			err = c.sameCode()
		case 1:
			err = c.sameRefreshToken()
		default:
			err = c.sameRevocation()
		}
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	fmt.Printf("nodes: nodes=%d rounds=%d requests=%d doubled=%d 5xx=%d obeyed_after_revocation=%d refused_though_good=%d seconds=%.0f\n",
		len(in.nodes), *rounds, c.requests.Load(), c.doubled.Load(), c.troubles.Load(), c.obeyed.Load(), c.refused.Load(), time.Since(began).Seconds())
	for _, example := range c.examples {
		t.Error(example)
	}
}

// An app that a command suspends is refused by every node at once, because PostgreSQL tells them; without that, what they remember of it
// would be up to a second old. The machine may stall once, so the usual of three times counts.
func TestNodesHearOfASuspendedApp(t *testing.T) {
	in := install(t, pgtest.New(t))
	in.start(3)
	c := newCrowd(t, in)
	took := []time.Duration{c.suspended(), c.suspended(), c.suspended()}
	slices.Sort(took)
	fmt.Printf("nodes: a suspended app is refused by all of %d nodes %.1f ms after the command ended\n", len(in.nodes), float64(took[1].Microseconds())/1000)
	if took[1] > 500*time.Millisecond {
		t.Errorf("the nodes hear of it late: %v", took)
	}
}

// suspended suspends the app until every node refuses it, and returns how long that took once the command had ended.
func (c *crowd) suspended() time.Duration {
	c.t.Helper()
	tokens, err := c.tokens()
	if err != nil || tokens.status != http.StatusOK {
		c.t.Fatal(tokens, err)
	}
	c.everyNode(tokens, true) // and knows the app by heart
	c.latchkey("", "client", "suspend", c.app.ID)
	acknowledged := time.Now()
	c.everyNode(tokens, false)
	took := time.Since(acknowledged)
	c.latchkey("", "client", "resume", c.app.ID)
	c.everyNode(tokens, true)
	return took
}

// everyNode asks each node until it serves the app, or refuses it.
func (c *crowd) everyNode(tokens answer, serves bool) {
	c.t.Helper()
	for i, n := range c.nodes {
		for began := time.Now(); ; {
			said, err := n.refresh(c.app, tokens.RefreshToken)
			if err != nil {
				c.t.Fatal(err)
			}
			if (said.status == http.StatusOK) == serves {
				break
			}
			if time.Since(began) > 5*time.Second {
				c.t.Fatalf("node %d serves the app: want %t; it says %s", i, serves, said)
			}
		}
	}
}
