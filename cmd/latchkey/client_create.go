package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// noMaxAge takes an app's default_max_age away.
const noMaxAge = -1

// clientFlags are the options of `client create` and `client update`, by RFC 7591 §2.
type clientFlags struct {
	flags *pflag.FlagSet

	name, scope, authMethod, applicationType       string
	clientURI, logoURI, policyURI, tosURI, alg     string
	redirectURIs, postLogout, grantTypes, contacts []string
	defaultMaxAge                                  int64
	pkceOptional, reviewed, introspects            bool
}

func bindClientFlags(flags *pflag.FlagSet) *clientFlags {
	f := &clientFlags{flags: flags}
	flags.StringVar(&f.name, "name", "", "the app's `name`, as people see it")
	flags.StringArrayVar(&f.redirectURIs, "redirect-uri", nil, "`URI` where people come back to; can be given several times")
	flags.StringArrayVar(&f.postLogout, "post-logout-redirect-uri", nil, "`URI` where people come back to after sign-out; several times")
	flags.StringVar(&f.scope, "scope", "", "the `scopes` that it may ask for, separated by spaces")
	flags.StringVar(&f.authMethod, "auth-method", oauth.AuthMethodBasic, "`method`: client_secret_basic, client_secret_post, or none for an app that cannot keep a secret")
	flags.StringSliceVar(&f.grantTypes, "grant-type", []string{string(oauth.GrantAuthorizationCode), string(oauth.GrantRefreshToken)},
		"`type`: authorization_code, refresh_token, client_credentials; several times")
	flags.StringVar(&f.applicationType, "type", client.ApplicationWeb, "`kind`: web or native")
	flags.StringVar(&f.clientURI, "client-uri", "", "`URI` of the app's home page")
	flags.StringVar(&f.logoURI, "logo-uri", "", "`URI` of the app's logo")
	flags.StringVar(&f.policyURI, "policy-uri", "", "`URI` of its privacy policy")
	flags.StringVar(&f.tosURI, "tos-uri", "", "`URI` of its terms of service")
	flags.StringArrayVar(&f.contacts, "contact", nil, "e-mail `address` of who is responsible; several times")
	flags.StringVar(&f.alg, "id-token-alg", "", "`algorithm`: RS256, ES256 or EdDSA; empty: the issuer's first")
	flags.Int64Var(&f.defaultMaxAge, "default-max-age", noMaxAge, "ask people to sign in again after so many `seconds`; 0 each time, -1 never")
	flags.BoolVar(&f.pkceOptional, "pkce-optional", false, "the app cannot send a code challenge; the issuer must allow that")
	flags.BoolVar(&f.reviewed, "reviewed", false, "the platform has looked at the app; the consent page says so")
	flags.BoolVar(&f.introspects, "introspects", false, "it is an API: it may ask about every token")
	return f
}

// apply changes what was given on the command line, or everything for a new app.
func (f *clientFlags) apply(m *store.ClientMetadata, everything bool) error {
	scope, err := oauth.ParseScope(f.scope)
	if err != nil {
		return err
	}
	grantTypes := make([]oauth.GrantType, len(f.grantTypes))
	for i, text := range f.grantTypes {
		grantTypes[i] = oauth.GrantType(text)
	}
	for flag, set := range map[string]func(){
		"redirect-uri":             func() { m.RedirectURIs = f.redirectURIs },
		"post-logout-redirect-uri": func() { m.PostLogoutRedirectURIs = f.postLogout },
		"scope":                    func() { m.Scope, m.AnyScope = scope, false },
		"auth-method":              func() { m.TokenEndpointAuthMethod = f.authMethod },
		"grant-type":               func() { m.GrantTypes, m.ResponseTypes = grantTypes, nil }, // response types follow (RFC 7591 §2.1)
		"type":                     func() { m.ApplicationType = f.applicationType },
		"client-uri":               func() { m.ClientURI = f.clientURI },
		"logo-uri":                 func() { m.LogoURI = f.logoURI },
		"policy-uri":               func() { m.PolicyURI = f.policyURI },
		"tos-uri":                  func() { m.TOSURI = f.tosURI },
		"contact":                  func() { m.Contacts = f.contacts },
		"id-token-alg":             func() { m.IDTokenSignedAlg = jwk.Alg(f.alg) },
		"default-max-age": func() {
			if m.DefaultMaxAge = &f.defaultMaxAge; f.defaultMaxAge == noMaxAge {
				m.DefaultMaxAge = nil
			}
		},
		"pkce-optional": func() { m.PKCEOptional = f.pkceOptional },
		"reviewed":      func() { m.Reviewed = f.reviewed },
		"introspects":   func() { m.Introspects = f.introspects },
	} {
		if everything || f.flags.Changed(flag) {
			set()
		}
	}
	return nil
}

