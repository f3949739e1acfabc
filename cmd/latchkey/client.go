package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

func (p *program) client() *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List apps by identifier", Args: needs, Example: "  latchkey client list --issuer acme --json"}
	var after string
	var limit int
	list.Flags().StringVar(&after, "after", "", "begin after this `identifier`")
	list.Flags().IntVar(&limit, "limit", 100, "at most so `many`")
	list.RunE = p.at(func(ctx context.Context, in *installation, _ []string) error {
		return p.clientList(ctx, in, after, limit)
	})
	show := &cobra.Command{
		Use: "show CLIENT_ID", Short: "Show an app, its secrets' hints and how many connections it has", Args: needs,
		Example: "  latchkey client show app_k3Jd --issuer acme",
		RunE:    p.at(p.clientShow),
	}
	cmd := group("client", "Registered apps", p.clientCreate(), list, show, p.clientConnections(), p.clientUpdate(),
		p.clientSuspend(), p.clientResume(), p.clientDisconnect(),
		p.clientDelete(), p.clientAddSecret(), p.clientExpireSecret(), p.clientRevokeTokens())
	cmd.Example = list.Example
	return p.withIssuer(cmd)
}

func (p *program) registry(in *installation) *client.Registry {
	return client.New(client.Config{Issuer: in.issuer, Store: in.store, Keyring: in.keyring, Clock: p.clock, Rand: p.rand})
}

// clientView is an app as it is printed, its metadata named as RFC 7591 §2 names it.
type clientView struct {
	ClientID                string            `json:"client_id"`
	ClientSecret            string            `json:"client_secret,omitempty"`
	ClientName              string            `json:"client_name"`
	Status                  string            `json:"status"`
	AccountID               string            `json:"account_id,omitempty"`
	TokenEndpointAuthMethod string            `json:"token_endpoint_auth_method"`
	GrantTypes              []oauth.GrantType `json:"grant_types"`
	ApplicationType         string            `json:"application_type"`
	RedirectURIs            []string          `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs  []string          `json:"post_logout_redirect_uris,omitempty"`
	Scope                   string            `json:"scope"`
	ClientURI               string            `json:"client_uri,omitempty"`
	LogoURI                 string            `json:"logo_uri,omitempty"`
	PolicyURI               string            `json:"policy_uri,omitempty"`
	TOSURI                  string            `json:"tos_uri,omitempty"`
	Contacts                []string          `json:"contacts,omitempty"`
	IDTokenSignedAlg        string            `json:"id_token_signed_response_alg,omitempty"`
	DefaultMaxAge           *int64            `json:"default_max_age,omitempty"`
	PKCEOptional            bool              `json:"pkce_optional,omitempty"`
	Reviewed                bool              `json:"reviewed,omitempty"`
	Introspects             bool              `json:"introspects,omitempty"`
	Secrets                 []secretView      `json:"secrets,omitempty"`
	CreatedAt               string            `json:"created_at"`
	UpdatedAt               string            `json:"updated_at,omitempty"`
	TokensRevokedAt         string            `json:"tokens_revoked_at,omitempty"`
	Connections             *int              `json:"connections,omitempty"`
}

// secretView is all that is known of a secret: its keyed hash would help nobody.
type secretView struct {
	ID        string `json:"id"`
	Hint      string `json:"hint"` // its last characters
	CreatedAt string `json:"created_at"`
	ExpiresAt string `json:"expires_at,omitempty"`
}

func viewClient(c store.Client) clientView {
	m := c.Metadata
	v := clientView{
		ClientID: c.ID, ClientName: c.Name, Status: string(c.Status), AccountID: c.AccountID, TokenEndpointAuthMethod: m.TokenEndpointAuthMethod,
		GrantTypes: m.GrantTypes, ApplicationType: m.ApplicationType, RedirectURIs: m.RedirectURIs, PostLogoutRedirectURIs: m.PostLogoutRedirectURIs,
		Scope: m.Scope.String(), ClientURI: m.ClientURI, LogoURI: m.LogoURI, PolicyURI: m.PolicyURI, TOSURI: m.TOSURI, Contacts: m.Contacts,
		IDTokenSignedAlg: string(m.IDTokenSignedAlg), DefaultMaxAge: m.DefaultMaxAge, PKCEOptional: m.PKCEOptional, Reviewed: m.Reviewed,
		Introspects: m.Introspects, CreatedAt: stamp(c.CreatedAt), UpdatedAt: stamp(c.UpdatedAt), TokensRevokedAt: stamp(c.RevokedBefore),
	}
	for _, s := range c.Secrets {
		v.Secrets = append(v.Secrets, secretView{ID: s.ID, Hint: s.Hint, CreatedAt: stamp(s.CreatedAt), ExpiresAt: stamp(s.ExpiresAt)})
	}
	return v
}

func (p *program) clientList(ctx context.Context, in *installation, after string, limit int) error {
	if limit < 1 || limit > 10_000 {
		return usage("--limit must be from 1 to 10000")
	}
	clients, err := in.store.Clients(ctx, in.issuer.Name, after, limit)
	if err != nil {
		return err
	}
	views, rows := make([]clientView, len(clients)), make([][]string, len(clients))
	for i, c := range clients {
		v := viewClient(c)
		views[i], rows[i] = v, []string{v.ClientID, v.ClientName, v.Status, v.TokenEndpointAuthMethod, v.CreatedAt}
	}
	return p.show(map[string][]clientView{"clients": views}, func() { p.table("CLIENT ID | NAME | STATUS | AUTHENTICATES BY | CREATED", rows, "no apps") })
}

// countedConnections bounds what counting may cost.
const countedConnections = 1_000_000

func (p *program) clientShow(ctx context.Context, in *installation, args []string) error {
	c, err := in.store.Client(ctx, in.issuer.Name, args[0])
	if err != nil {
		return about(err, "client", args[0])
	}
	count, err := in.store.CountGrants(ctx, in.issuer.Name, c.ID, countedConnections)
	if err != nil {
		return err
	}
	v := viewClient(c)
	v.Connections = &count
	return p.show(v, func() {
		p.printClient(v)
		p.fields("Connections", strconv.Itoa(count))
	})
}

func (p *program) printClient(v clientView) {
	p.fields("Client ID", v.ClientID, "Client secret", v.ClientSecret, "Name", v.ClientName, "Status", v.Status, "Owner", v.AccountID,
		"Authenticates by", v.TokenEndpointAuthMethod, "Grant types", joined(v.GrantTypes), "Type", v.ApplicationType,
		"Redirect URIs", strings.Join(v.RedirectURIs, " "), "After sign-out", strings.Join(v.PostLogoutRedirectURIs, " "), "Scope", v.Scope,
		"ID Tokens", v.IDTokenSignedAlg, "Reviewed", yes(v.Reviewed), "Introspects", yes(v.Introspects), "Created", v.CreatedAt, "Tokens revoked", v.TokensRevokedAt)
	p.printSecrets(v)
}

func (p *program) printSecrets(v clientView) {
	for _, s := range v.Secrets {
		until := "good until ended"
		if s.ExpiresAt != "" {
			until = "ends " + s.ExpiresAt
		}
		p.say("Secret %s …%s made %s, %s", s.ID, s.Hint, s.CreatedAt, until)
	}
}
