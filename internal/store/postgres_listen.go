package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// channel is where nodes tell one another that something they cache has changed.
const channel = "latchkey_changes"

// listenCheck is how often a connection that hears nothing is asked whether it still could.
const listenCheck = 15 * time.Second

// notify tells the other nodes at once. It is a courtesy: the counter in the table changes was committed with the change itself, and
// every node looks at that too.
func (e *postgresEngine) notify(ctx context.Context, topic string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_, _ = e.pool.Exec(ctx, "SELECT pg_notify($1, $2)", channel, topic) // a lost notice costs a second
}

// listen calls heard whenever another node speaks, until ctx ends or the connection does. Through a pooler nothing can be heard.
func (e *postgresEngine) listen(ctx context.Context, heard func() error) error {
	if e.pooler {
		<-ctx.Done()
		return nil
	}
	conn, err := pgx.ConnectConfig(ctx, e.config)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // what ended it is the error that matters
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		if _, unknown := errors.AsType[*pgconn.PgError](err); unknown && !lost(err) { // a database that only speaks the same protocol
			<-ctx.Done()
			return nil
		}
		return fmt.Errorf("listen: %w", err)
	}
	for ctx.Err() == nil {
		err := heard()
		if err == nil {
			err = hear(ctx, conn)
		}
		if err != nil && ctx.Err() == nil { // what being told to stop interrupts is no trouble
			return err
		}
	}
	return nil
}

// hear waits for the next notice, or until it is time to look whether the connection still lives.
func hear(ctx context.Context, conn *pgx.Conn) error {
	waiting, cancel := context.WithTimeout(ctx, listenCheck)
	defer cancel()
	_, err := conn.WaitForNotification(waiting)
	if err == nil || ctx.Err() != nil {
		return nil
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("listen: %w", err)
	}
	answering, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	return conn.Ping(answering)
}
