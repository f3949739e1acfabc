package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"latchkey.dev/internal/store/dbsql"
)

// postgresTx is one transaction. A statement whose outcome nobody has asked for yet waits and travels with the next one, and
// BEGIN and COMMIT travel with the first and the last: one that asks for a single outcome takes two round trips, however many its statements.
type postgresTx struct {
	deferring

	ctx     context.Context
	conn    *pgx.Conn
	prelude []string
	begun   bool
}

// carry runs fn and commits. Its error is final: when it is not an UnavailableError, nothing was committed.
func (tx *postgresTx) carry(fn func(dbsql.DBTX) error) error {
	tx.runner = tx
	err := protect(fn, tx)
	if err == nil {
		err = tx.err // fn may have let it pass
	}
	if err == nil {
		err = tx.flush(true)
	}
	if err != nil {
		tx.rollback()
	}
	return err
}

// rollback frees the connection for the next; where that fails too, releasing it closes it.
func (tx *postgresTx) rollback() {
	if !tx.begun || tx.conn.IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tx.ctx), answerLimit)
	defer cancel()
	_, _ = tx.conn.Exec(ctx, "ROLLBACK", pgx.QueryExecModeSimpleProtocol) // the work is refused either way
}

// flush sends what waits in one round trip. The caller's cancellation is honoured before and not during it: half a round trip
// costs a connection.
func (tx *postgresTx) flush(commit bool) error {
	if tx.err == nil {
		tx.err = tx.ctx.Err()
	}
	if tx.err != nil {
		return tx.err
	}
	if !tx.begun && len(tx.waiting) == 0 && commit {
		return nil // a transaction of nothing
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tx.ctx), answerLimit)
	defer cancel()
	trip := tx.pack(commit)
	tx.begun = true
	results := tx.conn.SendBatch(ctx, trip)
	err := tx.collect(results, commit)
	closing := results.Close()
	if err == nil && !commit { // a COMMIT that was acknowledged stands, whatever breaks behind its answer
		err = closing
	}
	tx.waiting = nil
	if err != nil {
		tx.err = err
	}
	return err
}

// pack puts together what one round trip carries.
func (tx *postgresTx) pack(commit bool) *pgx.Batch {
	trip := &pgx.Batch{}
	if !tx.begun {
		for _, query := range tx.prelude {
			trip.Queue(query)
		}
	} else {
		tx.prelude = nil
	}
	for _, s := range tx.waiting {
		trip.Queue(s.query, s.args...)
	}
	if commit {
		trip.Queue("COMMIT")
	}
	return trip
}

// collect reads the outcomes in order. PostgreSQL skips everything after a failure, the commit too, so a failure that it reports
// of an earlier statement leaves nothing open, and neither does what was never sent; a connection that breaks does.
func (tx *postgresTx) collect(results pgx.BatchResults, commit bool) error {
	for range tx.prelude {
		if _, err := results.Exec(); err != nil {
			return uncertain(err, commit && !skipped(err))
		}
	}
	for _, s := range tx.waiting {
		rows, _ := results.Query() // its error is the rows' too
		answer, err := readAnswer(rows)
		if err != nil {
			return uncertain(err, commit && !skipped(err))
		}
		s.answer = answer
	}
	if !commit {
		return nil
	}
	tag, err := results.Exec()
	if err != nil {
		return uncertain(err, !undone(err))
	}
	if tag.String() == "ROLLBACK" {
		return pgx.ErrTxCommitRollback
	}
	tx.begun = false
	return nil
}

func uncertain(err error, is bool) error {
	if is {
		return &UnavailableError{Uncertain: true, cause: err}
	}
	return err
}

// run sends a query with all that waits before it.
func (tx *postgresTx) run(_ context.Context, query string, args []any) (*answer, error) {
	s := &statement{query: query, args: args}
	tx.waiting = append(tx.waiting, s)
	if err := tx.flush(false); err != nil {
		return nil, err
	}
	return s.answer, nil
}
