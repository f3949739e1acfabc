package nodes

import (
	"net/http"
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
		in.latchkey("", command...)
		if err := c.over(in.nodes[0], tokens, "an operator ended the connection"); err != nil || c.obeyed.Load() > 0 {
			t.Errorf("%v: %v, %v", command, err, c.examples)
		}
		if said, err := in.nodes[0].refresh(in.app, tokens.RefreshToken); err != nil || said.Error != "invalid_grant" {
			t.Errorf("%v: %s, %v", command, said, err)
		}
	}
	if again := mustTokens(t, c); again.status != http.StatusOK { // the person may connect the app again
		t.Error(again)
	}
}
