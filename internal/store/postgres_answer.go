package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// readAnswer reads a result whole, as soon as it comes: one round trip answers many callers.
func readAnswer(rows pgx.Rows) (*answer, error) {
	defer rows.Close()
	a := &answer{}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return nil, err
		}
		for i, value := range values {
			if values[i], err = columnValue(value); err != nil {
				return nil, err
			}
		}
		a.values = append(a.values, values)
	}
	a.tag = rows.CommandTag()
	return a, rows.Err()
}

// columnValue is one of the few types of an answer.
func columnValue(value any) (any, error) {
	switch v := value.(type) {
	case nil, int64, string, []byte, bool:
		return v, nil
	case int32:
		return int64(v), nil
	case int16:
		return int64(v), nil
	default:
		return nil, fmt.Errorf("store: no column of ours is a %T", value)
	}
}

// runner runs a statement.
type runner interface {
	run(ctx context.Context, query string, args []any) (*answer, error)
}

// dispatch is a dbsql.DBTX whose statements a runner runs.
type dispatch struct{ runner }

func (d dispatch) ask(ctx context.Context, query string, args []any) (*answer, error) {
	values, err := plainAll(args)
	if err != nil {
		return nil, err
	}
	return d.run(ctx, query, values)
}

// Query is dbsql.DBTX.
func (d dispatch) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	a, err := d.ask(ctx, query, args)
	return &answerRows{answer: a}, err
}

// QueryRow is dbsql.DBTX.
func (d dispatch) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	return rowFunc(func(into ...any) error {
		a, err := d.ask(ctx, query, args)
		if err != nil {
			return err
		}
		return a.first(into)
	})
}

// Exec is dbsql.DBTX.
func (d dispatch) Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	a, err := d.ask(ctx, query, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	return a.tag, nil
}

// statement is one on its way, and then its outcome.
type statement struct {
	query  string
	args   []any
	answer *answer
}

// deferring is a dbsql.DBTX: a statement whose outcome the generated query does not read waits and travels with the next.
type deferring struct {
	runner

	waiting []*statement
	err     error // the first failure; nothing is sent after it
}

// Exec is dbsql.DBTX.
func (d *deferring) Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	if countsRows(query) {
		return dispatch{d.runner}.Exec(ctx, query, args...)
	}
	if d.err != nil {
		return pgconn.CommandTag{}, d.err
	}
	values, err := plainAll(args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	d.waiting = append(d.waiting, &statement{query: query, args: values})
	return pgconn.CommandTag{}, nil
}

// countsRows: sqlc writes the kind of a query on its first line.
func countsRows(query string) bool {
	head, _, _ := strings.Cut(query, "\n")
	return !strings.HasSuffix(head, ":exec")
}

// Query is dbsql.DBTX.
func (d *deferring) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	return dispatch{d.runner}.Query(ctx, query, args...)
}

// QueryRow is dbsql.DBTX.
func (d *deferring) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	return dispatch{d.runner}.QueryRow(ctx, query, args...)
}
