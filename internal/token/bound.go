package token

import (
	"context"
	"errors"

	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// What follows asks for more than the standards do, where an issuer's policy says so.

// checkAccount: a request that names an account names the one that its tokens are for. Where the issuer asks for it, a client
// that acts for itself, and every refresh, must name it.
func (h *Handler) checkAccount(request Request, a *authorization) error {
	if !h.Issuer.Policy.AccountBound {
		return nil
	}
	switch {
	case request.AccountID == a.accountID && a.accountID != "":
		return nil
	case request.AccountID != "":
		return wrongAccount("the account is not the one that this client acts for")
	case request.GrantType == oauth.GrantClientCredentials || request.GrantType == oauth.GrantRefreshToken:
		return wrongAccount("the account is missing; name the one that this client acts for")
	}
	return nil
}

func wrongAccount(description string) error {
	return oauth.InvalidClient("%s", description).With(oauth.ReasonWrongAccount)
}

// withinRole keeps of the scopes what the person's role may still give, where the issuer asks for that at each issue.
func (h *Handler) withinRole(ctx context.Context, a *authorization) (oauth.ScopeSet, error) {
	if !h.Issuer.Policy.RoleScopes || a.grantID == "" || a.ownBehalf {
		return a.scopes, nil
	}
	member, err := h.Store.Member(ctx, h.Issuer.Name, a.accountID, a.subject)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ended(oauth.ReasonMemberRemoved)
	}
	if err != nil {
		return nil, err
	}
	scopes := h.Issuer.Scopes.Grantable(a.scopes, member.Role)
	if len(scopes) == 0 {
		return nil, oauth.InvalidGrant("the user's role allows nothing of this any more; ask somebody who may to connect the app").With(oauth.ReasonRoleChanged)
	}
	return scopes, nil
}

// proveAccessToken takes the access token that a refresh token came with for the client's credentials, even when it has expired.
// It is worth no more than the refresh token beside it: both must be of one authorization, it must not have been revoked, and it must
// not be older than a refresh token can become unused, because nobody remembers longer that it was.
func (h *Handler) proveAccessToken(ctx context.Context, request *Request) (*store.Client, error) {
	access, err := h.Mint.ReadAccessToken(ctx, request.AccessToken)
	if errors.Is(err, mint.ErrUnreadable) || err == nil && access.FamilyID == "" {
		return nil, oauth.InvalidClient("the access token was not issued here").With(oauth.ReasonUnknown)
	}
	if err != nil {
		return nil, err
	}
	if request.Client.ID != "" && request.Client.ID != access.ClientID {
		return nil, oauth.InvalidClient("the access token was issued to another client").With(oauth.ReasonWrongClient)
	}
	client, err := h.Clients.Identify(ctx, access.ClientID)
	if err != nil {
		return nil, err
	}
	if h.Mint.GoodUntil(access) <= h.Store.Now() {
		return nil, oauth.InvalidGrant("this access token is too old to prove a refresh; start the authorization again").With(oauth.ReasonExpired)
	}
	request.familyID = access.FamilyID
	return client, h.checkNotRevoked(ctx, access)
}

func (h *Handler) checkNotRevoked(ctx context.Context, access mint.Access) error {
	state, err := h.Store.TokenState(ctx, store.TokenRef{
		Issuer: h.Issuer.Name, JTI: access.JTI, FamilyID: access.FamilyID, ClientID: access.ClientID, IssuedAt: access.IssuedAt,
	})
	if errors.Is(err, store.ErrNotFound) {
		return unknownRefreshToken()
	}
	if err == nil && state.Ended != "" {
		return ended(state.Ended)
	}
	return err
}
