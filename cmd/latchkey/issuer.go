package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/web"
)

func (p *program) issuer() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List the issuers of the configuration", Args: needs,
		Example: "  latchkey issuer list --config latchkey.yaml",
		RunE:    func(*cobra.Command, []string) error { return p.issuerList() },
	}
	show := &cobra.Command{
		Use: "show NAME", Short: "Show one issuer's settings, defaults included", Args: needs,
		Example: "  latchkey issuer show acme",
		RunE:    func(_ *cobra.Command, args []string) error { return p.issuerShow(args[0]) },
	}
	cmd := group("issuer", "Issuers, as the configuration declares them", list, show)
	cmd.Example = list.Example
	return p.withConfig(cmd)
}

// issuerView is an issuer as it is printed.
type issuerView struct {
	Name         string   `json:"name"`
	URL          string   `json:"url"`
	Title        string   `json:"title"`
	Languages    []string `json:"languages"`
	Roles        []string `json:"roles"`
	Hosts        []string `json:"hosts"`
	Metadata     string   `json:"metadata"`
	Audience     string   `json:"audience"`
	Resources    []string `json:"resources,omitempty"`
	Scopes       []string `json:"scopes"`
	AccessToken  string   `json:"access_token_format"`
	IDTokenAlgs  []string `json:"id_token_algs"`
	SignUp       bool     `json:"sign_up"`
	PKCEOptional bool     `json:"pkce_optional"`
	Device       bool     `json:"device"`
	Registration bool     `json:"registration"`
	SandboxOf    string   `json:"sandbox_of,omitempty"`
	// Refresh tells when an authorization has a refresh token: "always", "never", or "offline_access" where an app must ask for it.
	Refresh string    `json:"refresh_tokens"`
	Brand   brandView `json:"brand"`
	// Dialect is what the platform's own apps speak, at addresses of its own.
	Dialect         string            `json:"dialect,omitempty"`
	DialectHosts    map[string]string `json:"dialect_hosts,omitempty"`
	LifetimeSeconds map[string]int64  `json:"lifetime_seconds"`
}

type brandView struct {
	Color      string `json:"color,omitempty"`
	LogoURL    string `json:"logo_url,omitempty"`
	SupportURL string `json:"support_url,omitempty"`
	PrivacyURL string `json:"privacy_url,omitempty"`
	TermsURL   string `json:"terms_url,omitempty"`
}

func viewIssuer(i *issuer.Issuer) issuerView {
	v := issuerView{
		Name: i.Name, URL: i.URL, Title: i.Title, Hosts: i.Hosts, Metadata: i.Endpoint("/.well-known/oauth-authorization-server"),
		Audience: i.Audience, Resources: i.Resources, Scopes: i.Scopes.Names(), AccessToken: i.AccessToken.Kind, SignUp: i.SignUp, PKCEOptional: i.PKCEOptional,
		Device: i.Policy.Device, Registration: i.Policy.Registration, LifetimeSeconds: map[string]int64{},
		Dialect: i.Dialect, DialectHosts: i.DialectHosts, SandboxOf: i.Policy.SandboxOf, Refresh: "offline_access", Brand: brandView(i.Brand),
		Languages: web.Offered(i.Languages),
	}
	for _, role := range i.Roles() {
		v.Roles = append(v.Roles, string(role))
	}
	switch {
	case i.Policy.SingleUseTokens:
		v.Refresh = "never"
	case i.Policy.RefreshAlways:
		v.Refresh = "always"
	}
	for _, alg := range i.IDTokenAlgs {
		v.IDTokenAlgs = append(v.IDTokenAlgs, string(alg))
	}
	if i.AccessToken.Kind == issuer.JWT {
		v.AccessToken += " " + string(i.AccessToken.Alg)
	}
	for _, name := range lifetimeNames {
		v.LifetimeSeconds[name] = int64(lifetime(i.Lifetimes, name).Seconds())
	}
	return v
}

func (p *program) issuerList() error {
	loaded, err := p.load()
	if err != nil {
		return err
	}
	views, rows := make([]issuerView, len(loaded.Issuers)), make([][]string, len(loaded.Issuers))
	for i, each := range loaded.Issuers {
		views[i], rows[i] = viewIssuer(each), []string{each.Name, each.Title, each.URL}
	}
	return p.show(map[string][]issuerView{"issuers": views}, func() { p.table("NAME | TITLE | URL", rows, "") })
}

func (p *program) issuerShow(name string) error {
	loaded, err := p.load()
	if err != nil {
		return err
	}
	p.issuerName = name
	chosen, err := p.choose(loaded.Issuers)
	if err != nil {
		return err
	}
	v := viewIssuer(chosen)
	return p.show(v, func() {
		pairs := []string{"Name", v.Name, "URL", v.URL, "Title", v.Title, "Languages", strings.Join(v.Languages, ", "), "Roles", strings.Join(v.Roles, ", "), "Hosts", strings.Join(v.Hosts, ", "), "Metadata", v.Metadata,
			"Audience", v.Audience, "Resources", strings.Join(v.Resources, ", "), "Scopes", strings.Join(v.Scopes, " "),
			"Access tokens", v.AccessToken, "ID Tokens", strings.Join(v.IDTokenAlgs, ", "), "Sign-up", yes(v.SignUp), "PKCE optional", yes(v.PKCEOptional), "Dialect", v.Dialect,
			"Device flow", yes(v.Device), "Registration", yes(v.Registration), "Refresh tokens", v.Refresh, "Sandbox of", v.SandboxOf, "Colour", v.Brand.Color, "Logo", v.Brand.LogoURL,
			"Support", v.Brand.SupportURL, "Privacy", v.Brand.PrivacyURL, "Terms", v.Brand.TermsURL}
		for _, name := range lifetimeNames {
			pairs = append(pairs, "Lifetime of "+strings.ReplaceAll(name, "_", " "), strconv.FormatInt(v.LifetimeSeconds[name], 10)+" s")
		}
		p.fields(pairs...)
	})
}
