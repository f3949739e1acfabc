package token

import (
	"context"
	"errors"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// Where a token buys one exchange, its way there is tracked, so that people can see how far it came and why it stopped. What
// follows does nothing on any other issuer.

// trackToken notes that the code of an exchange bought its token. It begins the exchange too, when issuing the code did not.
func (h *Handler) trackToken(tx *store.Tx, code store.Code) error {
	if !h.Issuer.Policy.SingleUseTokens {
		return nil
	}
	if err := tx.TrackCode(code); err != nil {
		return err
	}
	return tx.TrackToken(h.Issuer.Name, code.FamilyID)
}

// endExchange takes back what a code bought that came twice (RFC 6749 §4.1.2).
func (h *Handler) endExchange(tx *store.Tx, familyID string) error {
	if !h.Issuer.Policy.SingleUseTokens {
		return nil
	}
	return tx.EndExchange(h.Issuer.Name, familyID, oauth.ReasonReused)
}

// toldExchange notes why the client's own code was refused, and returns the refusal.
func (h *Handler) toldExchange(ctx context.Context, client *store.Client, code *store.Code, refusal error) error {
	var said *oauth.Error
	if !h.Issuer.Policy.SingleUseTokens || code.ClientID != client.ID || !errors.As(refusal, &said) {
		return refusal
	}
	err := h.Store.InTx(ctx, func(tx *store.Tx) error { return tx.FailExchange(h.Issuer.Name, code.FamilyID, said.Reason) })
	if err != nil {
		return err
	}
	return refusal
}
