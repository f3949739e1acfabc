package crash

import (
	"errors"
	"slices"
	"time"
)

// codeLife is how long a code can be held to: it lives a minute, of which a restart and slow machines take some.
const codeLife = 45 * time.Second

// check holds the server to all that it acknowledged. thorough looks at everything there ever was, else at what is alive, what ended
// lately and a sample of the rest.
func (a *actor) check(thorough bool) {
	if err := a.settle(); err != nil {
		a.unexpected(err)
		return
	}
	for _, verify := range []func() error{
		a.checkSession,
		func() error { return a.checkConnections(thorough) },
		func() error { return a.checkMachines(thorough) },
		a.checkConsent,
		func() error { return a.checkPassword(thorough) },
		a.checkSignedOut,
	} {
		a.unexpected(verify())
	}
}

// unexpected notes an answer that did not come at all.
func (a *actor) unexpected(err error) {
	if err != nil && !errors.Is(err, errBroken) {
		_ = a.note(failed, "after the restart: %v", err)
	}
}

// settle finds out whether the one act that was under way happened. Either is fine; from here on it is known.
func (a *actor) settle() error {
	what := a.pending
	a.pending = ""
	switch what {
	case signUp, signIn:
		return a.settleSignIn()
	case signOut:
		return a.settleSignOut()
	case changePassword:
		return a.settlePassword()
	case consent:
		return a.settleConsent()
	case redeem:
		return a.settleCode(a.connections[len(a.connections)-1])
	case revokeAccess:
		return a.settleAccess()
	case revokeRefresh, disconnect:
		return a.settleEnd(what == disconnect)
	default: // a refresh that was not answered is seen by using the same token again
		return nil
	}
}

// settleSignIn: a user who perhaps signed up signs in, or is given up. The page may have been answered before the session was known.
func (a *actor) settleSignIn() error {
	in, err := a.canSignIn(a.user.password)
	if err != nil {
		return err
	}
	if !in && a.user.signedUp {
		return a.note(lost, "user %s cannot sign in with the password that was acknowledged", a.user.email)
	}
	a.user.signedUp, a.user.signedIn = in, in
	if !in {
		a.newPerson()
	}
	return nil
}

func (a *actor) settleSignOut() error {
	in, err := a.signedIn()
	a.user.signedIn = in
	return err
}

// settlePassword: exactly one of the two passwords opens the account.
func (a *actor) settlePassword() error {
	a.person.Forget()
	withNew, err := a.canSignIn(a.user.unsure)
	if err != nil {
		return err
	}
	a.person.Forget()
	withOld, err := a.canSignIn(a.user.password)
	if err != nil {
		return err
	}
	switch {
	case withNew && withOld:
		return a.note(inconsistent, "both the old and the new password sign in")
	case !withNew && !withOld:
		return a.note(lost, "neither the old nor the new password signs in")
	case withNew:
		a.passwordChanged()
		a.person.Forget()
		_, err = a.canSignIn(a.user.password)
	}
	a.user.signedIn, a.user.unsure = true, ""
	return err
}

// settleConsent asks without a page. Only an app that proves itself is answered so (RFC 6749 §10.2).
func (a *actor) settleConsent() error {
	if a.app.Secret == "" {
		return nil
	}
	first, err := a.remembered()
	if err != nil {
		return err
	}
	second, err := a.remembered()
	if err == nil && first != second {
		return a.note(inconsistent, "consent is remembered: %t, then %t", first, second)
	}
	if a.user.consented && !first {
		return a.note(lost, "a consent that was acknowledged is asked for again")
	}
	a.user.consented = first
	return err
}

// remembered tells whether the app gets a code without the person being asked.
func (a *actor) remembered() (bool, error) {
	c := &connection{verifier: a.newVerifier()}
	page, err := a.browse(a.person.Open(a.authorization(c.verifier, "none")))
	if err != nil {
		return false, err
	}
	if page.Location == nil {
		return false, a.note(failed, "prompt=none answered %d", page.Status)
	}
	if c.code = page.Location.Query().Get("code"); c.code == "" {
		return false, nil
	}
	c.issued = time.Now()
	a.connections = append(a.connections, c)
	return true, nil
}

// settleCode presents a code that was perhaps redeemed. If it was, its second use ends what nobody ever saw.
func (a *actor) settleCode(c *connection) error {
	said, err := a.askForCode(c)
	switch {
	case err != nil:
		return err
	case said.ok():
		c.bought(said)
	case said.refused() && said.Reason == "reused":
		c.ended = "its code was presented again after an answer that was lost"
	case time.Since(c.issued) < codeLife:
		return a.note(lost, "a code that was acknowledged and perhaps used is refused: %s", said)
	default:
		c.ended = "its code expired"
	}
	return nil
}

