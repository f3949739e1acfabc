package dev

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// Password opens every sample user's account. It is printed on the front page: nothing here is real.
const Password = "correct-horse-battery"

// platform is one sample platform: its issuer, and who and what is there before anybody signs up.
type platform struct {
	issuer   *issuer.Issuer
	hosts    map[string]string // logical name → base URL
	users    []sampleUser
	accounts []sampleAccount
	clients  []sampleClient
}

type sampleUser struct{ id, email, name, locale string }

type sampleAccount struct {
	id, name string
	members  map[string]issuer.Role // by user id; exactly one is the owner
}

type sampleClient struct {
	id, name, owner string // owner is an account's id
	metadata        store.ClientMetadata
	status          store.ClientStatus
}

// Manifest is DATA/dev.json: what a script needs to drive the sample platforms.
type Manifest struct {
	Issuers map[string]IssuerManifest `json:"issuers"`
}

// IssuerManifest is one platform in the manifest.
type IssuerManifest struct {
	Issuer   string            `json:"issuer"`
	Hosts    map[string]string `json:"hosts"`
	Users    []UserManifest    `json:"users"`
	Accounts []AccountManifest `json:"accounts"`
	Clients  []ClientManifest  `json:"clients"`
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
	RedirectURIs            []string `json:"redirect_uris"`
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method"`
	Scope                   string   `json:"scope"`
}

// seed writes a platform's people and apps, once: what is there already stays as it was left.
func (d *dev) seed(ctx context.Context, p platform, passwordHash string) error {
	return d.store.InTx(ctx, func(tx *store.Tx) error {
		for _, user := range p.users {
			err := tx.CreateUser(store.User{
				Issuer: p.issuer.Name, ID: user.id, Email: user.email, EmailVerifiedAt: tx.Now(), Name: user.name, Locale: user.locale, PasswordHash: passwordHash,
			})
			if errors.Is(err, store.ErrConflict) {
				return nil // seeded before, in the same transaction as all else
			}
			if err != nil {
				return err
			}
		}
		return d.seedBelow(tx, p)
	})
}

func (d *dev) seedBelow(tx *store.Tx, p platform) error {
	for _, account := range p.accounts {
		if err := seedAccount(tx, p.issuer.Name, account); err != nil {
			return err
		}
	}
	for _, client := range p.clients {
		if err := d.seedClient(tx, p.issuer.Name, client); err != nil {
			return err
		}
	}
	return nil
}

func seedAccount(tx *store.Tx, issuerName string, account sampleAccount) error {
	if err := tx.CreateAccount(store.Account{Issuer: issuerName, ID: account.id, Name: account.name}, account.owner()); err != nil {
		return fmt.Errorf("seed account %s: %w", account.id, err)
	}
	for user, role := range account.members {
		if role == issuer.RoleOwner {
			continue
		}
		if err := tx.AddMember(store.Member{Issuer: issuerName, AccountID: account.id, UserID: user, Role: role}); err != nil {
			return fmt.Errorf("seed member %s of %s: %w", user, account.id, err)
		}
	}
	return nil
}

func (a sampleAccount) owner() string {
	for user, role := range a.members {
		if role == issuer.RoleOwner {
			return user
		}
	}
	return ""
}

func (d *dev) seedClient(tx *store.Tx, issuerName string, client sampleClient) error {
	status := client.status
	if status == "" {
		status = store.ClientActive
	}
	err := tx.CreateClient(store.Client{
		Issuer: issuerName, ID: client.id, AccountID: client.owner, Name: client.name, Status: status, Metadata: client.metadata,
	})
	if err != nil || client.metadata.TokenEndpointAuthMethod == "none" {
		return err
	}
	secret := d.secret(issuerName, client.id)
	return tx.AddClientSecret(store.ClientSecret{
		Issuer: issuerName, ID: tx.NewID(), ClientID: client.id, Hash: d.secretHash(issuerName, client.id, secret), Hint: secret[len(secret)-4:],
	})
}

