package store

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// PostgreSQL spends more on a statement than on the row that it finds. So those who look something up by the same query, each for values
// of its own, share a statement: the query as it is, but for its parameters, which come from a list with a row for each who asks (ADR 13).

// asking is one statement of a round trip.
type asking struct {
	query     string
	questions []*question // whom it answers
}

// askings brings those together that can share a statement.
func askings(batch []*question) (all []*asking) {
	shared := make(map[string]*asking, len(batch))
	for _, q := range batch {
		if a := shared[q.query]; a != nil && slices.EqualFunc(a.questions[0].args, q.args, sameType) {
			a.questions = append(a.questions, q)
			continue
		}
		a := &asking{query: q.query, questions: []*question{q}}
		if len(q.args) > 0 {
			shared[q.query] = a
		}
		all = append(all, a)
	}
	return all
}

// queue puts the statement on its way.
func (a *asking) queue(trip *pgx.Batch) {
	args := a.questions[0].args
	if len(a.questions) == 1 {
		trip.Queue(a.query, args...)
		return
	}
	columns := make([]any, len(args))
	for i := range columns {
		columns[i] = column(a.questions, i)
	}
	trip.Queue(forList(a.query, args), columns...)
}

// read gives each question what was found for it.
func (a *asking) read(rows pgx.Rows) error {
	found, err := readAnswer(rows)
	if err != nil {
		return err
	}
	if len(a.questions) == 1 {
		a.questions[0].answer = found
		return nil
	}
	for _, q := range a.questions {
		q.answer = &answer{}
	}
	for _, row := range found.values {
		number, _ := row[0].(int64)
		own := a.questions[number-1].answer
		own.values = append(own.values, row[1:])
	}
	return nil
}

var (
	parameter = regexp.MustCompile(`\$(\d+)`)
	forLists  sync.Map // of queries, the text that asks for a list
)

// forList is the query for many at once. Each row that it finds begins with the number of who asked, from 1, and keeps its place among the others
// of the same: what refers to a list is looked up for one row of it after the other. OFFSET 0 has PostgreSQL plan the query as it would alone:
// else it may read small tables whole to join them with the list, and go on with that plan when they have grown.
func forList(query string, args []any) string {
	if text, ok := forLists.Load(query); ok {
		return text.(string)
	}
	arrays, names := make([]string, len(args)), make([]string, len(args))
	for i, arg := range args {
		arrays[i] = fmt.Sprintf("$%d::%s[]", i+1, typeName(arg))
		names[i] = fmt.Sprintf("p%d", i+1)
	}
	text := fmt.Sprintf("SELECT asked.number, found.* FROM unnest(%s) WITH ORDINALITY AS asked(%s, number)\n"+ //nolint:unqueryvet // the query names them
		"CROSS JOIN LATERAL (SELECT * FROM (\n%s\n) AS alone OFFSET 0) AS found",
		strings.Join(arrays, ", "), strings.Join(names, ", "), parameter.ReplaceAllString(query, "asked.p$1"))
	forLists.Store(query, text)
	return text
}

// typeName is PostgreSQL's word for the type of an argument, empty for one that no list of ours holds.
func typeName(arg any) string {
	switch arg.(type) {
	case string:
		return "text"
	case int64:
		return "bigint"
	case []byte:
		return "bytea"
	case bool:
		return "boolean"
	default:
		return ""
	}
}

func sameType(a, b any) bool { return typeName(a) != "" && typeName(a) == typeName(b) }

// column holds the i-th argument of each.
func column(questions []*question, i int) any {
	switch questions[0].args[i].(type) {
	case string:
		return columnOf[string](questions, i)
	case int64:
		return columnOf[int64](questions, i)
	case bool:
		return columnOf[bool](questions, i)
	default:
		return columnOf[[]byte](questions, i)
	}
}

func columnOf[T any](questions []*question, i int) []T {
	values := make([]T, len(questions))
	for row, q := range questions {
		values[row], _ = q.args[i].(T) // they are of one type: see sameType
	}
	return values
}
