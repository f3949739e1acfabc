// Package config reads the configuration file: YAML, strict about unknown keys, with every mistake told at once by line, column
// and key, and what to write instead. docs/reference/configuration.md explains every key; a test keeps it complete.
//
// Secrets never stand in the file: it names the files that hold them, or the environment does.
package config
