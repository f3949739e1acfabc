package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
)

// Config is what the exchanges of one issuer work with.
type Config struct {
	Issuer          *issuer.Issuer
	Store           *store.Store
	Clients         *client.Registry
	Mint            *mint.Mint
	ServiceAccounts *serviceaccount.Service
}

// Handler is the exchange endpoint. It is safe for concurrent use.
type Handler struct {
	Config

	turns turns
}

// New returns the exchange endpoint of an issuer.
func New(config Config) *Handler { return &Handler{Config: config} }

// Request asks for a service account.
type Request struct {
	// SubjectToken is the single-use access token that a code bought (RFC 8693 §2.1).
	SubjectToken string `json:"subject_token"`
	// PublicJWK is the app's own public key. Without one a pair is made, and its private half answered once and forgotten.
	PublicJWK json.RawMessage `json:"public_jwk"`
	// Principal is the service account that is signed in; nil when none is.
	Principal *serviceaccount.Principal `json:"-"`
}

// Response is the new service account's credential.
type Response struct {
	serviceaccount.Credential

	// ExchangeID names the exchange, whose timeline the app's developers can look at.
	ExchangeID string `json:"exchange_id"`
	// GrantID is the connection that the service account lives on.
	GrantID string `json:"grant_id"`
}

// purchase is an exchange under way.
type purchase struct {
	access  mint.Access
	client  *store.Client
	account store.ServiceAccount
	key     serviceaccount.Prepared
	at      micros.Time
}

// Exchange buys a service account with a token, once. Errors are *oauth.Error, or trouble with the database as it came.
func (h *Handler) Exchange(ctx context.Context, request Request) (Response, error) {
	bought, err := h.load(ctx, request)
	if err != nil {
		return Response{}, err
	}
	end, err := h.turns.begin(ctx, bought.access.FamilyID) // of many who race, one makes a key: it costs a tenth of a second
	if err != nil {
		return Response{}, err
	}
	defer end()
	if err := h.buy(ctx, bought, request); err != nil {
		return Response{}, h.told(ctx, bought.access.FamilyID, err)
	}
	return Response{
		Credential: serviceaccount.Tell(bought.account, bought.key, bought.access.AccountID, bought.at),
		ExchangeID: bought.access.FamilyID, GrantID: bought.access.GrantID,
	}, nil
}

// load proves who asks and that the token is theirs to spend.
func (h *Handler) load(ctx context.Context, request Request) (*purchase, error) {
	switch {
	case request.Principal == nil:
		return nil, serviceaccount.SessionRequired()
	case !h.Issuer.Policy.SingleUseTokens:
		return nil, oauth.UnsupportedGrantType("this issuer exchanges no tokens")
	case request.SubjectToken == "":
		return nil, oauth.InvalidRequest("the access token to exchange is missing")
	}
	access, err := h.Mint.ReadAccessToken(ctx, request.SubjectToken)
	if errors.Is(err, mint.ErrUnreadable) {
		return nil, oauth.InvalidGrant("this access token was not issued here").With(oauth.ReasonUnknown)
	}
	if err != nil {
		return nil, err
	}
	owner, err := h.owner(ctx, access, request.Principal)
	if err != nil {
		return nil, err
	}
	record := reqlog.From(ctx)
	record.Client, record.User, record.Grant = owner.ID, access.Subject, access.GrantID
	if err := h.checkAccess(access); err != nil {
		return nil, h.told(ctx, access.FamilyID, err)
	}
	return &purchase{access: access, client: owner}, nil
}

// owner finds the app that the token was issued to, and checks that whoever is signed in is its owner's. A stranger's token is
// answered as one that was never issued: it says nothing about whose it is.
func (h *Handler) owner(ctx context.Context, access mint.Access, principal *serviceaccount.Principal) (*store.Client, error) {
	owner, err := h.Clients.Find(ctx, access.ClientID)
	if errors.Is(err, store.ErrNotFound) || access.FamilyID == "" {
		return nil, oauth.InvalidGrant("this access token is none that a person's consent bought").With(oauth.ReasonUnknown)
	}
	if err != nil {
		return nil, err
	}
	if err := serviceaccount.Own(principal, owner.AccountID); err != nil {
		return nil, err
	}
	if owner.Status == store.ClientSuspended {
		return nil, oauth.InvalidClient("this client is suspended; ask the platform why").With(oauth.ReasonClientSuspended)
	}
	return owner, nil
}

