package portal

import (
	"context"
	"errors"
	"net/url"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
)

// names looks up what apps and accounts are called, each once for a page.
type names struct {
	p        *Portal
	ctx      context.Context
	apps     map[string]app
	accounts map[string]web.Account
}

// app is an app as pages show it.
type app struct {
	web.App

	owner     string
	grants    []oauth.GrantType
	suspended bool
}

func (p *Portal) names(ctx context.Context) *names {
	return &names{p: p, ctx: ctx, apps: map[string]app{}, accounts: map[string]web.Account{}}
}

// app describes an app. One that is deleted is called by its identifier, so that its connection can still be ended.
func (n *names) app(clientID string) (app, error) {
	if known, ok := n.apps[clientID]; ok || clientID == "" {
		return known, nil
	}
	found, err := n.p.Clients.Find(n.ctx, clientID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return app{}, err
	}
	described := app{App: web.App{ID: clientID, Name: clientID}, suspended: true}
	if found != nil {
		described = app{
			App:       web.App{ID: clientID, Name: found.Name, LogoURL: found.Metadata.LogoURI},
			grants:    found.Metadata.GrantTypes,
			suspended: found.Status == store.ClientSuspended,
		}
		owner, err := n.account(found.AccountID)
		if err != nil {
			return app{}, err
		}
		described.owner = owner.Name
	}
	n.apps[clientID] = described
	return described, nil
}

// account describes an account; one that is gone has no name.
func (n *names) account(id string) (web.Account, error) {
	if known, ok := n.accounts[id]; ok || id == "" {
		return known, nil
	}
	row, err := n.p.Store.Account(n.ctx, n.p.Issuer.Name, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return web.Account{}, err
	}
	described := web.Account{ID: id, Name: row.Name}
	n.accounts[id] = described
	return described, nil
}

// connection describes a grant. It leads to the page that asks before it ends.
func (n *names) connection(grant store.Grant, accountName, lang string) (web.Connection, error) {
	app, err := n.app(grant.ClientID)
	if err != nil {
		return web.Connection{}, err
	}
	return web.Connection{
		App: app.App, Account: web.Account{ID: grant.AccountID, Name: accountName}, Owner: app.owner, Suspended: app.suspended,
		Permissions: web.Permissions(n.p.Issuer.Scopes, grant.Scopes, lang), ConnectedAt: grant.CreatedAt.Time(), LastUsedAt: grant.LastUsedAt.Time(),
		Offline: n.p.Issuer.Policy.Refreshes(grant.Scopes, app.grants), URL: connectionPath(grant.ClientID, grant.AccountID),
	}, nil
}

func connectionPath(clientID, accountID string) string {
	return "/connected/" + url.PathEscape(clientID) + "?" + url.Values{"account": {accountID}}.Encode()
}

func accountPath(id string) string { return "/accounts/" + url.PathEscape(id) }
