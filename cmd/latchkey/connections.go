package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (p *program) clientConnections() *cobra.Command {
	var after string
	var limit int
	cmd := &cobra.Command{
		Use: "connections CLIENT_ID", Short: "List who connected an app, and for which account", Args: needs,
		Long: "List who connected an app, and for which account, oldest first. A connection that ended is not one: `latchkey event list` tells of those.",
		Example: "  latchkey client connections app_k3Jd --issuer acme --json\n" +
			"  latchkey client connections app_k3Jd --limit 10000 --after 01a2b3c4-d5e6-7f80-9a1b-2c3d4e5f6071",
	}
	cmd.Flags().StringVar(&after, "after", "", "begin after the connection with this `identifier`")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so `many`")
	cmd.RunE = p.at(func(ctx context.Context, in *installation, args []string) error {
		return p.connections(ctx, in, args[0], after, limit)
	})
	return cmd
}

// connectedView is a connection as an app's are printed. What an app holds for itself has no user.
type connectedView struct {
	GrantID    string `json:"grant_id"`
	UserID     string `json:"user_id,omitempty"`
	Email      string `json:"email,omitempty"`
	Name       string `json:"name,omitempty"`
	AccountID  string `json:"account_id"`
	Scope      string `json:"scope"`
	CreatedAt  string `json:"created_at"`
	LastUsedAt string `json:"last_used_at,omitempty"`
}

func (p *program) connections(ctx context.Context, in *installation, id, after string, limit int) error {
	if limit < 1 || limit > 10_000 {
		return usage("--limit must be from 1 to 10000")
	}
	if _, err := in.store.Client(ctx, in.issuer.Name, id); err != nil {
		return about(err, "client", id)
	}
	grants, err := in.store.GrantsOfClient(ctx, in.issuer.Name, id, after, limit)
	if err != nil {
		return err
	}
	views, rows := make([]connectedView, len(grants)), make([][]string, len(grants))
	for i, g := range grants {
		v := connectedView{
			GrantID: g.ID, UserID: g.UserID, Email: g.UserEmail, Name: g.UserName, AccountID: g.AccountID, Scope: g.Scopes.String(),
			CreatedAt: stamp(g.CreatedAt), LastUsedAt: stamp(g.LastUsedAt),
		}
		views[i], rows[i] = v, []string{v.Email, v.Name, v.UserID, v.AccountID, v.CreatedAt, v.LastUsedAt, v.Scope}
	}
	return p.show(map[string][]connectedView{"connections": views}, func() {
		p.table("E-MAIL | NAME | USER | ACCOUNT | SINCE | LAST USED | SCOPE", rows, "no connections")
		if len(grants) == limit {
			p.say("\nThere may be more: repeat it with --after %s", grants[limit-1].ID)
		}
	})
}
