// Package introspect is the introspection endpoint (RFC 7662): an API, or the app itself, asks whether a token still holds and
// what it allows now. The answer is exact at once on every node, because the state is read from the database each time; a
// forged token costs no read. Whatever is wrong with a token, the answer is {"active":false} and nothing else (§2.2).
package introspect
