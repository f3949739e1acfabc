// Package yamlfile reads YAML that people write, into structures: strict about unknown keys, with every mistake told at once by
// line, column and key, and what to write instead. The configuration and the dialects are such files. It does no I/O.
package yamlfile
