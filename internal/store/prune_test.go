package store_test

import (
	"context"
	"database/sql"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"latchkey.dev/internal/store/pgtest"
	"latchkey.dev/internal/store/storetest"
)

// pruning are the statements that Prune runs, besides those named Prune…, and others that must find their rows as it does.
var pruning = []string{
	"RevokeGrantsOfClient", "RevokeGrantsOfUser", "ForgetDeletedClient", "EndServiceAccess", "DeleteServiceAccountMade", "DeleteServiceKeys", "DeleteExchange",
	"DeleteEndedSecrets", "DeleteEndedServiceKeys",
}

var (
	parameter = regexp.MustCompile(`\$\d+|sqlc\.arg\(\w+\)`)
	named     = regexp.MustCompile(`(?m)^-- name: (\w+) :\w+$`)
)

// statements reads all that there are, by name, with a constant in the place of every parameter.
func statements(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("queries/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range strings.SplitAfter(string(text), ";\n") {
			name := named.FindStringSubmatch(query)
			if len(name) == 2 {
				found[name[1]] = parameter.ReplaceAllString(query, "'1'")
			}
		}
	}
	return found
}

func pruningStatements(t *testing.T) map[string]string {
	t.Helper()
	found := statements(t)
	maps.DeleteFunc(found, func(name, _ string) bool { return !strings.HasPrefix(name, "Prune") && !slices.Contains(pruning, name) })
	if len(found) < len(pruning)+14 {
		t.Fatalf("found only %d statements", len(found))
	}
	return found
}

// Pruning looks at what it deletes and at nothing else, however full the tables are: no statement of it reads a table from end to end.
func TestPruningReadsByIndex(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		db := openPlain(t)
		for name, statement := range pruningStatements(t) {
			for _, step := range sqlitePlan(t, db, statement) {
				// Only apps that nobody connected are in that index, and registering one more is refused when there are too many.
				if strings.HasPrefix(step, "SCAN ") && !strings.HasSuffix(step, "registrations_unused") {
					t.Errorf("%s: %s", name, step)
				}
			}
		}
	})
	t.Run("postgres", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), pgtest.New(t))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(context.Background()) }()
		// An empty table is read from end to end unless that is forbidden; where it is the only way, the plan says so all the same.
		if _, err := conn.Exec(t.Context(), "SET enable_seqscan = off"); err != nil {
			t.Fatal(err)
		}
		for name, statement := range pruningStatements(t) {
			rows, _ := conn.Query(t.Context(), "EXPLAIN "+statement) // its error is the rows' too
			plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan") || !strings.Contains(text, "Index Cond") {
				t.Errorf("%s:\n%s", name, text)
			}
		}
	})
}

// An app may have millions of connections, a person has a few.
func TestAConnectionIsFoundByItsPerson(t *testing.T) {
	plan := sqlitePlan(t, openPlain(t), statements(t)["ListGrantsOfUserWithApp"])
	if len(plan) != 1 || !strings.HasPrefix(plan[0], "SEARCH grants USING INDEX grants_alive (issuer=? AND user_id=?") {
		t.Error(plan)
	}
}

// openPlain opens a migrated database without our engine.
func openPlain(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(storetest.SQLite(t), "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func sqlitePlan(t *testing.T, db *sql.DB, statement string) (steps []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement)
	if err != nil {
		t.Fatalf("%v: %s", err, statement)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

// docs/guides/production.md says of every table what bounds it.
func TestEveryTableIsBounded(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guides/production.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, row := range regexp.MustCompile("(?m)^\\| ((?:`[a-z_]+` ?)+)\\|").FindAllSubmatch(guide, -1) {
		told = append(told, strings.Fields(strings.ReplaceAll(string(row[1]), "`", ""))...)
	}
	schema, err := filepath.Glob("migrations/postgres/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range schema {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, made := range regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`).FindAllSubmatch(text, -1) {
			if !slices.Contains(told, string(made[1])) {
				t.Errorf("%s makes the table %s, and the guide does not say what bounds it", file, made[1])
			}
		}
	}
}
