package portal

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
)

// english is the language that every catalogue has.
const english = "en"

// permissions puts scopes into the reader's words, in the catalogue's order, sensitive ones first.
func permissions(catalogue issuer.Catalogue, scopes oauth.ScopeSet, lang string) []web.Permission {
	var all []web.Permission
	for _, name := range catalogue.Names() {
		if scope, ok := catalogue.Find(name); ok && scopes.Has(name) {
			all = append(all, permission(scope, lang))
		}
	}
	for _, name := range scopes { // what the catalogue no longer has can still be given
		if _, ok := catalogue.Find(name); !ok {
			all = append(all, web.Permission{Scope: name})
		}
	}
	slices.SortStableFunc(all, func(a, b web.Permission) int { return cmp.Compare(first(b), first(a)) })
	return all
}

func first(p web.Permission) int {
	if p.Sensitive {
		return 1
	}
	return 0
}

// permission says one scope; the pages themselves have the words of OpenID Connect's own.
func permission(scope issuer.Scope, lang string) web.Permission {
	text, spoken := scope.Text[lang], ""
	if text.Title == "" {
		text, spoken = scope.Text[english], english
	}
	return web.Permission{
		Scope: scope.Name, Title: text.Title, Consequence: text.Detail, Lang: spoken, Sensitive: scope.Sensitive,
		Group: cmp.Or(scope.Group[lang], scope.Group[english]),
	}
}

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
		Permissions: permissions(n.p.Issuer.Scopes, grant.Scopes, lang), ConnectedAt: grant.CreatedAt.Time(), LastUsedAt: grant.LastUsedAt.Time(),
		Offline: grant.Scopes.Has("offline_access"), URL: connectionPath(grant.ClientID, grant.AccountID),
	}, nil
}

func connectionPath(clientID, accountID string) string {
	return "/connected/" + url.PathEscape(clientID) + "?" + url.Values{"account": {accountID}}.Encode()
}

func accountPath(id string) string { return "/accounts/" + url.PathEscape(id) }
