package crash

import (
	"fmt"
	"strings"
	"time"

	"latchkey.dev/tests/person"
)

// act is a thing that an actor asks for.
type act string

const (
	signUp         act = "sign up"
	signIn         act = "sign in"
	signOut        act = "sign out"
	changePassword act = "change password"
	consent        act = "consent"
	redeem         act = "redeem code"
	refresh        act = "refresh"
	revokeAccess   act = "revoke access token"
	revokeRefresh  act = "revoke refresh token"
	disconnect     act = "disconnect"
	machineToken   act = "client credentials"
)

// entry is one line of a record: what was asked, on what, and whether the answer came. Without one, nobody knows.
type entry struct {
	at           time.Time
	act          act
	on           string
	acknowledged bool
}

// record is what an actor wrote down. Lines are only ever added; what the actor knows is what they add up to.
type record struct {
	lines        []entry
	pending      act // asked and not answered; "" when nothing is
	acknowledged int
}

// sent notes what is about to be asked.
func (r *record) sent(what act, on string) {
	r.lines = append(r.lines, entry{at: time.Now(), act: what, on: on})
	r.pending = what
}

// told notes that the answer to what was asked came.
func (r *record) told() {
	last := r.lines[len(r.lines)-1]
	last.at, last.acknowledged = time.Now(), true
	r.lines = append(r.lines, last)
	r.pending = ""
	r.acknowledged++
}

// String is the record's end, for a person who looks for what went wrong.
func (r *record) String() string {
	var text strings.Builder
	for _, line := range r.lines[max(0, len(r.lines)-40):] {
		outcome := "asked"
		if line.acknowledged {
			outcome = "told"
		}
		fmt.Fprintf(&text, "%s %-5s %s %s\n", line.at.Format("15:04:05.000000"), outcome, line.act, line.on)
	}
	return text.String()
}

// user is what was acknowledged of a person.
type user struct {
	email, password string
	// former was the password before; it must not open anything any more.
	former string
	// unsure is a password that may have been set.
	unsure    string
	begun     bool // a sign-up was sent
	signedUp  bool
	signedIn  bool
	consented bool             // the app may have tokens without asking again
	out       []person.Browser // browsers that were signed out
}

// connection is one authorization: a code and what it bought.
type connection struct {
	code, verifier string
	issued         time.Time
	redeemed       bool
	refreshTokens  []string // as acknowledged, oldest first
	access         string   // the newest access token
	revoked        []string // access tokens that were given back
	giving         string   // an access token that is perhaps given back
	// ended says why nothing of it may work; "" while it must.
	ended string
	// unsure: a revocation or disconnection was asked for and not answered.
	unsure bool
}

func (c *connection) alive() bool { return c.redeemed && c.ended == "" }

// current is the refresh token that must work.
func (c *connection) current() string { return c.refreshTokens[len(c.refreshTokens)-1] }

// machine is an access token that an app got for itself.
type machine struct {
	token   string
	revoked bool
	unsure  bool
}

// kind is how a promise was broken.
type kind string

const (
	lost         kind = "lost"         // what was acknowledged is not so
	doubled      kind = "doubled"      // what is good once was good twice
	inconsistent kind = "inconsistent" // what may or may not have happened changes its mind
	failed       kind = "failed"       // the server answered that it failed
)

// broken is a promise that was not kept.
type broken struct {
	kind kind
	what string
}
