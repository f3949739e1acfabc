// Package observe is how operators see the server: logs, metrics, health, profiles and traces. None of them holds a secret, a
// token, a raw URL or a person's address.
package observe
