package device

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/interaction"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/throttle"
	"latchkey.dev/internal/web"
)

// Path is the verification URI below the issuer's URL; people read it from a screen and type it, so it is short.
const Path = "/device"

// interval is how long a device waits between two requests (RFC 8628 §3.2); the token endpoint makes it longer for one that does not.
const interval = 5 * time.Second

// Config is what the device flow of one issuer works with.
type Config struct {
	Issuer  *issuer.Issuer
	Store   *store.Store
	Keyring *seal.Keyring
	Clients *client.Registry
	// Check holds a request of a client to the rules that authorization requests share.
	Check func(ctx context.Context, client *store.Client, scope string, resources []string) (interaction.Request, error)
	// People are asked by their pages.
	People *interaction.Handler
	Pages  *web.Renderer
	Rand   io.Reader
}

// Handler serves the device flow of one issuer. It is safe for concurrent use.
type Handler struct {
	Config

	limits throttle.Limiter
}

// New returns the device flow of an issuer.
func New(config Config) *Handler {
	return &Handler{Config: config, limits: throttle.Limiter{Issuer: config.Issuer.Name, Store: config.Store, Keyring: config.Keyring}}
}

// Request is a device authorization request (RFC 8628 §3.1).
type Request struct {
	Client    client.Credentials
	Scope     string
	Resources []string // RFC 8707 §2
}

// Response tells a device what to show and how to wait (RFC 8628 §3.2).
type Response struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"` // seconds
	Interval                int64  `json:"interval"`   // seconds
}

// triesOnConflict bounds how often a user code is drawn that another device has. A second time is already unlikely.
const triesOnConflict = 5

// Authorize lets a device begin. The client authenticates as it registered (RFC 8628 §3.1).
func (h *Handler) Authorize(ctx context.Context, request Request) (Response, error) {
	client, err := h.Clients.Authenticate(ctx, request.Client)
	if err != nil {
		return Response{}, err
	}
	if !slices.Contains(client.Metadata.GrantTypes, oauth.GrantDeviceCode) {
		return Response{}, oauth.UnauthorizedClient("this client is not registered for the grant type %s", oauth.GrantDeviceCode)
	}
	checked, err := h.Check(ctx, client, request.Scope, request.Resources)
	if err != nil {
		return Response{}, err
	}
	response, err := Response{}, store.ErrConflict
	for try := 0; errors.Is(err, store.ErrConflict) && try < triesOnConflict; try++ {
		response, err = h.begin(ctx, checked)
	}
	return response, err
}

// begin records a device that waits.
func (h *Handler) begin(ctx context.Context, checked interaction.Request) (Response, error) {
	userCode, err := newUserCode(h.Rand)
	if err != nil {
		return Response{}, err
	}
	deviceCode := seal.NewSecret(h.Rand, "")
	var limited micros.Time
	err = h.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		if limited, err = h.limits.SpendIn(tx, beginLimit(ctx)); err != nil || !limited.Never() {
			return err
		}
		return tx.CreateDeviceCode(store.DeviceCode{
			Code: store.Code{
				Hash: store.Hash(deviceCode), Issuer: h.Issuer.Name, ClientID: checked.ClientID, ExpiresAt: tx.Now().Add(h.Issuer.Lifetimes.Device),
				Binding: store.CodeBinding{Scopes: checked.Scopes, Resources: checked.Resources},
			},
			UserCode: h.hash(userCode), Interval: interval,
		})
	})
	if err == nil && !limited.Never() {
		err = tooMany(limited, h.Store.Now())
	}
	if err != nil {
		return Response{}, err
	}
	return h.response(deviceCode, formatUserCode(userCode)), nil
}

func (h *Handler) response(deviceCode, userCode string) Response {
	uri := h.Issuer.Endpoint(Path)
	return Response{
		DeviceCode: deviceCode, UserCode: userCode, VerificationURI: uri,
		VerificationURIComplete: uri + "?" + url.Values{"user_code": {userCode}}.Encode(), // RFC 8628 §3.3.1
		ExpiresIn:               int64(h.Issuer.Lifetimes.Device / time.Second), Interval: int64(interval / time.Second),
	}
}

func tooMany(limited, now micros.Time) error {
	return oauth.TemporarilyUnavailable("too many devices of this network address began at once; wait as Retry-After says").
		WithStatus(http.StatusTooManyRequests).WithRetryAfter(throttle.Wait(limited, now))
}

// hash is what the database knows of a user code: keyed, since all there are could be tried out in minutes.
func (h *Handler) hash(userCode string) []byte {
	mac := h.Keyring.MAC("user-code", []byte(h.Issuer.Name), []byte(userCode))
	return mac[:]
}
