package config

import "latchkey.dev/internal/yamlfile"

type (
	// Problem is one mistake in the configuration.
	Problem = yamlfile.Problem
	// Error is every mistake found in one configuration. It never holds a secret.
	Error = yamlfile.Error
)

// problems gathers mistakes.
type problems struct{ *yamlfile.Problems }

func (ps problems) add(key, format string, args ...any) { ps.Add(key, format, args...) }

// require notes a mistake unless the condition holds.
func (ps problems) require(ok bool, key, format string, args ...any) bool {
	return ps.Require(ok, key, format, args...)
}

func child(parent, name string) string { return yamlfile.Child(parent, name) }

func item(parent string, i int) string { return yamlfile.Item(parent, i) }
