package token

import (
	"context"
	"errors"
	"slices"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// loadCode binds a code to what its authorization request said (RFC 6749 §4.1.3, RFC 7636 §4.6).
func (h *Handler) loadCode(ctx context.Context, client *store.Client, request Request) (authorization, error) {
	if request.Code == "" {
		return authorization{}, oauth.InvalidRequest("code is missing")
	}
	code, err := h.Store.Code(ctx, h.Issuer.Name, store.CodeHash(request.Code))
	if errors.Is(err, store.ErrNotFound) {
		return authorization{}, oauth.InvalidGrant("this code was not issued here, or long ago; start the authorization again").With(oauth.ReasonUnknown)
	}
	if err != nil {
		return authorization{}, err
	}
	now := h.Store.Now()
	for _, check := range []func() error{
		func() error { return checkCodeClient(&code, client) },
		func() error { return h.checkCodeUnused(ctx, &code) },
		func() error { return h.checkCodeAlive(&code, now) },
		func() error { return checkRedirectURI(&code, client, request.RedirectURI) },
		func() error { return checkPKCE(&code, client, request.CodeVerifier) },
	} {
		if err := check(); err != nil {
			return authorization{}, h.toldExchange(ctx, client, &code, err)
		}
	}
	return h.authorizedByCode(&code, client, now)
}

func checkCodeClient(code *store.Code, client *store.Client) error {
	if code.ClientID != client.ID {
		return oauth.InvalidGrant("this code was issued to another client").With(oauth.ReasonWrongClient)
	}
	return nil
}

// checkCodeUnused: a second use means that somebody else has the code, so what the first bought ends (RFC 6749 §4.1.2).
func (h *Handler) checkCodeUnused(ctx context.Context, code *store.Code) error {
	if code.UsedAt.Never() {
		return nil
	}
	err := h.endFamily(ctx, code.FamilyID, store.Event{
		Issuer: h.Issuer.Name, Type: store.EventCodeReplayed, UserID: code.Grant.UserID, AccountID: code.Grant.AccountID,
		ClientID: code.ClientID, GrantID: code.Grant.ID,
	})
	if err != nil {
		return err
	}
	return oauth.InvalidGrant("this code was used before; its tokens are revoked now, so start the authorization again").With(oauth.ReasonReused)
}

// endFamily revokes an authorization's tokens because something of it came twice. It is written down the first time only, so
// that repeating it does not fill the audit log.
func (h *Handler) endFamily(ctx context.Context, familyID string, event store.Event) error {
	return h.Store.InTx(ctx, func(tx *store.Tx) error {
		err := tx.RevokeFamily(h.Issuer.Name, familyID, oauth.ReasonReused)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := h.endExchange(tx, familyID); err != nil {
			return err
		}
		return tx.Record(event)
	})
}

func (h *Handler) checkCodeAlive(code *store.Code, now micros.Time) error {
	if code.ExpiresAt <= now {
		return oauth.InvalidGrant("this code has expired; codes live %s, so redeem them at once", spoken(h.Issuer.Lifetimes.Code)).With(oauth.ReasonExpired)
	}
	if !code.UserSuspendedAt.Never() {
		return ended(oauth.ReasonUserSuspended)
	}
	return checkGrant(code.Grant)
}

// spoken says a lifetime as people would.
func spoken(d time.Duration) string {
	switch {
	case d >= 24*time.Hour:
		return plural(int64(d/(24*time.Hour)), "day")
	case d >= time.Hour:
		return plural(int64(d/time.Hour), "hour")
	case d >= time.Minute:
		return plural(int64(d/time.Minute), "minute")
	default:
		return plural(int64(d/time.Second), "second")
	}
}

// checkRedirectURI: what is sent must be what the authorization request used (RFC 6749 §4.1.3). It may be left out, as OAuth
// 2.1 §4.1.3 has it, only where the client could have used no other.
func checkRedirectURI(code *store.Code, client *store.Client, redirectURI string) error {
	switch {
	case redirectURI == code.Binding.RedirectURI:
		return nil
	case redirectURI != "":
		return oauth.InvalidGrant("redirect_uri is not the one of the authorization request").With(oauth.ReasonRedirectMismatch)
	case slices.Equal(client.Metadata.RedirectURIs, []string{code.Binding.RedirectURI}):
		return nil
	default:
		return oauth.InvalidGrant("redirect_uri is missing; send the one of the authorization request").With(oauth.ReasonRedirectMismatch)
	}
}

// checkPKCE is RFC 7636 §4.6. A public client's code without a challenge cannot be proven to be its own (OAuth 2.1 §7.5).
func checkPKCE(code *store.Code, client *store.Client, verifier string) error {
	if client.Public() && code.Binding.CodeChallenge == "" {
		return oauth.InvalidGrant("the authorization request had no code_challenge; start it again with PKCE").With(oauth.ReasonPKCEMismatch)
	}
	return oauth.VerifyChallenge(code.Binding.CodeChallenge, verifier)
}

// checkGrant refuses what hangs on a connection that has ended.
func checkGrant(grant store.Grant) error {
	if grant.RevokedAt.Never() {
		return nil
	}
	return ended(grant.RevokeReason)
}

// authorizedByCode is what the code buys. Scopes that the user took back since are gone.
func (h *Handler) authorizedByCode(code *store.Code, client *store.Client, now micros.Time) (authorization, error) {
	binding := code.Binding
	scopes, err := stillAllowed(binding.Scopes, code.Grant)
	if err != nil {
		return authorization{}, err
	}
	a := authorization{
		client: client, subject: code.Grant.UserID, accountID: code.Grant.AccountID, grantID: code.Grant.ID, familyID: code.FamilyID,
		scopes: scopes, resources: binding.Resources, authTime: binding.AuthTime, amr: binding.AMR, sessionID: binding.SessionID,
		nonce: binding.Nonce, now: now, code: code,
	}
	expiresAt := now.Add(h.Issuer.Lifetimes.AccessToken)
	if h.Issuer.Policy.Refreshes(scopes, client.Metadata.GrantTypes) {
		a.refreshGeneration, expiresAt = 1, now.Add(h.Issuer.Lifetimes.RefreshToken)
	}
	a.family = store.Family{
		ID: code.FamilyID, Issuer: h.Issuer.Name, ClientID: client.ID, UserID: a.subject, AccountID: a.accountID,
		Scopes: scopes, Grant: code.Grant, ExpiresAt: expiresAt,
		Binding: store.FamilyBinding{
			Resources: binding.Resources, AuthTime: binding.AuthTime, AMR: binding.AMR, SessionID: binding.SessionID,
			Refreshable: a.refreshGeneration > 0,
		},
	}
	return a, nil
}

// stillAllowed keeps of the scopes those that the connection has now.
func stillAllowed(scopes oauth.ScopeSet, grant store.Grant) (oauth.ScopeSet, error) {
	allowed := scopes.Intersect(grant.Scopes)
	if len(allowed) == 0 {
		return nil, oauth.InvalidGrant("nothing of what was allowed is left; start the authorization again").With(oauth.ReasonRevokedByUser)
	}
	return allowed, nil
}

// redeemCode spends a code and creates what it buys in one transaction. Whoever comes second finds it used.
func (h *Handler) redeemCode(ctx context.Context, a authorization) error {
	redeem := func(tx *store.Tx) error { return tx.RedeemCode(a.code.Hash, a.family, h.issued(a)) }
	if !h.Issuer.Policy.SingleUseTokens {
		return overtaken(h.Store.Decide(ctx, redeem))
	}
	return overtaken(h.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := redeem(tx); err != nil {
			return err
		}
		return h.trackToken(tx, *a.code)
	}))
}

// issued tells that a code was redeemed.
func (h *Handler) issued(a authorization) store.Event {
	return store.Event{
		Issuer: h.Issuer.Name, Type: store.EventTokenIssued, UserID: a.subject, AccountID: a.accountID, ClientID: a.client.ID,
		GrantID: a.grantID, Detail: map[string]string{"scopes": a.scopes.String()},
	}
}

// overtaken: what was there a moment ago is not any more.
func overtaken(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return errOvertaken
	}
	return err
}
