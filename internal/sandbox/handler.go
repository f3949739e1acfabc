package sandbox

import (
	"context"
	"errors"
	"net/http"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
)

// Config is what the faults of one sandbox work with.
type Config struct {
	Issuer *issuer.Issuer
	Store  *store.Store
	Mint   *mint.Mint
	Faults *Faults
	Pages  *web.Renderer
}

// Handler takes orders for faults. It is safe for concurrent use.
type Handler struct{ Config }

// New returns the handler of a sandbox.
func New(config Config) *Handler { return &Handler{config} }

// The faults that can be asked for.
const (
	Expire      = "expire"      // the token has expired
	Revoke      = "revoke"      // the connection behind the token was taken back
	Unavailable = "unavailable" // the app's next requests are answered 503
)

// Order asks for a fault.
type Order struct {
	Fault string `json:"fault"`
	// Token is an access or a refresh token of the app.
	Token string `json:"token"`
	// Times is how many requests Unavailable refuses; 0 means one.
	Times int `json:"times"`
}

// Done is what was done.
type Done struct {
	Fault    string `json:"fault"`
	ClientID string `json:"client_id"`
	Times    int    `json:"times,omitempty"`
}

// held is what a token hangs on. A client's own token may have neither family nor grant.
type held struct {
	access                      mint.Access // empty of a refresh token
	clientID, familyID, grantID string
}

// Do makes a fault. Errors are *oauth.Error, or trouble with the database.
func (h *Handler) Do(ctx context.Context, order Order) (Done, error) {
	found, err := h.find(ctx, order.Token)
	if err != nil {
		return Done{}, err
	}
	reqlog.From(ctx).Client, reqlog.From(ctx).Grant = found.clientID, found.grantID
	done := Done{Fault: order.Fault, ClientID: found.clientID}
	switch order.Fault {
	case Expire:
		return done, h.expire(ctx, found)
	case Revoke:
		return done, h.revoke(ctx, found)
	case Unavailable:
		if done.Times = max(order.Times, 1); done.Times > maxTimes {
			return Done{}, oauth.InvalidRequest("times may be %d at most", maxTimes)
		}
		h.Faults.refuse(found.clientID, done.Times)
		return done, nil
	}
	return Done{}, oauth.InvalidRequest("fault must be %s, %s or %s", Expire, Revoke, Unavailable)
}

func (h *Handler) find(ctx context.Context, token string) (held, error) {
	if token == "" {
		return held{}, oauth.InvalidRequest("token is missing: send an access or a refresh token of the app")
	}
	if familyID, _, ok := h.Mint.ReadRefreshToken(token); ok {
		family, err := h.Store.Family(ctx, h.Issuer.Name, familyID)
		if errors.Is(err, store.ErrNotFound) {
			return held{}, unknown()
		}
		return held{clientID: family.ClientID, familyID: familyID, grantID: family.Grant.ID}, err
	}
	access, err := h.Mint.ReadAccessToken(ctx, token)
	if errors.Is(err, mint.ErrUnreadable) {
		return held{}, unknown()
	}
	return held{access: access, clientID: access.ClientID, familyID: access.FamilyID, grantID: access.GrantID}, err
}

func unknown() error {
	return oauth.InvalidRequest("this token was not issued by this sandbox").With(oauth.ReasonUnknown).WithStatus(http.StatusNotFound)
}

func (h *Handler) expire(ctx context.Context, found held) error {
	if found.access.JTI != "" {
		h.Faults.expire(found.access.JTI)
		return nil
	}
	return h.ended(ctx, func(tx *store.Tx) error { return tx.RevokeFamily(h.Issuer.Name, found.familyID, oauth.ReasonExpired) })
}

// revoke is what a person does by Disconnect; of a client's own token, what its owner does.
func (h *Handler) revoke(ctx context.Context, found held) error {
	return h.ended(ctx, func(tx *store.Tx) error {
		if found.grantID == "" {
			return tx.RevokeToken(found.access.JTI, found.access.ExpiresAt)
		}
		grant, err := tx.RevokeGrant(h.Issuer.Name, found.grantID, oauth.ReasonRevokedByUser)
		if err != nil {
			return err
		}
		return tx.Record(store.GrantRevoked(grant))
	})
}

// ended: what had ended before is as it was asked to be.
func (h *Handler) ended(ctx context.Context, end func(*store.Tx) error) error {
	err := h.Store.InTx(ctx, end)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
