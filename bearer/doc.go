// Package bearer protects a Go API with OAuth 2.0 access tokens.
//
//	guard, err := bearer.New(ctx, bearer.Config{Issuer: "https://login.example", Audience: "https://api.example"})
//	...
//	mux.Handle("GET /orders", guard.Require("orders:read")(orders))
//
// Inside the handler, [FromContext] says who is calling, for whom and with which scopes.
//
// With only an issuer and an audience, tokens are RFC 9068 JWTs, checked here against the issuer's published
// keys. With a client id and secret as well, the issuer is asked about each token (RFC 7662), so a revoked
// token stops at once. Everything else is discovered from the issuer's metadata (RFC 8414).
//
// Refusals follow RFC 6750 §3, and name this API's own metadata (RFC 9728) so that a client can find its way:
// 401 for a token that is missing or not valid, 403 for one with too few scopes. When the issuer cannot be
// reached the answer is 503 with Retry-After, never 401: a caller must not throw away a good token for our
// trouble.
package bearer
