package web

// AccountChoice is one account of the signed-in user.
type AccountChoice struct {
	Account   Account
	Role      string
	Connected bool     // this app is connected to it already
	Refused   bool     // it cannot be chosen: the user's role may not grant what the app asks for
	Needs     []string // with Refused: the roles that may
}

// ChooseAccount asks which account the app is to be connected to. Each account is a button: it posts account=<id> and r to
// /choose-account. "Use another user" posts action=other-user to the same address. The search is a GET of /choose-account
// with q and r.
type ChooseAccount struct {
	Flow     Flow
	Accounts []AccountChoice // the first ones that match Query
	Query    string          // what was searched for
	Total    int             // how many match; more than len(Accounts) asks to search
	Search   bool            // show the search form; also shown when Total is larger than what is listed
	Create   bool            // offer to create a new account
}

func (v ChooseAccount) page() meta {
	return meta{template: "choose-account", layout: cardLayout, title: say("choose.title"), flow: v.Flow}
}

// Hidden is how many accounts match but are not listed.
func (v ChooseAccount) Hidden() int { return max(0, v.Total-len(v.Accounts)) }

// Searching tells whether to show the search form.
func (v ChooseAccount) Searching() bool { return v.Search || v.Query != "" || v.Hidden() > 0 }

// NewAccount asks for a new account's name. It posts account_name and r to /new-account.
// In a flow it is a card; without one it is a page of the portal and posts to /accounts/new.
type NewAccount struct {
	Flow   Flow
	Name   string
	Errors Errors // FieldAccountName
}

func (v NewAccount) page() meta {
	m := meta{template: "new-account", layout: cardLayout, title: say("new_account.title"), problem: len(v.Errors) > 0, flow: v.Flow}
	if v.Flow.R == "" {
		m.layout, m.section = portalLayout, SectionAccounts
	}
	return m
}

// NoAccount says that the user has no account that the app could be connected to, and offers to create one at /new-account.
type NoAccount struct {
	Flow    Flow
	BackURL string // back to the app with access_denied; empty: no link
}

func (v NoAccount) page() meta {
	return meta{template: "no-account", layout: cardLayout, title: say("no_account.title"), flow: v.Flow}
}

// NotAllowedByRole says that the user's role in the account may not grant what the app asks for.
type NotAllowedByRole struct {
	Flow    Flow
	Account Account
	Role    string   // the user's
	Needs   []string // the roles that may
	Others  bool     // the user has other accounts: offer to choose
	BackURL string   // back to the app with access_denied; empty: no link
}

func (v NotAllowedByRole) page() meta {
	return meta{template: "not-allowed-by-role", layout: cardLayout, title: say("by_role.title"), problem: true, errorCode: "not_allowed_by_role", flow: v.Flow}
}
