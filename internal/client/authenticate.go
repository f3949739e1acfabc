package client

import (
	"context"
	"errors"
	"net/http"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/wire"
)

// secretPurpose separates the key that authenticates client secrets from every other.
const secretPurpose = "client-secret"

// maxSecret bounds what is hashed, in bytes.
const maxSecret = 512

// Credentials are what a request says about who sends it.
type Credentials struct {
	ID, Secret string
	// Method is the token_endpoint_auth_method that was used (RFC 7591 §2).
	Method string
}

// CredentialsFrom reads the client's credentials from header or body. Both at once is invalid_request (RFC 6749 §2.3).
func CredentialsFrom(r *http.Request, p wire.Params) (Credentials, error) {
	return CredentialsWith(r, p.Get("client_id"), p.Get("client_secret"))
}

// CredentialsWith reads them from the header, or takes what the body said.
func CredentialsWith(r *http.Request, bodyID, bodySecret string) (Credentials, error) {
	id, secret, basic, err := wire.BasicAuth(r)
	if err != nil {
		return Credentials{}, err
	}
	switch {
	case basic && bodySecret != "":
		return Credentials{}, oauth.InvalidRequest("send the client's credentials in the Authorization header or in the body, not in both (RFC 6749 section 2.3)")
	case basic && bodyID != "" && bodyID != id:
		return Credentials{}, oauth.InvalidRequest("client_id in the body is not the client of the Authorization header")
	case basic:
		return Credentials{ID: id, Secret: secret, Method: oauth.AuthMethodBasic}, nil
	case bodySecret != "":
		return Credentials{ID: bodyID, Secret: bodySecret, Method: oauth.AuthMethodPost}, nil
	default:
		return Credentials{ID: bodyID, Method: oauth.AuthMethodNone}, nil
	}
}

// Authenticate proves which app sends a request (RFC 6749 §2.3). Every refusal is invalid_client; client identifiers are public, so
// it says what was wrong.
func (r *Registry) Authenticate(ctx context.Context, credentials Credentials) (*store.Client, error) {
	client, err := r.identify(ctx, credentials.ID)
	if err != nil {
		return nil, err
	}
	if registered := client.Metadata.TokenEndpointAuthMethod; !r.mayUse(credentials.Method, registered) {
		return nil, oauth.InvalidClient("this client is registered to authenticate with %s, and the request used %s", registered, credentials.Method).
			With(oauth.ReasonWrongAuthMethod)
	}
	if !client.Public() {
		if err := r.checkSecret(client, credentials.Secret); err != nil {
			return nil, err
		}
	}
	return client, r.checkStatus(client)
}

// mayUse tells whether a client authenticates by a method. Basic and the body carry the same secret, so one stands for the other:
// golang.org/x/oauth2 repeats a refused request by the other method, and would show the refusal of the method instead of what was
// wrong. A public client has no secret that could be right, and one with a secret shows it.
func (r *Registry) mayUse(method, registered string) bool {
	return method == registered ||
		method != oauth.AuthMethodNone && registered != oauth.AuthMethodNone && !r.Issuer.Policy.ExactClientAuth
}

// Identify finds the client that a request names, without proof: for what needs another, such as the token that it holds.
func (r *Registry) Identify(ctx context.Context, clientID string) (*store.Client, error) {
	client, err := r.identify(ctx, clientID)
	if err != nil {
		return nil, err
	}
	return client, r.checkStatus(client)
}

func (r *Registry) identify(ctx context.Context, clientID string) (*store.Client, error) {
	if clientID == "" {
		return nil, oauth.InvalidClient("send client_id, and the secret if the client has one (RFC 6749 section 2.3)").With(oauth.ReasonMissing)
	}
	client, err := r.Find(ctx, clientID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, oauth.InvalidClient("no client with this client_id is registered here").With(oauth.ReasonUnknown)
	}
	if err != nil {
		return nil, err
	}
	reqlog.From(ctx).Client = client.ID
	return client, nil
}

func (r *Registry) checkStatus(client *store.Client) error {
	if client.Status == store.ClientSuspended {
		return oauth.InvalidClient("this client is suspended; ask the platform why").With(oauth.ReasonClientSuspended)
	}
	if r.Trouble != nil {
		return r.Trouble(client.ID)
	}
	return nil
}

// checkSecret compares keyed hashes in constant time. Secrets of ours are random, so a slow hash would protect nothing and
// cost every request.
func (r *Registry) checkSecret(client *store.Client, secret string) error {
	if len(secret) > maxSecret {
		return oauth.InvalidClient("the client secret is wrong").With(oauth.ReasonWrongSecret)
	}
	now := micros.Of(r.Clock())
	for _, known := range client.Secrets {
		if !r.Keyring.CheckMAC(secretPurpose, known.Hash, []byte(r.Issuer.Name), []byte(client.ID), []byte(secret)) {
			continue
		}
		if !known.ExpiresAt.Never() && known.ExpiresAt <= now {
			return oauth.InvalidClient("this client secret has expired; use the newer one").With(oauth.ReasonExpired)
		}
		return nil
	}
	return oauth.InvalidClient("the client secret is wrong").With(oauth.ReasonWrongSecret)
}

func (r *Registry) hashSecret(clientID, secret string) []byte {
	return HashSecret(r.Keyring, r.Issuer.Name, clientID, secret)
}

// HashSecret is what the database keeps of a secret, bound to its issuer and client.
func HashSecret(keyring *seal.Keyring, issuerName, clientID, secret string) []byte {
	hash := keyring.MAC(secretPurpose, []byte(issuerName), []byte(clientID), []byte(secret))
	return hash[:]
}

// HasSecret tells whether a secret is one that the app has now.
func (r *Registry) HasSecret(ctx context.Context, clientID, secret string) (bool, error) {
	client, err := r.Find(ctx, clientID)
	if err != nil {
		return false, err
	}
	return r.checkSecret(client, secret) == nil, nil
}
