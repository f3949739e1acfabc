package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestADatabaseThatIsNewer: a newer latchkey has brought it on, as in a rolling upgrade, and the older one says so.
func TestADatabaseThatIsNewer(t *testing.T) {
	in := install(t)
	if out := string(in.run(t, "migrate", "status")); strings.Contains(out, "newer") {
		t.Errorf("too early: %s", out)
	}
	in.takeStep(t, 99999)
	if out := string(in.run(t, "migrate", "status")); !strings.Contains(out, "newer than this latchkey knows: a newer one brought it to version 99999") {
		t.Error(out)
	}
	if out := string(in.run(t, "migrate", "status", "--json")); !strings.Contains(out, `"newer": true`) {
		t.Error(out)
	}
	if out := string(in.run(t, "migrate", "up")); out != "the schema is up to date\n" {
		t.Error(out)
	}

	cmd := in.command("migrate", "copy", "--from", "sqlite:latchkey.db", "--to", "postgres://latchkey@127.0.0.1:1/latchkey")
	out, _ := cmd.CombinedOutput()
	code := cmd.ProcessState.ExitCode()
	if code != exitDatabase || !strings.Contains(string(out), "copy it with the latchkey that runs on it, or a newer one") || strings.Contains(string(out), "migrate up") {
		t.Errorf("%d %s", code, out)
	}

	server, stderr := in.serve(t)
	_ = server.Process.Signal(syscall.SIGTERM)
	if err := server.Wait(); err != nil {
		t.Error(err)
	}
	if text := stderr.String(); strings.Count(text, `"level":"WARN"`) != 1 || !strings.Contains(text, "the database's schema is newer than this latchkey knows\",\"version\":99999") {
		t.Error(text)
	}
}

// takeStep writes into the database that a step was taken.
func (in *installed) takeStep(t *testing.T, version int) {
	t.Helper()
	path := filepath.Join(in.folder, "latchkey.db")
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, true)", version); err != nil {
		t.Fatal(err)
	}
}
