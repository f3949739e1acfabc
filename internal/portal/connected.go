package portal

import (
	"errors"
	"net/http"
	"slices"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// connectionLimit bounds the list of connected apps. Nobody has read so many consent pages.
const connectionLimit = 500

// Connected lists the apps that the user connected: GET /connected.
func (p *Portal) Connected(w http.ResponseWriter, r *http.Request) error {
	return p.forUser(w, r, p.connected)
}

func (p *Portal) connected(v *visit) error {
	rows, err := p.Store.GrantsOfUser(v.r.Context(), p.Issuer.Name, v.who.UserID, connectionLimit)
	if err != nil {
		return err
	}
	page, names := web.Connected{}, p.names(v.r.Context())
	for _, row := range rows {
		connection, err := names.connection(grantOf(row), row.AccountName, v.lang)
		if err != nil {
			return err
		}
		page.Connections = append(page.Connections, connection)
	}
	return p.render(v, page)
}

func grantOf(row store.GrantOfUser) store.Grant {
	return store.Grant{
		ID: row.ID, Issuer: row.Issuer, UserID: row.UserID, AccountID: row.AccountID, ClientID: row.ClientID, Scopes: row.Scopes,
		Declined: row.Declined, Version: row.Version, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, LastUsedAt: row.LastUsedAt,
	}
}

// ConnectedApp asks before an app is disconnected, and says what stopped once it is: GET /connected/{client_id}?account=.
func (p *Portal) ConnectedApp(w http.ResponseWriter, r *http.Request) error {
	return p.forUser(w, r, func(v *visit) error {
		query, err := wire.Query(r)
		if err != nil {
			return err
		}
		return p.connectedApp(v, r.PathValue("client_id"), query.Get("account"))
	})
}

func (p *Portal) connectedApp(v *visit, clientID, accountID string) error {
	grant, err := p.findGrant(v, clientID, accountID)
	if errors.Is(err, store.ErrNotFound) {
		return p.disconnected(v, clientID, accountID)
	}
	if err != nil {
		return err
	}
	names := p.names(v.r.Context())
	account, err := names.account(grant.AccountID)
	if err != nil {
		return err
	}
	connection, err := names.connection(grant, account.Name, v.lang)
	if err != nil {
		return err
	}
	return p.render(v, web.Disconnect{Connection: connection, UserID: v.who.UserID})
}

// findGrant finds the user's living connection with an app. Without an account it must be the only one.
func (p *Portal) findGrant(v *visit, clientID, accountID string) (store.Grant, error) {
	reqlog.From(v.r.Context()).Client = clientID
	grants, err := p.Store.GrantsWithApp(v.r.Context(), p.Issuer.Name, v.who.UserID, clientID)
	if err != nil {
		return store.Grant{}, err
	}
	if accountID != "" {
		grants = slices.DeleteFunc(grants, func(grant store.Grant) bool { return grant.AccountID != accountID })
	}
	if len(grants) != 1 {
		return store.Grant{}, store.ErrNotFound
	}
	reqlog.From(v.r.Context()).Grant = grants[0].ID
	return grants[0], nil
}

// disconnected tells what is so: the app has no access to the account. It names only what the user may know.
func (p *Portal) disconnected(v *visit, clientID, accountID string) error {
	known, err := p.Clients.Find(v.r.Context(), clientID)
	if errors.Is(err, store.ErrNotFound) || accountID == "" {
		return errNoPage()
	}
	if err != nil {
		return err
	}
	page := web.Disconnected{App: web.App{ID: known.ID, Name: known.Name, LogoURL: known.Metadata.LogoURI}}
	_, err = p.Store.Member(v.r.Context(), p.Issuer.Name, accountID, v.who.UserID)
	switch {
	case err == nil:
		if page.Account, err = p.names(v.r.Context()).account(accountID); err != nil {
			return err
		}
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	return p.render(v, page)
}

// Disconnect ends a connection and with it everything that the app holds of it: POST /connected/{client_id}. Pressing twice is
// pressing once.
func (p *Portal) Disconnect(w http.ResponseWriter, r *http.Request) error {
	return p.forUser(w, r, func(v *visit) error {
		form, err := wire.Form(r)
		if err != nil {
			return err
		}
		if asked := form.Get("user"); asked != "" && asked != v.who.UserID { // another tab signed somebody else in: these are theirs
			wire.Redirect(v.w, v.r, "/connected")
			return nil
		}
		return p.disconnect(v, r.PathValue("client_id"), form.Get("account"))
	})
}

func (p *Portal) disconnect(v *visit, clientID, accountID string) error {
	grant, err := p.findGrant(v, clientID, accountID)
	if err == nil {
		accountID = grant.AccountID
		err = p.Store.InTx(v.r.Context(), func(tx *store.Tx) error { return p.revoke(tx, v, grant.ID) })
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	wire.Redirect(v.w, v.r, connectionPath(clientID, accountID)) // which now says what stopped and what stays
	return nil
}

func (p *Portal) revoke(tx *store.Tx, v *visit, grantID string) error {
	grant, err := tx.RevokeGrant(p.Issuer.Name, grantID, oauth.ReasonRevokedByUser)
	if err != nil {
		return err
	}
	return p.record(tx, v, store.GrantRevoked(grant))
}
