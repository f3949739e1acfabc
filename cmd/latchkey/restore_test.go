package main

import (
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/store"
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

// TestACopyBesideAnothersLogIsToldSo: the obvious way to restore leaves the log of the database from before. However little that holds,
// nothing reads the copy with it, and once it is gone the copy is as it was.
func TestACopyBesideAnothersLogIsToldSo(t *testing.T) {
	in := killedAfterABackup(t)
	copied := in.read(t, "latchkey-2026-11-20.db")
	for _, commits := range []int{1, 6, 12} {
		log := in.logOf(t, commits)
		in.write(t, "latchkey.db", copied)
		in.write(t, "latchkey.db-wal", log)
		for _, args := range [][]string{{"user", "list"}, {"migrate", "up"}, {"migrate", "status"}, {"serve"}, {"backup", "--to", "b.db"}} {
			if out, code := in.runAwhile(args...); code != exitDatabase || !strings.Contains(out, "latchkey.db-wal beside it is the log of the database that was here before") {
				t.Errorf("after %d commits, latchkey %v: %d %s", commits, args, code, out)
			}
		}
		if in.read(t, "latchkey.db") != copied || in.read(t, "latchkey.db-wal") != log {
			t.Errorf("after %d commits, a command that refused changed the files", commits)
		}
		for _, name := range []string{"latchkey.db-wal", "latchkey.db-shm"} { // as it says
			if err := os.Remove(filepath.Join(in.folder, name)); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		in.wantUsers(t, "before@acme.example")
	}
}

// TestADatabaseBesideAnothersLogIsToldSo: a file that was in use says that it has a log, so nothing shows that this is not its own before
// SQLite has read both.
func TestADatabaseBesideAnothersLogIsToldSo(t *testing.T) {
	in := killedAfterABackup(t)
	log := in.read(t, "latchkey.db-wal")
	in.write(t, "copy.yaml", strings.Replace(in.read(t, "latchkey.yaml"), "sqlite:latchkey.db", "sqlite:latchkey-2026-11-20.db", 1))
	in.run(t, "user", "list", "--config", "copy.yaml")
	used := in.read(t, "latchkey-2026-11-20.db")
	for _, args := range [][]string{{"user", "list"}, {"migrate", "up"}, {"migrate", "status"}, {"serve"}, {"backup", "--to", "b.db"}} {
		in.write(t, "latchkey.db", used) // a command that opens it spoils it
		in.write(t, "latchkey.db-wal", log)
		if out, code := in.runAwhile(args...); code != exitDatabase || !strings.Contains(out, "-wal and -shm, and copy the backup once more") {
			t.Errorf("latchkey %v: %d %s", args, code, out)
		}
	}
}

// runAwhile ends a server that was not refused.
func (in *installed) runAwhile(args ...string) (out string, code int) {
	cmd := in.command(args...)
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		return err.Error(), -1
	}
	late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	_ = cmd.Wait() // its code tells
	return printed.String(), cmd.ProcessState.ExitCode()
}

// logOf is the log that is left of so many transactions on the backup.
func (in *installed) logOf(t *testing.T, commits int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "used.db")
	if err := os.WriteFile(path, []byte(in.read(t, "latchkey-2026-11-20.db")), 0o600); err != nil {
		t.Fatal(err)
	}
	used, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + path, Clock: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	for i := range commits {
		id := strconv.Itoa(i)
		err := used.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.CreateUser(store.User{Issuer: "acme", ID: id, Email: id + "@acme.example"})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

func (in *installed) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(in.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
