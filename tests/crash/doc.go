// Package crash kills the server and checks that it kept its word.
//
// It starts the real binary on one database, lets 32 actors, each a person with an app, do everything that changes something there
// (sign up, sign in, consent, redeem, refresh, client credentials, revoke, disconnect, change the password, sign out), and sends
// SIGKILL at a random moment. Every actor writes into a record of its own, which is only ever added to, what it asks before it asks
// and what it was told. After a restart on the same data the actor holds the server to it:
//
//   - what was acknowledged is so: tokens, revocations, consents, users and passwords;
//   - a code or a refresh token that was accepted is refused the second time, and what it bought ends;
//   - the one thing that was under way may have happened or not, but it stays with that.
//
// `go test ./tests/crash -kills 200` kills two hundred times; -seed repeats a run's decisions.
//
// # Why the checker can be believed
//
// TestCheckerFindsBrokenPromises breaks each promise on purpose and wants to hear of exactly that. It does so in the data, between the
// kill and the restart: a revocation's row is deleted, a code is made unused again, a family set back, a password put back, the
// database replaced by an older copy. A server that forgets is no stronger proof: without fsync SQLite loses nothing at a SIGKILL,
// since the system keeps what was written to it, and faults built into the product could be shipped.
package crash
