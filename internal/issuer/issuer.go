// Package issuer describes one authorization server: its identifier, the hosts it answers at, its scope catalogue,
// lifetimes, token format and brand. Issuers are declared in configuration; what people and apps do below an issuer
// lives in the database, every row scoped by the issuer's name.
package issuer

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"latchkey.dev/internal/jwk"
)

// Issuer is one authorization server (RFC 8414 §2 "issuer"). It is validated once and never changes while running.
type Issuer struct {
	// Name identifies the issuer in the database, in logs and on the command line, for example "acme".
	Name string
	// URL is the issuer identifier as clients compare it: scheme and authority, no trailing slash (RFC 8414 §2).
	URL string
	// Hosts are the Host header values that it answers at, lower case, with the port where one is used. The URL's comes first.
	Hosts []string
	// Title is the platform's name for people, for example "Acme".
	Title string
	Brand Brand
	// Scopes is every permission that an app can ask for here.
	Scopes Catalogue
	// MemberRoles are the platform's roles below owner and admin, the most first; empty means RoleMember alone.
	MemberRoles []Role
	// Audience is the resource an access token is for when a request names none (RFC 9068 §3).
	Audience string
	// Resources are the further resource identifiers that a request may name (RFC 8707 §2).
	Resources   []string
	AccessToken TokenFormat
	Lifetimes   Lifetimes
	// IDTokenAlgs are the algorithms that clients may register for ID Tokens; the first is the default.
	IDTokenAlgs []jwk.Alg
	// SignUp says whether a person without an account may create one.
	SignUp bool
	// PKCEOptional lets confidential clients that registered so leave PKCE out; public clients never can (OAuth 2.1 §4.1.1).
	PKCEOptional bool
	// Dialect names the platform's own wire format; empty is the standards' alone. DialectHosts are its addresses by the names that
	// the dialect gives them: "api" → "api.acme.example".
	Dialect      string
	DialectHosts map[string]string
	// Policy is where the platform differs from the usual answer.
	Policy Policy
	// Languages are the BCP 47 tags that pages and mails are written in, the first for those who read none of them; empty means every
	// language shipped.
	Languages []string
}

// Brand is how the issuer looks to people.
type Brand struct {
	// Color is #rrggbb; the pages darken or lighten it until text on it reads at 4.5:1.
	Color string
	// LogoURL is an absolute https URL or a path on the issuer's own host; empty shows the title's initial.
	LogoURL string
	// SupportURL is where people get help. All three stand in the footer; empty ones do not.
	SupportURL, PrivacyURL, TermsURL string
}

// TokenFormat says what an access token looks like on the wire.
type TokenFormat struct {
	// Kind is Opaque or JWT (RFC 9068).
	Kind string
	// Alg signs JWT access tokens.
	Alg jwk.Alg
	// AccessPrefix and RefreshPrefix make a leaked token recognisable to secret scanners.
	AccessPrefix, RefreshPrefix string
}

const longestPrefix = 32

var prefix = regexp.MustCompile(`^[A-Za-z0-9_-]*$`)

// PrefixRule says what ValidPrefix admits.
const PrefixRule = "must be up to 32 letters, digits, _ and -"

// ValidPrefix tells whether tokens and identifiers may begin with a text.
func ValidPrefix(text string) bool { return len(text) <= longestPrefix && prefix.MatchString(text) }

// The kinds of access token.
const (
	Opaque = "opaque"
	JWT    = "jwt"
)

// Lifetimes say how long things live. All are whole seconds on the wire.
type Lifetimes struct {
	Code         time.Duration // authorization code, at most ten minutes (RFC 6749 §4.1.2)
	AccessToken  time.Duration
	IDToken      time.Duration
	RefreshToken time.Duration // since the last rotation
	RefreshGrace time.Duration // how long the token just spent still answers with its own successor
	Session      time.Duration // a browser's sign-in
	Interaction  time.Duration // how long a sign-in or consent page may stay open
	EmailCode    time.Duration // the code or link in a mail
	Invitation   time.Duration
	Device       time.Duration // how long a device waits to be allowed (RFC 8628 §3.2)
	Registration time.Duration // how long an app that registered itself stays when nobody connects it
}

// DefaultLifetimes are the lifetimes of an issuer that sets none.
func DefaultLifetimes() Lifetimes {
	return Lifetimes{
		Code:         time.Minute,
		AccessToken:  time.Hour,
		IDToken:      time.Hour,
		RefreshToken: 90 * 24 * time.Hour,
		RefreshGrace: 30 * time.Second,
		Session:      30 * 24 * time.Hour,
		Interaction:  time.Hour,
		EmailCode:    30 * time.Minute,
		Invitation:   7 * 24 * time.Hour,
		Device:       30 * time.Minute,
		Registration: 7 * 24 * time.Hour,
	}
}

// Secure tells whether the issuer is reached over TLS; only a development server's is not.
func (i *Issuer) Secure() bool { return strings.HasPrefix(i.URL, "https:") }

// Endpoint is the absolute URL of a path on this issuer.
func (i *Issuer) Endpoint(path string) string { return i.URL + path }

// Resource is a resource that a request names as the configuration spells it, and whether a request may name it (RFC 8707 §2).
// URL libraries add a slash to a bare origin, and both mean the same (RFC 3986 §6.2.3); aud has the configured spelling, for APIs
// compare it as a string.
func (i *Issuer) Resource(named string) (string, bool) {
	if named == i.Audience || slices.Contains(i.Resources, named) {
		return named, true
	}
	for _, known := range append([]string{i.Audience}, i.Resources...) {
		if bareOrigin(known) == bareOrigin(named) {
			return known, true
		}
	}
	return "", false
}

// bareOrigin leaves out the slash after an origin; every other URI stays as it is.
func bareOrigin(uri string) string {
	scheme, rest, _ := strings.Cut(uri, "://")
	if host, slash := strings.CutSuffix(rest, "/"); slash && !strings.ContainsAny(host, "/?#") {
		return scheme + "://" + host
	}
	return uri
}

// SupportsIDTokenAlg tells whether a client may register the algorithm for its ID Tokens.
func (i *Issuer) SupportsIDTokenAlg(alg jwk.Alg) bool {
	return slices.Contains(i.IDTokenAlgs, alg)
}
