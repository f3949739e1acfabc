// Package client knows the registered apps of an issuer: the rules for what they may register (RFC 7591 §2, RFC 8252, OAuth 2.1
// §2), their secrets, and how they authenticate (RFC 6749 §2.3). Apps are looked up from memory, in a bounded cache that is
// dropped when any node changes one.
package client
