package interaction

import (
	"errors"
	"net/http"

	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
)

func (h *Handler) showConsent(t *turn) error {
	if !t.inFlow() {
		return errNoFlow()
	}
	switch t.outcome.Step {
	case StepConsent:
		if done, err := h.answerAgain(t); done || err != nil {
			return err
		}
		return h.askConsent(t)
	case StepNotAllowed:
		return h.showNotAllowed(t)
	case StepInTesting:
		return h.showInTesting(t)
	default:
		return h.advance(t)
	}
}

// errNoFlow: a page that makes sense only when an app sent the person was opened by itself.
func errNoFlow() error {
	return oauth.InvalidRequest("this page is part of connecting an app; start in the app")
}

func (h *Handler) askConsent(t *turn) error {
	t.flow.Seen, t.flow.ShownTo, t.flow.ShownAs = grantVersion(t.outcome.Grant), t.session.UserID, t.outcome.Account.Role
	view, err := h.consentView(t)
	if err != nil {
		return err
	}
	return h.render(t, http.StatusOK, view)
}

func grantVersion(grant *store.Grant) int64 {
	if grant == nil {
		return 0
	}
	return grant.Version
}

// consent is the answer to askConsent. It may come twice, late, or after the answer was given in another tab.
func (h *Handler) consent(t *turn) error {
	if !t.inFlow() {
		return errNoFlow()
	}
	no := t.in.Get("decision") != "allow"
	if no {
		code, found, err := h.yesBefore(t)
		switch {
		case err != nil:
			return err
		case found: // a no must not take them to the app as a yes: the page says what is, and how to end it
			return h.alreadyAnswered(t, code)
		case t.outcome.Step == StepDone: // another tab allowed the app as much, and this request of it hears no all the same
			return h.deny(t, errDenied())
		}
	}
	if t.outcome.Step != StepConsent {
		return h.advance(t)
	}
	if done, err := h.answerAgain(t); done || err != nil {
		return err
	}
	if no {
		return h.deny(t, errDenied())
	}
	if !h.asShown(t) {
		return h.advance(t)
	}
	return h.allow(t)
}

// asShown: what the page asked for is what an Allow would give. Meanwhile another tab can have signed somebody else in or changed the
// connection, and somebody else the person's role.
func (h *Handler) asShown(t *turn) bool {
	sameRole := t.flow.ShownAs == t.outcome.Account.Role || t.flow.ShownAs == "" // of a page by a node that is being replaced
	return t.flow.ShownTo == t.session.UserID && t.flow.Seen == grantVersion(t.outcome.Grant) && sameRole
}

func errDenied() *oauth.Error { return oauth.AccessDenied("the person did not allow it") }

// yesBefore finds the code of a flow that was allowed, in another tab or before they pressed Back.
func (h *Handler) yesBefore(t *turn) (store.Code, bool, error) {
	if t.session == nil || t.flow.AccountID == "" {
		return store.Code{}, false, nil
	}
	return h.codeOf(t)
}

func (h *Handler) allow(t *turn) error {
	allowed := h.ticked(t)
	if len(allowed) == 0 {
		return h.deny(t, oauth.AccessDenied("the person allowed none of what was asked"))
	}
	return h.finish(t, &store.Consent{
		Issuer: h.Issuer.Name, UserID: t.session.UserID, AccountID: t.outcome.Account.AccountID, ClientID: t.client.ID,
		Allowed: allowed, Declined: t.outcome.Asked.Minus(allowed),
	})
}

// ticked is what the person allows: all that was asked but the optional ones that they saw and unticked.
func (h *Handler) ticked(t *turn) (allowed oauth.ScopeSet) {
	ticked, shown := oauth.ScopeSet(t.in.List("scope")), shownScopes(t.outcome)
	for _, name := range t.outcome.Asked {
		scope, _ := h.Issuer.Scopes.Find(name)
		if !scope.Optional || !shown.Has(name) || ticked.Has(name) {
			allowed = append(allowed, name)
		}
	}
	return allowed
}

// shownScopes are those the page asks about: what is new since the last consent, or all of it when nothing is.
func shownScopes(outcome Outcome) oauth.ScopeSet {
	if outcome.Grant == nil {
		return outcome.Asked
	}
	if fresh := outcome.Asked.Minus(outcome.Grant.Scopes); len(fresh) > 0 {
		return fresh
	}
	return outcome.Asked
}

// deny takes the person's no to the app, and keeps a line of it for them.
func (h *Handler) deny(t *turn, reason *oauth.Error) error {
	err := h.Store.InTx(t.r.Context(), func(tx *store.Tx) error { return h.recordDenial(tx, t) })
	if errors.Is(err, errAnswered) {
		_, err = h.answerAgain(t)
	}
	if err != nil {
		return err
	}
	return h.refuse(t, reason)
}

func (h *Handler) recordDenial(tx *store.Tx, t *turn) error {
	if device := t.flow.Request.Device; device != nil {
		if err := h.denyDevice(tx, device); err != nil {
			return err
		}
	}
	return tx.Record(h.event(t, store.EventGrantDenied, "", map[string]string{"scopes": t.outcome.Asked.String()}))
}

// connectedNotice tells the person by mail that an app was connected, in case it was not them.
func (h *Handler) connectedNotice(t *turn, consent *store.Consent) ([]mail.Letter, error) {
	if consent == nil {
		return nil, nil
	}
	letter, err := h.Outbox.Write(mail.Message{To: t.session.User.Email, Lang: h.langOf(t, t.session.User), Mail: web.AppConnectedMail{
		Issuer: h.Issuer.Name, Name: t.session.User.Name, App: t.client.Name, Account: t.outcome.Account.AccountName,
		At: h.now().Time(), ConnectedURL: h.Issuer.Endpoint("/connected"),
	}})
	return []mail.Letter{letter}, err
}

func (h *Handler) showNotAllowed(t *turn) error {
	account := t.outcome.Account
	needs := make([]string, len(t.outcome.Needs))
	for i, role := range t.outcome.Needs {
		needs[i] = string(role)
	}
	return h.showIn(t, http.StatusForbidden, func(flow web.Flow) web.Page {
		return web.NotAllowedByRole{
			Flow: flow, Account: web.Account{ID: account.AccountID, Name: account.AccountName}, Role: string(account.Role), Needs: needs,
			Others: len(t.facts.Memberships) > 1, BackURL: h.backWithDenial(t),
		}
	})
}

func (h *Handler) showInTesting(t *turn) error {
	return h.render(t, http.StatusForbidden, web.AppInTesting{App: appOf(t.client), BackURL: h.backWithDenial(t)})
}

// backWithDenial is a link that tells the app that nothing was connected.
func (h *Handler) backWithDenial(t *turn) string {
	if t.flow.Request.Device != nil { // a link cannot tell the device; nobody has to
		return ""
	}
	location, err := t.to.Refuse(oauth.AccessDenied("the person could not allow it")).Location()
	if err != nil {
		return homeOf(t.client, t.to.URI())
	}
	return location
}
