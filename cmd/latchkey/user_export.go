package main

import (
	"context"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/store"
)

func (p *program) userExport() *cobra.Command {
	return &cobra.Command{
		Use: "export USER", Short: "Print as JSON what is stored about a user", Args: needs,
		Long: "Print as JSON what is stored about a user, to hand it to them: who they are, accounts, connections, sign-ins, invitations and events. There is\n" +
			"no secret in it, and no hash of one.",
		Example: "  latchkey user export noura@acme.example --issuer acme > noura.json",
		RunE:    p.at(p.exportUser),
	}
}

// exportView is all that is stored about a person.
type exportView struct {
	userView

	Connections []exportedConnection `json:"connections"`
	Sessions    []sessionView        `json:"sessions"`
	Invitations []invitationView     `json:"invitations"`
	Events      []eventView          `json:"events"`
}

type exportedConnection struct {
	connectionView

	AccountName string `json:"account_name"`
	Declined    string `json:"declined,omitempty"`
	UpdatedAt   string `json:"updated_at"`
	LastUsedAt  string `json:"last_used_at,omitempty"`
}

type sessionView struct {
	ID         string `json:"id"`
	Method     string `json:"amr"`
	UserAgent  string `json:"user_agent"`
	Address    string `json:"address"`
	CreatedAt  string `json:"created_at"`
	LastSeenAt string `json:"last_seen_at"`
	ExpiresAt  string `json:"expires_at"`
}

type invitationView struct {
	AccountID  string `json:"account_id"`
	Email      string `json:"email"`
	Role       string `json:"role"`
	ByUser     bool   `json:"sent_by_user"` // else: to them
	CreatedAt  string `json:"created_at"`
	ExpiresAt  string `json:"expires_at"`
	AcceptedAt string `json:"accepted_at,omitempty"`
}

func (p *program) exportUser(ctx context.Context, in *installation, args []string) error {
	u, err := findUser(ctx, in, args[0])
	if err != nil {
		return err
	}
	v := exportView{userView: viewUser(u), Connections: []exportedConnection{}, Sessions: []sessionView{}, Invitations: []invitationView{}, Events: []eventView{}}
	for _, add := range []func(context.Context, *installation, store.User) error{v.addAccounts, v.addConnections, v.addSignIns, v.addEvents} {
		if err := add(ctx, in, u); err != nil {
			return err
		}
	}
	p.json = true // it is for a file, whoever asks
	return p.show(v, nil)
}

func (v *exportView) addAccounts(ctx context.Context, in *installation, u store.User) error {
	memberships, err := in.store.Memberships(ctx, u.Issuer, u.ID)
	for _, m := range memberships {
		v.Accounts = append(v.Accounts, membershipView{ID: m.AccountID, Name: m.AccountName, Role: string(m.Role)})
	}
	return err
}

func (v *exportView) addConnections(ctx context.Context, in *installation, u store.User) error {
	grants, err := in.store.GrantsOfUser(ctx, u.Issuer, u.ID, exportedConnections)
	for _, g := range grants {
		v.Connections = append(v.Connections, exportedConnection{
			connectionView: connectionView{GrantID: g.ID, ClientID: g.ClientID, AccountID: g.AccountID, Scope: g.Scopes.String(), CreatedAt: stamp(g.CreatedAt)},
			AccountName:    g.AccountName, Declined: g.Declined.String(), UpdatedAt: stamp(g.UpdatedAt), LastUsedAt: stamp(g.LastUsedAt),
		})
	}
	return err
}

// exportedConnections is more than one person can have made.
const exportedConnections = 1_000_000

func (v *exportView) addSignIns(ctx context.Context, in *installation, u store.User) error {
	sessions, err := in.store.Sessions(ctx, u.Issuer, u.ID)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		v.Sessions = append(v.Sessions, sessionView{
			ID: s.ID, Method: s.Amr, UserAgent: s.UserAgent, Address: s.Address,
			CreatedAt: stamp(s.CreatedAt), LastSeenAt: stamp(s.LastSeenAt), ExpiresAt: stamp(s.ExpiresAt),
		})
	}
	invitations, err := in.store.InvitationsOf(ctx, u)
	for _, i := range invitations {
		v.Invitations = append(v.Invitations, invitationView{
			AccountID: i.AccountID, Email: i.Email, Role: string(i.Role), ByUser: i.InvitedBy == u.ID,
			CreatedAt: stamp(i.CreatedAt), ExpiresAt: stamp(i.ExpiresAt), AcceptedAt: stamp(i.AcceptedAt),
		})
	}
	return err
}

func (v *exportView) addEvents(ctx context.Context, in *installation, u store.User) error {
	for before := store.LastEvent; before != ""; {
		page, err := in.store.EventsOfUser(ctx, u.Issuer, u.ID, before, lookedAt)
		if err != nil {
			return err
		}
		for _, e := range page {
			v.Events = append(v.Events, viewEvent(e))
		}
		if before = ""; len(page) == lookedAt {
			before = page[lookedAt-1].ID
		}
	}
	return nil
}
