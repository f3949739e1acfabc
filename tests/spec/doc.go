// Package spec keeps docs/spec/coverage.md true: every requirement names tests, and every test that it names exists.
package spec
