// Package userinfo is the UserInfo endpoint (OpenID Connect Core §5.3): claims about the user behind an access token, by the
// scopes that the token has now (§5.4). The token is a bearer token (RFC 6750) and is checked exactly, like in introspection.
package userinfo
