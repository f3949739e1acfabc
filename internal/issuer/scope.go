package issuer

import (
	"slices"

	"latchkey.dev/internal/oauth"
)

// Scope is one permission in the catalogue.
type Scope struct {
	Name string
	// Text is the wording for people by BCP 47 tag; "en" is always there.
	Text map[string]Wording
	// Group gathers permissions under one heading on the consent page, by the same tags.
	Group map[string]string
	// Roles may grant it; empty means every role.
	Roles []Role
	// Optional lets the user untick it.
	Optional bool
	// Sensitive puts it first, marked.
	Sensitive bool
	// Machine lets a client have it with its own credentials, without a user (RFC 6749 §4.4).
	Machine bool
}

// Wording says a permission in the user's words.
type Wording struct {
	// Title completes "can": "See your orders".
	Title string
	// Detail is the consequence: "with customers' names and addresses".
	Detail string
	// Phrase goes between app and account in the consent page's heading: "read the orders of". It may be empty.
	Phrase string
}

// GrantableBy tells whether a member with the role may give the permission.
func (s Scope) GrantableBy(role Role) bool {
	return len(s.Roles) == 0 || slices.Contains(s.Roles, role)
}

// Catalogue is every permission of an issuer, in the order the consent page shows them.
type Catalogue []Scope

// standardScopes are OpenID Connect Core §5.4 and §11; the pages hold their wording.
var standardScopes = []string{"openid", "profile", "email", "offline_access"}

// IsStandard tells whether OpenID Connect itself defines the scope, so that no catalogue needs to.
func IsStandard(name string) bool { return slices.Contains(standardScopes, name) }

// Find returns the permission with the name; OpenID Connect's own are always there.
func (c Catalogue) Find(name string) (Scope, bool) {
	for _, scope := range c {
		if scope.Name == name {
			return scope, true
		}
	}
	if IsStandard(name) {
		return Scope{Name: name, Optional: name == "email"}, true
	}
	return Scope{}, false
}

// Names lists every scope, OpenID Connect's first.
func (c Catalogue) Names() oauth.ScopeSet {
	names := oauth.ScopeSet(slices.Clone(standardScopes))
	for _, scope := range c {
		if !names.Has(scope.Name) {
			names = append(names, scope.Name)
		}
	}
	return names
}

// Unknown returns the first requested scope that the catalogue lacks, or "".
func (c Catalogue) Unknown(requested oauth.ScopeSet) string {
	for _, name := range requested {
		if _, ok := c.Find(name); !ok {
			return name
		}
	}
	return ""
}

// Grantable keeps of the requested scopes those that the role may grant.
func (c Catalogue) Grantable(requested oauth.ScopeSet, role Role) oauth.ScopeSet {
	kept := make(oauth.ScopeSet, 0, len(requested))
	for _, name := range requested {
		if scope, ok := c.Find(name); ok && scope.GrantableBy(role) {
			kept = append(kept, name)
		}
	}
	return kept
}

// Machine keeps of the requested scopes those that a client may have without a user (RFC 6749 §4.4).
func (c Catalogue) Machine(requested oauth.ScopeSet) oauth.ScopeSet {
	kept := make(oauth.ScopeSet, 0, len(requested))
	for _, name := range requested {
		if scope, ok := c.Find(name); ok && scope.Machine {
			kept = append(kept, name)
		}
	}
	return kept
}
