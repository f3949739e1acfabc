package store_test

import (
	"context"
	"database/sql"
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

// pruning are the statements that Prune runs, besides those named Prune….
var pruning = []string{
	"RevokeGrantsOfClient", "ForgetDeletedClient", "EndServiceAccess", "DeleteServiceAccountMade", "DeleteServiceKeys", "DeleteExchange",
	"DeleteEndedSecrets", "DeleteEndedServiceKeys",
}

var (
	parameter = regexp.MustCompile(`\$\d+|sqlc\.arg\(\w+\)`)
	named     = regexp.MustCompile(`(?m)^-- name: (\w+) :\w+$`)
)

// statements reads them with a constant in the place of every parameter.
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
			if len(name) == 2 && (strings.HasPrefix(name[1], "Prune") || slices.Contains(pruning, name[1])) {
				found[name[1]] = parameter.ReplaceAllString(query, "'1'")
			}
		}
	}
	if len(found) < len(pruning)+14 {
		t.Fatalf("found only %d statements", len(found))
	}
	return found
}

// Pruning looks at what it deletes and at nothing else, however full the tables are: no statement of it reads a table from end to end.
func TestPruningReadsByIndex(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(storetest.SQLite(t), "sqlite:"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		for name, statement := range statements(t) {
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
		for name, statement := range statements(t) {
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
