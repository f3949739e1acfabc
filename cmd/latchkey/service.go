package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
)

func (p *program) serviceAccount() *cobra.Command {
	cmd := group("service-account", "Programs that sign in with a key of their own", p.serviceCreate(), p.serviceList(), p.serviceKeys(),
		p.serviceAddKey(), p.serviceRotateKey(), p.serviceRemoveKey())
	cmd.Example = "  latchkey service-account create --issuer acme --account acc_k3Jd --name \"Parcel Robot's backend\""
	return p.withIssuer(cmd)
}

func (p *program) services(in *installation) *serviceaccount.Service {
	return serviceaccount.New(serviceaccount.Config{
		Issuer: in.issuer, Store: in.store, Keys: serviceaccount.NewKeyMaker(p.rand), Rand: p.rand,
	})
}

// onService runs a command on the service account that its first argument names.
func (p *program) onService(do func(context.Context, *serviceaccount.Service, store.ServiceAccount, []string) error) func(*cobra.Command, []string) error {
	return p.at(func(ctx context.Context, in *installation, args []string) error {
		services := p.services(in)
		account, err := services.Find(ctx, args[0], "")
		if err != nil {
			return about(err, "service account", args[0])
		}
		return do(ctx, services, account, args[1:])
	})
}

// keyFlags are what a new key can be given.
type keyFlags struct {
	addresses []string
	expiresAt string
	publicJWK string
}

func bindKeyFlags(cmd *cobra.Command) *keyFlags {
	f := &keyFlags{}
	cmd.Flags().StringArrayVar(&f.addresses, "address", nil, "IP `address` or network that the key may be used from; several times; none: anywhere")
	cmd.Flags().StringVar(&f.expiresAt, "expires-at", "", "`time` when the key ends, such as 2030-01-31T12:00:00Z; empty: never")
	cmd.Flags().StringVar(&f.publicJWK, "public-jwk", "", "`file` with the program's own public key as a JWK; empty: a pair is made, and its private half shown this once")
	return f
}

func (f *keyFlags) draft() (draft serviceaccount.KeyDraft, err error) {
	quoted, err := json.Marshal(f.expiresAt)
	if err != nil {
		return draft, err
	}
	var expiry serviceaccount.Expiry
	if err := expiry.UnmarshalJSON(quoted); err != nil {
		return draft, usage("--expires-at %q is not a time: write it like 2030-01-31T12:00:00Z", f.expiresAt)
	}
	draft = serviceaccount.KeyDraft{Addresses: f.addresses, ExpiresAt: expiry.At}
	if f.publicJWK == "" {
		return draft, nil
	}
	if draft.PublicJWK, err = os.ReadFile(f.publicJWK); err != nil {
		return draft, usage("--public-jwk: %v", err)
	}
	return draft, nil
}

func (p *program) serviceCreate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "create", Short: "Make a service account with a key, and print the private key, this once", Args: needs,
		Long: "Make a service account with a key. The private key is shown this once and kept nowhere.",
		Example: "  (umask 077; latchkey service-account create --issuer acme --account acc_k3Jd --name \"Parcel Robot's backend\" --json > key.json)\n" +
			"  latchkey service-account create --account acc_k3Jd --name Nightly --address 192.0.2.0/24",
	}
	var draft serviceaccount.Draft
	var scope string
	cmd.Flags().StringVar(&draft.AccountID, "account", "", "`identifier` of the account that it belongs to")
	cmd.Flags().StringVar(&draft.Name, "name", "", "its `name`, as people see it")
	cmd.Flags().StringVar(&draft.ID, "user-code", "", "keep this `identifier`, of one that comes from another server")
	cmd.Flags().StringVar(&scope, "scope", "", "the `scopes` that its access tokens may carry, separated by spaces")
	f := bindKeyFlags(cmd)
	cmd.RunE = p.at(func(ctx context.Context, in *installation, _ []string) (err error) {
		if draft.Scopes, err = oauth.ParseScope(scope); err != nil {
			return err
		}
		return p.createService(ctx, in, draft, f)
	})
	return cmd
}

