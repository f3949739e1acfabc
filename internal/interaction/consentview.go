package interaction

import (
	"context"
	"errors"
	"time"

	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
)

// countedUsers bounds how far an app's connections are counted for its consent page.
const countedUsers = 10000

// consentView is the consent page: who asks, for whom, for what, and what happens next.
func (h *Handler) consentView(t *turn) (web.Consent, error) {
	flow, err := h.view(t)
	if err != nil {
		return web.Consent{}, err
	}
	owner, err := h.ownerOf(t.r.Context(), t.client)
	if err != nil {
		return web.Consent{}, err
	}
	users, err := h.Store.CountGrants(t.r.Context(), h.Issuer.Name, t.client.ID, countedUsers)
	if err != nil {
		return web.Consent{}, err
	}
	account, metadata := t.outcome.Account, t.client.Metadata
	view := web.Consent{
		Flow: flow, Account: web.Account{ID: account.AccountID, Name: account.AccountName}, ChangeAccount: len(t.facts.Memberships) > 1,
		Owner: owner, Reviewed: metadata.Reviewed, InTesting: t.client.Status == store.ClientTesting, Users: users,
		HomeURL: metadata.ClientURI, PrivacyURL: metadata.PolicyURI, TermsURL: metadata.TOSURI,
	}
	if device := t.flow.Request.Device; device != nil {
		view.DeviceCode = device.UserCode
	}
	if h.Issuer.Policy.Refreshes(t.outcome.Asked, metadata.GrantTypes) {
		view.OfflineAccess, view.AccessDays = true, int(h.Issuer.Lifetimes.RefreshToken/(24*time.Hour))
	}
	h.listPermissions(&view, t)
	return view, nil
}

// ownerOf is the name of who stands behind the app.
func (h *Handler) ownerOf(ctx context.Context, client *store.Client) (string, error) {
	if client.AccountID == "" {
		return "", nil
	}
	account, err := h.Store.Account(ctx, h.Issuer.Name, client.AccountID)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return account.Name, err
}

func (h *Handler) listPermissions(view *web.Consent, t *turn) {
	lang, grant := h.pageLang(t), t.outcome.Grant
	shown := shownScopes(t.outcome)
	if grant != nil {
		view.Returning = true
		view.AlreadyAllowed = grant.Scopes.Contains(t.outcome.Asked)
		if !view.AlreadyAllowed {
			view.Given = web.Permissions(h.Issuer.Scopes, grant.Scopes, lang)
		}
	}
	view.Permissions = web.Permissions(h.Issuer.Scopes, shown, lang)
	for i := range view.Permissions {
		p := &view.Permissions[i]
		p.New = grant != nil && !grant.Scopes.Union(grant.Declined).Has(p.Scope)
		p.Unticked = grant != nil && grant.Declined.Has(p.Scope)
	}
}
