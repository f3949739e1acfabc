package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
)

// The generated queries read *sql.Rows, which only database/sql can make. So a result is read whole, as soon as it comes, and handed
// over through a driver that has no connection: no row set keeps one, and one round trip can answer many callers.

// answer is a whole result.
type answer struct {
	columns  []string
	values   [][]any
	affected int64
}

func readAnswer(rows pgx.Rows) (*answer, error) {
	defer rows.Close()
	a := &answer{}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return nil, err
		}
		a.values = append(a.values, values)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	fields := rows.FieldDescriptions()
	a.columns = make([]string, len(fields))
	for i, field := range fields {
		a.columns[i] = field.Name
	}
	a.affected = rows.CommandTag().RowsAffected()
	return a, nil
}

// runner runs a statement.
type runner interface {
	run(ctx context.Context, query string, args []any) (*answer, error)
}

// dispatch is a dbsql.DBTX whose statements a runner runs.
type dispatch struct {
	rows *sql.DB
	runner
}

// asked carries the runner and the caller's context through database/sql, which would start a goroutine for each context that can end.
type asked struct {
	context.Context
	runner runner
	caller context.Context
}

func (d dispatch) ask(ctx context.Context) context.Context {
	return asked{Context: context.Background(), runner: d.runner, caller: ctx}
}

// QueryContext is dbsql.DBTX.
func (d dispatch) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return d.rows.QueryContext(d.ask(ctx), query, args...)
}

// QueryRowContext is dbsql.DBTX.
func (d dispatch) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return d.rows.QueryRowContext(d.ask(ctx), query, args...)
}

// ExecContext is dbsql.DBTX.
func (d dispatch) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	values, err := plain(args)
	if err != nil {
		return nil, err
	}
	a, err := d.run(ctx, query, values)
	if err != nil {
		return nil, err
	}
	return driver.RowsAffected(a.affected), nil
}

// PrepareContext is dbsql.DBTX; pgx prepares by itself.
func (d dispatch) PrepareContext(context.Context, string) (*sql.Stmt, error) {
	return nil, errNoPrepare
}

// idleMessengers is how many requests read at once without one being made: they weigh nothing.
const idleMessengers = 256

// messenger is the driver: its connections only pass on.
type messenger struct{}

var errNotAsked = errors.New("store: a statement without a runner")

// Connect is driver.Connector.
func (messenger) Connect(context.Context) (driver.Conn, error) { return messenger{}, nil }

// Driver is driver.Connector.
func (messenger) Driver() driver.Driver { return messenger{} }

// Open is driver.Driver.
func (messenger) Open(string) (driver.Conn, error) { return messenger{}, nil }

// Prepare is driver.Conn.
func (messenger) Prepare(string) (driver.Stmt, error) { return nil, errNoPrepare }

// Begin is driver.Conn.
func (messenger) Begin() (driver.Tx, error) { return nil, errNotAsked }

// Close is driver.Conn.
func (messenger) Close() error { return nil }

// QueryContext is driver.QueryerContext.
func (messenger) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	question, ok := ctx.(asked)
	if !ok {
		return nil, errNotAsked
	}
	values := make([]any, len(args))
	for i, arg := range args {
		values[i] = arg.Value
	}
	a, err := question.runner.run(question.caller, query, values)
	if err != nil {
		return nil, err
	}
	return &answerRows{answer: a}, nil
}

// answerRows reads an answer out.
type answerRows struct {
	*answer
	next int
}

// Columns is driver.Rows.
func (r *answerRows) Columns() []string { return r.columns }

// Close is driver.Rows.
func (r *answerRows) Close() error { return nil }

// Next is driver.Rows.
func (r *answerRows) Next(into []driver.Value) error {
	if r.next == len(r.values) {
		return io.EOF
	}
	for i, value := range r.values[r.next] {
		plain, err := columnValue(value)
		if err != nil {
			return fmt.Errorf("store: column %s: %w", r.columns[i], err)
		}
		into[i] = plain
	}
	r.next++
	return nil
}

// columnValue is what database/sql understands of what pgx reads.
func columnValue(value any) (driver.Value, error) {
	switch v := value.(type) {
	case nil, int64, string, []byte, bool:
		return v, nil
	case int32:
		return int64(v), nil
	case int16:
		return int64(v), nil
	default:
		return nil, fmt.Errorf("no column of ours is a %T", value)
	}
}
