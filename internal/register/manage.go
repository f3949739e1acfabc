package register

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
)

// Key is what an app manages its registration with (RFC 7592 §2).
type Key struct {
	ClientID string // in the URI
	Token    string // the registration access token
}

// Read answers what is registered (RFC 7592 §2.1).
func (h *Handler) Read(ctx context.Context, key Key) (Registered, error) {
	app, err := h.authenticate(ctx, key)
	if err != nil {
		return Registered{}, err
	}
	return h.registered(app, "", key.Token), nil
}

// Update replaces what is registered; what the app leaves out is registered no more (RFC 7592 §2.2). It has to be reviewed again.
func (h *Handler) Update(ctx context.Context, key Key, change Change) (Registered, error) {
	app, err := h.authenticate(ctx, key)
	if err != nil {
		return Registered{}, err
	}
	if err := h.checkChange(ctx, app, &change); err != nil {
		return Registered{}, err
	}
	err = h.Clients.Update(ctx, app.ID, "", func(is *store.Client) (err error) {
		is.Name = change.name()
		is.Metadata, err = change.stored(h.Issuer.Scopes.Names(), is.Metadata)
		return err
	})
	if err != nil {
		return Registered{}, orGone(err)
	}
	return h.updated(ctx, key)
}

// checkChange: an app says which it is, and shows its secret only if it has it (RFC 7592 §2.2).
func (h *Handler) checkChange(ctx context.Context, app *store.Client, change *Change) error {
	if app.Status == store.ClientSuspended {
		return oauth.AccessDenied("this client is suspended; ask the platform why").WithStatus(http.StatusForbidden).With(oauth.ReasonClientSuspended)
	}
	if change.ClientID != app.ID {
		return oauth.InvalidRequest("client_id must be the one of this registration (RFC 7592 section 2.2)")
	}
	if change.ClientSecret == "" {
		return nil
	}
	fits, err := h.Clients.HasSecret(ctx, app.ID, change.ClientSecret)
	if err != nil || fits {
		return err
	}
	return oauth.InvalidRequest("client_secret is not this client's; leave it out, or send the one that it has (RFC 7592 section 2.2)")
}

// updated answers what is registered now. An app that became confidential has its first secret in the answer.
func (h *Handler) updated(ctx context.Context, key Key) (Registered, error) {
	app, err := h.Store.Client(ctx, h.Issuer.Name, key.ClientID)
	if err != nil {
		return Registered{}, orGone(err)
	}
	secret := ""
	if !app.Public() && !slices.ContainsFunc(app.Secrets, h.alive) {
		if secret, err = h.Clients.AddSecret(ctx, app.ID, ""); err != nil {
			return Registered{}, orGone(err)
		}
	}
	return h.registered(&app, secret, key.Token), nil
}

func (h *Handler) alive(secret store.ClientSecret) bool {
	return secret.ExpiresAt.Never() || secret.ExpiresAt > h.Store.Now()
}

// Delete removes the app and everything that it was given (RFC 7592 §2.3).
func (h *Handler) Delete(ctx context.Context, key Key) error {
	if _, err := h.authenticate(ctx, key); err != nil {
		return err
	}
	return orGone(h.Clients.Delete(ctx, key.ClientID, ""))
}

// authenticate finds the app whose registration a token manages. An app that there is not and a token that is not its own are told
// apart by nobody (RFC 7592 §2.1).
func (h *Handler) authenticate(ctx context.Context, key Key) (*store.Client, error) {
	if err := h.open(); err != nil {
		return nil, err
	}
	registration, err := h.Store.Registration(ctx, h.Issuer.Name, key.ClientID)
	if err != nil {
		return nil, orGone(err)
	}
	if subtle.ConstantTimeCompare(registration.TokenHash, store.Hash(key.Token)) != 1 {
		return nil, orGone(store.ErrNotFound)
	}
	reqlog.From(ctx).Client = key.ClientID
	app, err := h.Store.Client(ctx, h.Issuer.Name, key.ClientID)
	if err != nil {
		return nil, orGone(err)
	}
	return &app, nil
}

// orGone is RFC 7592 §2.1: 401 for an app that there is not, or no longer.
func orGone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return oauth.InvalidToken("this registration access token is not good for this client")
	}
	return err
}
