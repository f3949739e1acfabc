// Package jwk holds an issuer's signing keys: making and rotating them,
// publishing their public halves, and signing and verifying compact JWS.
//
// RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518 (RS256, ES256), RFC 7638
// (thumbprints), RFC 8037 (Ed25519) and RFC 8725 (what goes wrong with JWTs).
//
// The JWS is assembled by hand over the standard library's signatures, since
// ours need one header a key, known beforehand: signing then costs little more
// than the signature, and verifying compares the header instead of parsing it,
// which leaves no room for "none", another algorithm or "crit".
package jwk
