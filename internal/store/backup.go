package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// ErrNotEmbedded says that the database is a server's, which has tools of its own.
var ErrNotEmbedded = errors.New("only the embedded database is copied so: use pg_dump or a base backup for PostgreSQL")

// Backup writes a consistent copy of the embedded database into a new file, while servers go on reading and writing. The file appears
// under its name when all of it is on disk and was checked; a database that is there already is not overwritten.
func Backup(ctx context.Context, databaseURL, file string) (size int64, err error) {
	path, ok := strings.CutPrefix(databaseURL, "sqlite:")
	if !ok {
		return 0, ErrNotEmbedded
	}
	if _, err := os.Lstat(file); err == nil {
		return 0, fmt.Errorf("backup: %s is there already: %w", file, ErrConflict)
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("backup: %s %w", path, errNotOurs)
	}
	partial, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".partial-*") // for its owner only
	if err != nil {
		return 0, fmt.Errorf("backup: %w", err)
	}
	defer func() {
		err = errors.Join(err, partial.Close())
		if err != nil {
			_ = os.Remove(partial.Name()) // half a copy is of use to nobody
		}
	}()
	if err := vacuumInto(ctx, path, partial.Name()); err != nil {
		return 0, fmt.Errorf("backup: %w", err)
	}
	if err := checkCopy(ctx, partial.Name()); err != nil {
		return 0, fmt.Errorf("backup: the copy is broken, and perhaps %s is: %w", path, err)
	}
	if err := checkSchema(ctx, partial.Name()); err != nil {
		return 0, fmt.Errorf("backup: %s %w", path, err)
	}
	if err := partial.Sync(); err != nil { // SQLite leaves that to us
		return 0, fmt.Errorf("backup: %w", err)
	}
	written, err := partial.Stat()
	if err != nil {
		return 0, fmt.Errorf("backup: %w", err)
	}
	if err := os.Rename(partial.Name(), file); err != nil {
		return 0, fmt.Errorf("backup: %w", err)
	}
	return written.Size(), syncFolder(filepath.Dir(file))
}

// vacuumInto reads one snapshot; write-ahead logging lets everyone else go on.
func vacuumInto(ctx context.Context, path, file string) error {
	if err := refuseOtherLog(path); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=rw&_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", file)
	return errors.Join(err, db.Close())
}

func checkCopy(ctx context.Context, file string) error {
	found, err := askCopy(ctx, file, "PRAGMA quick_check(1)")
	if err == nil && found != "ok" {
		return errors.New(found)
	}
	return err
}

// checkSchema refuses a database that was never migrated.
func checkSchema(ctx context.Context, file string) error {
	version, err := askCopy(ctx, file, "SELECT coalesce(max(version_id), 0) FROM goose_db_version")
	if err == nil && version == "0" || err != nil && strings.Contains(err.Error(), "no such table") {
		return errNotOurs
	}
	return err
}

var errNotOurs = errors.New("has no tables of Latchkey's: is it the database that the server uses?")

func askCopy(ctx context.Context, file, question string) (answer string, err error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?mode=ro&immutable=1")
	if err != nil {
		return "", err
	}
	err = db.QueryRowContext(ctx, question).Scan(&answer)
	return answer, errors.Join(err, db.Close())
}

// syncFolder makes the file's name as durable as the file.
func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}
