// Package session is a browser's sign-in at one issuer: a cookie that holds a random secret, and a row under its hash. A second
// cookie, sealed and stateless, remembers who signed in with this browser before, so that throttles can tell a known device
// from the rest of the world and a sign-in from a new one is reported by mail.
//
// OpenID Connect Core 1.0 §2 (auth_time, amr), RFC 6265bis §4.1.3 (the __Host- prefix), OWASP Session Management.
package session
