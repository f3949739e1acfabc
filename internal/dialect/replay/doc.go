// Package replay plays what clients once asked the old server, and what it answered, against a new one, and tells where the new
// answers have another shape. It reads HAR (HTTP Archive 1.2), which browsers and proxies write.
package replay
