// Package sampleapp is Parcel Robot, the third-party app of `latchkey dev`: it connects to a platform as an outside
// developer's app would (authorization code with PKCE, RFC 6749 §4.1 and RFC 7636; OpenID Connect Core §3.1; issuer
// identification, RFC 9207), with the libraries that such a developer would take, and shows what every answer said.
//
// Tokens stay in memory, behind a session cookie; pages show their last four characters and logs nothing.
package sampleapp
