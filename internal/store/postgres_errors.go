package store

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
)

// retryable: nothing was committed, and the next attempt may fare better.
func retryable(err error) bool {
	if _, settled := errors.AsType[*UnavailableError](err); settled {
		return false
	}
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch failure.Code {
		case "40001", "40P01": // serialization_failure, deadlock_detected
			return true
		case "0A000": // "cached plan must not change result type": a migration has just run
			return failure.Routine == "RevalidateCachedQuery"
		}
	}
	return lost(err)
}

// lost: the connection is of no use, and whatever it had not committed is gone.
func lost(err error) bool {
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch failure.Code {
		case "57P01", "57P02", "57P03": // admin_shutdown, crash_shutdown, cannot_connect_now
			return true
		case "25006": // read_only_sql_transaction: another server is the primary now
			return true
		}
		return false
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return false // it was waited for long enough
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || broken(err) || pgconn.SafeToRetry(err)
}

func broken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed)
}

// undone: the server says that the statement did not happen, or never got it. Anything else that goes wrong with a commit leaves that open.
func undone(err error) bool {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	return (ok && failure.SeverityUnlocalized == "ERROR") || unsent(err)
}

// unsent: it failed before any statement was on its way.
func unsent(err error) bool {
	_, preparing := errors.AsType[pgx.ErrPreprocessingBatch](err)
	return preparing || pgconn.SafeToRetry(err)
}

// skipped: so failed a statement before a COMMIT, which then did not happen. What a pooler says of a connection that it lost tells nothing
// of what the server did meanwhile.
func skipped(err error) bool { return unsent(err) || reported(err) && !violated(err) }

// neverText: what was looked for is not text (a NUL, broken UTF-8), so no row has it. SQLite finds none by itself.
func neverText(err error) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) && failure.Code == "22021" // character_not_in_repertoire
}

// look: a connection is to a server, which knows itself.
func (e *postgresEngine) look() error { return nil }

// unavailable: integrity violations (class 23) and malformed data (class 22) are ours; all else that the server or the
// network reports is the database's trouble.
func (e *postgresEngine) unavailable(err error) bool {
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		class := failure.Code[:min(2, len(failure.Code))]
		return class != "23" && class != "22" && class != "42"
	}
	return lost(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errClosed) || errors.Is(err, puddle.ErrClosedPool)
}

// reported: the server lived to say it.
func reported(err error) bool {
	_, told := errors.AsType[*pgconn.PgError](err)
	return told
}

// violated: protocol_violation, which pgbouncer says of what it cannot pass on.
func violated(err error) bool {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	return ok && failure.Code == "08P01"
}
