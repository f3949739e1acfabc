package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/text/language"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/password"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/wire"
)

// broughtUser is a line of `user import`.
type broughtUser struct {
	ID            string           `json:"id"`
	Email         string           `json:"email"`
	EmailVerified bool             `json:"email_verified"`
	Name          string           `json:"name"`
	Locale        string           `json:"locale"`
	PasswordHash  string           `json:"password_hash"`
	Accounts      []broughtAccount `json:"accounts"`

	line int // of the file
}

type broughtAccount struct {
	ID   string      `json:"id"`
	Name string      `json:"name"`
	Role issuer.Role `json:"role"`
}

const (
	longestLine    = 64 << 10 // bytes
	longestID      = 255      // characters: what a sub may have (OpenID Connect Core §2)
	shownMistakes  = 20
	importedAtOnce = 100 // people a transaction
)

func (p *program) userImport() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Bring people along from another system, with their identifiers, accounts and password hashes", Args: needs,
		Long: "Bring people along from another system. Each line of the file is a person, as a JSON object (here on two, to be read):\n\n" +
			`  {"id": "1042", "email": "noura@acme.example", "email_verified": true, "name": "Noura Haddad", "locale": "ar",` + "\n" +
			`   "password_hash": "$2b$12$…", "accounts": [{"id": "17", "name": "Noura's Shop", "role": "owner"}]}` + "\n\n" +
			"id is what apps get as sub, and an account's id what they get as account_id. People who name the same account share it; one of\n" +
			"them must own it. password_hash is bcrypt, or argon2id in PHC form, and a weaker one than ours gives way when its owner signs in;\n" +
			"who has none asks for a new password by mail. All lines are checked first, also against who is there already, and nothing is\n" +
			"written while one is wrong. People who were brought before are left as they are, so a run that was stopped is simply repeated.",
		Example: "  latchkey user import people.jsonl --issuer acme --check\n  latchkey user import people.jsonl --issuer acme",
	}
	cmd.Flags().BoolVar(&check, "check", false, "check every line, and write nothing")
	cmd.RunE = p.at(func(ctx context.Context, in *installation, args []string) error {
		return p.importUsers(ctx, in, args[0], check)
	})
	return cmd
}

// importResult is what is printed at the end.
type importResult struct {
	People   int64 `json:"people"`
	Accounts int   `json:"accounts"`
	Added    int64 `json:"added"`
	Before   int64 `json:"there_before"`
}

func (p *program) importUsers(ctx context.Context, in *installation, path string, checkOnly bool) error {
	file, err := os.Open(path) // #nosec G304 -- whoever runs the command names the file
	if err != nil {
		return usage("%v", err)
	}
	defer file.Close()
	result, err := checkBrought(ctx, in, file)
	if err != nil {
		return err
	}
	if checkOnly {
		return p.show(result, func() { p.say("%d people with %d accounts: every line is right", result.People, result.Accounts) })
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read %s again: %w", path, err)
	}
	bar := newProgress(p.err)
	err = bringAll(ctx, in, file, &result, bar.counted("people brought"))
	bar.end()
	if err != nil {
		return err
	}
	return p.show(result, func() { p.say("%d people added; %d were there before", result.Added, result.Before) })
}

// eachLine calls do with every line that says something.
func eachLine(file io.Reader, do func(number int, line []byte) error) error {
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, longestLine), longestLine)
	number := 0
	for lines.Scan() {
		number++
		line := lines.Bytes()
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff")) // some editors begin a file with it
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := do(number, line); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return usage("line %d is longer than %d bytes", number+1, longestLine)
	}
	return lines.Err()
}

