package issuer

import "time"

// ServiceAccounts is how an issuer's service accounts look, sign in and are made. The zero value is the usual answer.
type ServiceAccounts struct {
	// IDs and Keys are how new user codes and key identifiers look.
	IDs, Keys CredentialFormat
	// Channel is what channel identifiers look like, with {id}, {account} and {digits}, the digits of the account's identifier;
	// empty means "{id}@{account}".
	Channel string
	// MaxAge is how far from now the iat of a signed assertion may be; 0 means a minute.
	MaxAge time.Duration
	// BareAssertions lets an assertion for a session leave out iss, aud and exp, which RFC 7523 §3 asks for; iat and jti bound it
	// then. One for an access token never may.
	BareAssertions bool
	// Audiences are further names of this issuer that an assertion's aud may say.
	Audiences []string
	// Cookies are the names of the cookies that carry a session, all of them needed; empty means one, "lk_service".
	Cookies []string
	// Session is how long a session lives; 0 means 30 days.
	Session time.Duration
	// ExchangeScope is what a token must carry to buy a service account; empty means nothing in particular.
	ExchangeScope string
}