func (p *program) clientCreate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "create", Short: "Register an app, and print its secret, this once", Args: needs,
		Long: "Register an app, and print its identifier and its secret. The secret is shown this once and kept only as a keyed hash.",
		Example: "  latchkey client create --issuer acme --name \"Parcel Robot\" --redirect-uri https://parcelrobot.example/callback \\\n" +
			"    --scope \"openid offline_access orders:read\"\n" +
			"  latchkey client create --name \"Orders API\" --grant-type client_credentials --introspects\n" +
			"  latchkey client create --name \"Phone app\" --type native --auth-method none --redirect-uri http://127.0.0.1/callback \\\n    --scope \"openid orders:read\"",
	}
	f := bindClientFlags(cmd.Flags())
	var account, id, status string
	var secretStdin bool
	cmd.Flags().StringVar(&account, "account", "", "`identifier` of the account that owns the app; empty: the platform itself")
	cmd.Flags().StringVar(&status, "status", string(store.ClientActive), "`status`: active, or testing: only members of its account can connect it")
	cmd.Flags().StringVar(&id, "client-id", "", "keep this `identifier`, of an app that comes from another server")
	cmd.Flags().BoolVar(&secretStdin, "secret-stdin", false, "keep the secret that is the first line of standard input")
	cmd.RunE = p.at(func(ctx context.Context, in *installation, _ []string) error {
		wanted := client.Registration{Name: f.name, AccountID: account, ID: id, Status: store.ClientStatus(status)}
		if err := f.apply(&wanted.Metadata, true); err != nil {
			return err
		}
		return p.createClient(ctx, in, wanted, secretStdin)
	})
	return cmd
}

func (p *program) createClient(ctx context.Context, in *installation, wanted client.Registration, secretStdin bool) error {
	if wanted.Name == "" {
		return usage("--name is missing: say what people shall see")
	}
	if err := checkStatus(wanted.Status, wanted.AccountID); err != nil {
		return err
	}
	if wanted.AccountID != "" {
		if _, err := in.store.Account(ctx, in.issuer.Name, wanted.AccountID); err != nil {
			return about(err, "account", wanted.AccountID)
		}
	}
	if secretStdin {
		var err error
		if wanted.Secret, err = p.firstLine("secret"); err != nil {
			return err
		}
	}
	made, secret, err := p.registry(in).Create(ctx, wanted)
	if err != nil {
		return about(err, "client", wanted.ID)
	}
	v := viewClient(made)
	v.ClientSecret = secret
	return p.show(v, func() {
		p.printClient(v)
		if secret != "" {
			p.say("\nKeep the secret now: it is not shown again.")
		}
	})
}

// checkStatus refuses what would let nobody in: an app in testing can be connected by its owner's members only.
func checkStatus(status store.ClientStatus, owner string) error {
	switch {
	case status != store.ClientActive && status != store.ClientTesting:
		return usage("--status must be active or testing")
	case status == store.ClientTesting && owner == "":
		return usage("--status testing is for an app that an account owns: only its members can connect it")
	}
	return nil
}

func (p *program) clientUpdate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "update CLIENT_ID", Short: "Change what an app has registered", Args: needs,
		Long: "Change what an app has registered. Only what is given changes; a list that is given replaces the one before.",
		Example: "  latchkey client update app_k3Jd --issuer acme --redirect-uri https://parcelrobot.example/callback\n" +
			"  latchkey client update app_k3Jd --reviewed --status active",
	}
	f := bindClientFlags(cmd.Flags())
	status := cmd.Flags().String("status", "", "`status`: active: everybody can connect it, or testing: only members of its account")
	cmd.RunE = p.at(func(ctx context.Context, in *installation, args []string) error {
		return p.updateClient(ctx, in, args[0], f, store.ClientStatus(*status))
	})
	return cmd
}

func (p *program) updateClient(ctx context.Context, in *installation, id string, f *clientFlags, status store.ClientStatus) error {
	c, err := in.store.Client(ctx, in.issuer.Name, id)
	if err != nil {
		return about(err, "client", id)
	}
	if f.flags.Changed("status") {
		if err := checkStatus(status, c.AccountID); err != nil {
			return err
		}
		if c.Status == store.ClientSuspended {
			return refuse(exitConflict, "%s is suspended; nothing was changed: `latchkey client resume %s` lets it work again as it did before", id, id)
		}
	}
	err = p.registry(in).Update(ctx, id, "", func(c *store.Client) error {
		if f.flags.Changed("name") {
			c.Name = f.name
		}
		return f.apply(&c.Metadata, false)
	})
	if err != nil {
		return about(err, "client", id)
	}
	if status != "" && status != c.Status {
		if err := p.registry(in).SetStatus(ctx, id, status, ""); err != nil {
			return about(err, "client", id)
		}
	}
	return p.clientAfter(ctx, in, id)
}

// clientAfter prints an app as a change has left it.
func (p *program) clientAfter(ctx context.Context, in *installation, id string) error {
	c, err := in.store.Client(ctx, in.issuer.Name, id)
	if err != nil {
		return about(err, "client", id)
	}
	v := viewClient(c)
	return p.show(v, func() { p.printClient(v) })
}
