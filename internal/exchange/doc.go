// Package exchange turns a person's consent into a service account with a key: a token exchange (RFC 8693) whose subject token is
// a single-use access token, and whose answer is a credential that outlives it. What the person allowed bounds the service
// account from then on: when the connection ends, so does everything that the key can do.
//
// The way there is one row with a timeline, so that the app's developers and the person can see how far it came.
package exchange
