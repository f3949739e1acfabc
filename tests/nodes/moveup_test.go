package nodes

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/store/pgtest"
)

// An installation moves from SQLite to PostgreSQL: whatever was issued before works after it, and what had ended stays so.
func TestMoveUpToPostgreSQL(t *testing.T) {
	postgres := pgtest.Empty(t)
	in := install(t, "sqlite:latchkey.db")
	in.start(1)
	c := newCrowd(t, in)
	living, ended, unused := mustTokens(t, c), mustTokens(t, c), mustCode(t, c)
	if said, err := in.nodes[0].ask(in.app, "/oauth/revoke", url.Values{"token": {ended.RefreshToken}}); err != nil || said.status != http.StatusOK {
		t.Fatal(said, err)
	}
	browser := c.person.Browser()
	if code, err := in.nodes[0].Terminate(10 * time.Second); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	out := in.latchkey("", "migrate", "copy", "--from", "sqlite:"+filepath.Join(in.folder, "latchkey.db"), "--to", postgres)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	fmt.Println("move up:", lines[len(lines)-3])
	file := filepath.Join(in.folder, "latchkey.db")
	if !strings.Contains(out, "move "+file+" away") || !strings.Contains(out, "`database`") {
		t.Errorf("what is left to do is not said:\n%s", out)
	}
	if err := os.Rename(file, file+".left"); err != nil {
		t.Fatal(err)
	}
	forgotten := exec.Command(binary, "client", "suspend", in.app.ID)
	forgotten.Dir = in.folder
	if said, err := forgotten.CombinedOutput(); err == nil || !strings.Contains(string(said), "migrate up") {
		t.Errorf("a command that still names the old file: %v, %s", err, said)
	}

	in.database, in.nodes = postgres, nil
	in.start(2)
	first, second := in.nodes[0], in.nodes[1]
	if said, err := first.introspect(in.api, living.AccessToken); err != nil || !said.Active {
		t.Errorf("an access token from before: %s, %v", said, err)
	}
	if said, err := second.userinfo(living.AccessToken); err != nil || said.status != http.StatusOK {
		t.Errorf("an access token from before, at UserInfo: %s, %v", said, err)
	}
	if said, err := second.refresh(in.app, living.RefreshToken); err != nil || said.status != http.StatusOK {
		t.Errorf("a refresh token from before: %s, %v", said, err)
	}
	if said, err := first.redeem(in.app, unused, c.verifier); err != nil || said.status != http.StatusOK {
		t.Errorf("a code from before: %s, %v", said, err)
	}
	if err := c.over(first, ended, "it was revoked before the move"); err != nil || c.obeyed.Load() > 0 {
		t.Errorf("%v, %v", err, c.examples)
	}
	visitor := second.visit()
	visitor.Use(browser)
	if page, err := visitor.Arrive(issuer + "/connected"); err != nil || page.Has("sign-in") || page.Status != http.StatusOK {
		t.Errorf("the person is not signed in any more: %v", err)
	}
}

func mustTokens(t *testing.T, c *crowd) answer {
	t.Helper()
	tokens, err := c.tokens()
	if err != nil || tokens.status != http.StatusOK {
		t.Fatal(tokens, err)
	}
	return tokens
}

func mustCode(t *testing.T, c *crowd) string {
	t.Helper()
	code, err := c.code()
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// A backup that is made while the server works is an installation that works.
func TestBackupIsAnInstallation(t *testing.T) {
	in := install(t, "sqlite:latchkey.db")
	in.start(1)
	c := newCrowd(t, in)
	tokens := mustTokens(t, c)
	in.latchkey("", "backup", "--to", "copy.db")
	in.database, in.nodes = "sqlite:copy.db", nil
	in.start(1)
	if said, err := in.nodes[0].refresh(in.app, tokens.RefreshToken); err != nil || said.status != http.StatusOK {
		t.Errorf("a refresh token from before: %s, %v", said, err)
	}
}
