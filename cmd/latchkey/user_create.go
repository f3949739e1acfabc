package main

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/text/language"

	"latchkey.dev/internal/interaction"
	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/password"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/throttle"
	"latchkey.dev/internal/wire"
)

// newUser is what `user create` is told.
type newUser struct {
	email, name, locale, account string
	unverified                   bool
}

func (p *program) userCreate() *cobra.Command {
	var n newUser
	cmd := &cobra.Command{
		Use: "create", Short: "Add a user; the password is the first line of standard input", Args: needs,
		Long: "Add a user. The password is the first line of standard input, so that no list of processes and no shell history keeps it.",
		Example: "  printf '%s\\n' \"$PASSWORD\" | latchkey user create --issuer acme --email noura@acme.example --name \"Noura Haddad\"\n" +
			"  printf '%s\\n' \"$PASSWORD\" | latchkey user create --email noura@acme.example --name Noura --account \"Noura's Shop\"",
	}
	cmd.Flags().StringVar(&n.email, "email", "", "`address` to sign in with")
	cmd.Flags().StringVar(&n.name, "name", "", "the person's `name`, as apps and pages show it")
	cmd.Flags().StringVar(&n.locale, "locale", "", "preferred `language`, such as fr; empty: the browser's")
	cmd.Flags().StringVar(&n.account, "account", "", "also make an account of this `name`, which the user owns")
	cmd.Flags().BoolVar(&n.unverified, "unverified", false, "the address must still be confirmed by mail")
	cmd.RunE = p.at(func(ctx context.Context, in *installation, _ []string) error { return p.createUser(ctx, in, n) })
	return cmd
}

func (p *program) createUser(ctx context.Context, in *installation, n newUser) error {
	if err := n.check(); err != nil {
		return err
	}
	hash, err := p.readPassword(ctx, n.email, n.name)
	if err != nil {
		return err
	}
	made := store.User{
		Issuer: in.issuer.Name, ID: in.store.NewPublicID("usr_"), Email: n.email, Name: n.name, Locale: n.locale, PasswordHash: hash,
	}
	err = in.store.InTx(ctx, func(tx *store.Tx) error { return n.create(tx, made, in.store.NewPublicID("acc_")) })
	if err != nil {
		return about(err, "user", made.Email)
	}
	return p.userAfter(ctx, in, made.ID)
}

func (n *newUser) check() error {
	address, ok := mail.Address(n.email)
	if !ok {
		return usage("--email %q is not an address: write it like noura@acme.example", n.email)
	}
	n.email, n.name, n.account = address, wire.Name(n.name), wire.Name(n.account)
	if max(utf8.RuneCountInString(n.name), utf8.RuneCountInString(n.account)) > wire.LongestName {
		return usage("--name and --account must be at most %d characters", wire.LongestName)
	}
	if n.name == "" {
		return usage("--name is missing: say what the person is called")
	}
	if _, err := language.Parse(n.locale); n.locale != "" && err != nil {
		return usage("--locale %q is not a language: write a tag such as en, ar, vi or fr", n.locale)
	}
	return nil
}

func (n *newUser) create(tx *store.Tx, made store.User, accountID string) error {
	if !n.unverified {
		made.EmailVerifiedAt = tx.Now()
	}
	if err := tx.CreateUser(made); err != nil {
		return err
	}
	if err := tx.Record(store.Event{Issuer: made.Issuer, Type: store.EventUserSignedUp, UserID: made.ID, Detail: byOperator()}); err != nil || n.account == "" {
		return err
	}
	account := store.Account{Issuer: made.Issuer, ID: accountID, Name: n.account}
	return errors.Join(tx.CreateAccount(account, made.ID), tx.Record(store.Event{
		Issuer: made.Issuer, Type: store.EventAccountCreated, UserID: made.ID, AccountID: account.ID, Detail: map[string]string{"name": account.Name, "reason": store.ReasonOperator},
	}))
}

// byOperator tells in the audit log that the platform did it.
func byOperator() map[string]string { return map[string]string{"reason": store.ReasonOperator} }

func (p *program) userSetPassword() *cobra.Command {
	return &cobra.Command{
		Use: "set-password USER", Short: "Replace a user's password by the first line of standard input, and sign them out", Args: needs,
		Long: "Replace a user's password by the first line of standard input. Every browser that is signed in as the user is signed out;\n" +
			"connected apps stay connected.",
		Example: "  printf '%s\\n' \"$PASSWORD\" | latchkey user set-password noura@acme.example --issuer acme",
		RunE:    p.at(p.setPassword),
	}
}

func (p *program) setPassword(ctx context.Context, in *installation, args []string) error {
	u, err := findUser(ctx, in, args[0])
	if err != nil {
		return err
	}
	hash, err := p.readPassword(ctx, u.Email, u.Name)
	if err != nil {
		return err
	}
	limits := throttle.Limiter{Issuer: u.Issuer, Store: in.store, Keyring: in.keyring}
	var ended int64
	err = in.store.InTx(ctx, func(tx *store.Tx) (err error) {
		ended, err = givePassword(tx, limits, u, hash)
		return err
	})
	if err != nil {
		return err
	}
	return p.show(map[string]any{"id": u.ID, "sessions_ended": ended}, func() {
		p.say("%s has the new password; sessions ended: %d", printable(u.Email), ended)
	})
}

// givePassword lets the person in at once, too, whoever guessed at the password before.
func givePassword(tx *store.Tx, limits throttle.Limiter, u store.User, hash string) (ended int64, err error) {
	if err := tx.SetPassword(u.Issuer, u.ID, hash); err != nil {
		return 0, err
	}
	if err := limits.Clear(tx, interaction.SignInLimit(u.Email)); err != nil {
		return 0, err
	}
	if ended, err = tx.EndOtherSessions(u.Issuer, u.ID, nil); err != nil {
		return 0, err
	}
	return ended, tx.Record(store.Event{Issuer: u.Issuer, Type: store.EventPasswordChanged, UserID: u.ID, Detail: byOperator()})
}

// readPassword takes the first line of standard input, under the rules of the sign-up page, and returns its hash.
func (p *program) readPassword(ctx context.Context, email, name string) (hash string, err error) {
	chosen, err := p.firstLine("password")
	if err != nil {
		return "", err
	}
	switch password.Check(chosen, email, name) {
	case password.TooShort, password.TooLong:
		return "", usage("the password must have %d to %d characters", password.MinLength, password.MaxLength)
	case password.Common:
		return "", usage("the password is one of those that are tried first: choose another")
	case password.Personal:
		return "", usage("the password is made of the person's own name or address: choose another")
	}
	return password.New(password.Config{Rand: p.rand}).Hash(ctx, chosen)
}
