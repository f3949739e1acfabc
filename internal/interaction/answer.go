package interaction

import (
	"errors"
	"net/http"

	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// advance takes the person to the page that the flow needs, or back to the app.
func (h *Handler) advance(t *turn) error {
	if !t.inFlow() {
		wire.Redirect(t.w, t.r, LocalPath(t.flow.Next))
		return nil
	}
	switch t.outcome.Step {
	case StepConsent, StepDone:
		if done, err := h.answerAgain(t); done || err != nil {
			return err
		}
	}
	if t.outcome.Step == StepDone && h.plain(t) {
		return h.finishAtOnce(t)
	}
	if t.outcome.Step == StepDone {
		return h.finish(t, nil)
	}
	if t.flow.Request.Prompt.Has(oidc.PromptNone) {
		return h.refuse(t, t.outcome.Step.refusal())
	}
	sealed, err := h.sealer.seal(t.flow)
	if err != nil {
		return err
	}
	wire.Redirect(t.w, t.r, link(t.outcome.Step.page(), sealed))
	return nil
}

// page is where the step is taken.
func (s Step) page() string {
	switch s {
	case StepSignIn:
		return "/sign-in"
	case StepChooseAccount, StepNoAccount:
		return "/choose-account"
	default:
		return "/consent"
	}
}

// refuse takes an error to the app.
func (h *Handler) refuse(t *turn, reason *oauth.Error) error {
	if t.flow.Request.Device != nil {
		return h.refuseDevice(t, reason)
	}
	refusal := t.to.Refuse(reason)
	_ = wire.Note(t.r.Context(), reason)
	location, err := refusal.Location()
	if err != nil {
		return err
	}
	wire.Redirect(t.w, t.r, location)
	return nil
}

// codePurpose keeps the MACs that codes are made of apart from all others.
const codePurpose = "code"

// codeText is the same for the same flow, person and account, so that a double-clicked Allow gives the app one code. Who does
// not have the key cannot make it, and the flow's ID is random: it is as unguessable as a random one (RFC 6749 §10.10).
func (h *Handler) codeText(t *turn) string {
	mac := h.Keyring.MAC(codePurpose, []byte(h.Issuer.Name), []byte(t.flow.ID), []byte(t.session.UserID), []byte(t.flow.AccountID))
	return store.CodeText(t.flow.StartedAt, mac)
}

// codeOf returns the code that this flow yielded before.
func (h *Handler) codeOf(t *turn) (store.Code, bool, error) {
	code, err := h.Store.Code(t.r.Context(), h.Issuer.Name, store.CodeHash(h.codeText(t)))
	if errors.Is(err, store.ErrNotFound) {
		return store.Code{}, false, nil
	}
	return code, err == nil, err
}

// answerAgain meets someone who came back to a flow that has its answer: pressed Back, or Allow twice.
func (h *Handler) answerAgain(t *turn) (done bool, err error) {
	if t.flow.Request.Device != nil {
		err := h.proveDevice(t)
		return err != nil, err
	}
	if t.begun {
		return false, nil
	}
	code, found, err := h.codeOf(t)
	if err != nil || !found {
		return false, err
	}
	if code.UsedAt.Never() && h.now() < code.ExpiresAt && code.Grant.RevokedAt.Never() {
		return true, h.hand(t, code.Binding.Scopes)
	}
	return true, h.alreadyAnswered(t, code)
}

func (h *Handler) alreadyAnswered(t *turn, code store.Code) error {
	var account store.Membership
	if code.Grant.RevokedAt.Never() {
		account, _ = member(t.facts.Memberships, code.Grant.AccountID)
	}
	return h.showIn(t, http.StatusOK, func(flow web.Flow) web.Page {
		return web.AlreadyAnswered{
			Flow: flow, Account: web.Account{ID: account.AccountID, Name: account.AccountName},
			BackURL: homeOf(t.client, t.to.URI()),
		}
	})
}

// triesOnConflict bounds how often a decision starts over because another tab was faster.
const triesOnConflict = 5

// errAnswered ends a transaction that found the flow's code there already.
var errAnswered = errors.New("interaction: answered meanwhile")

// plain tells that nothing but a code is to be written, and that nobody can have written it before.
func (h *Handler) plain(t *turn) bool {
	return t.begun && t.flow.Request.Device == nil && !h.Issuer.Policy.SingleUseTokens
}

// finishAtOnce gives the app its code where a person has nothing to decide: most of all authorizations, so it is one statement that is
// committed with those of others.
func (h *Handler) finishAtOnce(t *turn) error {
	grant := store.Grant{ID: t.outcome.Grant.ID, UserID: t.session.UserID, AccountID: t.outcome.Account.AccountID, Scopes: t.outcome.Grant.Scopes}
	code := h.code(t, grant)
	reqlog.From(t.r.Context()).Grant = grant.ID
	err := h.Store.Decide(t.r.Context(), func(tx *store.Tx) error { return tx.CreateCodeAtOnce(code, t.outcome.Account.Role) })
	if errors.Is(err, store.ErrNotFound) { // the person left the account, or their role changed, since a moment ago
		return h.startOver(t)
	}
	if err != nil {
		return err
	}
	return h.hand(t, code.Binding.Scopes)
}

// finish gives the app its code. consent is nil when what was given before is enough.
func (h *Handler) finish(t *turn, consent *store.Consent) error {
	letters, err := h.connectedNotice(t, consent)
	if err != nil {
		return err
	}
	var given oauth.ScopeSet
	err = store.ErrConflict
	for try := 0; errors.Is(err, store.ErrConflict) && try < triesOnConflict; try++ {
		err = h.Store.InTx(t.r.Context(), func(tx *store.Tx) (err error) {
			given, err = h.record(tx, t, consent, letters)
			return err
		})
	}
	switch {
	case errors.Is(err, errAnswered):
		_, err := h.answerAgain(t)
		return err
	case errors.Is(err, store.ErrNotFound): // the person left the account, or their role changed, since the page before
		return h.startOver(t)
	case err != nil:
		return err
	}
	return h.hand(t, given)
}

// hand takes the code to the app.
func (h *Handler) hand(t *turn, given oauth.ScopeSet) error {
	if t.flow.Request.Device != nil {
		return h.backToDevice(t)
	}
	location, err := t.to.WithCode(h.codeText(t), given)
	if err != nil {
		return err
	}
	wire.Redirect(t.w, t.r, location)
	return nil
}

// startOver reads the facts again and goes on from there.
func (h *Handler) startOver(t *turn) error {
	t.flow.AccountID = ""
	if err := h.gather(t); err != nil {
		return err
	}
	if t.outcome.Step == StepDone || t.outcome.Step == StepConsent { // only what was refused a moment ago: ask
		t.flow.AccountID, t.outcome.Step = "", StepChooseAccount
	}
	return h.advance(t)
}

// record is the transaction of an answer: consent, if it was asked, and code, with the events that tell of them. It returns what
// the code is for.
func (h *Handler) record(tx *store.Tx, t *turn, consent *store.Consent, letters []mail.Letter) (oauth.ScopeSet, error) {
	if err := h.unanswered(tx, t); err != nil {
		return nil, err
	}
	grant, err := h.settleGrant(tx, t, consent, letters)
	if err != nil {
		return nil, err
	}
	reqlog.From(t.r.Context()).Grant = grant.ID
	code := h.code(t, grant)
	if device := t.flow.Request.Device; device != nil {
		return code.Binding.Scopes, allowDevice(tx, device, code)
	}
	if err := tx.CreateCode(code); err != nil || !h.Issuer.Policy.SingleUseTokens {
		return code.Binding.Scopes, err
	}
	return code.Binding.Scopes, tx.TrackCode(code) // its token buys an exchange, whose timeline begins here
}

// code is what the flow yields for a connection.
func (h *Handler) code(t *turn, grant store.Grant) store.Code {
	request := t.flow.Request
	return store.Code{
		Hash: store.CodeHash(h.codeText(t)), Issuer: h.Issuer.Name, ClientID: request.ClientID, FamilyID: h.Store.NewID(), Grant: grant,
		ExpiresAt: h.now().Add(h.Issuer.Lifetimes.Code),
		Binding: store.CodeBinding{
			RedirectURI: t.to.URI(), CodeChallenge: request.CodeChallenge, Scopes: t.outcome.Asked.Intersect(grant.Scopes),
			Resources: request.Resources, Nonce: request.Nonce, AuthTime: t.session.AuthTime, AMR: t.session.AMR(), SessionID: t.session.ID,
		},
	}
}

// unanswered makes sure that the flow has no code yet.
func (h *Handler) unanswered(tx *store.Tx, t *turn) error {
	if t.begun {
		return nil
	}
	exists, err := tx.HasCode(h.Issuer.Name, store.CodeHash(h.codeText(t)))
	if err == nil && exists {
		return errAnswered
	}
	return err
}

// settleGrant saves what was decided, or takes the grant as it is.
func (h *Handler) settleGrant(tx *store.Tx, t *turn, consent *store.Consent, letters []mail.Letter) (store.Grant, error) {
	member, err := tx.LockMember(h.Issuer.Name, t.outcome.Account.AccountID, t.session.UserID)
	if err != nil {
		return store.Grant{}, err
	}
	if !h.Issuer.Scopes.Grantable(t.outcome.Asked, member.Role).Contains(t.outcome.Asked) {
		return store.Grant{}, store.ErrNotFound
	}
	if consent == nil {
		return store.Grant{ID: t.outcome.Grant.ID, Scopes: t.outcome.Grant.Scopes}, nil
	}
	grant, created, err := tx.SaveConsent(*consent)
	if err != nil {
		return grant, err
	}
	event := store.EventGrantChanged
	if created {
		event = store.EventGrantCreated
		if err := h.Outbox.Queue(tx, letters...); err != nil {
			return grant, err
		}
	}
	return grant, tx.Record(h.event(t, event, grant.ID, map[string]string{"scopes": grant.Scopes.String()}))
}

// event is one about the flow's connection.
func (h *Handler) event(t *turn, kind store.EventType, grantID string, detail map[string]string) store.Event {
	return store.Event{
		Issuer: h.Issuer.Name, Type: kind, UserID: t.session.UserID, AccountID: t.outcome.Account.AccountID,
		ClientID: t.flow.Request.ClientID, GrantID: grantID, Detail: detail,
	}
}
