package nodes

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"latchkey.dev/internal/store/pgtest"
)

// TestTheMasterKeyIsReplacedAtSeveralNodes follows docs/guides/production.md, "Keys": in two rounds no node refuses what another made, at
// no moment; in one, a node that is not restarted yet calls good tokens inactive.
func TestTheMasterKeyIsReplacedAtSeveralNodes(t *testing.T) {
	in := install(t, pgtest.Empty(t))
	written, err := os.ReadFile(filepath.Join(in.folder, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	old, fresh := string(written), in.latchkey("", "key", "generate-master")
	in.start(2)
	c := newCrowd(t, in)
	tokens := c.passAround(mustTokens(t, c))
	for _, round := range []string{old + fresh, fresh + old} {
		in.write("master.key", round)
		for _, n := range in.nodes {
			in.restart(n)
			tokens = c.passAround(tokens)
		}
	}

	in.write("master.key", old)
	in.restart(in.nodes...)
	tokens = mustTokens(t, c)
	in.write("master.key", fresh+old)
	in.restart(in.nodes[0])
	if tokens, err = in.nodes[0].refresh(in.app, tokens.RefreshToken); err != nil || tokens.status != http.StatusOK {
		t.Fatal(tokens, err)
	}
	if said, err := in.nodes[1].introspect(in.api, tokens.AccessToken); err != nil || said.Active {
		t.Errorf("in one round nothing is refused (%s, %v): the guide need not ask for two", said, err)
	}
}

// passAround refreshes at each node what another made, and has every node look at what that gave.
func (c *crowd) passAround(tokens answer) answer {
	c.t.Helper()
	for range 2 {
		for _, n := range c.nodes {
			next, err := n.refresh(c.app, tokens.RefreshToken)
			if err != nil || next.status != http.StatusOK {
				c.t.Fatalf("node %d refuses a refresh token: %s, %v", n.number, next, err)
			}
			tokens = next
			for _, n := range c.nodes {
				if said, err := n.introspect(c.api, tokens.AccessToken); err != nil || !said.Active {
					c.t.Fatalf("node %d refuses an access token: %s, %v", n.number, said, err)
				}
			}
		}
	}
	return tokens
}
