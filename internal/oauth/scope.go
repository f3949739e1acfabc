package oauth

import (
	"slices"
	"strings"
)

// Bounds of one scope parameter; without them a request could make every
// later comparison slow.
const (
	maxScopes     = 100
	maxScopeBytes = 4096
)

// ScopeSet is a set of scope tokens in the order they were first mentioned,
// which is the order people wrote them in and the order pages show them in.
type ScopeSet []string

// ParseScope reads a scope parameter (RFC 6749 §3.3). "" is the empty set,
// duplicates collapse, and extra spaces are forgiven. The error is invalid_scope.
func ParseScope(s string) (ScopeSet, error) {
	if s == "" {
		return nil, nil
	}
	if len(s) > maxScopeBytes {
		return nil, InvalidScope("scope is longer than %d bytes; ask for fewer scopes", maxScopeBytes)
	}
	var set ScopeSet
	for token := range strings.SplitSeq(s, " ") {
		if token == "" || set.Has(token) {
			continue
		}
		if !validScopeToken(token) {
			return nil, InvalidScope("scope holds a character that is not allowed; separate scopes with single spaces (RFC 6749 section 3.3)")
		}
		if len(set) == maxScopes {
			return nil, InvalidScope("scope names more than %d scopes; ask for fewer", maxScopes)
		}
		set = append(set, token)
	}
	return set, nil
}

// validScopeToken holds a token to RFC 6749 §3.3: 1*( %x21 / %x23-5B / %x5D-7E ).
func validScopeToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

// String is the wire form: tokens separated by single spaces.
func (s ScopeSet) String() string { return strings.Join(s, " ") }

// Has reports whether the set holds the scope; comparison is case-sensitive (RFC 6749 §3.3).
func (s ScopeSet) Has(scope string) bool { return slices.Contains(s, scope) }

// Contains reports whether every scope of sub is in s; the empty set is in every set.
func (s ScopeSet) Contains(sub ScopeSet) bool {
	for _, scope := range sub {
		if !s.Has(scope) {
			return false
		}
	}
	return true
}

// Intersect returns the scopes of s that are also in t, in s's order.
func (s ScopeSet) Intersect(t ScopeSet) ScopeSet {
	return s.keep(t.Has)
}

// Minus returns the scopes of s that are not in t, in s's order.
func (s ScopeSet) Minus(t ScopeSet) ScopeSet {
	return s.keep(func(scope string) bool { return !t.Has(scope) })
}

// Union returns s followed by the scopes of t that s lacks. Neither is changed.
func (s ScopeSet) Union(t ScopeSet) ScopeSet {
	return append(slices.Clip(s), t.Minus(s)...)
}

func (s ScopeSet) keep(wanted func(string) bool) ScopeSet {
	var kept ScopeSet
	for _, scope := range s {
		if wanted(scope) {
			kept = append(kept, scope)
		}
	}
	return kept
}
