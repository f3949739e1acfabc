// Package interaction is what happens between an authorization request and its answer: the person signs in or signs up,
// chooses an account and decides. It also serves the same pages without an app: sign-in, sign-up and password reset.
//
// Nothing about a flow is stored. The checked request travels sealed in the pages' parameter r, and where the flow stands is a
// pure function, Next, of that and of what the database says now. So every tab stands alone, the Back button works, a restart
// loses nothing and an abandoned sign-in leaves nothing behind.
//
// OpenID Connect Core 1.0 §3.1.2.3 to §3.1.2.6, RFC 6749 §4.1.1 and §4.1.2, RFC 9207, RFC 8252 §8.6.
package interaction
