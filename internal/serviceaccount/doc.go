// Package serviceaccount is an issuer's service accounts: principals of an account that are programs, not people. Each has up to
// five keys, of which only the public halves are kept, and signs in with a JWT that a key signed (RFC 7523): for a session in
// cookies, or at the token endpoint for an access token.
//
// A key that is removed or expires takes its sessions and tokens with it at once, on every node: each use reads the key. A
// service account that a person's consent made lives no longer than the connection does.
package serviceaccount
