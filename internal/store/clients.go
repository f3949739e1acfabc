package store

import (
	"context"
	"encoding/json"
	"fmt"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store/dbsql"
)

// ClientStatus is how far the platform trusts an app.
type ClientStatus string

// The states of a client. An app in testing can be connected by members of its own account only.
const (
	ClientActive    ClientStatus = "active"
	ClientTesting   ClientStatus = "testing"
	ClientSuspended ClientStatus = "suspended"
)

// ClientMetadata is what an app registered about itself (RFC 7591 §2, OpenID Connect Dynamic Client Registration §2).
type ClientMetadata struct {
	RedirectURIs            []string          `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs  []string          `json:"post_logout_redirect_uris,omitempty"`
	TokenEndpointAuthMethod string            `json:"token_endpoint_auth_method"`
	GrantTypes              []oauth.GrantType `json:"grant_types,omitempty"`
	ResponseTypes           []string          `json:"response_types,omitempty"`
	ApplicationType         string            `json:"application_type,omitempty"` // web or native
	Scope                   oauth.ScopeSet    `json:"scope,omitempty"`            // asked for by default, and the most, but for AnyScope
	ClientURI               string            `json:"client_uri,omitempty"`
	LogoURI                 string            `json:"logo_uri,omitempty"`
	PolicyURI               string            `json:"policy_uri,omitempty"`
	TOSURI                  string            `json:"tos_uri,omitempty"`
	Contacts                []string          `json:"contacts,omitempty"`
	SoftwareID              string            `json:"software_id,omitempty"`
	SoftwareVersion         string            `json:"software_version,omitempty"`
	IDTokenSignedAlg        jwk.Alg           `json:"id_token_signed_response_alg,omitempty"`
	DefaultMaxAge           *int64            `json:"default_max_age,omitempty"` // seconds; 0 has people sign in each time
	// PKCEOptional is set for a confidential client that cannot send a challenge; the issuer must allow it too.
	PKCEOptional bool `json:"pkce_optional,omitempty"`
	// Reviewed says that the platform has looked at the app; the consent page shows it.
	Reviewed bool `json:"reviewed,omitempty"`
	// AnyScope lets an app that registered itself ask people for every scope of the issuer, beyond Scope.
	AnyScope bool `json:"any_scope,omitempty"`
	// Introspects lets the client, an API, ask about tokens that are not its own (RFC 7662 §2.1).
	Introspects bool `json:"introspects,omitempty"`
	// ResumesTesting is set while the client is suspended, if it was in testing before.
	ResumesTesting bool `json:"resumes_testing,omitempty"`
}

// Client is a registered app.
type Client struct {
	Issuer, ID    string
	AccountID     string // the owner
	Name          string
	Status        ClientStatus
	Metadata      ClientMetadata
	Secrets       []ClientSecret
	CreatedAt     micros.Time
	UpdatedAt     micros.Time
	RevokedBefore micros.Time // its tokens issued earlier are dead
}

// ClientSecret is one of a client's secrets; several are good at once while one is rotated.
type ClientSecret = dbsql.ClientSecret

// Public tells whether the client cannot keep a secret (RFC 6749 §2.1).
func (c *Client) Public() bool { return c.Metadata.TokenEndpointAuthMethod == "none" }

// TopicClients is bumped when any client or secret changes; see Store.Watch.
const TopicClients = "clients"

// CreateClient registers an app. An identifier that is taken is ErrConflict.
func (tx *Tx) CreateClient(client Client) error {
	metadata, err := json.Marshal(client.Metadata)
	if err != nil {
		return fmt.Errorf("store: client metadata: %w", err)
	}
	rows, err := tx.q.InsertClient(tx.ctx, dbsql.InsertClientParams{
		Issuer: client.Issuer, ID: client.ID, AccountID: client.AccountID, Name: client.Name,
		Status: string(client.Status), Metadata: string(metadata), CreatedAt: tx.now,
	})
	if err := changed(rows, err, ErrConflict); err != nil {
		return err
	}
	return tx.bump(TopicClients)
}

// Client returns an app with its secrets.
func (s *Store) Client(ctx context.Context, issuer, id string) (Client, error) {
	row, err := s.read.GetClient(ctx, dbsql.GetClientParams{Issuer: issuer, ID: id})
	if row, err = one(s, row, err); err != nil {
		return Client{}, err
	}
	client, err := clientOf(row)
	if err != nil {
		return Client{}, err
	}
	client.Secrets, err = s.read.ListClientSecrets(ctx, dbsql.ListClientSecretsParams{Issuer: issuer, ClientID: id})
	return client, s.fail(err)
}

// Clients lists apps by identifier, after one that was seen, without their secrets.
func (s *Store) Clients(ctx context.Context, issuer, afterID string, limit int) ([]Client, error) {
	rows, err := s.read.ListClients(ctx, dbsql.ListClientsParams{Issuer: issuer, ID: afterID, Limit: int32(limit)})
	return s.clients(rows, err)
}

// clients wraps a read of several.
func (s *Store) clients(rows []dbsql.Client, err error) ([]Client, error) {
	if err != nil {
		return nil, s.fail(err)
	}
	clients := make([]Client, len(rows))
	for i, row := range rows {
		if clients[i], err = clientOf(row); err != nil {
			return nil, err
		}
	}
	return clients, nil
}

func clientOf(row dbsql.Client) (Client, error) {
	client := Client{
		Issuer: row.Issuer, ID: row.ID, AccountID: row.AccountID, Name: row.Name, Status: ClientStatus(row.Status),
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, RevokedBefore: row.RevokedBefore,
	}
	if err := json.Unmarshal([]byte(row.Metadata), &client.Metadata); err != nil {
		return Client{}, fmt.Errorf("store: metadata of client %s: %w", row.ID, err)
	}
	return client, nil
}

// LockClient returns an app as it is now and keeps it so until the transaction ends. ErrNotFound when there is none.
func (tx *Tx) LockClient(issuer, id string) (Client, error) {
	row, err := found(tx.q.LockClient(tx.ctx, dbsql.LockClientParams{Issuer: issuer, ID: id}))
	if err != nil {
		return Client{}, err
	}
	return clientOf(row)
}

// UpdateClient replaces an app's name and metadata.
func (tx *Tx) UpdateClient(client Client) error {
	metadata, err := json.Marshal(client.Metadata)
	if err != nil {
		return fmt.Errorf("store: client metadata: %w", err)
	}
	rows, err := tx.q.UpdateClient(tx.ctx, dbsql.UpdateClientParams{
		Issuer: client.Issuer, ID: client.ID, Name: client.Name, Metadata: string(metadata), UpdatedAt: tx.now,
	})
	return tx.clientChanged(rows, err)
}

// SetClientStatus lets an app in, or stops it: every one of its tokens is inactive while it is suspended.
func (tx *Tx) SetClientStatus(issuer, id string, status ClientStatus) error {
	rows, err := tx.q.SetClientStatus(tx.ctx, dbsql.SetClientStatusParams{Issuer: issuer, ID: id, Status: string(status), UpdatedAt: tx.now})
	return tx.clientChanged(rows, err)
}

// RevokeClientTokens kills every access token that the app holds, its users' and its own. Refresh tokens stay.
func (tx *Tx) RevokeClientTokens(issuer, id string) error {
	rows, err := tx.q.RevokeClientTokens(tx.ctx, dbsql.RevokeClientTokensParams{Issuer: issuer, ID: id, RevokedBefore: tx.now})
	return tx.clientChanged(rows, err)
}

// DeleteClient removes an app, its secrets and its registration; its tokens die with it. Its connections hold nothing from then on, and
// Prune ends them: an app may have more of them than one transaction should touch.
func (tx *Tx) DeleteClient(issuer, id string) error {
	if err := tx.q.DeleteRegistration(tx.ctx, dbsql.DeleteRegistrationParams{Issuer: issuer, ClientID: id}); err != nil {
		return err
	}
	rows, err := tx.q.DeleteClient(tx.ctx, dbsql.DeleteClientParams{Issuer: issuer, ID: id})
	if err := tx.clientChanged(rows, err); err != nil {
		return err
	}
	if err := tx.q.DeleteClientSecrets(tx.ctx, dbsql.DeleteClientSecretsParams{Issuer: issuer, ClientID: id}); err != nil { // nobody adds one any more
		return err
	}
	now := tx.s.Now() // after each consent that it waited for
	return tx.q.InsertDeletedClient(tx.ctx, dbsql.InsertDeletedClientParams{Issuer: issuer, ClientID: id, DeletedAt: now})
}

// ClientSecrets returns an app's secrets, oldest first, those that ended lately too.
func (tx *Tx) ClientSecrets(issuer, clientID string) ([]ClientSecret, error) {
	return tx.q.ListClientSecrets(tx.ctx, dbsql.ListClientSecretsParams{Issuer: issuer, ClientID: clientID})
}

// AddClientSecret gives an app one more secret, and forgets those that ended more than a day ago. ClientSecret.Hash is keyed; the secret
// itself is shown once and not kept.
func (tx *Tx) AddClientSecret(secret ClientSecret) error {
	err := tx.q.DeleteEndedSecrets(tx.ctx, dbsql.DeleteEndedSecretsParams{Issuer: secret.Issuer, ClientID: secret.ClientID, ExpiresAt: tx.now.Add(-KeepEnded)})
	if err != nil {
		return err
	}
	err = tx.q.InsertClientSecret(tx.ctx, dbsql.InsertClientSecretParams{
		Issuer: secret.Issuer, ID: secret.ID, ClientID: secret.ClientID, Hash: secret.Hash, Hint: secret.Hint,
		CreatedAt: tx.now, ExpiresAt: secret.ExpiresAt,
	})
	if err != nil {
		return err
	}
	return tx.bump(TopicClients)
}

// ExpireClientSecret ends a secret at a time: now, or after the app had time to change over.
func (tx *Tx) ExpireClientSecret(issuer, clientID, id string, at micros.Time) error {
	rows, err := tx.q.ExpireClientSecret(tx.ctx, dbsql.ExpireClientSecretParams{Issuer: issuer, ClientID: clientID, ID: id, ExpiresAt: at})
	return tx.clientChanged(rows, err)
}

func (tx *Tx) clientChanged(rows int64, err error) error {
	if err := changed(rows, err, ErrNotFound); err != nil {
		return err
	}
	return tx.bump(TopicClients)
}
