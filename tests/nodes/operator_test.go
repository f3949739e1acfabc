package nodes

import (
	"net/http"
	"strings"
	"testing"
)

// What docs/guides/production.md, "When something happened", has an operator do: what an intruder's app got ends with it.
func TestAnOperatorEndsConnections(t *testing.T) {
	in := install(t, "sqlite:latchkey.db")
	in.start(1)
	c := newCrowd(t, in)
	for _, command := range [][]string{
		{"user", "disconnect", email, "--yes"}, {"user", "disconnect", email, "--client", in.app.ID, "--yes"}, {"client", "disconnect", in.app.ID, "--yes"},
	} {
		tokens := mustTokens(t, c)
		if out := in.latchkey("", "client", "connections", in.app.ID); !strings.Contains(out, email) || !strings.Contains(out, "orders:read") {
			t.Error(out)
		}
		in.latchkey("", command...)
		if err := c.over(in.nodes[0], tokens, "an operator ended the connection"); err != nil || c.obeyed.Load() > 0 {
			t.Errorf("%v: %v, %v", command, err, c.examples)
		}
		if said, err := in.nodes[0].refresh(in.app, tokens.RefreshToken); err != nil || said.Error != "invalid_grant" {
			t.Errorf("%v: %s, %v", command, said, err)
		}
	}
	if out := in.latchkey("", "event", "list", "--client", in.app.ID, "--type", "grant.revoked"); strings.Count(out, "reason=operator") != 3 {
		t.Error(out)
	}
	if again := mustTokens(t, c); again.status != http.StatusOK { // the person may connect the app again
		t.Error(again)
	}

	tokens, code := mustTokens(t, c), mustCode(t, c)
	if out := in.latchkey("", "user", "export", email); !strings.Contains(out, in.app.ID) {
		t.Error(out)
	}
	in.latchkey("", "user", "delete", email, "--yes")
	if err := c.over(in.nodes[0], tokens, "the person was forgotten"); err != nil || c.obeyed.Load()+c.troubles.Load() > 0 {
		t.Errorf("%v, %v", err, c.examples)
	}
	if said, err := in.nodes[0].redeem(in.app, code, c.verifier); err != nil || said.Error != "invalid_grant" {
		t.Errorf("a code of a person who was forgotten: %s, %v", said, err)
	}
	if page, err := c.person.Arrive(issuer + "/connected"); err != nil || !page.Has("sign-in") {
		t.Errorf("the person is still signed in: %v", err)
	}
}
