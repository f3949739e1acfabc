package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"latchkey.dev/internal/store/dbsql"
)

// postgresEngine is what a platform outgrows one machine on: any number of nodes on one PostgreSQL.
type postgresEngine struct {
	pool      *pgxpool.Pool
	reads     *trips
	decisions *trips
	turns     chan struct{} // one for each transaction that may be open
	config    *pgx.ConnConfig
	prelude   []string // what a transaction begins with
	// pooler stands between us and PostgreSQL: what a session remembers may belong to somebody else's.
	pooler    bool
	forgotten atomic.Bool // the pool was emptied a moment ago
}

// Timeouts that a URL may override with its own parameters of the same name.
var postgresDefaults = map[string]string{
	"statement_timeout":                   "5s",
	"lock_timeout":                        "3s",
	"idle_in_transaction_session_timeout": "10s",
}

const (
	poolSize       = 16
	connectTimeout = 8 * time.Second
	// answerLimit is how long one round trip may take. It is longer than statement_timeout, which tells more; this one is for a
	// server that says nothing at all.
	answerLimit = 6 * time.Second
	maxAttempts = 4
)

func openPostgres(ctx context.Context, databaseURL string) (*postgresEngine, error) {
	config, err := postgresConfig(databaseURL)
	if err != nil {
		return nil, err
	}
	timeouts := localTimeouts(config.ConnConfig.RuntimeParams) // before a pooler refuses them
	pooler, err := reach(ctx, config.ConnConfig, databaseURL)
	if err != nil {
		return nil, &UnavailableError{cause: err}
	}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), config)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	share := max(1, int(config.MaxConns)/4) // for reads and for decisions, each gathered; transactions have the rest
	e := &postgresEngine{
		pool: pool, config: config.ConnConfig, pooler: pooler, turns: make(chan struct{}, int(config.MaxConns)-2*share), prelude: []string{"BEGIN"},
	}
	if pooler {
		e.prelude = append(e.prelude, timeouts...)
	}
	e.reads = (&trips{engine: e, exchange: read}).start(share)
	e.decisions = (&trips{engine: e, exchange: e.decideTogether, certain: true}).start(share)
	return e, nil
}

// postgresConfig reads the URL, with pgx's own parameters (pool_max_conns, default_query_exec_mode, …).
func postgresConfig(databaseURL string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	if !strings.Contains(databaseURL, "pool_max_conns=") {
		config.MaxConns = poolSize
	}
	config.MaxConns = max(3, config.MaxConns) // a read, a decision and a transaction
	connection := config.ConnConfig
	for name, value := range postgresDefaults {
		if _, set := connection.RuntimeParams[name]; !set {
			connection.RuntimeParams[name] = value
		}
	}
	if _, set := connection.RuntimeParams["application_name"]; !set {
		connection.RuntimeParams["application_name"] = "latchkey"
	}
	if given, err := url.Parse(databaseURL); err != nil || !given.Query().Has("connect_timeout") {
		connection.ConnectTimeout = connectTimeout
	}
	return config, nil
}

func (e *postgresEngine) reader() dbsql.DBTX { return dispatch{e.reads} }

func (e *postgresEngine) close() error {
	e.reads.stop()
	e.decisions.stop()
	e.pool.Close()
	return nil
}

// inTx tries again where nothing can have been committed: serialization failures, deadlocks, and connections lost before the commit.
func (e *postgresEngine) inTx(ctx context.Context, fn func(dbsql.DBTX) error) error {
	return e.attempt(ctx, func(conn *pgxpool.Conn) error {
		tx := &postgresTx{ctx: ctx, conn: conn.Conn(), prelude: e.prelude}
		return tx.carry(fn)
	})
}

func (e *postgresEngine) attempt(ctx context.Context, do func(*pgxpool.Conn) error) (err error) {
	for attempt := range maxAttempts {
		if err = e.once(ctx, do); err == nil || ctx.Err() != nil || !retryable(err) {
			return err
		}
		pause(ctx, e.backoff(err, attempt))
	}
	return &UnavailableError{cause: err}
}

func (e *postgresEngine) once(ctx context.Context, do func(*pgxpool.Conn) error) error {
	waiting, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	select {
	case e.turns <- struct{}{}:
		defer func() { <-e.turns }()
	case <-waiting.Done():
		return waiting.Err()
	}
	conn, err := e.pool.Acquire(waiting)
	if err != nil {
		return err
	}
	defer conn.Release() // closes one that is broken, or still within a transaction
	return do(conn)
}

// backoff gives a server that restarts a moment, and those that met in a deadlock different ones. Connections that broke as one
// are dropped as one.
func (e *postgresEngine) backoff(err error, attempt int) time.Duration {
	if !lost(err) {
		return time.Duration(attempt) * 5 * time.Millisecond
	}
	if e.forgotten.CompareAndSwap(false, true) {
		e.pool.Reset()
		time.AfterFunc(time.Second, func() { e.forgotten.Store(false) })
	}
	return 20 * time.Millisecond << (2 * attempt) // 20, 80, 320 ms
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// localTimeouts bound a transaction where the session's own settings cannot: a pooler gives every transaction another session.
func localTimeouts(parameters map[string]string) (statements []string) {
	for _, name := range slices.Sorted(maps.Keys(postgresDefaults)) {
		statements = append(statements, "SET LOCAL "+name+" = '"+strings.ReplaceAll(parameters[name], "'", "''")+"'")
	}
	return statements
}

// reach connects once and finds out whether a pooler such as pgbouncer stands in between. A prepared statement would then be one
// session's and be missed in another. A session that the pooler had and that has ended meanwhile is its own trouble, told as the
// server's last word or, while the pooler sets it up for us, as one more 08P01.
func reach(ctx context.Context, config *pgx.ConnConfig, databaseURL string) (pooler bool, err error) {
	for range maxAttempts {
		if pooler, err = greet(ctx, config); err == nil || !reported(err) || (!lost(err) && !violated(err)) {
			break
		}
	}
	if pooler && !strings.Contains(databaseURL, "default_query_exec_mode=") {
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	return pooler, err
}

func greet(ctx context.Context, config *pgx.ConnConfig) (pooler bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if violated(err) { // pgbouncer: "unsupported startup parameter"
		for name := range postgresDefaults {
			delete(config.RuntimeParams, name)
		}
		conn, err = pgx.ConnectConfig(ctx, config)
	}
	if err != nil {
		return false, err
	}
	var pid int64
	err = conn.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeSimpleProtocol).Scan(&pid)
	pooler = err == nil && uint32(pid) != conn.PgConn().PID() // a pooler invents the number that it greets with
	return pooler, errors.Join(err, conn.Close(ctx))
}
