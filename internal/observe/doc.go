// Package observe is how operators see the server: logs, metrics, health, profiles and traces. None of them holds a secret, a
// token, a raw URL or an e-mail address. The IP address that a
// request came from is in its log line.
package observe
