// Package token is the token endpoint: RFC 6749 §3.2 with the authorization code (§4.1.3, OAuth 2.1, PKCE of RFC 7636), refresh
// token (§6), client credentials (§4.4), device code (RFC 8628 §3.4) and JWT bearer (RFC 7523 §2.1) grants, resource indicators (RFC 8707 §2.2), and ID Tokens (OpenID Connect Core
// §3.1.3, §12).
//
// handler.go holds the phases that every grant type goes through, in one function; a grant type supplies what it loads and what
// it writes, so that none can forget to authenticate the client or to narrow the scope.
package token
