// Package authorize is the authorization endpoint: it checks a request, in the order that steps.go shows, and hands it to the
// pages that get the person's answer. It takes GET and POST.
//
// RFC 6749 §3.1 and §4.1.1, OAuth 2.1 §4.1.1, RFC 7636 (PKCE), RFC 8252 (native apps), RFC 8707 (resource), RFC 9207 (iss),
// OpenID Connect Core 1.0 §3.1.2.1.
package authorize