// secret is the same as long as the folder's master key is, so that dev.json stays true over restarts.
func (d *dev) secret(issuerName, clientID string) string {
	sum := d.keyring.MAC("dev-client-secret", []byte(issuerName), []byte(clientID))
	return "lk_cs_" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// manifest is what dev.json says of a platform.
func (d *dev) manifest(p platform) IssuerManifest {
	m := IssuerManifest{Issuer: p.issuer.URL, Hosts: p.hosts}
	emails := map[string]string{}
	for _, user := range p.users {
		emails[user.id] = user.email
		m.Users = append(m.Users, UserManifest{Email: user.email, Password: Password, Name: user.name})
	}
	for _, account := range p.accounts {
		m.Accounts = append(m.Accounts, AccountManifest{ID: account.id, Name: account.name, Owner: emails[account.owner()]})
	}
	for _, client := range p.clients {
		entry := ClientManifest{
			Name: client.name, ClientID: client.id, RedirectURIs: client.metadata.RedirectURIs,
			TokenEndpointAuthMethod: client.metadata.TokenEndpointAuthMethod, Scope: client.metadata.Scope.String(),
		}
		if entry.TokenEndpointAuthMethod != "none" {
			entry.ClientSecret = d.secret(p.issuer.Name, client.id)
		}
		m.Clients = append(m.Clients, entry)
	}
	return m
}

// writeManifest replaces dev.json whole, readable by its owner only: it holds secrets, if only sample ones.
func writeManifest(folder string, manifest Manifest) error {
	text, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(folder, "dev.json")
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(path+".new", path)
}

func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return strings.ToLower(u.Host)
}

func acmePlatform(site sites) platform {
	is := acme(site.url("acme"), site.url("api.acme"))
	authorizationCode := []oauth.GrantType{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}
	return platform{
		issuer: is,
		hosts:  map[string]string{"issuer": is.URL, "api": site.url("api.acme"), "app": site.url("app")},
		users: []sampleUser{
			{"usr_noura", "noura@acme.example", "Noura Haddad", "en"},
			{"usr_omar", "omar@acme.example", "Omar Benali", "fr"},
			{"usr_linh", "linh@acme.example", "Linh Tran", "vi"},
		},
		accounts: []sampleAccount{
			{"acc_nouras-shop", "Noura's Shop", map[string]issuer.Role{"usr_noura": issuer.RoleOwner, "usr_omar": issuer.RoleMember}},
			{"acc_harbour-books", "Harbour Books", map[string]issuer.Role{"usr_noura": issuer.RoleAdmin, "usr_linh": issuer.RoleOwner}},
			{"acc_parcel-robot", "Parcel Robot Ltd", map[string]issuer.Role{"usr_linh": issuer.RoleOwner}},
		},
		clients: []sampleClient{
			{id: "parcel-robot", name: "Parcel Robot", owner: "acc_parcel-robot", metadata: store.ClientMetadata{
				RedirectURIs: []string{site.url("app") + "/callback/acme"}, PostLogoutRedirectURIs: []string{site.url("app") + "/"},
				TokenEndpointAuthMethod: "client_secret_basic", GrantTypes: authorizationCode, ResponseTypes: []string{"code"}, ApplicationType: "web",
				Scope:     oauth.ScopeSet{"openid", "profile", "email", "offline_access", "orders:read", "orders:write", "products:read", "payouts:read"},
				ClientURI: site.url("app"), LogoURI: site.url("acme") + "/static/sample/parcel-robot.svg", PolicyURI: "https://parcelrobot.example/privacy", Reviewed: true,
			}},
			{id: "shop-cli", name: "Shop CLI", owner: "acc_parcel-robot", metadata: store.ClientMetadata{
				RedirectURIs: []string{"http://127.0.0.1/callback"}, TokenEndpointAuthMethod: "none", GrantTypes: authorizationCode,
				ResponseTypes: []string{"code"}, ApplicationType: "native",
				Scope: oauth.ScopeSet{"openid", "profile", "email", "offline_access", "orders:read", "products:read"},
			}},
			{id: "nightly-reports", name: "Nightly Reports", owner: "acc_parcel-robot", metadata: store.ClientMetadata{
				TokenEndpointAuthMethod: "client_secret_post", GrantTypes: []oauth.GrantType{oauth.GrantClientCredentials}, Scope: oauth.ScopeSet{"reports:read"},
			}},
			{id: "orders-api", name: "Acme Orders API", owner: "acc_parcel-robot", metadata: store.ClientMetadata{
				TokenEndpointAuthMethod: "client_secret_basic", GrantTypes: []oauth.GrantType{oauth.GrantClientCredentials}, Introspects: true,
			}},
		},
	}
}
