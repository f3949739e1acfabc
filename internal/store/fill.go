package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
)

// Filling is many people's connections, for measurements of what a database costs when it is full. All of it follows from the numbers, so
// that a later run finds what an earlier one stored.
type Filling struct {
	Issuer string
	// Users have a connection with each of Clients, and each connection has Families refresh tokens.
	Users    int
	Clients  []string
	Families int
	Scopes   oauth.ScopeSet
	// Begin is when the first connection was made, a second before the next.
	Begin micros.Time
	// Now is when all of it is stored: each refresh token was used once since a day and an hour before, and is good for Unused from then.
	Now    micros.Time
	Unused time.Duration
	// Progress hears how many rows are stored.
	Progress func(done, total int64)
}

// Grants is how many connections there are.
func (f *Filling) Grants() int { return f.Users * len(f.Clients) }

// Tokens is how many refresh tokens there are, each of a family of its own.
func (f *Filling) Tokens() int { return f.Grants() * f.Families }

// StoredFamily is one of a filling's families.
type StoredFamily struct{ ID, GrantID, ClientID, UserID, AccountID string }

// Family returns the family with that number, from 0.
func (f *Filling) Family(number int) StoredFamily {
	grant := number / f.Families
	user := grant / len(f.Clients)
	return StoredFamily{
		ID: f.id('f', number, f.begin(grant)), GrantID: f.id('g', grant, f.begin(grant)), ClientID: f.Clients[grant%len(f.Clients)],
		UserID: fmt.Sprintf("usr_stored_%08d", user), AccountID: fmt.Sprintf("acc_stored_%08d", user),
	}
}

func (f *Filling) begin(grant int) micros.Time { return f.Begin + micros.Time(grant)*1e6 }

// used spreads the last uses: an app that refreshes every hour finds that one in so many is a day old.
func (f *Filling) used(number int) micros.Time {
	const lately = 25 * time.Hour
	return f.Now.Add(-time.Duration(number) * 7919 * time.Millisecond % lately)
}

// id is a UUIDv7 as NewID makes it: ordered by time, then anything.
func (f *Filling) id(kind byte, number int, at micros.Time) string {
	hash := Hash(fmt.Sprint(f.Issuer, kind, number))
	var id [16]byte
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at/1000))
	copy(id[:6], ms[2:])
	copy(id[6:], hash)
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return FormatID(id)
}

// bulk is the rows of one table.
type bulk struct {
	table   string
	columns string
	count   int
	row     func(number int) []any
}

func (f *Filling) tables() ([]bulk, error) {
	binding, err := json.Marshal(FamilyBinding{AuthTime: f.Begin, AMR: []string{"pwd"}, Refreshable: true})
	if err != nil {
		return nil, err
	}
	scopes, perUser := f.Scopes.String(), len(f.Clients)*f.Families
	return []bulk{
		{"users", "issuer id email email_verified_at name locale password_hash created_at updated_at suspended_at", f.Users, func(i int) []any {
			user := f.Family(i * perUser).UserID
			return []any{f.Issuer, user, user + "@stored.example", f.Begin, "Stored", "en", "", f.Begin, f.Begin, 0}
		}},
		{"accounts", "issuer id name created_at", f.Users, func(i int) []any {
			return []any{f.Issuer, f.Family(i * perUser).AccountID, "Stored", f.Begin}
		}},
		{"members", "issuer account_id user_id role created_at", f.Users, func(i int) []any {
			of := f.Family(i * perUser)
			return []any{f.Issuer, of.AccountID, of.UserID, issuer.RoleOwner, f.Begin}
		}},
		{"grants", "id issuer user_id account_id client_id scopes declined version created_at updated_at last_used_at revoked_at revoke_reason", f.Grants(), func(i int) []any {
			of, at := f.Family(i*f.Families), f.begin(i)
			return []any{of.GrantID, f.Issuer, of.UserID, of.AccountID, of.ClientID, scopes, "", 1, at, at, at, 0, ""}
		}},
		{"families", "id issuer grant_id client_id user_id account_id scopes data generation rotated_at created_at expires_at revoked_at revoke_reason", f.Tokens(), func(i int) []any {
			of, used := f.Family(i), f.used(i)
			return []any{of.ID, f.Issuer, of.GrantID, of.ClientID, of.UserID, of.AccountID, scopes, string(binding), 1, used, f.begin(i / f.Families), used.Add(f.Unused), 0, ""}
		}},
	}, nil
}

