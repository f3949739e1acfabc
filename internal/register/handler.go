package register

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/throttle"
)

// Path is the registration endpoint below the issuer's URL; each app manages itself below it.
const Path = "/oauth/register"

// The bounds of what anybody may do.
const (
	window     = time.Hour
	mostUnused = 10_000 // registrations that nobody ever connected
)

// tokenPrefix lets people and secret scanners recognise a registration access token.
const tokenPrefix = "lk_reg_"

// Config is what the registration of one issuer works with.
type Config struct {
	Issuer  *issuer.Issuer
	Store   *store.Store
	Keyring *seal.Keyring
	Clients *client.Registry
	Rand    io.Reader
}

// Handler is the client registration endpoint of one issuer. It is safe for concurrent use.
type Handler struct {
	Config

	limits throttle.Limiter
}

// New returns the registration endpoint of an issuer.
func New(config Config) *Handler {
	return &Handler{Config: config, limits: throttle.Limiter{Issuer: config.Issuer.Name, Store: config.Store, Keyring: config.Keyring}}
}

// Register adds an app that nobody knows (RFC 7591 §3).
func (h *Handler) Register(ctx context.Context, m Metadata) (Registered, error) {
	if err := h.open(); err != nil {
		return Registered{}, err
	}
	// Where the platform lets apps with a secret leave PKCE out, it lets those who come by themselves too: they read the same documents.
	// Nobody has reviewed what such an app says that it can use, so it bounds nothing: agents name what they know at first and learn of
	// more from an API's 403 (RFC 6750 §3.1). What they ask for, the person sees.
	metadata, err := m.stored(h.Issuer.Scopes.Names(), store.ClientMetadata{PKCEOptional: h.Issuer.PKCEOptional, AnyScope: true})
	if err != nil {
		return Registered{}, err
	}
	token := seal.NewSecret(h.Rand, tokenPrefix)
	created, secret, err := h.Clients.Create(ctx, client.Registration{
		Name: m.name(), Metadata: metadata,
		Also: func(tx *store.Tx, clientID string) error { return h.record(ctx, tx, clientID, token) },
	})
	if err != nil {
		return Registered{}, err
	}
	reqlog.From(ctx).Client = created.ID
	return h.registered(&created, secret, token), nil
}

// open refuses who found a way to the endpoint of an issuer that does not have it.
func (h *Handler) open() error {
	if h.Issuer.Policy.Registration {
		return nil
	}
	return oauth.AccessDenied("apps cannot register themselves here; ask the platform").WithStatus(http.StatusForbidden)
}

// record bounds registrations, and keeps what the new app manages itself with.
func (h *Handler) record(ctx context.Context, tx *store.Tx, clientID, token string) error {
	limited, err := h.limits.SpendIn(tx, throttle.Limit{
		Name: "register", Whose: throttle.Address(ctx), Window: window,
		Most: cmp.Or(h.Issuer.Policy.RegistrationLimit, issuer.UsualRegistrationLimit),
	})
	if err != nil {
		return err
	}
	if !limited.Never() {
		return oauth.TemporarilyUnavailable("too many apps were registered from this network address; wait as Retry-After says").
			WithStatus(http.StatusTooManyRequests).WithRetryAfter(throttle.Wait(limited, tx.Now()))
	}
	err = tx.CreateRegistration(store.Registration{
		Issuer: h.Issuer.Name, ClientID: clientID, TokenHash: store.Hash(token), ExpiresAt: tx.Now().Add(h.Issuer.Lifetimes.Registration),
	}, mostUnused)
	if errors.Is(err, store.ErrConflict) {
		return oauth.TemporarilyUnavailable("too many apps wait for somebody to connect them; try again later").WithRetryAfter(window)
	}
	return err
}

// registered is the answer about an app; secret is set when it is new.
func (h *Handler) registered(app *store.Client, secret, token string) Registered {
	answer := Registered{
		ClientID: app.ID, ClientSecret: secret, ClientIDIssuedAt: app.CreatedAt.Unix(), RegistrationAccessToken: token,
		RegistrationClientURI: h.Issuer.Endpoint(Path + "/" + url.PathEscape(app.ID)), Metadata: metadataOf(app),
	}
	if secret != "" {
		answer.ClientSecretExpiresAt = new(int64)
	}
	return answer
}