func (a *actor) settleAccess() error {
	for _, c := range a.connections {
		if c.giving == "" {
			continue
		}
		said, err := a.introspect(c.giving)
		if err != nil {
			return err
		}
		if !said.Active {
			c.revoked = append(c.revoked, c.giving)
		}
		c.giving = ""
	}
	for _, m := range a.machines {
		if !m.unsure {
			continue
		}
		said, err := a.introspect(m.token)
		if err != nil {
			return err
		}
		m.revoked, m.unsure = !said.Active, false
	}
	return nil
}

// settleEnd refreshes what was perhaps ended. A disconnection ends every connection or none.
func (a *actor) settleEnd(all bool) error {
	for _, c := range a.connections {
		if !c.unsure {
			continue
		}
		if !c.redeemed && time.Since(c.issued) > codeLife {
			c.unsure, c.ended = false, "its code expired"
			continue
		}
		ended, err := a.hasEnded(c)
		if err != nil {
			return err
		}
		c.unsure = false
		a.outcomes = append(a.outcomes, ended)
	}
	outcomes := a.outcomes
	a.outcomes = nil
	if slices.Contains(outcomes, true) && slices.Contains(outcomes, false) {
		return a.note(inconsistent, "a disconnection ended some of the app's connections and not others")
	}
	if all && slices.Contains(outcomes, true) {
		a.user.consented = false
	}
	return nil
}

// hasEnded presents what the connection has: its refresh token, or a code that was not redeemed.
func (a *actor) hasEnded(c *connection) (bool, error) {
	if !c.redeemed {
		return a.hasEndedUnused(c)
	}
	said, err := a.askToRefresh(c.current())
	if said.ok() {
		c.bought(said)
		return false, err
	}
	if err != nil {
		return false, err
	}
	if !said.refused() {
		return false, a.note(failed, "a refresh answered %s", said)
	}
	c.ended = "a revocation or disconnection was asked for, and it is refused"
	return true, nil
}

func (a *actor) hasEndedUnused(c *connection) (bool, error) {
	said, err := a.askForCode(c)
	if said.ok() {
		c.bought(said)
		return false, err
	}
	if err != nil {
		return false, err
	}
	c.ended = "its code is refused"
	return true, nil
}

func (a *actor) signedIn() (bool, error) {
	page, err := a.browse(a.person.Arrive(a.page("/connected")))
	return err == nil && !page.Has("sign-in"), err
}

func (a *actor) checkSession() error {
	if !a.user.signedIn {
		return nil
	}
	in, err := a.signedIn()
	if err == nil && !in {
		a.user.signedIn = false
		return a.note(lost, "a session that was acknowledged is gone")
	}
	return err
}

func (a *actor) checkConnections(thorough bool) error {
	var open, past []*connection
	for _, c := range a.connections {
		if c.ended == "" {
			open = append(open, c)
		} else {
			past = append(past, c)
		}
	}
	for i, c := range open {
		if err := a.checkOpen(c, i); err != nil && !errors.Is(err, errBroken) {
			return err
		}
	}
	for i, c := range past {
		lately := i >= len(past)-4
		if !thorough && !lately && a.random.IntN(len(past)) > 2 {
			continue
		}
		if err := a.checkPast(c); err != nil && !errors.Is(err, errBroken) {
			return err
		}
	}
	return nil
}

// checkOpen holds a connection to its promises. Of several, some are held to what ends them: a token or code presented again.
func (a *actor) checkOpen(c *connection, place int) error {
	if !c.redeemed {
		return a.checkCode(c)
	}
	for _, token := range c.revoked {
		if err := a.checkInactive(token); err != nil {
			return err
		}
	}
	switch {
	case place == 0 || a.random.IntN(3) > 0:
		return a.checkRefresh(c)
	case len(c.refreshTokens) >= 3 && a.random.IntN(2) == 0:
		return a.replayRefresh(c)
	default:
		return a.replayCode(c)
	}
}

// checkCode redeems a code that was acknowledged and not used, and then again.
func (a *actor) checkCode(c *connection) error {
	if time.Since(c.issued) > codeLife {
		c.ended = "its code expired"
		return nil
	}
	said, err := a.askForCode(c)
	if err != nil {
		return err
	}
	if !said.ok() {
		c.ended = "its code is refused"
		return a.note(lost, "a code that was acknowledged and not used is refused: %s", said)
	}
	c.bought(said)
	if a.random.IntN(2) == 0 {
		return nil
	}
	return a.replayCode(c)
}

