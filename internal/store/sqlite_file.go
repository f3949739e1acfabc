package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
)

// makePrivate makes the file that only its owner reads, before SQLite would make one for everybody: it holds addresses and hashes.
// The log beside it gets the same permissions from SQLite. A file that is there keeps what its operator chose.
func makePrivate(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	return file.Close()
}

// OtherLogError refuses a copy beside which the log of the database from before still lies: SQLite would apply it, and spoil the copy. It
// refuses to begin a database beside one, too: SQLite would delete the log, with what it alone holds.
type OtherLogError struct {
	File  string
	Alone bool // no file lies beside the log
}

func (e *OtherLogError) Error() string {
	if e.Alone {
		return fmt.Sprintf("%[1]s is not there, and %[1]s-wal is the log of the database that was, with its newest changes. "+
			"Nothing was changed: put that database back beside it, or move %[1]s-wal and %[1]s-shm to where it is now, or remove them", e.File)
	}
	return fmt.Sprintf("%[1]s is a copy that was put here, and %[1]s-wal beside it is the log of the database that was here before, which would spoil it. "+
		"Nothing was changed: stop the server, move %[1]s-wal and %[1]s-shm to where that database is now, or remove them; or give the copy another name", e.File)
}

const (
	modeOffset    = 18 // in a database's header: how it is written, and how it is read (https://sqlite.org/fileformat.html §1.3.3)
	walHeaderSize = 32 // before the log's first page
)

// refuseOtherLog comes before a connection is opened. `VACUUM INTO` makes a file that says that it has no write-ahead log. One of ours says
// that it has one: SQLite writes and syncs that before it makes the log, so no crash leaves one that does not say so beside a log with pages.
func refuseOtherLog(path string) error {
	if target, err := filepath.EvalSymlinks(path); err == nil { // as SQLite does, before it names the log
		path = target
	}
	// The log is looked at first: a file that another process switches meanwhile has none yet, or says that it has.
	if log, err := os.Stat(path + "-wal"); errors.Is(err, os.ErrNotExist) || err == nil && log.Size() <= walHeaderSize {
		return nil
	}
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return &OtherLogError{File: path, Alone: true}
	}
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	var modes [2]byte
	_, err = file.ReadAt(modes[:], modeOffset) // a file too short for a header is SQLite's to refuse
	if closed := file.Close(); err == nil && closed == nil && modes == [2]byte{1, 1} {
		return &OtherLogError{File: path}
	}
	return nil
}

// placedFile is the database's file, and whether it is still where it was opened. What is written to one that was moved away or replaced is
// gone for whoever opens the database next.
type placedFile struct {
	path   string
	opened os.FileInfo
	gone   atomic.Bool // from then on: what else was done meanwhile cannot be known
}

var errGone = errors.New("the database file was moved away or replaced while the server runs; restart the server")

// placed makes no file: only Migrate does, so that a mistyped path leaves none.
func placed(path string) (*placedFile, error) {
	opened, err := os.Stat(path)
	if _, folder := os.Stat(filepath.Dir(path)); errors.Is(err, os.ErrNotExist) && folder == nil {
		return nil, &SchemaError{Need: schemaVersion}
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &placedFile{path: path, opened: opened}, nil
}

// look compares the file with the one that was opened.
func (f *placedFile) look() error {
	switch now, err := os.Stat(f.path); {
	case errors.Is(err, os.ErrNotExist), err == nil && !os.SameFile(f.opened, now):
		f.gone.Store(true)
	case err != nil:
		return fmt.Errorf("look for the database: %w", err)
	}
	return f.check()
}

// check is what look found.
func (f *placedFile) check() error {
	if f.gone.Load() {
		return errGone
	}
	return nil
}
