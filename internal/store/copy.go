package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// CopiedTable is what Copy did with one table.
type CopiedTable struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
	// Checksum is over all rows, in whatever order; both databases gave the same.
	Checksum string `json:"checksum"`
}

// CopyProgress is how far one table is. Checking says that its rows are being read back.
type CopyProgress struct {
	Table       string
	Done, Total int64
	Checking    bool
}

// NotEmptyError refuses to copy over what is there.
type NotEmptyError struct{ Table string }

func (e *NotEmptyError) Error() string {
	return fmt.Sprintf("the target is not empty: its table %s has rows; name a database that holds nothing", e.Table)
}

// progressEvery bounds how often progress is told.
const progressEvery = 1000

// Copy moves all that a SQLite database holds into an empty PostgreSQL one, in one transaction: afterwards all of it is there and was
// read back, or nothing is. Nobody can write to the source meanwhile, so that nothing that was acknowledged is left behind.
func Copy(ctx context.Context, from, to string, progress func(CopyProgress)) ([]CopiedTable, error) {
	source, err := openSource(ctx, from)
	if err != nil {
		return nil, err
	}
	defer source.close() //nolint:errcheck // it was only read
	if err := refuseRows(ctx, to); err != nil {
		return nil, err
	}
	if _, err := Migrate(ctx, to); err != nil {
		return nil, err
	}
	config, err := postgresConfig(to)
	if err != nil {
		return nil, err
	}
	for name := range postgresDefaults { // this may take its time
		delete(config.ConnConfig.RuntimeParams, name)
	}
	target, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("copy: %w", err)
	}
	defer target.Close(context.WithoutCancel(ctx)) //nolint:errcheck // what it was asked to keep is committed
	c := &copying{ctx: ctx, source: source, target: target, progress: progress}
	if err := pgx.BeginFunc(ctx, target, c.all); err != nil {
		return nil, fmt.Errorf("copy: %w", err)
	}
	_, err = target.Exec(ctx, "ANALYZE") // so that the first queries are planned well
	return c.copied, err
}

// copySource is the one connection that reads.
type copySource struct {
	*sql.Conn

	db *sql.DB
}

func (s *copySource) close() error { return errors.Join(s.Close(), s.db.Close()) }

func openSource(ctx context.Context, from string) (*copySource, error) {
	path, ok := strings.CutPrefix(from, "sqlite:")
	if !ok {
		return nil, errors.New(`copy: the source must be "sqlite:PATH"`)
	}
	if err := refuseOtherLog(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=rw&_pragma=busy_timeout(10000)")
	if err != nil {
		return nil, fmt.Errorf("copy: %w", err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("copy: open %s: %w", path, err), db.Close())
	}
	source := &copySource{Conn: conn, db: db}
	if err := source.lock(ctx, path); err != nil {
		return nil, errors.Join(err, source.close())
	}
	return source, nil
}

// lock takes the write lock and holds it: a server that still runs answers 503 to what would write.
func (s *copySource) lock(ctx context.Context, path string) error {
	var have int64
	if err := s.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version").Scan(&have); err != nil {
		return fmt.Errorf("copy: %s is not a database of latchkey: %w", path, err)
	}
	if have != schemaVersion {
		return &SchemaError{Have: have, Need: schemaVersion}
	}
	if _, err := s.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("copy: %s is being written to: %w", path, err)
	}
	return nil
}

const (
	ownTables = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name"
	versions  = "goose_db_version"
)

// refuseRows looks before anything is changed.
func refuseRows(ctx context.Context, to string) error {
	config, err := postgresConfig(to)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it was only read
	tables, err := tablesOf(ctx, conn)
	if err != nil {
		return err
	}
	for _, table := range tables {
		var filled bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+quoted(table)+")").Scan(&filled); err != nil {
			return fmt.Errorf("copy: %w", err)
		}
		if filled {
			return &NotEmptyError{Table: table}
		}
	}
	return nil
}

// tablesOf lists the tables that hold data.
func tablesOf(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, _ := conn.Query(ctx, ownTables) // its error is the rows' too
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("copy: %w", err)
	}
	return slices.DeleteFunc(tables, func(name string) bool { return name == versions }), nil
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

type copying struct {
	ctx      context.Context
	source   *copySource
	target   *pgx.Conn
	progress func(CopyProgress)
	copied   []CopiedTable
}

func (c *copying) all(tx pgx.Tx) error {
	tables, err := tablesOf(c.ctx, tx.Conn())
	if err != nil {
		return err
	}
	if err := c.sameTables(tables); err != nil {
		return err
	}
	for _, table := range tables {
		if err := c.table(tx, table); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
	}
	return nil
}

