package issuer

import (
	"slices"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
)

// UsualRegistrationLimit lets an office whose developers all try at once register.
const UsualRegistrationLimit = 30

// Policy is where a platform may differ from the standards' usual answer. The zero value is the usual answer. Most of it asks
// for more, or changes what happens to what was not allowed. RefreshByAccessToken and RevokeByToken ask for less, because a platform's
// clients send nothing else: a token that only the client should hold stands in for its secret.
type Policy struct {
	// DropScopes leaves out what the client may not ask for, instead of answering invalid_scope.
	DropScopes bool
	// MinState is the least length of the state parameter, in characters.
	MinState int
	// ExactRedirectURIs refuses another port of a registered loopback address too (RFC 8252 §7.3 would let it pass).
	ExactRedirectURIs bool
	// ExactClientAuth refuses a secret that comes by another method than the client registered: Basic for the body, or the body for Basic.
	ExactClientAuth bool
	// ServiceSession makes the token and exchange endpoints also ask for the signed-in session of a service account.
	ServiceSession bool
	// SingleUseTokens makes an access token good for one exchange, once.
	SingleUseTokens bool
	// MachineRefresh gives client credentials a refresh token too (RFC 6749 §4.4.3 advises against it).
	MachineRefresh bool
	// RefreshAlways gives every authorization a refresh token, without asking for offline_access (OpenID Connect Core §11).
	RefreshAlways bool
	// RefreshByAccessToken lets a refresh prove the client by its access token, even an expired one, instead of its secret.
	RefreshByAccessToken bool
	// RevokeByToken lets whoever holds a token end it, naming its client, without the client's secret.
	RevokeByToken bool
	// AccountBound makes client credentials and refreshes name the account that they are for, and refuses any other.
	AccountBound bool
	// MachineAccount makes client credentials act for the account that owns the client, as an account's own app does.
	MachineAccount bool
	// RoleScopes narrows a token, at issue and at introspection, to what the user's role may still grant. An app that asks for
	// more is connected with what is left, if anything is.
	RoleScopes bool
	// ClientIDs and ClientSecrets are how new credentials look.
	ClientIDs, ClientSecrets CredentialFormat
	// Registration opens dynamic client registration (RFC 7591).
	Registration bool
	// RegistrationLimit is how many apps one network address may register in an hour; 0 is UsualRegistrationLimit.
	RegistrationLimit int64
	// RedirectSchemes are private-use schemes without a dot that apps may come back by all the same (RFC 8252 §7.1).
	RedirectSchemes []string
	// Device lets devices without a browser ask to be allowed elsewhere (RFC 8628).
	Device bool
	// ServiceAccounts is how service accounts look and sign in.
	ServiceAccounts ServiceAccounts
	// SandboxOf names the live issuer that this one mirrors; empty when it is live itself.
	SandboxOf string
}

// Refreshes tells whether an authorization of these scopes gives an app with these grant types a refresh token, so that it works while
// the person is away (OpenID Connect Core §11). What pages say of it and what the token endpoint does must not differ.
func (p *Policy) Refreshes(scopes oauth.ScopeSet, grants []oauth.GrantType) bool {
	return !p.SingleUseTokens && (p.RefreshAlways || scopes.Has(oidc.ScopeOfflineAccess)) && slices.Contains(grants, oauth.GrantRefreshToken)
}

// CredentialFormat is the look of an identifier or a secret.
type CredentialFormat struct {
	// Prefix stands before the random part.
	Prefix string
	// Digits makes an identifier of that many digits instead of random letters; UUID makes one of those (RFC 9562).
	Digits int
	UUID   bool
}
