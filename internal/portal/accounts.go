package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

const (
	accountsPage    = 20
	accountIDPrefix = "acc_"
)

// Accounts lists the accounts that the user belongs to: GET /accounts?page=.
func (p *Portal) Accounts(w http.ResponseWriter, r *http.Request) error {
	return p.forUser(w, r, func(v *visit) error {
		query, err := wire.Query(r)
		if err != nil {
			return err
		}
		number, err := strconv.Atoi(query.Get("page"))
		if err != nil || number < 1 || number > store.MembershipLimit {
			number = 1
		}
		return p.accounts(v, number)
	})
}

func (p *Portal) accounts(v *visit, number int) error {
	offset := (number - 1) * accountsPage
	rows, err := p.Store.MembershipsCounted(v.r.Context(), p.Issuer.Name, v.who.UserID, offset, accountsPage+1)
	if err != nil {
		return err
	}
	page := web.Accounts{Create: true, Exchanges: p.Issuer.Policy.SingleUseTokens, Paging: accountsPaging(number, offset, len(rows))}
	for _, row := range rows[:min(len(rows), accountsPage)] {
		page.Accounts = append(page.Accounts, web.AccountRow{
			Account: web.Account{ID: row.AccountID, Name: row.AccountName}, Role: string(row.Role), Members: int(row.MemberCount), Apps: int(row.AppCount),
		})
	}
	return p.render(v, page)
}

// accountsPaging: one row more than a page was asked for, to see whether there is another.
func accountsPaging(number, offset, rows int) web.Paging {
	link := func(number int) string { return "/accounts?" + url.Values{"page": {strconv.Itoa(number)}}.Encode() }
	paging := web.Paging{Named: true}
	if number > 1 {
		paging.Previous = link(number - 1)
	}
	if rows > accountsPage {
		paging.Next = link(number + 1)
	}
	if shown := min(rows, accountsPage); shown > 0 && (paging.Previous != "" || paging.Next != "") {
		paging.From, paging.To = offset+1, offset+shown
	}
	return paging
}

// NewAccount asks for a new account's name: GET /accounts/new.
func (p *Portal) NewAccount(w http.ResponseWriter, r *http.Request) error {
	return p.forUser(w, r, func(v *visit) error { return p.render(v, web.NewAccount{}) })
}

// CreateAccount makes an account that the user owns: POST /accounts/new.
func (p *Portal) CreateAccount(w http.ResponseWriter, r *http.Request) error {
	return p.forUser(w, r, func(v *visit) error {
		form, err := wire.Form(r)
		if err != nil {
			return err
		}
		name, mistakes := accountName(form)
		if len(mistakes) > 0 {
			return p.renderAgain(v, web.NewAccount{Name: name, Errors: mistakes})
		}
		return p.createAccount(v, name)
	})
}

func accountName(form wire.Params) (name string, mistakes web.Errors) {
	name = wire.Name(form.Get(string(web.FieldAccountName)))
	return name, web.NameMistake(name, web.FieldAccountName, web.ProblemAccountNameMissing, web.ProblemAccountNameLong)
}

func (p *Portal) createAccount(v *visit, name string) error {
	account := store.Account{Issuer: p.Issuer.Name, ID: p.Store.NewPublicID(accountIDPrefix), Name: name}
	err := p.Store.InTx(v.r.Context(), func(tx *store.Tx) error {
		return errors.Join(tx.CreateAccount(account, v.who.UserID),
			p.record(tx, v, store.Event{Type: store.EventAccountCreated, AccountID: account.ID, Detail: map[string]string{"name": name}}))
	})
	if err != nil {
		return err
	}
	return p.goWith(v, accountPath(account.ID), string(web.NoticeAccountCreated))
}
