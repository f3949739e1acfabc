package token

import (
	"latchkey.dev/internal/client"
	"latchkey.dev/internal/jsonappend"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
)

// Request is a token request (RFC 6749 §4.1.3, §4.4.2, §6), whichever wire it came over.
type Request struct {
	GrantType oauth.GrantType
	Client    client.Credentials
	// Code, RedirectURI and CodeVerifier belong to an authorization code (RFC 7636 §4.5).
	Code, RedirectURI, CodeVerifier string
	RefreshToken                    string
	// DeviceCode is what a device waits with (RFC 8628 §3.4).
	DeviceCode string
	// AccountID is the account that the request is for, where the issuer asks for it.
	AccountID string
	// AccessToken proves the client of a refresh, even when it has expired, where the issuer takes that.
	AccessToken string
	// Scope may narrow a refresh token's or a client's own; a code's was decided by the person.
	Scope string
	// Resources may narrow the audience (RFC 8707 §2.2).
	Resources []string
	// Assertion is what a service account's key signed (RFC 7523 §2.1), and Address where the request came from.
	Assertion, Address string
	// Principal is the service account whose session came along, where the issuer asks for one; nil when none did.
	Principal *serviceaccount.Principal

	claimant *serviceaccount.Claimant // whom the assertion proved
	familyID string                   // what AccessToken belongs to, once it proved the client
}

// Response is a successful answer (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
type Response struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"` // always said where there is any, for it may be less than was asked
	IDToken      string `json:"id_token,omitempty"`

	// What a dialect may put on the wire besides.
	ExpiresAt                            micros.Time `json:"-"`
	ClientID, UserID, AccountID, GrantID string      `json:"-"`
}

// AppendJSON appends what encoding/json makes of the answer.
func (r *Response) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	b = jsonappend.Text(b, "access_token", r.AccessToken)
	b = jsonappend.Text(b, "token_type", r.TokenType)
	b = jsonappend.Number(b, "expires_in", r.ExpiresIn)
	b = jsonappend.OptText(b, "refresh_token", r.RefreshToken)
	b = jsonappend.OptText(b, "scope", r.Scope)
	b = jsonappend.OptText(b, "id_token", r.IDToken)
	return append(b, '}')
}

// authorization is what a grant type found: who allowed what to which client.
type authorization struct {
	client *store.Client
	// subject is the user, or the client itself when it acts for itself. The other names are empty for a client's own token, unless
	// it comes with a refresh token.
	subject, accountID, grantID, familyID string
	ownBehalf                             bool // no user is behind it
	scopes                                oauth.ScopeSet
	resources                             []string // authorized
	audience                              []string // of those, the ones this access token is for
	// refreshGeneration is the refresh token to hand out; 0 means none.
	refreshGeneration int64
	// What an ID Token repeats.
	authTime  micros.Time
	amr       []string
	sessionID string
	nonce     string

	now micros.Time
	// spends is what write makes good: the code, or the family that is to be rotated.
	code    *store.Code
	family  store.Family
	rotates bool
	// claimant's assertion is what write spends for a service account's token.
	claimant *serviceaccount.Claimant
}

func (a *authorization) idTokenAlg() jwk.Alg {
	if alg := a.client.Metadata.IDTokenSignedAlg; alg != "" {
		return alg
	}
	return jwk.RS256 // OpenID Connect Core §15.1
}
