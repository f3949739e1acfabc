// Package oidc holds the documents of OpenID Connect as types: claims of ID
// Tokens and access tokens, claims about people by scope, the prompt
// parameter and the server's metadata. It does no I/O.
//
// OpenID Connect Core 1.0, Discovery 1.0, RP-Initiated Logout 1.0, RFC 8414
// (server metadata), RFC 8176 (amr values), RFC 9068 (JWT access tokens) and
// RFC 9207 (iss in the authorization response).
package oidc