func (h *Handler) checkAccess(access mint.Access) error {
	if access.ExpiresAt <= h.Store.Now() {
		return oauth.InvalidGrant("this access token has expired; start the authorization again, and exchange the token at once").With(oauth.ReasonExpired)
	}
	if scope := h.Issuer.Policy.ServiceAccounts.ExchangeScope; scope != "" && !access.Scopes.Has(scope) {
		return oauth.InsufficientScope("this access token does not carry %s", scope).WithScope(oauth.ScopeSet{scope})
	}
	return nil
}

// buy spends the token and makes the service account and its key in one transaction. The key is made before it, because it is
// slow, and only when the token looks unspent.
func (h *Handler) buy(ctx context.Context, p *purchase, request Request) (err error) {
	if err := h.checkUnspent(ctx, p.access); err != nil {
		return err
	}
	if p.key, err = h.ServiceAccounts.Prepare(ctx, serviceaccount.KeyDraft{PublicJWK: request.PublicJWK}); err != nil {
		return err
	}
	for range drawings {
		if err = h.commit(ctx, p); !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := h.checkUnspent(ctx, p.access); err != nil { // why it was refused
		return err
	}
	return oauth.InvalidGrant("this access token was revoked").With(oauth.ReasonRevoked)
}

// drawings bounds how often a user code is drawn: with few digits one may be taken.
const drawings = 5

func (h *Handler) commit(ctx context.Context, p *purchase) (err error) {
	p.account, err = h.ServiceAccounts.Draw(serviceaccount.Draft{
		AccountID: p.client.AccountID, Name: p.client.Name, Scopes: p.access.Scopes, ClientID: p.client.ID, ExchangeID: p.access.FamilyID,
	})
	if err != nil {
		return err
	}
	return h.Store.InTx(ctx, func(tx *store.Tx) error {
		p.at = tx.Now()
		return h.record(tx, p)
	})
}

// record spends the token first: whoever does not win writes nothing.
func (h *Handler) record(tx *store.Tx, p *purchase) error {
	err := tx.SpendExchange(store.Spending{
		Issuer: h.Issuer.Name, ExchangeID: p.access.FamilyID, ServiceAccountID: p.account.ID, KeyID: p.key.KeyID(),
		TokenID: p.access.JTI, TokenExpiresAt: p.access.ExpiresAt,
	})
	if err != nil {
		return err
	}
	if err := tx.CreateServiceAccount(p.account); err != nil {
		return err
	}
	if err := tx.GiveServiceAccess(h.Issuer.Name, p.account.ID, p.access.AccountID, p.access.GrantID); err != nil {
		return err
	}
	if err := h.ServiceAccounts.Record(tx, p.account, p.key, ""); err != nil {
		return err
	}
	return tx.Record(store.Event{ // for the person, beside the key's event for the app's owner
		Issuer: h.Issuer.Name, Type: store.EventServiceAccountCreated, UserID: p.access.Subject, AccountID: p.access.AccountID,
		ClientID: p.client.ID, GrantID: p.access.GrantID, Detail: map[string]string{"name": p.account.Name, "service_account": p.account.ID},
	})
}

// checkUnspent reads what may have become of the token since it was issued.
func (h *Handler) checkUnspent(ctx context.Context, access mint.Access) error {
	tracked, err := h.Store.Exchange(ctx, h.Issuer.Name, access.FamilyID)
	if errors.Is(err, store.ErrNotFound) {
		return oauth.InvalidGrant("this access token is not one to exchange").With(oauth.ReasonUnknown)
	}
	if err != nil {
		return err
	}
	if !tracked.KeyIssuedAt.Never() {
		return oauth.InvalidGrant("this access token was used before; it buys one service account, once").With(oauth.ReasonReused)
	}
	state, err := h.Store.TokenState(ctx, store.TokenRef{
		Issuer: h.Issuer.Name, JTI: access.JTI, FamilyID: access.FamilyID, ClientID: access.ClientID, IssuedAt: access.IssuedAt,
	})
	if errors.Is(err, store.ErrNotFound) {
		return oauth.InvalidGrant("this access token was issued long ago").With(oauth.ReasonUnknown)
	}
	if err == nil && state.Ended != "" {
		return oauth.InvalidGrant("this access token no longer holds; start the authorization again").With(state.Ended)
	}
	return err
}

// told notes why an exchange was refused, and returns the refusal. What is not meant for the client is not the exchange's end.
func (h *Handler) told(ctx context.Context, id string, refusal error) error {
	var said *oauth.Error
	if !errors.As(refusal, &said) || said.HTTPStatus() == http.StatusServiceUnavailable {
		return refusal
	}
	reason := said.Reason
	if reason == "" {
		reason = said.Code
	}
	err := h.Store.InTx(ctx, func(tx *store.Tx) error { return tx.FailExchange(h.Issuer.Name, id, reason) })
	if err != nil {
		return err
	}
	return refusal
}
