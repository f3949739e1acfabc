package crash

import (
	"errors"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"latchkey.dev/tests/person"
)

// run acts until the server is killed. Before that every request must be answered.
func (a *actor) run(killed *atomic.Bool) {
	for !killed.Load() {
		err := a.step()
		switch {
		case err == nil || errors.Is(err, errBroken):
		case killed.Load():
			return
		default:
			_ = a.note(failed, "without a kill: %v", err)
			return
		}
	}
}

// step does one thing, the frequent ones often. Passwords are slow on purpose, so what needs one is rare.
func (a *actor) step() error {
	if !a.user.signedUp {
		return a.signUp()
	}
	if !a.user.signedIn {
		return a.signIn()
	}
	living := a.some((*connection).alive)
	if living == nil {
		return a.connect()
	}
	switch dice := a.random.IntN(1000); {
	case dice < 600:
		return a.refresh(living)
	case dice < 720:
		return a.connect()
	case dice < 800:
		return a.machineToken()
	case dice < 850:
		return a.revokeMachineToken()
	case dice < 890:
		return a.revokeAccess(living)
	case dice < 930:
		return a.revokeRefresh(living)
	case dice < 960:
		return a.disconnect()
	case dice < 985:
		return a.lookUp(living)
	case dice < 992:
		return a.signOut()
	case dice < 996:
		return a.changePassword()
	default:
		a.newPerson()
		return a.signUp()
	}
}

// signUp makes a user, with the code that came by mail. It is acknowledged when the code was accepted.
func (a *actor) signUp() error {
	if a.user.begun { // the code of the first attempt may still be in the mail
		a.newPerson()
	}
	a.user.begun = true
	page, err := a.browse(a.person.Arrive(a.page("/sign-up")))
	if err != nil {
		return err
	}
	page, err = a.browse(a.person.Follow(a.person.Press(page, "sign-up", map[string]string{
		"name": a.name, "email": a.user.email, "password": a.user.password,
	})))
	if err != nil {
		return err
	}
	code, err := a.site.CodeFor(a.transport, a.user.email)
	if err != nil {
		return err
	}
	a.sent(signUp, a.user.email)
	page, err = a.browse(a.person.Follow(a.person.Press(page, "verify", map[string]string{"code": code})))
	if err != nil {
		return err
	}
	if page.Has("verify") {
		return a.note(lost, "the code in the mail was not accepted: %.3000s", page.Text)
	}
	a.user.signedUp, a.user.signedIn = true, true
	a.told()
	return nil
}

func (a *actor) signIn() error {
	a.sent(signIn, a.user.email)
	in, err := a.canSignIn(a.user.password)
	if err != nil {
		return err
	}
	if !in {
		return a.note(lost, "user %s cannot sign in with the password that was acknowledged", a.user.email)
	}
	a.user.signedIn = true
	a.told()
	return nil
}

// canSignIn tells whether the password opens the account in the person's browser.
func (a *actor) canSignIn(password string) (bool, error) {
	page, err := a.browse(a.person.Arrive(a.page("/sign-in")))
	if err != nil {
		return false, err
	}
	if !page.Has("sign-in") { // signed in already
		return true, nil
	}
	page, err = a.browse(a.person.Follow(a.person.Press(page, "sign-in", map[string]string{"email": a.user.email, "password": password})))
	if err != nil {
		return false, err
	}
	return !page.Has("sign-in"), nil
}

func (a *actor) signOut() error {
	page, err := a.browse(a.person.Arrive(a.page("/sign-out")))
	if err != nil {
		return err
	}
	browser := a.person.Browser().Copy(a.page("/"))
	a.sent(signOut, a.user.email)
	if _, err := a.browse(a.person.Follow(a.person.Press(page, "sign-out", nil))); err != nil {
		return err
	}
	a.user.signedIn = false
	a.user.out = append(a.user.out, browser)
	a.told()
	return nil
}

// changePassword does so in one browser, which ends the session in another.
func (a *actor) changePassword() error {
	there, err := a.secondBrowser()
	if err != nil {
		return err
	}
	page, err := a.browse(a.person.Arrive(a.page("/security")))
	if err != nil {
		return err
	}
	a.user.unsure = a.newPassword()
	a.sent(changePassword, a.user.email)
	page, err = a.browse(a.person.Follow(a.person.Press(page, "change-password", map[string]string{
		"current_password": a.user.password, "new_password": a.user.unsure,
	})))
	if err != nil {
		return err
	}
	if page.Has("change-password") && page.HasElement("new_password-error") {
		return a.note(lost, "the password that was acknowledged does not suffice to change it")
	}
	a.passwordChanged()
	a.user.out = append(a.user.out, there)
	a.told()
	return nil
}

// secondBrowser signs in elsewhere, and comes back.
func (a *actor) secondBrowser() (person.Browser, error) {
	here := a.person.Browser()
	defer a.person.Use(here)
	a.person.Forget()
	in, err := a.canSignIn(a.user.password)
	if err == nil && !in {
		err = a.note(lost, "user %s cannot sign in with the password that was acknowledged", a.user.email)
	}
	return a.person.Browser().Copy(a.page("/")), err
}

func (a *actor) passwordChanged() {
	a.user.former, a.user.password, a.user.unsure = a.user.password, a.user.unsure, ""
	a.person.Password = a.user.password
}

// connect asks for consent and redeems the code.
func (a *actor) connect() error {
	c, err := a.authorize()
	if err != nil {
		return err
	}
	return a.redeem(c)
}

