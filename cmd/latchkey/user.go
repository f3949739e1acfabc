package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/store"
)

func (p *program) user() *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List users by e-mail address", Args: needs, Example: "  latchkey user list --issuer acme --json"}
	var after string
	var limit int
	list.Flags().StringVar(&after, "after", "", "begin after this `address`")
	list.Flags().IntVar(&limit, "limit", 100, "at most so `many`")
	list.RunE = p.at(func(ctx context.Context, in *installation, _ []string) error {
		return p.userList(ctx, in, after, limit)
	})
	show := &cobra.Command{
		Use: "show USER", Short: "Show a user with accounts and connected apps", Args: needs,
		Long:    "Show a user, by e-mail address or identifier, with accounts and connected apps.",
		Example: "  latchkey user show noura@acme.example --issuer acme",
		RunE:    p.at(p.userShow),
	}
	suspend := &cobra.Command{
		Use: "suspend USER", Short: "Stop a user's sign-in and every token given by them", Args: needs,
		Example: "  latchkey user suspend noura@acme.example --issuer acme",
		RunE: p.at(func(ctx context.Context, in *installation, args []string) error {
			return p.userSuspend(ctx, in, args[0], true)
		}),
	}
	resume := &cobra.Command{
		Use: "resume USER", Short: "Let a suspended user back", Args: needs,
		Long:    "Let a suspended user back. Apps that were connected work again.",
		Example: "  latchkey user resume noura@acme.example --issuer acme",
		RunE: p.at(func(ctx context.Context, in *installation, args []string) error {
			return p.userSuspend(ctx, in, args[0], false)
		}),
	}
	cmd := group("user", "People who can sign in",
		p.userCreate(), p.userImport(), list, show, suspend, resume, p.userDisconnect(), p.userSetPassword(), p.userExport(), p.userDelete())
	cmd.Example = list.Example
	return p.withIssuer(cmd)
}

// userView is a user as it is printed.
type userView struct {
	ID              string           `json:"id"`
	Email           string           `json:"email"`
	EmailVerifiedAt string           `json:"email_verified_at,omitempty"`
	Name            string           `json:"name"`
	Locale          string           `json:"locale,omitempty"`
	HasPassword     bool             `json:"has_password"`
	CreatedAt       string           `json:"created_at"`
	SuspendedAt     string           `json:"suspended_at,omitempty"`
	Accounts        []membershipView `json:"accounts,omitempty"`
	Connections     []connectionView `json:"connections,omitempty"`
}

type membershipView struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
}

type connectionView struct {
	GrantID   string `json:"grant_id"`
	ClientID  string `json:"client_id"`
	AccountID string `json:"account_id"`
	Scope     string `json:"scope"`
	CreatedAt string `json:"created_at"`
}

func viewUser(u store.User) userView {
	return userView{
		ID: u.ID, Email: u.Email, EmailVerifiedAt: stamp(u.EmailVerifiedAt), Name: u.Name, Locale: u.Locale,
		HasPassword: u.PasswordHash != "", CreatedAt: stamp(u.CreatedAt), SuspendedAt: stamp(u.SuspendedAt),
	}
}

func (p *program) userList(ctx context.Context, in *installation, after string, limit int) error {
	if limit < 1 || limit > 10_000 {
		return usage("--limit must be from 1 to 10000")
	}
	users, err := in.store.Users(ctx, in.issuer.Name, after, limit)
	if err != nil {
		return err
	}
	views, rows := make([]userView, len(users)), make([][]string, len(users))
	for i, u := range users {
		v := viewUser(u)
		views[i], rows[i] = v, []string{v.Email, v.Name, v.ID, v.CreatedAt, v.SuspendedAt}
	}
	return p.show(map[string][]userView{"users": views}, func() { p.table("E-MAIL | NAME | ID | CREATED | SUSPENDED", rows, "no users") })
}

// findUser takes an e-mail address or an identifier.
func findUser(ctx context.Context, in *installation, name string) (store.User, error) {
	find, key := in.store.User, name
	if address, ok := mail.Address(name); ok {
		find, key = in.store.UserByEmail, address
	}
	u, err := find(ctx, in.issuer.Name, key)
	return u, about(err, "user", name)
}

// shownConnections bounds what one page of output lists.
const shownConnections = 1000

func (p *program) userShow(ctx context.Context, in *installation, args []string) error {
	u, err := findUser(ctx, in, args[0])
	if err != nil {
		return err
	}
	memberships, err := in.store.Memberships(ctx, in.issuer.Name, u.ID)
	if err != nil {
		return err
	}
	grants, err := in.store.GrantsOfUser(ctx, in.issuer.Name, u.ID, shownConnections)
	if err != nil {
		return err
	}
	v := viewUser(u)
	for _, m := range memberships {
		v.Accounts = append(v.Accounts, membershipView{ID: m.AccountID, Name: m.AccountName, Role: string(m.Role)})
	}
	for _, g := range grants {
		v.Connections = append(v.Connections, connectionView{
			GrantID: g.ID, ClientID: g.ClientID, AccountID: g.AccountID, Scope: g.Scopes.String(), CreatedAt: stamp(g.CreatedAt),
		})
	}
	return p.show(v, func() { p.printUser(v) })
}

func (p *program) printUser(v userView) {
	p.fields("E-mail", v.Email, "Verified", v.EmailVerifiedAt, "Name", v.Name, "ID", v.ID, "Language", v.Locale,
		"Password", yes(v.HasPassword), "Created", v.CreatedAt, "Suspended", v.SuspendedAt)
	accounts, connections := make([][]string, len(v.Accounts)), make([][]string, len(v.Connections))
	for i, a := range v.Accounts {
		accounts[i] = []string{a.ID, a.Role, a.Name}
	}
	for i, c := range v.Connections {
		connections[i] = []string{c.ClientID, c.AccountID, c.CreatedAt, c.Scope}
	}
	p.say("")
	p.table("ACCOUNT | ROLE | NAME", accounts, "no accounts")
	p.say("")
	p.table("CONNECTED APP | ACCOUNT | SINCE | SCOPE", connections, "no connected apps")
}

func (p *program) userSuspend(ctx context.Context, in *installation, name string, suspended bool) error {
	u, err := findUser(ctx, in, name)
	if err != nil {
		return err
	}
	happened := store.EventUserResumed
	if suspended {
		happened = store.EventUserSuspended
	}
	err = in.store.InTx(ctx, func(tx *store.Tx) error {
		return errors.Join(tx.SuspendUser(in.issuer.Name, u.ID, suspended), tx.Record(store.Event{Issuer: in.issuer.Name, Type: happened, UserID: u.ID}))
	})
	if err != nil {
		return err
	}
	return p.userAfter(ctx, in, u.ID)
}

// userAfter prints a user as a change has left it.
func (p *program) userAfter(ctx context.Context, in *installation, id string) error {
	u, err := in.store.User(ctx, in.issuer.Name, id)
	if err != nil {
		return err
	}
	v := viewUser(u)
	return p.show(v, func() {
		state := "can sign in"
		if v.SuspendedAt != "" {
			state = "is suspended since " + v.SuspendedAt
		}
		p.say("%s (%s) %s", printable(v.Email), v.ID, state)
	})
}
