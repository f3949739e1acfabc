// Package nodes runs several real `latchkey serve` processes on one private PostgreSQL, as a platform would behind a load balancer,
// and holds them to what one process promises.
//
// Each round takes a fresh authorization and sends the same thing to all nodes at once: a code, a refresh token, a revocation. A code
// buys once. A refresh token has one successor, whoever asks. And once one node has acknowledged a revocation, no other obeys what was
// revoked: not at introspection, not at UserInfo, not for a refresh.
//
// `go test ./tests/nodes -rounds 10000` does ten thousand rounds. It also moves a running installation from SQLite to PostgreSQL.
package nodes
