// Package dialect lets a platform's own clients keep the wire format that they know. A dialect is a file: it says which address is
// which operation, how a request of the platform's becomes an operation's, how the answer and every refusal go back, and what the
// platform's policy is. A mapping is a jq program that sees one request and nothing else; it renames and reorders, and can skip no
// check, because the operation behind it makes them all.
//
// docs/guides/replace-your-oauth-server.md is how one is written.
package dialect