func (p *program) createService(ctx context.Context, in *installation, draft serviceaccount.Draft, f *keyFlags) error {
	if draft.AccountID == "" || draft.Name == "" {
		return usage("--account and --name are needed: say whose it is, and what people shall see")
	}
	key, err := f.draft()
	if err != nil {
		return err
	}
	if _, err := in.store.Account(ctx, in.issuer.Name, draft.AccountID); err != nil {
		return about(err, "account", draft.AccountID)
	}
	services := p.services(in)
	prepared, err := services.Prepare(ctx, key) // first: a key that is refused leaves no account without one
	if err != nil {
		return err
	}
	account, err := services.Create(ctx, draft, "")
	if err != nil {
		return about(err, "service account", draft.ID)
	}
	var at micros.Time
	err = in.store.InTx(ctx, func(tx *store.Tx) error {
		at = tx.Now()
		return services.Record(tx, account, prepared, "")
	})
	if err != nil {
		return fmt.Errorf("%s was made and has no key; give it one with `latchkey service-account add-key %s`: %w", account.ID, account.ID, err)
	}
	return p.showKey(serviceaccount.Tell(account, prepared, account.AccountID, at))
}

// showKey prints a new key, once.
func (p *program) showKey(made serviceaccount.Credential) error {
	return p.show(made, func() {
		p.fields("Service account", made.UserCode, "Channel", made.ChannelIdentifier, "Acts for", made.AccountID, "Key ID", made.KeyID, "Algorithm", string(made.Alg))
		if made.PrivateKey != "" {
			p.say("\n%s\nKeep the private key now: it is not shown again, and kept nowhere.", strings.TrimSpace(made.PrivateKey))
		}
	})
}

func (p *program) serviceList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List an account's service accounts by identifier", Args: needs, Example: "  latchkey service-account list --issuer acme --account acc_k3Jd --json",
	}
	var account, after string
	var limit int
	cmd.Flags().StringVar(&account, "account", "", "`identifier` of the account")
	cmd.Flags().StringVar(&after, "after", "", "begin after this `identifier`")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so `many`")
	cmd.RunE = p.at(func(ctx context.Context, in *installation, _ []string) error {
		if account == "" || limit < 1 || limit > 10_000 {
			return usage("--account is needed, and --limit from 1 to 10000")
		}
		found, err := in.store.ServiceAccounts(ctx, in.issuer.Name, account, after, limit)
		if err != nil {
			return err
		}
		views, rows := make([]serviceView, len(found)), make([][]string, len(found))
		for i, a := range found {
			v := serviceView{a.ID, a.Name, a.Channel, a.AccountID, a.ClientID, stamp(a.CreatedAt)}
			views[i], rows[i] = v, []string{v.UserCode, v.Name, v.Channel, v.ClientID, v.CreatedAt}
		}
		return p.show(map[string][]serviceView{"service_accounts": views}, func() {
			p.table("USER CODE | NAME | CHANNEL | MADE FOR APP | CREATED", rows, "no service accounts")
		})
	})
	return cmd
}

type serviceView struct {
	UserCode  string `json:"user_code"`
	Name      string `json:"name"`
	Channel   string `json:"channel_identifier"`
	AccountID string `json:"account_id"`
	ClientID  string `json:"client_id,omitempty"` // the app whose consent made it
	CreatedAt string `json:"created_at"`
}

func (p *program) serviceKeys() *cobra.Command {
	return &cobra.Command{
		Use: "keys USER_CODE", Short: "List a service account's keys", Args: needs, Example: "  latchkey service-account keys svc-k3jd --issuer acme",
		RunE: p.onService(func(ctx context.Context, services *serviceaccount.Service, account store.ServiceAccount, _ []string) error {
			return p.listKeys(ctx, services, account)
		}),
	}
}

func (p *program) listKeys(ctx context.Context, services *serviceaccount.Service, account store.ServiceAccount) error {
	listed, err := services.ListKeys(ctx, account)
	if err != nil {
		return err
	}
	return p.show(listed, func() {
		rows := make([][]string, len(listed.Keys))
		for i, k := range listed.Keys {
			rows[i] = []string{k.KeyID, string(k.Alg), yes(k.Active), second(k.IssuedAt), second(k.ExpiresAt), second(k.LastUsedAt), strings.Join(k.Addresses, " ")}
		}
		p.table("KEY ID | ALGORITHM | GOOD | ISSUED | ENDS | LAST USED | FROM", rows, "no keys")
	})
}

