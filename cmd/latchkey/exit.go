package main

import (
	"errors"
	"fmt"

	"latchkey.dev/internal/config"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/signing"
	"latchkey.dev/internal/store"
)

// The exit codes, as `latchkey --help` lists them.
const (
	exitOK            = 0
	exitFailure       = 1
	exitUsage         = 2
	exitConfiguration = 3
	exitDatabase      = 4
	exitNotFound      = 5
	exitConflict      = 6
)

// exitError is a refusal with its exit code.
type exitError struct {
	code    int
	message string
}

func (e *exitError) Error() string { return e.message }

func refuse(code int, format string, args ...any) error {
	return &exitError{code: code, message: fmt.Sprintf(format, args...)}
}

func usage(format string, args ...any) error { return refuse(exitUsage, format, args...) }

// explain chooses the exit code and says in plain words what to do.
func explain(err error) (code int, message string) {
	var refusal *exitError
	var configuration *config.Error
	var schema *store.SchemaError
	var beside *store.OtherLogError
	var trouble *store.UnavailableError
	var invalid *oauth.Error
	switch {
	case errors.As(err, &refusal):
		return refusal.code, refusal.message
	case errors.As(err, &configuration):
		return exitConfiguration, "the configuration is not right; nothing was started or changed\n" + configuration.Error()
	case errors.Is(err, signing.ErrMasterKey):
		return exitConfiguration, "the master key is not the one that the keys in this database were sealed with; nothing was started or changed: put that one back, or " +
			"below the new one, into `master_key_file`, or into LATCHKEY_MASTER_KEY where that holds them: " + err.Error()
	case errors.As(err, &schema):
		return exitDatabase, schema.Error()
	case errors.As(err, &beside):
		return exitDatabase, beside.Error()
	case store.Forbidden(err):
		return exitDatabase, "the user in `database` may not do this there: let it own the database (ALTER DATABASE … OWNER TO …) and the tables, or grant it\n" +
			"CREATE on the schema public: " + err.Error()
	case store.Damaged(err):
		return exitDatabase, "the database is damaged. If it was copied over another, the log of that one was still there: stop the server, remove the file, and\n" +
			"those beside it whose names end in -wal and -shm, and copy the backup once more: " + err.Error()
	case errors.As(err, &trouble):
		return exitDatabase, "the database does not answer; check that it runs and that `database` in the configuration names it: " + trouble.Unwrap().Error()
	case errors.Is(err, store.ErrNotFound):
		return exitNotFound, "it is not there"
	case errors.Is(err, store.ErrConflict):
		return exitConflict, "it is there already, or changed meanwhile"
	case errors.As(err, &invalid):
		return exitUsage, invalid.Description
	}
	return exitFailure, err.Error()
}

// about gives a refusal of the store the name of what it is about; other errors pass.
func about(err error, what, name string) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return refuse(exitNotFound, "there is no %s %q at this issuer", what, name)
	case errors.Is(err, store.ErrConflict):
		return refuse(exitConflict, "the %s %q is there already", what, name)
	}
	return err
}
