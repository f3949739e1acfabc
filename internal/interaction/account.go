package interaction

import (
	"net/http"
	"strings"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// choicesShown is how many accounts are listed before the person is asked to search.
const choicesShown = 20

// showChooseAccount also serves who comes from the consent page to choose another account.
func (h *Handler) showChooseAccount(t *turn) error {
	if !t.inFlow() {
		return errNoFlow()
	}
	switch t.outcome.Step {
	case StepSignIn, StepInTesting:
		return h.advance(t)
	case StepNoAccount:
		return h.showIn(t, http.StatusOK, func(flow web.Flow) web.Page {
			return web.NoAccount{Flow: flow, BackURL: h.backWithDenial(t)}
		})
	default:
		return h.showIn(t, http.StatusOK, func(flow web.Flow) web.Page { return h.choices(t, flow) })
	}
}

func (h *Handler) choices(t *turn, flow web.Flow) web.ChooseAccount {
	query := strings.ToLower(strings.TrimSpace(t.in.Get("q")))
	view := web.ChooseAccount{Flow: flow, Query: t.in.Get("q"), Search: len(t.facts.Memberships) > choicesShown/2, Create: true}
	for _, account := range t.facts.Memberships {
		if !strings.Contains(strings.ToLower(account.AccountName), query) {
			continue
		}
		if view.Total++; view.Total <= choicesShown {
			view.Accounts = append(view.Accounts, h.choice(t, account))
		}
	}
	return view
}

// choice is one account, and why it cannot be chosen if it cannot.
func (h *Handler) choice(t *turn, account store.Membership) web.AccountChoice {
	choice := web.AccountChoice{
		Account: web.Account{ID: account.AccountID, Name: account.AccountName}, Role: string(account.Role),
		Connected: grantOf(t.facts.Grants, account.AccountID) != nil,
	}
	asked := t.flow.Request.Scopes
	if !t.facts.mayConnect(asked, account.Role) {
		choice.Refused = true
		for _, role := range t.facts.rolesFor(asked) {
			choice.Needs = append(choice.Needs, string(role))
		}
	}
	return choice
}

func (h *Handler) chooseAccount(t *turn) error {
	if !t.inFlow() {
		return errNoFlow()
	}
	if t.in.Get("action") == "other-user" {
		return h.otherUser(t)
	}
	chosen, ok := member(t.facts.Memberships, t.in.Get("account"))
	if !ok { // signed out meanwhile, no longer a member, or nothing chosen: ask again
		t.flow.AccountID = ""
		return h.again(t)
	}
	t.flow.AccountID = chosen.AccountID
	return h.again(t)
}

// again judges the flow after it changed, and goes on.
func (h *Handler) again(t *turn) error {
	t.outcome = Next(t.flow, t.facts)
	return h.advance(t)
}

// otherUser asks for a sign-in from now on. The session stays until somebody else signs in.
func (h *Handler) otherUser(t *turn) error {
	since := h.now()
	if t.session != nil {
		since = max(since, t.session.AuthTime) // which another node's clock told, and which must not count either way
	}
	t.flow.SignInSince, t.flow.SignedIn, t.flow.AccountID = since+1, "", ""
	return h.again(t)
}

func (h *Handler) showNewAccount(t *turn) error {
	if t.session == nil {
		return h.signInFirst(t, "/new-account")
	}
	return h.askAccountName(t, http.StatusOK, "", nil)
}

// signInFirst asks somebody without a session to sign in, and comes back.
func (h *Handler) signInFirst(t *turn, next string) error {
	if t.inFlow() {
		return h.advance(t)
	}
	sealed, err := h.sealer.seal(h.plainFlow(next))
	if err != nil {
		return err
	}
	wire.Redirect(t.w, t.r, link("/sign-in", sealed))
	return nil
}

func (h *Handler) askAccountName(t *turn, status int, typed string, mistakes web.Errors) error {
	return h.showIn(t, status, func(flow web.Flow) web.Page {
		return web.NewAccount{Flow: flow, Name: typed, Errors: mistakes}
	})
}

func (h *Handler) newAccount(t *turn) error {
	if t.session == nil {
		return h.signInFirst(t, "/new-account")
	}
	name := wire.Name(t.in.Get(string(web.FieldAccountName)))
	if mistake := web.NameMistake(name, web.FieldAccountName, web.ProblemAccountNameMissing, web.ProblemAccountNameLong); mistake != nil {
		return h.askAccountName(t, statusMistakes, name, mistake)
	}
	account := store.Account{Issuer: h.Issuer.Name, ID: h.Store.NewPublicID("acc_"), Name: name}
	err := h.Store.InTx(t.r.Context(), func(tx *store.Tx) error {
		return h.createAccount(tx, account, t.session.UserID)
	})
	if err != nil {
		return err
	}
	if !t.inFlow() {
		wire.Redirect(t.w, t.r, "/accounts/"+account.ID)
		return nil
	}
	t.flow.AccountID = account.ID
	if err := h.gather(t); err != nil {
		return err
	}
	return h.advance(t)
}

func (h *Handler) createAccount(tx *store.Tx, account store.Account, ownerID string) error {
	if err := tx.CreateAccount(account, ownerID); err != nil {
		return err
	}
	return tx.Record(store.Event{
		Issuer: h.Issuer.Name, Type: store.EventAccountCreated, UserID: ownerID, AccountID: account.ID,
		Detail: map[string]string{"name": account.Name, "role": string(issuer.RoleOwner)},
	})
}