// second writes Unix seconds, and nothing for never.
func second(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return time.Unix(seconds, 0).UTC().Format(time.RFC3339)
}

func (p *program) serviceAddKey() *cobra.Command {
	cmd := &cobra.Command{
		Use: "add-key USER_CODE", Short: "Give a service account one more key; five can be good at a time", Args: needs,
		Example: "  latchkey service-account add-key svc-k3jd --issuer acme --expires-at 2030-01-31",
	}
	f := bindKeyFlags(cmd)
	cmd.RunE = p.onService(func(ctx context.Context, services *serviceaccount.Service, account store.ServiceAccount, _ []string) error {
		draft, err := f.draft()
		if err != nil {
			return err
		}
		made, err := services.AddKey(ctx, account, draft, "")
		if err != nil {
			return err
		}
		return p.showKey(made)
	})
	return cmd
}

func (p *program) serviceRotateKey() *cobra.Command {
	cmd := &cobra.Command{
		Use: "rotate-key USER_CODE", Short: "Give a service account a new key, and let those before it end", Args: needs,
		Long: "Give a service account a new key. Those before it stay good for the overlap, so that programs can change over without a failed sign-in.\n" +
			"It may be used from where those before it may, unless --address says otherwise; from anywhere: --address 0.0.0.0/0 --address ::/0.",
		Example: "  latchkey service-account rotate-key svc-k3jd --issuer acme --overlap 24h",
	}
	f := bindKeyFlags(cmd)
	cmd.Flags().Lookup("address").Usage = "IP `address` or network that the key may be used from; several times; none: those of the keys before it"
	overlap := cmd.Flags().Duration("overlap", 24*time.Hour, "how long those before it stay good")
	cmd.RunE = p.onService(func(ctx context.Context, services *serviceaccount.Service, account store.ServiceAccount, _ []string) error {
		if *overlap < 0 || *overlap > serviceaccount.MaxOverlap {
			return usage("--overlap must be from 0 to %s", serviceaccount.MaxOverlap)
		}
		draft, err := f.draft()
		if err != nil {
			return err
		}
		if len(draft.Addresses) == 0 {
			if draft.Addresses, err = boundTo(ctx, services, account); err != nil {
				return err
			}
		}
		made, err := services.RotateKey(ctx, account, draft, *overlap, "")
		if err != nil {
			return err
		}
		return p.showKey(made)
	})
	return cmd
}

// boundTo is every address that a service account's good keys may be used from: none, which means anywhere, when one may be used anywhere.
func boundTo(ctx context.Context, services *serviceaccount.Service, account store.ServiceAccount) (addresses []string, err error) {
	listed, err := services.ListKeys(ctx, account)
	if err != nil {
		return nil, err
	}
	for _, key := range listed.Keys {
		switch {
		case !key.Active:
		case len(key.Addresses) == 0:
			return nil, nil
		default:
			addresses = append(addresses, key.Addresses...)
		}
	}
	return addresses, nil
}

func (p *program) serviceRemoveKey() *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove-key USER_CODE", Short: "End one of a service account's keys, or all, and their sessions, now", Args: needs,
		Example: "  latchkey service-account remove-key svc-k3jd --issuer acme --key lk-key-9fQx\n  latchkey service-account remove-key svc-k3jd --all",
	}
	key := cmd.Flags().String("key", "", "`identifier` of the key")
	all := cmd.Flags().Bool("all", false, "every key")
	cmd.RunE = p.onService(func(ctx context.Context, services *serviceaccount.Service, account store.ServiceAccount, _ []string) error {
		if (*key == "") != *all {
			return usage("say which key with --key, or --all")
		}
		removed, err := services.RemoveKey(ctx, account, *key, "")
		if err != nil {
			return err
		}
		if removed == 0 && !*all {
			return about(store.ErrNotFound, "key of "+account.ID+" that is still good, named", *key)
		}
		return p.listKeys(ctx, services, account)
	})
	return cmd
}
