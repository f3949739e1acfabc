package oauth

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The registered error codes, in the order of the documents that define them.
const (
	CodeInvalidRequest          = "invalid_request"           // RFC 6749 §4.1.2.1, §5.2
	CodeUnauthorizedClient      = "unauthorized_client"       // RFC 6749 §4.1.2.1, §5.2
	CodeAccessDenied            = "access_denied"             // RFC 6749 §4.1.2.1
	CodeUnsupportedResponseType = "unsupported_response_type" // RFC 6749 §4.1.2.1
	CodeInvalidScope            = "invalid_scope"             // RFC 6749 §4.1.2.1, §5.2
	CodeServerError             = "server_error"              // RFC 6749 §4.1.2.1
	CodeTemporarilyUnavailable  = "temporarily_unavailable"   // RFC 6749 §4.1.2.1
	CodeInvalidClient           = "invalid_client"            // RFC 6749 §5.2
	CodeInvalidGrant            = "invalid_grant"             // RFC 6749 §5.2
	CodeUnsupportedGrantType    = "unsupported_grant_type"    // RFC 6749 §5.2

	CodeInvalidToken      = "invalid_token"      // RFC 6750 §3.1
	CodeInsufficientScope = "insufficient_scope" // RFC 6750 §3.1

	CodeInvalidRedirectURI    = "invalid_redirect_uri"    // RFC 7591 §3.2.2
	CodeInvalidClientMetadata = "invalid_client_metadata" // RFC 7591 §3.2.2

	CodeAuthorizationPending = "authorization_pending" // RFC 8628 §3.5
	CodeSlowDown             = "slow_down"             // RFC 8628 §3.5
	CodeExpiredToken         = "expired_token"         // RFC 8628 §3.5

	CodeInvalidTarget = "invalid_target" // RFC 8707 §2

	CodeInteractionRequired      = "interaction_required"       // OpenID Connect Core §3.1.2.6
	CodeLoginRequired            = "login_required"             // OpenID Connect Core §3.1.2.6
	CodeAccountSelectionRequired = "account_selection_required" // OpenID Connect Core §3.1.2.6
	CodeConsentRequired          = "consent_required"           // OpenID Connect Core §3.1.2.6
	CodeRequestNotSupported      = "request_not_supported"      // OpenID Connect Core §3.1.2.6
	CodeRequestURINotSupported   = "request_uri_not_supported"  // OpenID Connect Core §3.1.2.6
	CodeRegistrationNotSupported = "registration_not_supported" // OpenID Connect Core §3.1.2.6
)

// Reasons are stable words that tell why, beneath the registered code: clients
// may branch on them, so they never change.
const (
	ReasonRevokedByUser    = "revoked_by_user"   // the user pressed Disconnect
	ReasonRevoked          = "revoked"           // revoked otherwise: by the client, staff or an operator
	ReasonExpired          = "expired"           // its lifetime is over
	ReasonReused           = "reused"            // a one-time value came twice
	ReasonUnknown          = "unknown"           // never issued here, or long forgotten
	ReasonMalformed        = "malformed"         // not even the shape of what we issue
	ReasonMissing          = "missing"           // nothing was presented
	ReasonWrongClient      = "wrong_client"      // issued to another client
	ReasonWrongAudience    = "wrong_audience"    // an access token for another API
	ReasonClientSuspended  = "client_suspended"  // the app is switched off
	ReasonRedirectMismatch = "redirect_mismatch" // redirect_uri differs from the authorization request's
	ReasonPKCEMismatch     = "pkce_mismatch"     // code_verifier does not fit code_challenge
	ReasonMemberRemoved    = "member_removed"    // the user no longer belongs to the account
	ReasonUserSuspended    = "user_suspended"    // the user is switched off
	ReasonWrongSecret      = "wrong_secret"      // the client is known, its secret is not
	ReasonWrongAccount     = "wrong_account"     // the account named is missing, or not the client's
	ReasonStateTooShort    = "state_too_short"   // the platform asks for more
	ReasonRoleChanged      = "role_changed"      // the person's role no longer allows any of it
	ReasonWrongAuthMethod  = "wrong_auth_method" // another token_endpoint_auth_method is registered
	ReasonWrongPassword    = "wrong_password"    // the user is known, the password is not theirs: for the log alone
	ReasonOverloaded       = "overloaded"        // more at once than this server takes
	ReasonTooManyTries     = "too_many_tries"    // of a password, a code or a mail, in too short a time
)

