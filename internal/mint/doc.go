// Package mint makes and reads every token of an issuer, without a database: opaque access tokens, which are sealed claims
// that only the issuer can open; JWT access tokens (RFC 9068); refresh tokens, which prove themselves; and ID Tokens (OpenID
// Connect Core §2).
//
// A token that was not made here is told by its form or its authentication, so refusing a forged one costs no read. Whether a
// token of ours still holds (expiry, revocation) is for the caller to ask.
package mint
