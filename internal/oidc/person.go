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
	GivenName     string
	FamilyName    string
	Picture       string // URL
	Locale        string // BCP 47
	ZoneInfo      string // IANA time zone
	UpdatedAt     int64  // Unix seconds; 0 when not known
	Email         string
	EmailVerified bool
}

// UserClaims are the claims about a user (OpenID Connect Core §5.1). What is
// unknown or not granted is left out (§5.3.2).
type UserClaims struct {
	Subject       string `json:"sub"`
	Name          string `json:"name,omitempty"`
	GivenName     string `json:"given_name,omitempty"`
	FamilyName    string `json:"family_name,omitempty"`
	Picture       string `json:"picture,omitempty"`
	Locale        string `json:"locale,omitempty"`
	ZoneInfo      string `json:"zoneinfo,omitempty"`
	UpdatedAt     int64  `json:"updated_at,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified *bool  `json:"email_verified,omitempty"` // false is said, absent is not
}

// ClaimsFor returns the claims that the scopes open (OpenID Connect Core §5.4).
func ClaimsFor(scopes oauth.ScopeSet, p Person) UserClaims {
	claims := UserClaims{Subject: p.Subject}
	if scopes.Has(ScopeProfile) {
		claims.Name, claims.GivenName, claims.FamilyName = p.Name, p.GivenName, p.FamilyName
		claims.Picture, claims.Locale, claims.ZoneInfo = p.Picture, p.Locale, p.ZoneInfo
		claims.UpdatedAt = p.UpdatedAt
	}
	if scopes.Has(ScopeEmail) && p.Email != "" {
		claims.Email, claims.EmailVerified = p.Email, &p.EmailVerified
	}
	return claims
}

// ClaimsSupported are the claims for claims_supported (Discovery §3).
func ClaimsSupported() []string {
	return []string{
		"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "sid", "account_id",
		"name", "given_name", "family_name", "picture", "locale", "zoneinfo", "updated_at",
		"email", "email_verified",
	}
}
