package faults

import (
	"flag"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

var older = flag.String("older", "", "the binary of an earlier version, from which TestRollingUpgrade upgrades; without it, from this one")

// Nodes are replaced one after the other under load, and the next version's migration, which only adds, runs in the middle. Nobody
// notices: a node that is told to stop answers what it took, and old and new ones work on the new schema together.
func TestRollingUpgrade(t *testing.T) {
	current := binary
	defer func() { binary = current }()
	if *older != "" {
		binary = *older
	}
	s, c := onPostgres(t, 3)
	binary = current // what a node is replaced with
	s.begin()
	time.Sleep(2 * time.Second)
	s.replace(0)
	next, err := pgx.Connect(t.Context(), c.url("latchkey"))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{
		"ALTER TABLE families ADD COLUMN later text NOT NULL DEFAULT 'x'", "ALTER TABLE grants ADD COLUMN later bigint NOT NULL DEFAULT 0",
		"ALTER TABLE users ADD COLUMN later bytea", "CREATE TABLE laters (id text PRIMARY KEY)", "CREATE INDEX CONCURRENTLY families_later ON families (later)",
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)",
	} {
		if _, err := next.Exec(t.Context(), step); err != nil {
			t.Fatalf("%s: %v", step, err)
		}
	}
	if err := next.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	s.replace(1)
	s.replace(2)
	s.end(time.Now())
	for _, failed := range s.crew.Waits() {
		t.Error(failed)
	}
}

// replace stops a node as an operator does, and starts it again.
func (s *stage) replace(i int) {
	s.t.Helper()
	if code, err := s.nodes[i].Terminate(40 * time.Second); err != nil || code != 0 {
		s.t.Fatalf("node %d ended with %d: %v", i, code, err)
	}
	s.startNode(i)
}
