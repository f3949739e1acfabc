package wire

import (
	"encoding/base64"
	"net"
	"net/http"
	"strings"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
)

// credentials returns what follows the scheme in the Authorization header,
// and whether the header is of that scheme. Scheme names have no case
// (RFC 9110 §11.1).
func credentials(r *http.Request, scheme string) (string, bool) {
	given := r.Header["Authorization"]
	if len(given) == 0 {
		return "", false
	}
	name, rest, _ := strings.Cut(given[0], " ")
	return strings.TrimLeft(rest, " "), strings.EqualFold(name, scheme)
}

func onceAuthorized(r *http.Request) error {
	if len(r.Header["Authorization"]) > 1 {
		return oauth.InvalidRequest("the Authorization header is given more than once; send it once")
	}
	return nil
}

// BasicAuth reads client credentials from the Authorization header. Both parts
// are form-encoded before RFC 7617 is applied (RFC 6749 §2.3.1). ok is false
// when the header is absent or of another scheme; a Basic header that cannot
// be read is invalid_client.
func BasicAuth(r *http.Request) (id, secret string, ok bool, err error) {
	if err := onceAuthorized(r); err != nil {
		return "", "", false, err
	}
	encoded, ok := credentials(r, "Basic")
	if !ok {
		return "", "", false, nil
	}
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", "", true, malformedBasic()
	}
	rawID, rawSecret, found := strings.Cut(string(decoded), ":")
	id, idOK := decodeForm(rawID)
	secret, secretOK := decodeForm(rawSecret)
	if !found || !idOK || !secretOK || id == "" || !isText(id) || !isText(secret) {
		return "", "", true, malformedBasic()
	}
	return id, secret, true, nil
}

func malformedBasic() error {
	return oauth.InvalidClient("the Authorization header is not Basic base64(client_id:client_secret), both form-encoded (RFC 6749 section 2.3.1)").
		With(oauth.ReasonMalformed)
}

// BearerToken reads the access token from the Authorization header, the one
// place we take it from (RFC 6750 §2.1; a token in a query ends up in logs and
// histories, §5.3). No token is invalid_token with ReasonMissing; a token in
// two places, or in the query, is invalid_request (§3.1).
func BearerToken(r *http.Request) (string, error) {
	if err := onceAuthorized(r); err != nil {
		return "", err
	}
	if query, err := Query(r); err != nil {
		return "", err
	} else if query.Has("access_token") {
		return "", oauth.InvalidRequest("send the access token in the Authorization header, and only there (RFC 6750 section 2)")
	}
	token, ok := credentials(r, "Bearer")
	if !ok {
		return "", oauth.InvalidToken("send an access token as Authorization: Bearer TOKEN").With(oauth.ReasonMissing)
	}
	if !isToken68(token) {
		return "", oauth.InvalidRequest("the Authorization header is not Bearer followed by one token (RFC 6750 section 2.1)")
	}
	return token, nil
}

// isToken68 is b64token of RFC 6750 §2.1.
func isToken68(s string) bool {
	body := strings.TrimRight(s, "=")
	for i := range len(body) {
		if !tokenCharacters[body[i]] {
			return false
		}
	}
	return body != ""
}

// tokenCharacters is a table because a token is hundreds of them, in no order that a processor could guess branches by.
var tokenCharacters = func() (known [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") {
		known[c] = true
	}
	return known
}()

// RequestAddress is the client's IP address for limits and the audit log: what
// the server worked out from the proxies it trusts, else the peer of the
// connection. Forwarding headers are not read here, since anybody can send them.
func RequestAddress(r *http.Request) string {
	if address := reqlog.From(r.Context()).Address; address != "" {
		return address
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
