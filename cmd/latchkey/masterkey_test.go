package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"latchkey.dev/internal/config"
)

// runAt runs a command at another time than now, and returns what it prints.
func (in *installed) runAt(now time.Time, args ...string) (out string, code int) {
	var printed bytes.Buffer
	p := &program{in: strings.NewReader(""), out: &printed, err: &printed, clock: func() time.Time { return now }, rand: rand.Reader, source: config.System()}
	code = p.run(context.Background(), append(args, "--config", filepath.Join(in.folder, "latchkey.yaml")))
	return printed.String(), code
}

// TestTheMasterKeyIsReplaced follows docs/guides/production.md, "Keys": a server works with the new key alone once the three things
// hold that the guide names, and not before.
func TestTheMasterKeyIsReplaced(t *testing.T) {
	in := install(t)
	written, err := os.ReadFile(filepath.Join(in.folder, "latchkey.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	in.write(t, "latchkey.yaml", strings.Replace(string(written), "    scopes:", "    id_token_algs: [ES256]\n    access_token: { format: jwt }\n    scopes:", 1))
	old, err := os.ReadFile(filepath.Join(in.folder, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	id, oldSecret := in.newClient(t)
	const day = 24 * time.Hour
	replaced := time.Now().Add(-3 * day)
	rotate := func(at time.Time, options ...string) {
		t.Helper()
		if out, code := in.runAt(at, append([]string{"key", "rotate"}, options...)...); code != exitOK {
			t.Fatalf("%d %s", code, out)
		}
	}
	rotate(replaced.Add(-day), "--now") // previous, current and next are all of the old master key

	fresh := string(in.run(t, "key", "generate-master"))
	both := fresh + string(old)
	in.write(t, "master.key", both)
	rotate(replaced)
	rotate(replaced.Add(day))
	in.write(t, "master.key", fresh)
	if out, code := in.runAt(replaced.Add(2*day), "key", "list"); code == exitOK || !strings.Contains(out, "sealed with another master key") {
		t.Errorf("after two rotations: %d %s", code, out)
	}
	in.write(t, "master.key", both)
	rotate(replaced.Add(2 * day))
	in.wantKeysSince(t, replaced)
	var added struct {
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(in.run(t, "client", "add-secret", id, "--rotate", "--json"), &added); err != nil {
		t.Fatal(err)
	}

	in.write(t, "master.key", fresh)
	in.serve(t)
	if err := in.token(http.DefaultClient, id, added.Secret); err != nil { // its secret is checked, and a JWT is signed
		t.Error(err)
	}
	if err := in.token(http.DefaultClient, id, oldSecret); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("the secret from before: %v", err)
	}
}

func (in *installed) wantKeysSince(t *testing.T, since time.Time) {
	t.Helper()
	var listed struct {
		Keys []keyView `json:"keys"`
	}
	if err := json.Unmarshal(in.run(t, "key", "list", "--json"), &listed); err != nil {
		t.Fatal(err)
	}
	for _, key := range listed.Keys {
		if created, err := time.Parse(time.RFC3339, key.CreatedAt); err != nil || created.Before(since.Truncate(time.Second)) {
			t.Errorf("%s is from %s", key.KID, key.CreatedAt)
		}
	}
	if len(listed.Keys) != 3 {
		t.Errorf("%d keys", len(listed.Keys))
	}
}

// TestAnotherMasterKeyIsRefused: with it every secret would look wrong and every token forged, and apps would act upon that.
func TestAnotherMasterKeyIsRefused(t *testing.T) {
	in := install(t)
	cmd, _ := in.serve(t) // its first start makes the signing keys
	if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	id, secret := in.newClient(t)
	before := in.run(t, "key", "list")
	old, err := os.ReadFile(filepath.Join(in.folder, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	fresh := string(in.run(t, "key", "generate-master"))
	in.write(t, "master.key", fresh)
	for _, args := range [][]string{
		{"serve"}, {"client", "create", "--name", "X", "--grant-type", "client_credentials"}, {"client", "add-secret", id, "--rotate"},
		{"key", "rotate", "--now"}, {"user", "create", "--email", "a@acme.example"},
	} {
		out, err := in.command(args...).CombinedOutput()
		var ended *exec.ExitError
		if !errors.As(err, &ended) || ended.ExitCode() != exitConfiguration || !bytes.Contains(out, []byte("put that one back, or below the new one")) {
			t.Errorf("latchkey %v: %v\n%s", args, err, out)
		}
	}

	in.write(t, "master.key", fresh+string(old))
	in.serve(t)
	if err := in.token(http.DefaultClient, id, secret); err != nil {
		t.Error(err)
	}
	if after := in.run(t, "key", "list"); !bytes.Equal(after, before) {
		t.Errorf("the refused commands changed the signing keys:\n%s\n%s", before, after)
	}
}
