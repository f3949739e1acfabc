package token

import (
	"context"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
)

// proveAssertion is RFC 7523 §2.1: the assertion says who asks, so nothing else may (RFC 7521 §4.1 leaves the client's
// authentication to us). What comes of it stands for the client from here on: its identifier is the key's, so that the key's end
// is the token's.
func (h *Handler) proveAssertion(ctx context.Context, request *Request) (*store.Client, error) {
	if request.Assertion == "" {
		return nil, oauth.InvalidRequest("assertion is missing (RFC 7523 section 2.1)")
	}
	if request.Client.ID != "" || request.Client.Secret != "" {
		return nil, oauth.InvalidRequest("leave the client's credentials out: the assertion says who you are")
	}
	claimant, err := h.ServiceAccounts.Prove(ctx, serviceaccount.Assertion{Token: request.Assertion, Address: request.Address})
	if err != nil {
		return nil, err
	}
	request.claimant = claimant
	return &store.Client{
		Issuer: h.Issuer.Name, ID: claimant.Principal.KeyID, AccountID: claimant.Principal.AccountID, Name: claimant.Principal.Name,
		Status: store.ClientActive, Metadata: store.ClientMetadata{GrantTypes: []oauth.GrantType{oauth.GrantJWTBearer}, Scope: claimant.Scopes},
	}, nil
}

// loadAssertion is what a service account may have: its scopes, less what the person who allowed it has taken back.
func (h *Handler) loadAssertion(_ context.Context, client *store.Client, request Request) (authorization, error) {
	a := authorization{
		client: client, subject: request.claimant.Principal.ID, accountID: request.claimant.AccountID, scopes: request.claimant.Scopes,
		now: h.Store.Now(), claimant: request.claimant,
	}
	if len(request.Resources) > 0 {
		a.resources = h.anyResource()
	}
	return a, nil
}

// spendAssertion accepts the assertion, once (RFC 7523 §3, rule 7).
func (h *Handler) spendAssertion(ctx context.Context, a authorization) error {
	return h.Store.InTx(ctx, func(tx *store.Tx) error { return h.ServiceAccounts.Spend(tx, a.claimant) })
}
