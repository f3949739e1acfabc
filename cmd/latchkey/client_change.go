package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/store"
)

func (p *program) clientSuspend() *cobra.Command {
	return &cobra.Command{
		Use: "suspend CLIENT_ID", Short: "Stop an app: every one of its tokens is inactive while it is suspended", Args: needs,
		Example: "  latchkey client suspend app_k3Jd --issuer acme",
		RunE: p.at(func(ctx context.Context, in *installation, args []string) error {
			if err := p.registry(in).SetStatus(ctx, args[0], store.ClientSuspended, ""); err != nil {
				return about(err, "client", args[0])
			}
			return p.clientAfter(ctx, in, args[0])
		}),
	}
}

func (p *program) clientResume() *cobra.Command {
	return &cobra.Command{
		Use: "resume CLIENT_ID", Short: "Let a suspended app work again, with the tokens that it has", Args: needs,
		Long: "Let a suspended app work again, with the tokens that it has. One that was in testing is in testing again:\n" +
			"`latchkey client update CLIENT_ID --status active` opens it to everybody.",
		Example: "  latchkey client resume app_k3Jd --issuer acme",
		RunE: p.at(func(ctx context.Context, in *installation, args []string) error {
			if err := p.registry(in).Resume(ctx, args[0], ""); err != nil {
				return about(err, "client", args[0])
			}
			return p.clientAfter(ctx, in, args[0])
		}),
	}
}

func (p *program) clientRevokeTokens() *cobra.Command {
	return &cobra.Command{
		Use: "revoke-tokens CLIENT_ID", Short: "Kill every access token that an app holds", Args: needs,
		Long:    "Kill every access token that an app holds, its users' and its own. It can get new ones with its refresh tokens and its secret.",
		Example: "  latchkey client revoke-tokens app_k3Jd --issuer acme",
		RunE: p.at(func(ctx context.Context, in *installation, args []string) error {
			if err := p.registry(in).RevokeTokens(ctx, args[0], ""); err != nil {
				return about(err, "client", args[0])
			}
			return p.clientAfter(ctx, in, args[0])
		}),
	}
}

func (p *program) clientDelete() *cobra.Command {
	var sure bool
	cmd := &cobra.Command{
		Use: "delete CLIENT_ID", Short: "Remove an app; every connection to it ends", Args: needs,
		Long:    "Remove an app. Every connection to it ends, and that cannot be undone: it asks for --yes.",
		Example: "  latchkey client delete app_k3Jd --issuer acme --yes",
	}
	cmd.Flags().BoolVar(&sure, "yes", false, "really remove it")
	cmd.RunE = p.at(func(ctx context.Context, in *installation, args []string) error {
		return p.deleteClient(ctx, in, args[0], sure)
	})
	return cmd
}

func (p *program) deleteClient(ctx context.Context, in *installation, id string, sure bool) error {
	c, err := in.store.Client(ctx, in.issuer.Name, id)
	if err != nil {
		return about(err, "client", id)
	}
	count, err := in.store.CountGrants(ctx, in.issuer.Name, id, countedConnections)
	if err != nil {
		return err
	}
	if !sure {
		return usage("this removes %q and ends its %d connections for good: repeat it with --yes, or use `latchkey client suspend %s`", printable(c.Name), count, id)
	}
	if err := p.registry(in).Delete(ctx, id, ""); err != nil {
		return about(err, "client", id)
	}
	return p.show(map[string]any{"client_id": id, "deleted": true, "connections": count}, func() {
		p.say("%s is removed, and with it its %d connections", id, count)
	})
}

func (p *program) clientAddSecret() *cobra.Command {
	var rotate bool
	var overlap time.Duration
	cmd := &cobra.Command{
		Use: "add-secret CLIENT_ID", Short: "Give an app one more secret, and print it, this once", Args: needs,
		Long: "Give an app one more secret, and print it, this once. Those before it stay good, so that the app can change over; at most five are\n" +
			"good at once. With --rotate those before it end after --overlap.",
		Example: "  latchkey client add-secret app_k3Jd --issuer acme\n" +
			"  latchkey client add-secret app_k3Jd --rotate --overlap 24h",
	}
	cmd.Flags().BoolVar(&rotate, "rotate", false, "end the secrets before it")
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long those before it stay good")
	cmd.RunE = p.at(func(ctx context.Context, in *installation, args []string) error {
		switch {
		case overlap < 0:
			return usage("--overlap must not be negative")
		case !rotate && cmd.Flags().Changed("overlap"):
			return usage("--overlap says when the secrets before end, and without --rotate they stay good: nothing was changed; add --rotate, or leave --overlap out")
		}
		secret, err := p.addSecret(ctx, in, args[0], rotate, overlap)
		if err != nil {
			return about(err, "client", args[0])
		}
		return p.showSecret(ctx, in, args[0], secret)
	})
	return cmd
}

func (p *program) addSecret(ctx context.Context, in *installation, id string, rotate bool, overlap time.Duration) (string, error) {
	if rotate {
		return p.registry(in).RotateSecret(ctx, id, "", overlap)
	}
	return p.registry(in).AddSecret(ctx, id, "")
}

// showSecret prints a new secret, once, and what has become of those before it.
func (p *program) showSecret(ctx context.Context, in *installation, id, secret string) error {
	c, err := in.store.Client(ctx, in.issuer.Name, id)
	if err != nil {
		return fmt.Errorf("the secret was made, and cannot be shown; make another with `latchkey client add-secret %s`: %w", id, err)
	}
	return p.show(map[string]string{"client_id": id, "client_secret": secret}, func() {
		p.fields("Client ID", id, "Client secret", secret)
		p.printSecrets(viewClient(c))
		p.say("\nKeep the secret now: it is not shown again.")
	})
}

func (p *program) clientExpireSecret() *cobra.Command {
	var after time.Duration
	cmd := &cobra.Command{
		Use: "expire-secret CLIENT_ID SECRET_ID", Short: "End one of an app's secrets, now or later", Args: needs,
		Long:    "End one of an app's secrets, now or later. `latchkey client show` lists the secrets.",
		Example: "  latchkey client expire-secret app_k3Jd sec_9fQx --issuer acme --in 24h",
	}
	cmd.Flags().DurationVar(&after, "in", 0, "how long it stays good")
	cmd.RunE = p.at(func(ctx context.Context, in *installation, args []string) error {
		if after < 0 {
			return usage("--in must not be negative")
		}
		err := p.registry(in).ExpireSecret(ctx, args[0], args[1], "", in.store.Now().Add(after))
		if errors.Is(err, store.ErrNotFound) {
			err = p.whyNotExpired(ctx, in, args[0], args[1])
		}
		if err != nil {
			return err
		}
		return p.clientAfter(ctx, in, args[0])
	})
	return cmd
}

// whyNotExpired tells a secret that ends earlier from one that is not there.
func (p *program) whyNotExpired(ctx context.Context, in *installation, clientID, secretID string) error {
	c, err := in.store.Client(ctx, in.issuer.Name, clientID)
	if err != nil {
		return about(err, "client", clientID)
	}
	for _, secret := range c.Secrets {
		if secret.ID == secretID {
			return refuse(exitConflict, "%s ends at %s already, and an end cannot be put off: `latchkey client add-secret %s` gives the app one more",
				secretID, stamp(secret.ExpiresAt), clientID)
		}
	}
	return about(store.ErrNotFound, "secret of "+clientID+" named", secretID)
}
