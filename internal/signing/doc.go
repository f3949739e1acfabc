// Package signing holds an issuer's signing keys: it loads them, keeps their private halves sealed at rest, makes sure that
// there are some, and rotates them while tokens are being signed and verified.
//
// A key is published as "next" before it signs and as "previous" after it stopped, so that no client's cached JWKS lacks the
// key of a living token (OpenID Connect Core §10.1.1).
package signing