// checkRefresh: the newest refresh token works, and a second time it gets the same successor, since the answer may be lost.
func (a *actor) checkRefresh(c *connection) error {
	spent := c.current()
	said, err := a.askToRefresh(spent)
	if err != nil {
		return err
	}
	if !said.ok() {
		c.ended = "its refresh token is refused"
		return a.note(lost, "a refresh token that was acknowledged is refused: %s", said)
	}
	c.bought(said)
	again, err := a.askToRefresh(spent)
	if err == nil && again.RefreshToken != said.RefreshToken {
		return a.note(inconsistent, "the same refresh token, at once again, got another successor: %s", again)
	}
	return err
}

// replayRefresh presents a refresh token two behind the newest: it is old whether or not the last refresh was answered. It is
// refused, and the family with it (OAuth 2.1 §4.3.1).
func (a *actor) replayRefresh(c *connection) error {
	old := c.refreshTokens[len(c.refreshTokens)-3]
	said, err := a.askToRefresh(old)
	if err != nil {
		return err
	}
	c.ended = "an old refresh token was presented again"
	if said.ok() {
		return a.note(doubled, "a refresh token that was used long ago was accepted again")
	}
	return a.checkPast(c)
}

// replayCode presents a code again: it is refused, and what it bought ends (RFC 6749 §4.1.2).
func (a *actor) replayCode(c *connection) error {
	said, err := a.askForCode(c)
	if err != nil {
		return err
	}
	if said.ok() {
		c.ended = "its code was accepted again"
		return a.note(doubled, "a code was accepted twice")
	}
	if said.Reason != "reused" {
		return a.note(lost, "a code that was used is refused as if it never was: %s", said)
	}
	c.ended = "its code was presented again"
	return a.checkPast(c)
}

// checkPast: nothing of what has ended works.
func (a *actor) checkPast(c *connection) error {
	if !c.redeemed {
		if ended, err := a.hasEndedUnused(c); err != nil || ended {
			return err
		}
		return a.note(lost, "a code is good although the app was disconnected")
	}
	said, err := a.askToRefresh(c.current())
	if err != nil {
		return err
	}
	if said.ok() {
		return a.note(lost, "a connection that ended is alive: %s", c.ended)
	}
	return a.checkInactive(c.access)
}

func (a *actor) checkInactive(token string) error {
	said, err := a.introspect(token)
	if err == nil && said.Active {
		return a.note(lost, "an access token that was revoked is active")
	}
	return err
}

func (a *actor) checkMachines(thorough bool) error {
	for i, m := range a.machines {
		if !thorough && i < len(a.machines)-4 {
			continue
		}
		said, err := a.introspect(m.token)
		if err != nil {
			return err
		}
		if said.Active == m.revoked {
			return a.note(lost, "an app's own token is active: %t, and was revoked: %t", said.Active, m.revoked)
		}
	}
	return nil
}

func (a *actor) checkConsent() error {
	if !a.user.signedIn || !a.user.consented || a.app.Secret == "" {
		return nil
	}
	remembered, err := a.remembered()
	if err == nil && !remembered {
		a.user.consented = false
		return a.note(lost, "a consent that was acknowledged is asked for again")
	}
	return err
}

// checkPassword signs in afresh, which is slow on purpose: each time by some.
func (a *actor) checkPassword(thorough bool) error {
	if !a.user.signedUp || (!thorough && a.random.IntN(32) > 0) {
		return nil
	}
	here := a.person.Browser()
	defer func() { a.person.Use(here) }()
	a.person.Forget()
	in, err := a.canSignIn(a.user.password)
	if err != nil {
		return err
	}
	if !in {
		return a.note(lost, "user %s cannot sign in with the password that was acknowledged", a.user.email)
	}
	if a.user.former == "" {
		return nil
	}
	a.person.Forget()
	if in, err = a.canSignIn(a.user.former); in {
		return a.note(lost, "the password from before the change still signs in")
	}
	return err
}

// checkSignedOut: a browser whose session was ended is not signed in.
func (a *actor) checkSignedOut() error {
	here := a.person.Browser()
	defer func() { a.person.Use(here) }()
	for _, browser := range a.user.out[max(0, len(a.user.out)-2):] {
		a.person.Use(browser)
		in, err := a.signedIn()
		if err != nil {
			return err
		}
		if in {
			return a.note(lost, "a session that was ended is alive")
		}
	}
	return nil
}
