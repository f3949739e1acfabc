package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"latchkey.dev/tests/person"
)

// guide is a document whose blocks of code are followed one after another.
type guide struct {
	*testing.T

	text string
	in   *installed
	env  map[string]string
}

var fence = regexp.MustCompile("(?s)\n```[a-z]*\n(.*?)```")

// block is the block of code that begins with, or holds, some words.
func (g *guide) block(words string) string {
	g.Helper()
	for _, match := range fence.FindAllStringSubmatch(g.text, -1) {
		if strings.Contains(match[1], words) {
			return match[1]
		}
	}
	g.Fatalf("the guide has no block with %q", words)
	return ""
}

// shell runs the command lines of a block: `latchkey …`, perhaps after `printf '%s\n' "$NAME" |`. It returns what the last one printed.
func (g *guide) shell(words string) (output string, code int) {
	g.Helper()
	for line := range strings.SplitSeq(strings.ReplaceAll(g.block(words), "\\\n", " "), "\n") {
		typed, line := splitPipe(line)
		if !strings.HasPrefix(line, "latchkey ") || strings.HasPrefix(line, "latchkey serve") {
			continue
		}
		var args []string
		for _, word := range oneWord.FindAllString(strings.TrimPrefix(line, "latchkey "), -1) {
			args = append(args, strings.Trim(word, `"`))
		}
		cmd := g.in.command(args...)
		var out bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(g.env[typed]+"\n"), &out, &out
		code = 0
		if failed, ok := cmd.Run().(*exec.ExitError); ok { //nolint:errorlint // as exec documents it
			code = failed.ExitCode()
		}
		output = out.String()
	}
	return output, code
}

var piped = regexp.MustCompile(`^printf '%s\\n' "\$([A-Z_]+)" \| (.*)$`)

func splitPipe(line string) (typed, command string) {
	if match := piped.FindStringSubmatch(line); match != nil {
		return match[1], match[2]
	}
	return "", line
}

// towards brings a browser that believes in the new names to the server's address.
type towards struct{ address string }

func (t towards) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := r.Clone(r.Context())
	sent.Host, sent.URL.Scheme, sent.URL.Host = r.URL.Host, "http", t.address
	response, err := http.DefaultTransport.RoundTrip(sent)
	if err == nil {
		response.Request = r
	}
	return response, err
}

// TestGuideReplacesAnOAuthServer follows docs/guides/replace-your-oauth-server.md word for word.
func TestGuideReplacesAnOAuthServer(t *testing.T) {
	text, err := os.ReadFile("../../docs/guides/replace-your-oauth-server.md")
	if err != nil {
		t.Fatal(err)
	}
	g := &guide{T: t, text: string(text), in: &installed{folder: t.TempDir(), listen: freeAddress(t), admin: freeAddress(t)}, env: map[string]string{
		"OLD_SECRET": "k7-3f9d1c0b5a8e42d6", "PASSWORD": "purple envelope seven",
	}}
	recording, err := os.ReadFile("testdata/guide/petal.har")
	if err != nil {
		t.Fatal(err)
	}
	g.in.write(t, "petal.har", string(recording))
	g.text = strings.ReplaceAll(g.text, "http://127.0.0.1:8080", "http://"+g.in.listen)
	dialect := g.block("# petal.yaml")

	// 2 and 3: the file is right, and a slip is told as the guide shows it.
	g.in.write(t, "petal.yaml", strings.Replace(dialect, "code: .ticket}", "codes: .ticket}", 1))
	if out, code := g.shell("dialect check"); code != exitConfiguration || !strings.Contains(out, strings.TrimSpace(g.block("codes is not a member"))) {
		t.Errorf("%d %s", code, out)
	}
	g.in.write(t, "petal.yaml", dialect)
	if out, code := g.shell("dialect check"); code != exitOK {
		t.Errorf("%d %s", code, out)
	}

	// 4 and 5: configuration, and the apps.
	g.in.write(t, "latchkey.yaml", fmt.Sprintf(`
listen: %s
admin: { listen: "%s" }
database: sqlite:latchkey.db
master_key_file: master.key
mail: { host: 127.0.0.1, port: 2525, security: none, from: no-reply@petal.example }
log: { level: warn }
`, g.in.listen, g.in.admin)+g.block("dialect: ./petal.yaml"))
	g.in.write(t, "master.key", string(g.in.run(t, "key", "generate-master")))
	if out, code := g.shell("latchkey client create"); code != exitOK {
		t.Fatalf("%d %s", code, out)
	}
	stop := g.serve()

	// 6: one answer differs, as the guide shows it; with the new error mapping none does.
	g.freshTicket()
	out, code := g.shell("dialect replay")
	if want := strings.TrimSpace(g.block("skip  GET /link")); code != exitFailure || !strings.HasPrefix(out, want) {
		t.Errorf("%d %s\nwant %s", code, out, want)
	}
	before, after, _ := strings.Cut(dialect, "errors:\n")
	_, after, _ = strings.Cut(after, "\n\n")
	g.in.write(t, "petal.yaml", before+g.block("ticket_gone\" else")+"\n"+after)
	stop()
	g.serve()
	g.freshTicket()
	if out, code := g.shell("dialect replay"); code != exitOK || strings.Contains(out, "DIFF") || strings.Count(out, "same  ") != 5 {
		t.Errorf("%d %s", code, out)
	}
}

func (g *guide) serve() (stop func()) {
	g.Helper()
	cmd, _ := g.in.serve(g.T)
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// freshTicket connects the app by hand.
func (g *guide) freshTicket() {
	g.Helper()
	const back = "https://bloom.example/back"
	noura := person.New(towards{g.in.listen}, "noura@petal.example", g.env["PASSWORD"])
	at, err := noura.Allow("https://connect.petal.example/link?app=bloom-7&back="+back+"&rights=orders,stock&check=c41f", back)
	if err != nil {
		g.Fatal(err)
	}
	if at.Query().Get("check") != "c41f" || at.Query().Get("ticket") == "" {
		g.Fatalf("back at %s", at)
	}
	g.in.write(g.T, "fresh.txt", "# the recorded ticket, and one of today\nT-2f6a91c4d8e07b35="+at.Query().Get("ticket")+"\n")
}