// checkBrought reads all lines and looks who is there already, and tells the first mistakes of all.
func checkBrought(ctx context.Context, in *installation, file io.Reader) (importResult, error) {
	var result importResult
	var mistakes []string
	owned, seed, known := map[string]bool{}, maphash.MakeSeed(), map[uint64]bool{}
	err := eachLine(file, func(number int, line []byte) error {
		result.People++
		u, mistake := readBrought(line, in.issuer)
		id, address := maphash.String(seed, "id "+u.ID), maphash.String(seed, "address "+u.Email)
		if mistake == nil && (known[id] || known[address]) {
			mistake = fmt.Errorf("id %q or email %q is that of an earlier line", u.ID, u.Email)
		}
		known[id], known[address] = true, true // hashes, because there may be millions
		if mistake == nil {
			if err := in.store.WouldBring(ctx, u.user(in.issuer.Name)); errors.Is(err, store.ErrConflict) {
				mistake = &takenError{u}
			} else if err != nil {
				return err
			}
		}
		if mistake != nil {
			mistakes = append(mistakes, fmt.Sprintf("line %d: %v", number, mistake))
		}
		for _, account := range u.Accounts {
			owned[account.ID] = owned[account.ID] || account.Role == issuer.RoleOwner
		}
		if len(mistakes) >= shownMistakes {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return result, err
	}
	if len(mistakes) == 0 {
		mistakes = withoutOwner(owned)
	}
	if len(mistakes) > 0 {
		return result, usage("nothing was written:\n  %s", strings.Join(mistakes, "\n  "))
	}
	if result.People == 0 {
		return result, usage("the file has no people: each line is one, as `latchkey user import --help` shows")
	}
	result.Accounts = len(owned)
	return result, nil
}

func withoutOwner(owned map[string]bool) (mistakes []string) {
	for id, has := range owned {
		if !has && len(mistakes) < shownMistakes {
			mistakes = append(mistakes, fmt.Sprintf("nobody owns the account %q: give one of its people the role owner", id))
		}
	}
	slices.Sort(mistakes)
	return mistakes
}

// readBrought reads a line. What it does not know is refused: a member that is misspelt would be lost.
func readBrought(line []byte, at *issuer.Issuer) (u broughtUser, err error) {
	if err := wire.DecodeJSON(line, &u); err != nil {
		return u, err
	}
	strict := json.NewDecoder(bytes.NewReader(line))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&broughtUser{}); err != nil {
		return u, errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return u, u.check(at)
}

var errEnough = errors.New("enough mistakes were found")

// check holds a line to what the pages and tokens can carry, and brings its texts into their form.
func (u *broughtUser) check(at *issuer.Issuer) error {
	address, ok := mail.Address(u.Email)
	if !ok {
		return fmt.Errorf("email %q is not an address", u.Email)
	}
	if u.Email, u.Name = address, wire.Name(u.Name); u.Name == "" || utf8.RuneCountInString(u.Name) > wire.LongestName {
		return fmt.Errorf("name must be 1 to %d characters", wire.LongestName)
	}
	if err := checkBroughtID("id", u.ID); err != nil {
		return err
	}
	if _, err := language.Parse(u.Locale); u.Locale != "" && err != nil {
		return fmt.Errorf("locale %q is not a language: write a tag such as en, ar, vi or fr", u.Locale)
	}
	if u.PasswordHash != "" {
		if err := password.CheckBrought(u.PasswordHash); err != nil {
			return fmt.Errorf("password_hash cannot be used: %w", err)
		}
	}
	return u.checkAccounts(at)
}

func (u *broughtUser) checkAccounts(at *issuer.Issuer) error {
	seen := map[string]bool{}
	for i := range u.Accounts {
		account := &u.Accounts[i]
		if err := checkBroughtID("an account's id", account.ID); err != nil {
			return err
		}
		if account.Name = wire.Name(account.Name); account.Name == "" || utf8.RuneCountInString(account.Name) > wire.LongestName {
			return fmt.Errorf("the account %q: name must be 1 to %d characters", account.ID, wire.LongestName)
		}
		if !at.HasRole(account.Role) {
			return fmt.Errorf("the account %q: there is no role %q here: there are %s", account.ID, account.Role, listed(at.Roles()))
		}
		if seen[account.ID] {
			return fmt.Errorf("the account %q is named twice", account.ID)
		}
		seen[account.ID] = true
	}
	if len(seen) > store.MembershipLimit {
		return fmt.Errorf("%d accounts: a person can have %d", len(seen), store.MembershipLimit)
	}
	return nil
}

func listed(roles []issuer.Role) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return strings.Join(names, ", ")
}

func checkBroughtID(what, id string) error {
	if id == "" || len(id) > longestID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%s must be 1 to %d printable ASCII characters, as text", what, longestID)
	}
	return nil
}

// bringAll writes what checkBrought has found right, some people a transaction.
func bringAll(ctx context.Context, in *installation, file io.Reader, result *importResult, told func(done, total int64)) error {
	var batch []broughtUser
	write := func() error {
		added, err := bring(ctx, in, batch)
		if taken, ok := errors.AsType[*takenError](err); ok {
			return refuse(exitConflict, "line %d: %v; %d people were added before it: mend the line and run this again", taken.user.line, taken, result.Added)
		}
		if err != nil {
			return err
		}
		result.Added, result.Before = result.Added+added, result.Before+int64(len(batch))-added
		batch = batch[:0]
		told(result.Added+result.Before, result.People)
		return ctx.Err()
	}
	err := eachLine(file, func(number int, line []byte) error {
		u, err := readBrought(line, in.issuer)
		if err != nil {
			return usage("line %d changed while the file was read: %v", number, err)
		}
		u.line = number
		if batch = append(batch, u); len(batch) < importedAtOnce {
			return nil
		}
		return write()
	})
	if err != nil {
		return err
	}
	return write()
}

// takenError is about a person who cannot be brought beside what is there.
type takenError struct{ user broughtUser }

func (e *takenError) Error() string {
	return fmt.Sprintf("%s (%s): somebody else has this address, or another person or an app has this identifier", e.user.ID, e.user.Email)
}

// bring adds people in one transaction.
func bring(ctx context.Context, in *installation, people []broughtUser) (added int64, err error) {
	err = in.store.InTx(ctx, func(tx *store.Tx) error {
		added = 0 // a transaction may be tried again
		for _, u := range people {
			made, err := u.bring(tx, in.issuer.Name)
			if errors.Is(err, store.ErrConflict) {
				return &takenError{u}
			}
			if err != nil {
				return err
			}
			if made {
				added++
			}
		}
		return nil
	})
	return added, err
}

func (u *broughtUser) user(issuerName string) store.User {
	return store.User{Issuer: issuerName, ID: u.ID, Email: u.Email, Name: u.Name, Locale: u.Locale, PasswordHash: u.PasswordHash}
}

func (u *broughtUser) bring(tx *store.Tx, issuerName string) (made bool, err error) {
	user := u.user(issuerName)
	if u.EmailVerified {
		user.EmailVerifiedAt = tx.Now()
	}
	places := make([]store.Membership, len(u.Accounts))
	for i, account := range u.Accounts {
		places[i] = store.Membership{AccountID: account.ID, AccountName: account.Name, Role: account.Role}
	}
	if made, err = tx.BringUser(user, places); err != nil || !made {
		return made, err
	}
	return true, tx.Record(store.Event{Issuer: issuerName, Type: store.EventUserSignedUp, UserID: u.ID, Detail: byOperator()})
}
