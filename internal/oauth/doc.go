// Package oauth is the vocabulary of the authorization server: errors in the
// order of their RFCs, grant types, scope sets, PKCE and the rules for
// redirect URIs. It does no I/O and knows no HTTP beyond status numbers.
//
// RFC 6749 (OAuth 2.0), draft-ietf-oauth-v2-1 (OAuth 2.1), RFC 6750 (bearer
// tokens), RFC 7591 (registration errors), RFC 7636 (PKCE), RFC 8252 (native
// apps), RFC 8707 (resource indicators) and OpenID Connect Core 1.0 §3.1.2.6.
package oauth
