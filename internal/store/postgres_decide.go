package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"latchkey.dev/internal/store/dbsql"
)

// decide runs a decision in one round trip, together with those of others.
func (e *postgresEngine) decide(ctx context.Context, fn func(dbsql.DBTX) error) error {
	d := &decision{decisions: e.decisions}
	d.runner = d
	if err := protect(fn, d); err != nil {
		return err
	}
	if d.err == nil && len(d.waiting) > 0 {
		_, _ = d.send(ctx) // its error is the decision's
	}
	return d.err
}

// decision is a few statements. They are sent when the outcome of one is asked for, which is the last, or when there are no more.
type decision struct {
	deferring

	decisions *trips
	sent      bool
}

var errSecond = errors.New("store: Decide asks for the outcome of its last statement only; use InTx for more")

// run sends what waits with the one statement whose outcome is asked for.
func (d *decision) run(ctx context.Context, query string, args []any) (*answer, error) {
	d.waiting = append(d.waiting, &statement{query: query, args: args})
	return d.send(ctx)
}

func (d *decision) send(ctx context.Context) (a *answer, err error) {
	if d.sent {
		d.err = errSecond
	}
	if d.err != nil {
		return nil, d.err
	}
	last := len(d.waiting) - 1
	q := &question{before: d.waiting[:last], query: d.waiting[last].query, args: d.waiting[last].args}
	d.sent, d.waiting = true, nil
	a, d.err = d.decisions.await(ctx, q)
	return a, d.err
}

// decideTogether commits the decisions of many requests together, as SQLite's writer does. They lock their rows in one order, so that two nodes
// never wait for each other; when one fails they are all undone, and each is decided alone.
func (e *postgresEngine) decideTogether(ctx context.Context, conn *pgx.Conn, batch []*question) error {
	slices.SortStableFunc(batch, func(a, b *question) int { return strings.Compare(a.row(), b.row()) })
	err := e.commitTogether(ctx, conn, batch)
	if !ours(err) {
		return err
	}
	if len(batch) == 1 {
		batch[0].err = err
		return nil
	}
	for _, q := range batch {
		err := e.decideTogether(ctx, conn, []*question{q})
		if doubt, ok := errors.AsType[*UnavailableError](err); ok {
			q.err, err = err, doubt.cause // its own alone: nothing of those behind it was sent
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *postgresEngine) commitTogether(ctx context.Context, conn *pgx.Conn, batch []*question) error {
	if len(batch) == 1 && len(batch[0].before) == 0 && !e.pooler { // behind one only a transaction has our timeouts
		return commitAlone(ctx, conn, batch[0])
	}
	tx := &postgresTx{ctx: context.WithoutCancel(ctx), conn: conn, prelude: e.prelude}
	deciding := make([]*statement, len(batch))
	for i, q := range batch {
		deciding[i] = &statement{query: q.query, args: q.args}
		tx.waiting = append(append(tx.waiting, q.before...), deciding[i])
	}
	if err := tx.flush(true); err != nil {
		tx.rollback()
		return err
	}
	for i, q := range batch {
		q.answer = deciding[i].answer
	}
	return nil
}

// commitAlone is a statement that PostgreSQL commits by itself. It has a time of its own: it may follow a batch that waited for a lock.
func commitAlone(ctx context.Context, conn *pgx.Conn, q *question) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerLimit)
	defer cancel()
	rows, _ := conn.Query(ctx, q.query, q.args...) // its error is the rows' too
	answer, err := readAnswer(rows)
	if err != nil {
		return uncertain(err, !undone(err))
	}
	q.answer = answer
	return nil
}

// row names the row that a decision is about: the first argument of its first statement.
func (q *question) row() string {
	args := q.args
	if len(q.before) > 0 {
		args = q.before[0].args
	}
	if len(args) == 0 {
		return ""
	}
	switch id := args[0].(type) {
	case string:
		return id
	case []byte:
		return string(id)
	}
	return ""
}
