package dev

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
)

// Manifest is DATA/dev.json: what a script needs to drive the sample platforms.
type Manifest struct {
	Issuers map[string]IssuerManifest `json:"issuers"`
}

// IssuerManifest is one platform in the manifest.
type IssuerManifest struct {
	Issuer string `json:"issuer"`
	// Hosts are base URLs by the platform's own names for them, its sandbox's beside the live ones.
	Hosts           map[string]string   `json:"hosts"`
	Users           []UserManifest      `json:"users"`
	Accounts        []AccountManifest   `json:"accounts"`
	Clients         []ClientManifest    `json:"clients"`
	ServiceAccounts []ServiceCredential `json:"service_accounts,omitempty"`
}

// addHosts gives a live platform its sandbox's hosts too, by the names that it has none of its own for.
func (m IssuerManifest) addHosts(sandbox map[string]string) {
	for name, base := range sandbox {
		if _, own := m.Hosts[name]; !own {
			m.Hosts[name] = base
		}
	}
}

// UserManifest is a sample user.
type UserManifest struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Name     string `json:"name"`
}

// AccountManifest is a sample account.
type AccountManifest struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Owner string `json:"owner"` // the owner's e-mail
}

// ClientManifest is a sample app; a public one has no secret.
type ClientManifest struct {
	Name                    string   `json:"name"`
	ClientID                string   `json:"client_id"`
	ClientSecret            string   `json:"client_secret,omitempty"`
	AccountID               string   `json:"account_id"` // whose app it is
	RedirectURIs            []string `json:"redirect_uris"`
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method"`
	GrantTypes              []string `json:"grant_types"`
	Scope                   string   `json:"scope"`
}

// manifest is what dev.json says of a platform.
func (d *dev) manifest(p *platform) IssuerManifest {
	m := IssuerManifest{Issuer: p.issuer.URL, Hosts: maps.Clone(p.hosts), ServiceAccounts: p.credentials}
	emails := map[string]string{}
	for _, user := range p.users {
		emails[user.id] = user.email
		m.Users = append(m.Users, UserManifest{Email: user.email, Password: Password, Name: user.name})
	}
	for _, account := range p.accounts {
		m.Accounts = append(m.Accounts, AccountManifest{ID: account.id, Name: account.name, Owner: emails[account.owner()]})
	}
	for _, client := range p.clients {
		m.Clients = append(m.Clients, d.clientManifest(p, client))
	}
	return m
}

func (d *dev) clientManifest(p *platform, client sampleClient) ClientManifest {
	entry := ClientManifest{
		Name: client.name, ClientID: client.id, AccountID: client.owner, RedirectURIs: client.metadata.RedirectURIs,
		TokenEndpointAuthMethod: client.metadata.TokenEndpointAuthMethod, Scope: p.wireScope(client.metadata.Scope),
	}
	for _, grantType := range client.metadata.GrantTypes {
		entry.GrantTypes = append(entry.GrantTypes, string(grantType))
	}
	if entry.TokenEndpointAuthMethod != "none" {
		entry.ClientSecret = d.secret(p, client)
	}
	return entry
}

// writeManifest replaces dev.json whole, readable by its owner only: it holds secrets, if only sample ones.
func writeManifest(folder string, manifest Manifest) error {
	return writeJSON(filepath.Join(folder, "dev.json"), manifest)
}

func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(path+".new", path)
}
