package bearer

import (
	"net/http"
	"strings"
)

// maxToken bounds what is hashed, decoded and sent on. Servers keep tokens well under it, since proxies cap headers at
// 8 KiB.
const maxToken = 8 << 10

// tokenFrom reads the access token from the Authorization header, the only method this package takes: a token in a URL
// ends up in logs and histories (RFC 6750 §2.3, §5.3), and the body is the API's own.
func tokenFrom(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	inQuery := r.URL.RawQuery != "" && r.URL.Query().Has("access_token")
	switch {
	case inQuery && len(values) > 0, len(values) > 1:
		return "", invalidRequest("The request carries credentials twice. Send one Authorization header and nothing else.")
	case inQuery:
		return "", invalidRequest("An access token in the URL is not accepted. Send it in the Authorization header, as Bearer.")
	case len(values) == 0:
		return "", missingToken()
	}
	return parseAuthorization(values[0])
}

// parseAuthorization reads one Authorization value (RFC 6750 §2.1). Another scheme is no bearer credential at all, and
// gets the plain challenge; a malformed Bearer value is a bad request (§3.1).
func parseAuthorization(value string) (string, error) {
	scheme, rest, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", missingToken()
	}
	token := strings.TrimLeft(rest, " ")
	if !isTokenSyntax(token) {
		return "", invalidRequest("The Authorization header is malformed. It should read: Bearer, a space, the access token.")
	}
	return token, nil
}

// isTokenSyntax holds a token to b64token (RFC 6750 §2.1): unreserved characters, then padding.
func isTokenSyntax(token string) bool {
	body := strings.TrimRight(token, "=")
	if body == "" || len(token) > maxToken {
		return false
	}
	for i := range len(body) {
		if !isTokenByte(body[i]) {
			return false
		}
	}
	return true
}

func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~+/", c) >= 0
}
