// Package discovery publishes what an issuer can do: its metadata at the two well-known addresses (RFC 8414 §3, OpenID Connect
// Discovery §4) and its public keys (RFC 7517 §5). The metadata is made once from the issuer's settings, never from a request,
// and says only what is true.
package discovery
