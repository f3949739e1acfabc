// Package clients drives the running binary with the client libraries that integrators use: golang.org/x/oauth2 and go-oidc from Go,
// openid-client, oauth4webapi and the MCP SDK from Node. It is reached over https, with a certificate authority made for the run, so that
// no library needs an option that loosens a check.
package clients
