package portal

import (
	"errors"
	"net/http"
	"net/url"

	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

const exchangesPage = 50

// Exchanges lists how far the consents came that give the user's own apps a service account: GET /exchanges?before=.
func (p *Portal) Exchanges(w http.ResponseWriter, r *http.Request) error {
	return p.forUser(w, r, func(v *visit) error {
		query, err := wire.Query(r)
		if err != nil {
			return err
		}
		before := query.Get("before")
		if _, err := store.ParseID(before); err != nil {
			before = store.LastEvent
		}
		return p.exchanges(v, before)
	})
}

func (p *Portal) exchanges(v *visit, before string) error {
	rows, err := p.Store.ExchangesOfDeveloper(v.r.Context(), p.Issuer.Name, v.who.UserID, before, exchangesPage+1)
	if err != nil {
		return err
	}
	page, names := web.Exchanges{}, p.names(v.r.Context())
	if before != store.LastEvent {
		page.Paging.Previous = "/exchanges"
	}
	if len(rows) > exchangesPage {
		rows = rows[:exchangesPage]
		page.Paging.Next = "/exchanges?" + url.Values{"before": {rows[exchangesPage-1].ID}}.Encode()
	}
	for _, row := range rows {
		exchange, err := names.exchange(row)
		if err != nil {
			return err
		}
		page.Exchanges = append(page.Exchanges, exchange)
	}
	return p.render(v, page)
}

// Exchange shows one to the app's developers and to the person who allowed it: GET /exchanges/{id}.
func (p *Portal) Exchange(w http.ResponseWriter, r *http.Request) error {
	return p.forUser(w, r, func(v *visit) error {
		row, err := p.Store.Exchange(r.Context(), p.Issuer.Name, r.PathValue("id"))
		if errors.Is(err, store.ErrNotFound) {
			return errNoPage()
		}
		if err != nil {
			return err
		}
		developer, err := p.develops(v, row.ClientID)
		if err != nil {
			return err
		}
		if !developer && row.UserID != v.who.UserID {
			return errNoPage()
		}
		reqlog.From(r.Context()).Client = row.ClientID
		exchange, err := p.names(r.Context()).exchange(row)
		if err != nil {
			return err
		}
		return p.render(v, web.ExchangeDetail{Exchange: exchange, Developer: developer})
	})
}

// develops tells whether the visitor belongs to the account that owns an app.
func (p *Portal) develops(v *visit, clientID string) (bool, error) {
	found, err := p.Clients.Find(v.r.Context(), clientID)
	if err == nil {
		_, err = p.Store.Member(v.r.Context(), p.Issuer.Name, found.AccountID, v.who.UserID)
	}
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (n *names) exchange(row store.Exchange) (web.Exchange, error) {
	app, err := n.app(row.ClientID)
	if err != nil {
		return web.Exchange{}, err
	}
	account, err := n.account(row.AccountID)
	if err != nil {
		return web.Exchange{}, err
	}
	exchange := web.Exchange{ID: row.ID, App: app.App, Account: account, ServiceAccount: row.ServiceAccountID, Key: row.KeyID}
	for _, step := range store.Timeline(row) {
		exchange.Taken = append(exchange.Taken, web.StepTaken{Step: web.ExchangeStep(step.Name), At: step.At.Time(), Reason: step.Reason})
	}
	return exchange, nil
}
