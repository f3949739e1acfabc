// Package sandbox lets the developers of an app make things go wrong on purpose at a sandbox issuer, which mirrors a live one with
// people, apps and tokens of its own: expire a token now, take back a connection now, answer 503 to the app's next requests.
//
// Whoever holds a token may ask for a fault of it and of its app: it is theirs to break. What was asked for is in the node's memory,
// so a sandbox of several nodes sends one client to one of them. An issuer that is live has none of this.
package sandbox
