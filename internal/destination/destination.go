// Package destination is where the answer to an authorization request goes. A Destination exists only for a redirect URI that
// the client registered, and only a Destination makes a redirect to an app, so the compiler keeps every other package from
// sending a code or an error to an address that was not proven (RFC 6749 §4.1.2.1, RFC 9700 §4.11). It does no I/O.
package destination

import (
	"net/url"
	"slices"
	"strings"

	"latchkey.dev/internal/oauth"
)

// Destination is a proven redirect URI, with what every answer to it carries. The zero value leads nowhere.
type Destination struct {
	uri, state, issuer string
	shape              Shape
}

// Shape makes the redirect's parameters out of the standard ones: code, state, iss and scope, or error, error_description,
// reason, state and iss. It is how a platform's own apps expect the answer. nil is the standard itself.
type Shape func(standard map[string]string) (url.Values, error)

// Prove finds the redirect URI that an authorization request may be answered at: the one requested, if the client registered
// it, or the only one registered when none was requested (RFC 6749 §3.1.2.3). Its error is for a page: there is no proven
// address to send it to.
func Prove(registered []string, requested string) (Destination, *oauth.Error) {
	switch {
	case requested == "" && len(registered) == 1:
		return Destination{uri: registered[0]}, nil
	case requested == "" && len(registered) == 0:
		return Destination{}, oauth.InvalidRedirectURI("this app has no redirect_uri registered; register one first")
	case requested == "":
		return Destination{}, oauth.InvalidRedirectURI("redirect_uri is missing, and the app registered several; send the one to use")
	case oauth.MatchRedirectURI(registered, requested):
		return Destination{uri: requested}, nil
	default:
		return Destination{}, NotRegistered()
	}
}

// NotRegistered refuses a redirect URI on a page.
func NotRegistered() *oauth.Error {
	return oauth.InvalidRedirectURI("redirect_uri is not registered for this app; it must be equal to a registered one to the character (OAuth 2.1 section 2.3.1)").
		With(oauth.ReasonRedirectMismatch)
}

// Carrying returns the destination with the state that goes back to the client unchanged (RFC 6749 §4.1.2) and the issuer that
// tells it whose answer this is (RFC 9207 §2).
func (d Destination) Carrying(state, issuer string) Destination {
	d.state, d.issuer = state, issuer
	return d
}

// In returns the destination with another shape of answers.
func (d Destination) In(shape Shape) Destination {
	d.shape = shape
	return d
}

// URI is the redirect URI itself, which a code is bound to.
func (d Destination) URI() string { return d.uri }

// WithCode is the location of a successful answer (RFC 6749 §4.1.2). The scopes are what was allowed. The error is the shape's.
func (d Destination) WithCode(code string, scopes oauth.ScopeSet) (string, error) {
	if d.shape == nil {
		return d.with("code", code), nil
	}
	return d.shaped(map[string]string{"code": code, "scope": scopes.String()})
}

// Refuse makes an error that goes to the client by redirect (RFC 6749 §4.1.2.1). Nothing else can.
func (d Destination) Refuse(err *oauth.Error) *Refusal {
	if d.shape == nil {
		return &Refusal{err: err, location: d.with("error", err.Code, "error_description", err.Description)}
	}
	location, failed := d.shaped(map[string]string{"error": err.Code, "error_description": err.Description, "reason": err.Reason})
	return &Refusal{err: err, location: location, failed: failed}
}

// shaped lets the platform say it in its own parameters.
func (d Destination) shaped(standard map[string]string) (string, error) {
	standard["state"], standard["iss"] = d.state, d.issuer
	parameters, err := d.shape(standard)
	if err != nil {
		return "", err
	}
	return d.uri + d.separator() + parameters.Encode(), nil
}

// with appends to the registered URI's own query, which is kept as it is (RFC 6749 §3.1.2).
func (d Destination) with(pairs ...string) string {
	pairs = append(pairs, "state", d.state, "iss", d.issuer)
	query := make([]string, 0, len(pairs)/2)
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			query = append(query, pair[0]+"="+url.QueryEscape(pair[1]))
		}
	}
	return d.uri + d.separator() + strings.Join(query, "&")
}

func (d Destination) separator() string {
	if strings.Contains(d.uri, "?") {
		return "&"
	}
	return "?"
}

// Refusal is an error on its way to the client, by redirect.
type Refusal struct {
	err      *oauth.Error
	location string
	failed   error // of the shape
}

// Error is the oauth error's text.
func (r *Refusal) Error() string { return r.err.Error() }

// Unwrap returns the oauth error.
func (r *Refusal) Unwrap() error { return r.err }

// Location is where the browser takes it. The error is the shape's.
func (r *Refusal) Location() (string, error) { return r.location, r.failed }
