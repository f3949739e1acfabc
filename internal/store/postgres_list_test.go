package store_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/pgtest"
)

// lookups are the generated queries that change nothing.
func lookups(t *testing.T) (queries []string) {
	t.Helper()
	files, err := filepath.Glob("dbsql/*.sql.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(source, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && strings.HasPrefix(literal.Value, "`-- name: ") {
				query := strings.Trim(literal.Value, "`")
				if _, body, _ := strings.Cut(query, "\n"); strings.HasPrefix(body, "SELECT ") {
					queries = append(queries, query)
				}
			}
			return true
		})
	}
	if len(queries) < 50 {
		t.Fatalf("found only %d lookups", len(queries))
	}
	return queries
}

// PostgreSQL takes every lookup for a list of values too, and its columns are the same.
func TestPostgresTakesEveryLookupForAList(t *testing.T) {
	conn, err := pgx.Connect(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	samples := map[uint32]any{pgtype.TextOID: "", pgtype.Int8OID: int64(0), pgtype.ByteaOID: []byte(nil), pgtype.BoolOID: false}
	for i, query := range lookups(t) {
		name, _, _ := strings.Cut(query, "\n")
		alone, err := conn.Prepare(t.Context(), "alone"+strconv.Itoa(i), query)
		if err != nil {
			t.Fatal(err)
		}
		if len(alone.ParamOIDs) == 0 {
			continue // all ask the same
		}
		args := make([]any, len(alone.ParamOIDs))
		for i, oid := range alone.ParamOIDs {
			sample, ok := samples[oid]
			if !ok {
				t.Fatalf("%s: parameter %d is of type %d", name, i+1, oid)
			}
			args[i] = sample
		}
		list, err := conn.Prepare(t.Context(), "list"+strconv.Itoa(i), store.ForList(query, args))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, column := range alone.Fields {
			if got := list.Fields[i+1]; got.Name != column.Name || got.DataTypeOID != column.DataTypeOID {
				t.Errorf("%s: column %d is %s of type %d, want %s of type %d", name, i+1, got.Name, got.DataTypeOID, column.Name, column.DataTypeOID)
			}
		}
	}
}

// Everybody gets the answer to what they asked, however many ask at once, and some for what is not there.
func TestPostgresAnswersReachWhoAsked(t *testing.T) {
	f := newSample(t, open(t, pgtest.New(t)+"&pool_max_conns=3"))
	for i := range 8 {
		f.code(fmt.Sprint("family-", i))
		f.ok(f.redeem(fmt.Sprint("family-", i)))
		f.code(fmt.Sprint("code-", i))
	}
	var all sync.WaitGroup
	for i := range 400 {
		n := i % 10 // two more than there are
		family, code := fmt.Sprint("family-", n), fmt.Sprint("code-", n)
		check := func(what, got, want string, err error) {
			if n >= 8 {
				if !errors.Is(err, store.ErrNotFound) {
					t.Errorf("%s %s: got %q, %v, want none", what, want, got, err)
				}
			} else if err != nil || got != want {
				t.Errorf("%s: got %q, %v, want %q", what, got, err, want)
			}
		}
		all.Go(func() {
			found, err := f.s.Family(t.Context(), "acme", family)
			check("family", found.ID, family, err)
		})
		all.Go(func() {
			found, err := f.s.Code(t.Context(), "acme", store.Hash(code))
			check("code", found.FamilyID, code, err)
		})
	}
	all.Wait()
}
