package oauth

// GrantType is a registered grant_type value.
type GrantType string

// The grant types served. OAuth 2.1 dropped password and implicit, and so do we.
const (
	GrantAuthorizationCode GrantType = "authorization_code" // RFC 6749 §4.1.3
	GrantRefreshToken      GrantType = "refresh_token"      // RFC 6749 §6
	GrantClientCredentials GrantType = "client_credentials" // RFC 6749 §4.4.2

	GrantJWTBearer  GrantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"  // RFC 7523 §2.1
	GrantDeviceCode GrantType = "urn:ietf:params:oauth:grant-type:device_code" // RFC 8628 §3.4
)

// ResponseTypeCode is the only response_type of OAuth 2.1 (§4.1.1).
const ResponseTypeCode = "code"

// TokenTypeBearer is the token_type of every token issued (RFC 6750 §4).
const TokenTypeBearer = "Bearer"

// How a client authenticates at the token endpoint (RFC 7591 §2).
const (
	AuthMethodNone  = "none"
	AuthMethodBasic = "client_secret_basic"
	AuthMethodPost  = "client_secret_post"
)
