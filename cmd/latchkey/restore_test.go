package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// wantUsers tells whose accounts a command sees.
func (in *installed) wantUsers(t *testing.T, want ...string) {
	t.Helper()
	out := string(in.run(t, "user", "list"))
	for _, email := range want {
		if !strings.Contains(out, email) {
			t.Errorf("%s is not there:\n%s", email, out)
		}
	}
	if strings.Count(out, "@") != len(want) {
		t.Errorf("not only %q:\n%s", want, out)
	}
}

func (in *installed) addUser(t *testing.T, email string) {
	t.Helper()
	cmd := in.command("user", "create", "--email", email, "--name", "A person")
	cmd.Stdin = strings.NewReader("a long passphrase\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// killedAfterABackup is an installation whose server was killed, with changes that only its log has.
func killedAfterABackup(t *testing.T) *installed {
	t.Helper()
	in := install(t)
	in.addUser(t, "before@acme.example")
	in.run(t, "backup", "--to", "latchkey-2026-11-20.db")
	server, _ := in.serve(t)
	for _, email := range []string{"one@acme.example", "two@acme.example", "three@acme.example"} {
		in.addUser(t, email)
	}
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait() // it was killed
	return in
}

// TestRestore follows docs/guides/production.md, "Restore", on an installation whose server was killed.
func TestRestore(t *testing.T) {
	in := killedAfterABackup(t)
	text, err := os.ReadFile("../../docs/guides/production.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(text), "\n## Restore\n")
	block := (&guide{T: t, text: chapter}).block("systemctl stop latchkey")
	if !strings.HasSuffix(block, "systemctl start latchkey\n") {
		t.Errorf("the server is not started at last:\n%s", block)
	}
	run := in.follow(t, block)
	if !strings.Contains(run, "before@acme.example") {
		t.Error(run)
	}
	_, since, _ := strings.Cut(chapter, "  ```sh\n  ")
	since, _, _ = strings.Cut(since, "\n")
	if out := in.follow(t, since); strings.Count(out, "user.signed_up") != 4 {
		t.Errorf("what happened since: %s", out)
	}
	in.serve(t)
	in.wantUsers(t, "before@acme.example")
}

// follow runs the guide's lines in the installation's folder. There is neither systemd here nor a user of that name.
func (in *installed) follow(t *testing.T, lines string) string {
	t.Helper()
	lines = strings.NewReplacer(
		"systemctl stop latchkey\n", "", "systemctl start latchkey\n", "", " -o latchkey -g latchkey", "", "chown latchkey:", "chmod 600",
		"/var/lib/latchkey", in.folder, "/etc/latchkey", in.folder, "/backup", in.folder,
	).Replace(lines)
	out, err := exec.Command("sh", "-e", "-c", lines).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, lines)
	}
	return string(out)
}

// TestACopyBesideAnothersLogIsToldSo: the obvious way to restore leaves the log of the database from before.
func TestACopyBesideAnothersLogIsToldSo(t *testing.T) {
	in := killedAfterABackup(t)
	copied, err := os.ReadFile(filepath.Join(in.folder, "latchkey-2026-11-20.db"))
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(in.folder, "latchkey.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"user", "list"}, {"migrate", "up"}, {"migrate", "status"}, {"serve"}, {"backup", "--to", "b.db"}} {
		in.write(t, "latchkey.db", string(copied)) // a command that opens it spoils it
		in.write(t, "latchkey.db-wal", string(log))
		cmd := in.command(args...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != exitDatabase || !strings.Contains(string(out), "-wal and -shm, and copy the backup once more") {
			t.Errorf("latchkey %v: %d %s", args, code, out)
		}
	}
}
