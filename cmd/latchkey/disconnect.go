package main

import (
	"context"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/store"
)

func (p *program) clientDisconnect() *cobra.Command {
	var sure bool
	cmd := &cobra.Command{
		Use: "disconnect CLIENT_ID", Short: "End every connection to an app, and with them all that it holds", Args: needs,
		Long: "End every connection to an app, and with them its tokens; people may connect it again. Those made while this runs stay: suspend\n" +
			"the app first if it must have none. Ended they are in small batches, so that servers work on; one that was interrupted can be run\n" +
			"again. It cannot be undone: it asks for --yes. An API that checks JWT access tokens by itself takes them until they expire.",
		Example: "  latchkey client disconnect app_k3Jd --issuer acme --yes",
	}
	cmd.Flags().BoolVar(&sure, "yes", false, "really end them")
	cmd.RunE = p.at(func(ctx context.Context, in *installation, args []string) error {
		return p.disconnectClient(ctx, in, args[0], sure)
	})
	return cmd
}

func (p *program) disconnectClient(ctx context.Context, in *installation, id string, sure bool) error {
	c, err := in.store.Client(ctx, in.issuer.Name, id)
	if err != nil {
		return about(err, "client", id)
	}
	count, err := in.store.CountGrants(ctx, in.issuer.Name, id, countedConnections)
	if err != nil {
		return err
	}
	if !sure {
		return usage("this ends the %d connections of %q for good: repeat it with --yes, or use `latchkey client suspend %s`", count, printable(c.Name), id)
	}
	by := in.store.Now()
	ended, err := p.endConnections(ctx, in, int64(count), func(tx *store.Tx) (int64, error) {
		return tx.DisconnectClient(in.issuer.Name, id, by, store.ReasonOperator)
	})
	if err != nil {
		return err
	}
	return p.show(map[string]any{"client_id": id, "connections_ended": ended}, func() {
		p.say("%s: connections ended: %d", id, ended)
	})
}

func (p *program) userDisconnect() *cobra.Command {
	var client string
	var sure bool
	cmd := &cobra.Command{
		Use: "disconnect USER", Short: "End a user's connections to apps", Args: needs,
		Long: "End a user's connections, to one app or to all, and with them the tokens that apps have by them; the user may connect apps again.\n" +
			"It cannot be undone: it asks for --yes. An API that checks JWT access tokens by itself takes them until they expire.",
		Example: "  latchkey user disconnect noura@acme.example --issuer acme --yes\n" +
			"  latchkey user disconnect noura@acme.example --client app_k3Jd --yes",
	}
	cmd.Flags().StringVar(&client, "client", "", "`identifier` of the app; empty: all apps")
	cmd.Flags().BoolVar(&sure, "yes", false, "really end them")
	cmd.RunE = p.at(func(ctx context.Context, in *installation, args []string) error {
		return p.disconnectUser(ctx, in, args[0], client, sure)
	})
	return cmd
}

func (p *program) disconnectUser(ctx context.Context, in *installation, name, client string, sure bool) error {
	u, err := findUser(ctx, in, name)
	if err != nil {
		return err
	}
	if client != "" { // a slip of the key must not look like an app that was never connected
		if _, err := in.store.Client(ctx, in.issuer.Name, client); err != nil {
			return about(err, "client", client)
		}
	}
	if !sure {
		return usage("this ends connections of %s for good: repeat it with --yes; `latchkey user show %s` lists them", printable(u.Email), u.ID)
	}
	ended, err := p.endConnections(ctx, in, 0, func(tx *store.Tx) (int64, error) {
		return tx.DisconnectUser(in.issuer.Name, u.ID, client, store.ReasonOperator)
	})
	if err != nil {
		return err
	}
	return p.show(map[string]any{"id": u.ID, "connections_ended": ended}, func() {
		p.say("%s: connections ended: %d", printable(u.Email), ended)
	})
}

// endConnections repeats a batch until it finds no more. A total of 0 draws nothing: there are too few to wait for.
func (p *program) endConnections(ctx context.Context, in *installation, total int64, batch func(*store.Tx) (int64, error)) (ended int64, err error) {
	bar := newProgress(p.err)
	defer bar.end()
	for {
		var rows int64
		err := in.store.InTx(ctx, func(tx *store.Tx) (err error) {
			rows, err = batch(tx)
			return err
		})
		if err != nil || rows == 0 {
			return ended, err
		}
		if ended += rows; total > 0 {
			bar.counted("connections ended")(ended, max(ended, total))
		}
	}
}
