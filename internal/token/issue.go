package token

import (
	"context"
	"slices"

	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
)

// issue makes the tokens. Nothing is written and nothing is spent yet.
func (h *Handler) issue(ctx context.Context, a authorization) (Response, error) {
	access := mint.Access{
		Subject: a.subject, ClientID: a.client.ID, AccountID: a.accountID, GrantID: a.grantID, FamilyID: a.familyID,
		Scopes: a.scopes, Audience: a.audience, IssuedAt: a.now, ExpiresAt: a.now.Add(h.Issuer.Lifetimes.AccessToken),
		AuthTime: a.authTime, ACR: acr(a.amr), AMR: a.amr,
	}
	token, err := h.Mint.AccessToken(ctx, access)
	if err != nil {
		return Response{}, err
	}
	response := Response{
		AccessToken: token, TokenType: oauth.TokenTypeBearer, ExpiresIn: int64(h.Issuer.Lifetimes.AccessToken.Seconds()),
		Scope: a.scopes.String(), ExpiresAt: access.ExpiresAt, ClientID: a.client.ID, AccountID: a.accountID, GrantID: a.grantID,
	}
	if a.refreshGeneration > 0 {
		if response.RefreshToken, err = h.Mint.RefreshToken(a.familyID, a.refreshGeneration); err != nil {
			return Response{}, err
		}
	}
	if a.grantID == "" || a.ownBehalf { // no user, so no ID Token
		return response, nil
	}
	response.UserID = a.subject
	if a.scopes.Has(oidc.ScopeOpenID) {
		response.IDToken, err = h.idToken(ctx, a, token)
	}
	return response, err
}

// idToken is OpenID Connect Core §2 and §3.1.3.3; for a refresh §12.2: the same sub, aud and auth_time, and no nonce.
func (h *Handler) idToken(ctx context.Context, a authorization, accessToken string) (string, error) {
	alg := a.idTokenAlg()
	return h.Mint.IDToken(ctx, alg, oidc.IDTokenClaims{
		Issuer: h.Issuer.URL, Subject: a.subject, Audience: oidc.Audience{a.client.ID},
		Expiry: a.now.Add(h.Issuer.Lifetimes.IDToken).Unix(), IssuedAt: a.now.Unix(), AuthTime: a.authTime.Unix(),
		Nonce: a.nonce, ACR: acr(a.amr), AMR: a.amr, ATHash: oidc.ATHash(string(alg), accessToken), SID: a.sessionID,
		AccountID: a.accountID,
	})
}

// acr names how the person signed in, where it has a name.
func acr(amr []string) string {
	if slices.Equal(amr, []string{oidc.AMRPassword}) {
		return oidc.ACRPassword
	}
	return ""
}