func (a *actor) authorize() (*connection, error) {
	c := &connection{verifier: a.newVerifier()}
	a.sent(consent, a.app.ID)
	callback, err := a.person.Allow(a.authorization(c.verifier, ""), a.redirect)
	if err != nil {
		return nil, err
	}
	if c.code = callback.Query().Get("code"); c.code == "" {
		return nil, a.note(failed, "an allowed request came back with %s", callback.RawQuery)
	}
	c.issued = time.Now()
	a.user.consented = true
	a.connections = append(a.connections, c)
	a.told()
	return c, nil
}

func (a *actor) redeem(c *connection) error {
	a.sent(redeem, short(c.code))
	said, err := a.askForCode(c)
	if err != nil {
		return err
	}
	if !said.ok() {
		return a.note(lost, "a code that was acknowledged and not used is refused: %s", said)
	}
	c.bought(said)
	a.told()
	return nil
}

func (a *actor) askForCode(c *connection) (answer, error) {
	return a.ask(a.app, "/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {c.code}, "redirect_uri": {a.redirect}, "code_verifier": {c.verifier},
	})
}

func (c *connection) bought(said answer) {
	c.redeemed, c.access = true, said.AccessToken
	c.refreshTokens = append(c.refreshTokens, said.RefreshToken)
}

func (a *actor) refresh(c *connection) error {
	a.sent(refresh, short(c.current()))
	said, err := a.askToRefresh(c.current())
	if err != nil {
		return err
	}
	if !said.ok() {
		return a.note(lost, "a refresh token that was acknowledged is refused: %s", said)
	}
	c.bought(said)
	a.told()
	return nil
}

func (a *actor) askToRefresh(token string) (answer, error) {
	return a.ask(a.app, "/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// lookUp sees that a living connection's newest access token is active, unless it was given back.
func (a *actor) lookUp(c *connection) error {
	said, err := a.introspect(c.access)
	if err == nil && said.Active == c.gaveBack(c.access) {
		return a.note(lost, "an access token is active: %t, and was given back: %t", said.Active, !said.Active)
	}
	return err
}

func (c *connection) gaveBack(token string) bool { return slices.Contains(c.revoked, token) }

func (a *actor) revokeAccess(c *connection) error {
	if c.gaveBack(c.access) {
		return nil
	}
	c.giving = c.access
	a.sent(revokeAccess, short(c.access))
	if err := a.revoke(c.access); err != nil {
		return err
	}
	c.revoked, c.giving = append(c.revoked, c.access), ""
	a.told()
	return nil
}

func (a *actor) revokeRefresh(c *connection) error {
	c.unsure = true
	a.sent(revokeRefresh, short(c.current()))
	if err := a.revoke(c.current()); err != nil {
		return err
	}
	c.ended, c.unsure = "its refresh token was revoked", false
	a.told()
	return nil
}

func (a *actor) revoke(token string) error {
	said, err := a.ask(a.app, "/oauth/revoke", url.Values{"token": {token}})
	if err == nil && !said.ok() {
		return a.note(failed, "revocation answered %s", said)
	}
	return err
}

// disconnect ends every connection of the person with the app.
func (a *actor) disconnect() error {
	page, err := a.browse(a.person.Arrive(a.page("/connected")))
	if err != nil {
		return err
	}
	link := page.Link("disconnect-" + a.app.ID)
	if link == "" {
		return a.note(lost, "the app that was allowed is not among the connected ones:\n%s", page.Text)
	}
	if page, err = a.browse(a.person.Arrive(link)); err != nil {
		return err
	}
	a.eachOpen(func(c *connection) { c.unsure = true })
	a.sent(disconnect, a.app.ID)
	if _, err := a.browse(a.person.Follow(a.person.Press(page, "disconnect-"+a.app.ID, nil))); err != nil {
		return err
	}
	a.disconnected()
	a.told()
	return nil
}

func (a *actor) disconnected() {
	a.user.consented = false
	a.eachOpen(func(c *connection) { c.ended, c.unsure = "the app was disconnected", false })
}

// eachOpen visits what a disconnection ends: codes that were not redeemed too.
func (a *actor) eachOpen(visit func(*connection)) {
	for _, c := range a.connections {
		if c.ended == "" {
			visit(c)
		}
	}
}

func (a *actor) machineToken() error {
	a.sent(machineToken, "nightly-reports")
	said, err := a.ask(a.site.Acme.Client("nightly-reports"), "/oauth/token", url.Values{"grant_type": {"client_credentials"}})
	if err != nil {
		return err
	}
	if !said.ok() {
		return a.note(failed, "client credentials answered %s", said)
	}
	a.machines = append(a.machines, &machine{token: said.AccessToken})
	a.told()
	return nil
}

func (a *actor) revokeMachineToken() error {
	if len(a.machines) == 0 || a.machines[len(a.machines)-1].revoked {
		return a.machineToken()
	}
	m := a.machines[len(a.machines)-1]
	m.unsure = true
	a.sent(revokeAccess, short(m.token))
	said, err := a.ask(a.site.Acme.Client("nightly-reports"), "/oauth/revoke", url.Values{"token": {m.token}})
	if err != nil {
		return err
	}
	if !said.ok() {
		return a.note(failed, "revocation answered %s", said)
	}
	m.revoked, m.unsure = true, false
	a.told()
	return nil
}

// short names a token in a record.
func short(token string) string { return "…" + token[max(0, len(token)-8):] }
