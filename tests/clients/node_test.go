package clients

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"
)

// The two libraries that most Node applications use; the scripts beside this file hold the assertions.
func TestNode(t *testing.T) {
	if reason := noNode(); reason != "" {
		t.Skip("skipped openid-client and oauth4webapi: " + reason)
	}
	for _, script := range []string{"openid-client.mjs", "oauth4webapi.mjs"} {
		for _, fixture := range server.fixtures {
			t.Run(script+"/"+fixture.Name, func(t *testing.T) { runNode(t, script, fixture) })
		}
	}
}

func TestNodeRegistersItself(t *testing.T) {
	if reason := noNode(); reason != "" {
		t.Skip("skipped openid-client: " + reason)
	}
	runNode(t, "register.mjs", fixture{Issuer: server.issuer, Email: email, Password: password, RedirectURI: redirect, Scope: scope})
}

func noNode() string {
	if _, err := exec.LookPath("node"); err != nil {
		return "node is not installed"
	}
	if _, err := os.Stat("node_modules/openid-client"); err != nil {
		return "its packages are not: run tests/install"
	}
	return ""
}

func runNode(t *testing.T, script string, fixture fixture) {
	t.Helper()
	input, err := json.Marshal(fixture)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", script)
	node.Env = append(os.Environ(), "LATCHKEY_FIXTURE="+string(input), "NODE_EXTRA_CA_CERTS="+server.authorityFile)
	output, err := node.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, output)
	}
	t.Logf("%s", output)
}
