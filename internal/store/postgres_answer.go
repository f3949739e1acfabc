package store

import (
	"context"
	"fmt"

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
