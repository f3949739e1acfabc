// Package standin is the protected APIs of `latchkey dev`: what each platform's own API would be, small enough to read in one
// sitting. The public package bearer guards them, and asks the issuer about every token, so that a disconnected app is
// refused at its next call. Each speaks its platform's errors.
package standin

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"latchkey.dev/bearer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/wire"
)

// Config says which issuer's tokens the API takes, and who the API is to that issuer.
type Config struct {
	Name         string // for people, in the API's metadata (RFC 9728 §2)
	Issuer       string
	Resource     string // the API's own URL, which must be in a token's aud
	ClientID     string // the API's credentials for introspection
	ClientSecret string
	// AccountName is what an account is called, "" when nobody knows; only Sellers asks.
	AccountName func(ctx context.Context, id string) (string, error)
	HTTPClient  *http.Client
	Now         func() time.Time
	Logger      *slog.Logger // hears of trouble with the issuer; nil is silence
}

const (
	scopeRead  = "orders:read"
	scopeWrite = "orders:write"

	// maxOrders bounds what one account can make this process remember.
	maxOrders   = 100
	maxAccounts = 1000
	maxItem     = 200
)

// New makes the API's handler. What it fetches from the issuer ends with ctx.
func New(ctx context.Context, cfg Config) (http.Handler, error) {
	guard, err := bearer.New(ctx, bearer.Config{
		Issuer:       cfg.Issuer,
		Audience:     cfg.Resource,
		ClientID:     cfg.ClientID,
		ClientSecret: cfg.ClientSecret,
		Name:         cfg.Name,
		Scopes:       []string{scopeRead, scopeWrite},
		HTTPClient:   cfg.HTTPClient,
		Logger:       cfg.Logger,
		Now:          cfg.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("standin: %w", err)
	}
	a := &api{now: cfg.Now, orders: map[string][]order{}}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", guard.Require(scopeRead)(http.HandlerFunc(a.list)))
	mux.Handle("POST /orders", guard.Require(scopeWrite)(http.HandlerFunc(a.create)))
	mux.Handle("GET /me", guard.Require()(http.HandlerFunc(a.me)))
	mux.Handle("GET "+guard.MetadataPath(), guard.Metadata())
	return mux, nil
}

type api struct {
	now func() time.Time

	mu     sync.Mutex
	orders map[string][]order // by account
}

type order struct {
	ID       string `json:"id"`
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
	Status   string `json:"status"`
	PlacedAt int64  `json:"placed_at"` // seconds
}

type orderList struct {
	AccountID string  `json:"account_id"`
	Orders    []order `json:"orders"`
}

// account is whose orders a token opens: the connected account, or the subject of a token without one.
func account(r *http.Request) (string, error) {
	token := bearer.FromContext(r.Context())
	var said struct {
		AccountID string `json:"account_id"`
	}
	if err := token.Claims(&said); err != nil {
		return "", fmt.Errorf("standin: reading the token's claims: %w", err)
	}
	if said.AccountID == "" {
		return token.Subject, nil
	}
	return said.AccountID, nil
}

func (a *api) list(w http.ResponseWriter, r *http.Request) {
	id, err := account(r)
	if err != nil {
		wire.WriteError(w, r, err)
		return
	}
	answer(w, r, http.StatusOK, orderList{AccountID: id, Orders: a.of(id)})
}

// of returns a copy of the account's orders, and a first few for an account never seen.
func (a *api) of(id string) []order {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]order{}, a.seeded(id)...)
}

// seeded needs the lock.
func (a *api) seeded(id string) []order {
	if orders, ok := a.orders[id]; ok {
		return orders
	}
	if len(a.orders) >= maxAccounts {
		clear(a.orders) // It is a stand-in: forgetting is better than growing.
	}
	today := a.now().Add(-3 * time.Hour).Unix()
	a.orders[id] = []order{
		{"ord_1001", "Ceramic coffee cup, blue", 2, "paid", today - 86400},
		{"ord_1002", "Linen tea towel", 1, "shipped", today - 7200},
		{"ord_1003", "Cardamom, 100 g", 3, "paid", today},
	}
	return a.orders[id]
}

type newOrder struct {
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
}

func (a *api) create(w http.ResponseWriter, r *http.Request) {
	var asked newOrder
	if err := wire.JSON(r, &asked); err != nil {
		wire.WriteError(w, r, err)
		return
	}
	if strings.TrimSpace(asked.Item) == "" || len(asked.Item) > maxItem || asked.Quantity < 1 || asked.Quantity > 1000 {
		wire.WriteError(w, r, oauth.InvalidRequest("give an item of at most %d bytes and a quantity of 1 to 1000", maxItem))
		return
	}
	id, err := account(r)
	if err != nil {
		wire.WriteError(w, r, err)
		return
	}
	placed, ok := a.add(id, asked)
	if !ok {
		wire.WriteError(w, r, oauth.InvalidRequest("this stand-in remembers %d orders at most; restart it to begin anew", maxOrders))
		return
	}
	answer(w, r, http.StatusCreated, placed)
}

func (a *api) add(id string, asked newOrder) (order, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	orders := a.seeded(id)
	if len(orders) >= maxOrders {
		return order{}, false
	}
	placed := order{
		ID:       fmt.Sprintf("ord_%d", 1001+len(orders)),
		Item:     asked.Item,
		Quantity: asked.Quantity,
		Status:   "paid",
		PlacedAt: a.now().Unix(),
	}
	a.orders[id] = append(orders, placed)
	return placed, true
}

// me says what the API knows of its caller, and nothing more than the issuer told it.
func (a *api) me(w http.ResponseWriter, r *http.Request) {
	id, err := account(r)
	if err != nil {
		wire.WriteError(w, r, err)
		return
	}
	token := bearer.FromContext(r.Context())
	answer(w, r, http.StatusOK, struct {
		Subject   string   `json:"sub"`
		ClientID  string   `json:"client_id"`
		AccountID string   `json:"account_id"`
		Scopes    []string `json:"scopes"`
	}{token.Subject, token.ClientID, id, token.Scopes})
}

func answer(w http.ResponseWriter, r *http.Request, status int, body any) {
	if err := wire.WriteJSON(w, status, body); err != nil {
		wire.WriteError(w, r, err)
	}
}
