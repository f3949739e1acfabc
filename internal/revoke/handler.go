package revoke

import (
	"context"
	"errors"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
)

// Config is what the revocation endpoint of one issuer works with.
type Config struct {
	Issuer  *issuer.Issuer
	Store   *store.Store
	Clients *client.Registry
	Mint    *mint.Mint
}

// Handler is the revocation endpoint. It is safe for concurrent use.
type Handler struct{ Config }

// New returns the revocation endpoint of an issuer.
func New(config Config) *Handler { return &Handler{config} }

// Request is a revocation request (RFC 7009 §2.1). token_type_hint is not needed: our tokens tell their kind.
type Request struct {
	Client client.Credentials
	Token  string
}

// Revoke ends a token of the client. nil says that it no longer works on any node, or never did. A token of another client is
// refused and the client is told (§2.1). Errors are *oauth.Error, or trouble with the database: then nothing is certain, and
// the client must try again (§2.2.1).
func (h *Handler) Revoke(ctx context.Context, request Request) error {
	caller, err := h.caller(ctx, request.Client)
	if err != nil {
		return err
	}
	if request.Token == "" {
		return oauth.InvalidRequest("token is missing")
	}
	if familyID, _, ok := h.Mint.ReadRefreshToken(request.Token); ok {
		return h.refreshToken(ctx, caller, familyID)
	}
	access, err := h.Mint.ReadAccessToken(ctx, request.Token)
	if errors.Is(err, mint.ErrUnreadable) {
		return nil // §2.2: an invalid token is no error, since what the client wants is so already
	}
	if err != nil {
		return err
	}
	return h.accessToken(ctx, caller, access)
}

// caller is the client that asks. Where the issuer says so, one that shows no secret needs none: who holds the token could use it,
// and may end it as well.
func (h *Handler) caller(ctx context.Context, credentials client.Credentials) (*store.Client, error) {
	if h.Issuer.Policy.RevokeByToken && credentials.Method == oauth.AuthMethodNone {
		return h.Clients.Identify(ctx, credentials.ID)
	}
	return h.Clients.Authenticate(ctx, credentials)
}

func foreign() error {
	return oauth.InvalidGrant("this token was issued to another client, which alone may revoke it").With(oauth.ReasonWrongClient)
}

func (h *Handler) accessToken(ctx context.Context, caller *store.Client, access mint.Access) error {
	if access.ClientID != caller.ID {
		return foreign()
	}
	reqlog.From(ctx).Grant = access.GrantID
	ended, err := h.endedAlready(ctx, access)
	if err != nil || ended {
		return err
	}
	event := store.Event{
		Issuer: h.Issuer.Name, Type: store.EventTokenRevoked, UserID: access.UserID(), AccountID: access.AccountID,
		ClientID: access.ClientID, GrantID: access.GrantID,
	}
	return h.Store.Decide(ctx, func(tx *store.Tx) error {
		if err := tx.RevokeToken(access.JTI, h.Mint.GoodUntil(access)); err != nil {
			return err
		}
		return tx.Record(event)
	})
}

// endedAlready saves a write and a line in the audit log for a token that is of no use anyway.
func (h *Handler) endedAlready(ctx context.Context, access mint.Access) (bool, error) {
	if h.Mint.GoodUntil(access) <= h.Store.Now() {
		return true, nil
	}
	state, err := h.Store.TokenState(ctx, store.TokenRef{
		Issuer: h.Issuer.Name, JTI: access.JTI, FamilyID: access.FamilyID, ClientID: access.ClientID, IssuedAt: access.IssuedAt,
	})
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return state.Ended != "", err
}

// refreshToken ends the authorization, whichever of its refresh tokens is presented, and with it its access tokens (§2.1).
func (h *Handler) refreshToken(ctx context.Context, caller *store.Client, familyID string) error {
	family, err := h.Store.Family(ctx, h.Issuer.Name, familyID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if family.ClientID != caller.ID {
		return foreign()
	}
	reqlog.From(ctx).Grant = family.Grant.ID
	err = h.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.RevokeFamily(h.Issuer.Name, familyID, oauth.ReasonRevoked); err != nil {
			return err
		}
		return tx.Record(store.Event{
			Issuer: h.Issuer.Name, Type: store.EventTokenRevoked, UserID: family.UserID, AccountID: family.AccountID,
			ClientID: family.ClientID, GrantID: family.Grant.ID,
		})
	})
	if errors.Is(err, store.ErrNotFound) { // ended already
		return nil
	}
	return err
}