// maxDescription bounds a description in bytes, so that an echoed name cannot swell an answer.
const maxDescription = 500

// Error is an answer meant for the client. Everything in it may reach the
// wire and the log, so it never holds a secret or a token.
type Error struct {
	Code        string        // registered error code
	Description string        // says what to do; the characters of RFC 6749 §5.2 only
	Reason      string        // stable word of ours; may be empty
	Status      int           // HTTP status when the code's own does not fit; 0 otherwise
	RetryAfter  time.Duration // when to come back; 0 says nothing
	URI         string        // error_uri, a page about the error; may be empty
	Scope       string        // the scope that would be enough (RFC 6750 §3); may be empty
}

// Error returns "code: description".
func (e *Error) Error() string { return e.Code + ": " + e.Description }

// HTTPStatus returns Status, or the status that the code's specification gives.
func (e *Error) HTTPStatus() int {
	if e.Status != 0 {
		return e.Status
	}
	switch e.Code {
	case CodeInvalidClient, CodeInvalidToken: // RFC 6749 §5.2, RFC 6750 §3.1
		return http.StatusUnauthorized
	case CodeInsufficientScope: // RFC 6750 §3.1
		return http.StatusForbidden
	case CodeServerError:
		return http.StatusInternalServerError
	case CodeTemporarilyUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// RetryAfterSeconds is RetryAfter in whole seconds (RFC 9110 §10.2.3), rounded up: who comes back earlier is refused again.
func (e *Error) RetryAfterSeconds() int { return int((e.RetryAfter + time.Second - 1) / time.Second) }

// With returns a copy that carries a stable reason.
func (e *Error) With(reason string) *Error {
	c := *e
	c.Reason = reason
	return &c
}

// WithStatus returns a copy answered with another HTTP status.
func (e *Error) WithStatus(status int) *Error {
	c := *e
	c.Status = status
	return &c
}

// WithRetryAfter returns a copy that says when to come back.
func (e *Error) WithRetryAfter(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// WithScope returns a copy that names the scope which would have been enough.
func (e *Error) WithScope(s ScopeSet) *Error {
	c := *e
	c.Scope = s.String()
	return &c
}

func newError(code, description string) *Error {
	return &Error{Code: code, Description: describable(description)}
}

// describable keeps a description within RFC 6749 §5.2 (%x20-21 / %x23-5B /
// %x5D-7E): descriptions echo names that clients sent, and they also end up in
// headers and redirects.
func describable(s string) string {
	if len(s) > maxDescription {
		s = s[:maxDescription]
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r == '\\':
			return '/'
		case r < 0x20 || r > 0x7e:
			return '?'
		}
		return r
	}, s)
}

// InvalidRequest: a parameter is missing, repeated or malformed (RFC 6749 §4.1.2.1, §5.2).
func InvalidRequest(format string, args ...any) *Error {
	return newError(CodeInvalidRequest, fmt.Sprintf(format, args...))
}

// UnauthorizedClient: this client may not do this (RFC 6749 §4.1.2.1, §5.2).
func UnauthorizedClient(format string, args ...any) *Error {
	return newError(CodeUnauthorizedClient, fmt.Sprintf(format, args...))
}

// AccessDenied: the user or the server said no (RFC 6749 §4.1.2.1).
func AccessDenied(format string, args ...any) *Error {
	return newError(CodeAccessDenied, fmt.Sprintf(format, args...))
}

// UnsupportedResponseType: only response_type=code is served (RFC 6749 §4.1.2.1).
func UnsupportedResponseType(format string, args ...any) *Error {
	return newError(CodeUnsupportedResponseType, fmt.Sprintf(format, args...))
}

// InvalidScope: unknown, malformed, or more than was granted (RFC 6749 §4.1.2.1, §5.2).
func InvalidScope(format string, args ...any) *Error {
	return newError(CodeInvalidScope, fmt.Sprintf(format, args...))
}

// ServerError: ours, without detail (RFC 6749 §4.1.2.1).
func ServerError(format string, args ...any) *Error {
	return newError(CodeServerError, fmt.Sprintf(format, args...))
}

// TemporarilyUnavailable: ours, and worth another try (RFC 6749 §4.1.2.1).
func TemporarilyUnavailable(format string, args ...any) *Error {
	return newError(CodeTemporarilyUnavailable, fmt.Sprintf(format, args...))
}

// InvalidClient: client authentication failed (RFC 6749 §5.2).
func InvalidClient(format string, args ...any) *Error {
	return newError(CodeInvalidClient, fmt.Sprintf(format, args...))
}

// InvalidGrant: the code or refresh token is no good (RFC 6749 §5.2).
func InvalidGrant(format string, args ...any) *Error {
	return newError(CodeInvalidGrant, fmt.Sprintf(format, args...))
}

// UnsupportedGrantType: this grant type is not served (RFC 6749 §5.2).
func UnsupportedGrantType(format string, args ...any) *Error {
	return newError(CodeUnsupportedGrantType, fmt.Sprintf(format, args...))
}

// InvalidToken: the access token is no good (RFC 6750 §3.1).
func InvalidToken(format string, args ...any) *Error {
	return newError(CodeInvalidToken, fmt.Sprintf(format, args...))
}

// InsufficientScope: the access token is good but grants too little (RFC 6750 §3.1).
func InsufficientScope(format string, args ...any) *Error {
	return newError(CodeInsufficientScope, fmt.Sprintf(format, args...))
}

// InvalidRedirectURI: a redirect URI may not be registered (RFC 7591 §3.2.2).
func InvalidRedirectURI(format string, args ...any) *Error {
	return newError(CodeInvalidRedirectURI, fmt.Sprintf(format, args...))
}

// InvalidClientMetadata: another member of a registration is wrong (RFC 7591 §3.2.2).
func InvalidClientMetadata(format string, args ...any) *Error {
	return newError(CodeInvalidClientMetadata, fmt.Sprintf(format, args...))
}

// AuthorizationPending: the person has not decided yet; ask again (RFC 8628 §3.5).
func AuthorizationPending(format string, args ...any) *Error {
	return newError(CodeAuthorizationPending, fmt.Sprintf(format, args...))
}

// SlowDown: the person has not decided yet, and the device asks too often (RFC 8628 §3.5).
func SlowDown(format string, args ...any) *Error {
	return newError(CodeSlowDown, fmt.Sprintf(format, args...))
}

// ExpiredToken: the device code is over before anybody decided (RFC 8628 §3.5).
func ExpiredToken(format string, args ...any) *Error {
	return newError(CodeExpiredToken, fmt.Sprintf(format, args...))
}

// InvalidTarget: the resource is unknown or malformed (RFC 8707 §2).
func InvalidTarget(format string, args ...any) *Error {
	return newError(CodeInvalidTarget, fmt.Sprintf(format, args...))
}

// InteractionRequired: prompt=none cannot be honoured (OpenID Connect Core §3.1.2.6).
func InteractionRequired(format string, args ...any) *Error {
	return newError(CodeInteractionRequired, fmt.Sprintf(format, args...))
}

// LoginRequired: prompt=none and nobody is signed in (OpenID Connect Core §3.1.2.6).
func LoginRequired(format string, args ...any) *Error {
	return newError(CodeLoginRequired, fmt.Sprintf(format, args...))
}

// AccountSelectionRequired: prompt=none and the account is not settled (OpenID Connect Core §3.1.2.6).
func AccountSelectionRequired(format string, args ...any) *Error {
	return newError(CodeAccountSelectionRequired, fmt.Sprintf(format, args...))
}

// ConsentRequired: prompt=none and nothing was allowed yet (OpenID Connect Core §3.1.2.6).
func ConsentRequired(format string, args ...any) *Error {
	return newError(CodeConsentRequired, fmt.Sprintf(format, args...))
}

// RequestNotSupported: the request parameter is not served (OpenID Connect Core §3.1.2.6).
func RequestNotSupported(format string, args ...any) *Error {
	return newError(CodeRequestNotSupported, fmt.Sprintf(format, args...))
}

// RequestURINotSupported: the request_uri parameter is not served (OpenID Connect Core §3.1.2.6).
func RequestURINotSupported(format string, args ...any) *Error {
	return newError(CodeRequestURINotSupported, fmt.Sprintf(format, args...))
}

// RegistrationNotSupported: the registration parameter is not served (OpenID Connect Core §3.1.2.6).
func RegistrationNotSupported(format string, args ...any) *Error {
	return newError(CodeRegistrationNotSupported, fmt.Sprintf(format, args...))
}