// Fill stores a filling in a migrated database that nobody uses meanwhile, much faster than transactions could.
func Fill(ctx context.Context, databaseURL string, f *Filling) error {
	tables, err := f.tables()
	if err != nil {
		return err
	}
	var total, before int64
	for _, table := range tables {
		total += int64(table.count)
	}
	for _, table := range tables {
		progress := func(done int) { f.Progress(before+int64(done), total) }
		if path, embedded := strings.CutPrefix(databaseURL, "sqlite:"); embedded {
			err = table.insert(ctx, path, progress)
		} else {
			err = table.copy(ctx, databaseURL, progress)
		}
		if err != nil {
			return fmt.Errorf("fill %s: %w", table.table, err)
		}
		before += int64(table.count)
	}
	return nil
}

// copy sends the rows with PostgreSQL's COPY, and leaves the table as autovacuum would in time.
func (t bulk) copy(ctx context.Context, databaseURL string, progress func(int)) error {
	config, err := postgresConfig(databaseURL)
	if err != nil {
		return err
	}
	for name := range postgresDefaults { // this may take its time
		delete(config.ConnConfig.RuntimeParams, name)
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // what it was asked to keep is committed
	next, stop := iter.Pull(t.rows(progress))
	defer stop()
	source := pgx.CopyFromFunc(func() ([]any, error) {
		row, _ := next() // after the last, nil ends the copy
		return row, nil
	})
	if _, err := conn.CopyFrom(ctx, pgx.Identifier{t.table}, strings.Fields(t.columns), source); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "VACUUM (ANALYZE) "+quoted(t.table))
	return err
}

func (t bulk) rows(progress func(int)) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for i := range t.count {
			if !yield(t.row(i)) {
				return
			}
			if (i+1)%progressEvery == 0 || i+1 == t.count {
				progress(i + 1)
			}
		}
	}
}

const (
	rowsAStatement   = 50
	rowsATransaction = 100 * rowsAStatement
	// fillPragmas: nothing is there that a crash could destroy, so nothing waits for the disk.
	fillPragmas = "?_pragma=synchronous(OFF)&_pragma=cache_size(-262144)"
)

// insert adds the rows to SQLite, many with a statement.
func (t bulk) insert(ctx context.Context, path string, progress func(int)) (err error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+fillPragmas)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	for from := 0; from < t.count; from += rowsATransaction {
		to := min(from+rowsATransaction, t.count)
		if err := t.insertSome(ctx, db, from, to); err != nil {
			return err
		}
		progress(to)
	}
	return nil
}

func (t bulk) insertSome(ctx context.Context, db *sql.DB, from, to int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	columns := strings.Fields(t.columns)
	row := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	prepared, err := tx.PrepareContext(ctx, t.statement(columns, row, rowsAStatement))
	if err != nil {
		return err
	}
	defer func() { _ = prepared.Close() }()
	for ; from < to; from += rowsAStatement {
		var values []any
		count := min(rowsAStatement, to-from)
		for i := range count {
			values = append(values, t.row(from+i)...)
		}
		if count == rowsAStatement {
			_, err = prepared.ExecContext(ctx, values...)
		} else {
			_, err = tx.ExecContext(ctx, t.statement(columns, row, count), values...)
		}
		if err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (t bulk) statement(columns []string, row string, count int) string {
	return "INSERT INTO " + t.table + " (" + strings.Join(columns, ", ") + ") VALUES " + strings.Join(slices.Repeat([]string{row}, count), ", ")
}
