package oidc

import "latchkey.dev/internal/oauth"

// The scopes of OpenID Connect (Core §3.1.2.1, §5.4, §11).
const (
	ScopeOpenID        = "openid"
	ScopeProfile       = "profile"
	ScopeEmail         = "email"
	ScopeOfflineAccess = "offline_access"
)

// Person is what is known about a user, before scopes decide what is told.
type Person struct {
	Subject       string
	Name          string
	Locale        string // BCP 47
	UpdatedAt     int64  // Unix seconds; 0 when not known
	Email         string
	EmailVerified bool
}

// UserClaims are the claims about a user (OpenID Connect Core §5.1). What is
// unknown or not granted is left out (§5.3.2).
type UserClaims struct {
	Subject       string `json:"sub"`
	Name          string `json:"name,omitempty"`
	Locale        string `json:"locale,omitempty"`
	UpdatedAt     int64  `json:"updated_at,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified *bool  `json:"email_verified,omitempty"` // false is said, absent is not
}

// ClaimsFor returns the claims that the scopes open (OpenID Connect Core §5.4).
func ClaimsFor(scopes oauth.ScopeSet, p Person) UserClaims {
	claims := UserClaims{Subject: p.Subject}
	if scopes.Has(ScopeProfile) {
		claims.Name, claims.Locale, claims.UpdatedAt = p.Name, p.Locale, p.UpdatedAt
	}
	if scopes.Has(ScopeEmail) && p.Email != "" {
		claims.Email, claims.EmailVerified = p.Email, &p.EmailVerified
	}
	return claims
}