// sameTables: nothing in the source may be left behind because the target does not know it.
func (c *copying) sameTables(tables []string) error {
	rows, err := c.source.QueryContext(c.ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
	if err != nil {
		return err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		if name != versions {
			names = append(names, name)
		}
	}
	if !slices.Equal(names, tables) {
		return fmt.Errorf("the source has the tables %v and the target %v", names, tables)
	}
	return rows.Err()
}

func (c *copying) table(tx pgx.Tx, table string) error {
	columns, key, err := c.columns(table)
	if err != nil {
		return err
	}
	from := "SELECT " + strings.Join(columns, ", ") + " FROM " + quoted(table)
	sent := &counted{table: table, progress: c.progress}
	if err := c.source.QueryRowContext(c.ctx, "SELECT count(*) FROM "+quoted(table)).Scan(&sent.total); err != nil {
		return err
	}
	rows, err := c.source.QueryContext(c.ctx, from+" ORDER BY "+strings.Join(key, ", "))
	if err != nil {
		return err
	}
	defer rows.Close()
	sent.rows, sent.columns = rows, len(columns)
	if _, err := tx.CopyFrom(c.ctx, pgx.Identifier{table}, columns, sent); err != nil || rows.Err() != nil {
		return errors.Join(err, rows.Err())
	}
	found, err := c.readBack(tx, from, sent)
	if err != nil {
		return err
	}
	if found != sent.checksum {
		return fmt.Errorf("what was read back differs from what was sent: %d rows %x, and %d rows %x", found.rows, found.lanes, sent.checksum.rows, sent.checksum.lanes)
	}
	c.copied = append(c.copied, CopiedTable{Table: table, Rows: found.rows, Checksum: found.String()})
	return nil
}

func (c *copying) readBack(tx pgx.Tx, query string, sent *counted) (found checksum, err error) {
	rows, err := tx.Query(c.ctx, query)
	if err != nil {
		return found, err
	}
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return found, err
		}
		if err := found.add(values); err != nil {
			return found, err
		}
		if found.rows%progressEvery == 0 || found.rows == sent.total {
			c.progress(CopyProgress{Table: sent.table, Done: found.rows, Total: sent.total, Checking: true})
		}
	}
	return found, rows.Err()
}

// columns are a table's, and those of its primary key.
func (c *copying) columns(table string) (all, key []string, err error) {
	rows, err := c.source.QueryContext(c.ctx, "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", table)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var place int
		if err := rows.Scan(&name, &place); err != nil {
			return nil, nil, err
		}
		all = append(all, name)
		if place > 0 {
			key = append(key, name)
		}
	}
	return all, key, rows.Err()
}

// counted reads a table out for COPY. It is a pgx.CopyFromSource.
type counted struct {
	table    string
	total    int64
	rows     *sql.Rows
	columns  int
	progress func(CopyProgress)
	checksum checksum
	values   []any
	err      error
}

// Next is pgx.CopyFromSource.
func (s *counted) Next() bool {
	if !s.rows.Next() {
		s.err = s.rows.Err()
		return false
	}
	s.values = make([]any, s.columns)
	into := make([]any, s.columns)
	for i := range into {
		into[i] = &s.values[i]
	}
	if s.err = s.rows.Scan(into...); s.err == nil {
		s.err = s.checksum.add(s.values)
	}
	if s.checksum.rows%progressEvery == 0 || s.checksum.rows == s.total {
		s.progress(CopyProgress{Table: s.table, Done: s.checksum.rows, Total: s.total})
	}
	return s.err == nil
}

// Values is pgx.CopyFromSource.
func (s *counted) Values() ([]any, error) { return s.values, nil }

// Err is pgx.CopyFromSource.
func (s *counted) Err() error { return s.err }

// checksum sums a hash of each row, so that it does not depend on how a database sorts text.
type checksum struct {
	rows  int64
	lanes [4]uint64
}

func (c *checksum) add(values []any) error {
	var row []byte
	for _, value := range values {
		plain, err := columnValue(value)
		if err != nil {
			return err
		}
		switch v := plain.(type) {
		case nil:
			row = append(row, 'n')
		case int64:
			row = binary.BigEndian.AppendUint64(append(row, 'i'), uint64(v))
		case string:
			row = append(binary.BigEndian.AppendUint64(append(row, 't'), uint64(len(v))), v...)
		case []byte:
			row = append(binary.BigEndian.AppendUint64(append(row, 'b'), uint64(len(v))), v...)
		case bool:
			row = fmt.Append(append(row, 'l'), v)
		}
	}
	sum := sha256.Sum256(row)
	for lane := range c.lanes {
		c.lanes[lane] += binary.BigEndian.Uint64(sum[8*lane:])
	}
	c.rows++
	return nil
}

func (c checksum) String() string {
	var sum []byte
	for _, lane := range c.lanes {
		sum = binary.BigEndian.AppendUint64(sum, lane)
	}
	return hex.EncodeToString(sum)
}
