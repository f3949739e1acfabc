package token

import (
	"context"
	"errors"
	"slices"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// loadClient is the client credentials grant (RFC 6749 §4.4): the client acts for itself, so what it may have is what it
// registered and the catalogue opens to machines. Nothing is read beyond the client that was authenticated from memory.
func (h *Handler) loadClient(ctx context.Context, client *store.Client, request Request) (authorization, error) {
	if client.Public() { // RFC 6749 §4.4: confidential clients only
		return authorization{}, oauth.UnauthorizedClient("client_credentials is only for clients with a secret")
	}
	scopes := h.Issuer.Scopes.Machine(client.Metadata.Scope)
	if len(scopes) == 0 {
		return authorization{}, oauth.InvalidScope("this client registered no scope that a client may have without a user")
	}
	a := authorization{client: client, subject: client.ID, accountID: client.AccountID, scopes: scopes, now: h.Store.Now()}
	if !h.Issuer.Policy.AccountBound && !h.Issuer.Policy.MachineAccount {
		a.accountID = "" // it acts for itself
	}
	if len(request.Resources) > 0 { // it may name any of the issuer's (RFC 8707 §2); otherwise the default is meant
		a.resources = h.anyResource()
	}
	if h.Issuer.Policy.MachineRefresh && slices.Contains(client.Metadata.GrantTypes, oauth.GrantRefreshToken) {
		return h.withOwnFamily(ctx, a)
	}
	return a, nil
}

// withOwnFamily gives a client's own tokens a refresh token, on a grant without a user.
func (h *Handler) withOwnFamily(ctx context.Context, a authorization) (authorization, error) {
	grant, err := h.Store.FindGrant(ctx, h.Issuer.Name, "", a.client.AccountID, a.client.ID)
	if errors.Is(err, store.ErrNotFound) {
		grant = store.Grant{ID: h.Store.NewID(), Issuer: h.Issuer.Name, AccountID: a.client.AccountID, ClientID: a.client.ID}
	} else if err != nil {
		return authorization{}, err
	}
	grant.Scopes = a.scopes
	a.ownBehalf, a.accountID, a.grantID, a.familyID, a.refreshGeneration = true, a.client.AccountID, grant.ID, h.Store.NewID(), 1
	a.family = store.Family{
		ID: a.familyID, Issuer: h.Issuer.Name, ClientID: a.client.ID, AccountID: a.accountID, Grant: grant,
		ExpiresAt: a.now.Add(h.Issuer.Lifetimes.RefreshToken), Binding: store.FamilyBinding{AuthTime: a.now, Refreshable: true},
	}
	return a, nil
}

// stillRegistered keeps of a client's own scopes those that it could have without a user now. Nobody consented to them: its registration
// alone allows them, and may have shrunk since.
func (h *Handler) stillRegistered(scopes oauth.ScopeSet, client *store.Client) (oauth.ScopeSet, error) {
	if !slices.Contains(client.Metadata.GrantTypes, oauth.GrantClientCredentials) {
		return nil, oauth.UnauthorizedClient("this client is not registered any more for %s, which this refresh token came from", oauth.GrantClientCredentials)
	}
	if scopes = scopes.Intersect(h.Issuer.Scopes.Machine(client.Metadata.Scope)); len(scopes) == 0 {
		return nil, oauth.InvalidGrant("nothing of what this refresh token was for is left in the client's registration").With(oauth.ReasonRevoked)
	}
	return scopes, nil
}

// writeOwnFamily keeps what a refresh will need; without one, an access token is never stored. It is bound to what was asked, which a
// refresh cannot widen (RFC 6749 §6, RFC 8707 §2.2).
func (h *Handler) writeOwnFamily(ctx context.Context, a authorization) error {
	if a.familyID == "" {
		return nil
	}
	family := a.family // the closure moves to the heap what it names, and most tokens come without a family
	family.Scopes = a.scopes
	if len(a.resources) > 0 {
		family.Binding.Resources = a.audience
	}
	err := h.Store.InTx(ctx, func(tx *store.Tx) error { return tx.CreateOwnFamily(family) })
	if errors.Is(err, store.ErrConflict) {
		return errOvertaken
	}
	return err
}

func (h *Handler) anyResource() []string {
	return append([]string{h.defaultAudience()}, h.Issuer.Resources...)
}
