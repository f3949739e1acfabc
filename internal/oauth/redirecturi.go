package oauth

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxRedirectURI bounds a redirect URI in bytes; it travels in a Location
// header with code, state and iss behind it.
const maxRedirectURI = 2048

// loopbackOrigins are the only places that plain http may lead to (RFC 8252
// §7.3). "localhost" is not recommended there (§8.3), yet apps use it, and it
// never leaves the machine either.
func loopbackOrigins() [3]string {
	return [3]string{"http://127.0.0.1", "http://[::1]", "http://localhost"}
}

// CheckRegisteredRedirectURI says whether a redirect URI may be registered
// (OAuth 2.1 §2.3.1, RFC 8252 §7 and §8.4): https anywhere, http on loopback,
// for native apps a private-use scheme named after a domain, and one of the
// schemes that the platform allows besides. The error is invalid_redirect_uri
// and says what to do.
func CheckRegisteredRedirectURI(raw string, native bool, allowed ...string) error {
	if err := checkRedirectCharacters(raw); err != nil {
		return err
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" {
		return InvalidRedirectURI("a redirect URI must be an absolute URI, such as https://app.example/callback")
	}
	if u.User != nil {
		return InvalidRedirectURI("a redirect URI must not hold a user name or password")
	}
	switch u.Scheme {
	case "https":
		return checkWebHost(u)
	case "http":
		return checkLoopback(raw, u)
	}
	if slices.Contains(allowed, u.Scheme) {
		return nil
	}
	return checkPrivateScheme(u, native)
}

// checkRedirectCharacters refuses what browsers and servers read differently,
// before anything is parsed.
func checkRedirectCharacters(raw string) error {
	switch {
	case raw == "":
		return InvalidRedirectURI("a redirect URI must not be empty")
	case len(raw) > maxRedirectURI:
		return InvalidRedirectURI("a redirect URI must not be longer than %d bytes", maxRedirectURI)
	case strings.Contains(raw, "#"): // RFC 6749 §3.1.2
		return InvalidRedirectURI("a redirect URI must not hold a fragment (#)")
	case strings.Contains(raw, "*"): // OAuth 2.1 §2.3.1: exact comparison only
		return InvalidRedirectURI("a redirect URI must not hold a wildcard (*); register each one in full")
	case strings.Contains(raw, `\`):
		return InvalidRedirectURI("a redirect URI must not hold a backslash")
	}
	for i := range len(raw) {
		if raw[i] <= 0x20 || raw[i] >= 0x7f {
			return InvalidRedirectURI("a redirect URI must be ASCII without spaces or control characters; percent-encode them")
		}
	}
	return nil
}

func checkWebHost(u *url.URL) error {
	if !validHost(u.Hostname()) {
		return InvalidRedirectURI("a redirect URI must name a host, such as https://app.example/callback")
	}
	if port := u.Port(); port != "" && !validPort(port) {
		return InvalidRedirectURI("the port of a redirect URI must be between 1 and 65535")
	}
	return nil
}

func checkLoopback(raw string, u *url.URL) error {
	if _, _, ok := splitLoopback(raw); !ok {
		return InvalidRedirectURI("http is only for loopback (http://127.0.0.1/callback); use https elsewhere (RFC 8252 section 7.3)")
	}
	return checkWebHost(u)
}

// checkPrivateScheme holds to RFC 8252 §7.1 and §8.4: a scheme without a dot
// could belong to anybody, and javascript: or data: would run in the browser.
func checkPrivateScheme(u *url.URL, native bool) error {
	if !strings.Contains(u.Scheme, ".") {
		return InvalidRedirectURI("the scheme of a redirect URI must be https, or for a native app a private-use scheme such as com.example.app")
	}
	if !native {
		return InvalidRedirectURI("a private-use scheme is only for native apps; use https, or register the app as native (RFC 8252 section 7.1)")
	}
	return nil
}

// validHost takes DNS names, IPv4 and IPv6 literals, and nothing that a
// browser could read as the end of the host.
func validHost(host string) bool {
	for i := range len(host) {
		if c := host[i]; !unreserved(c) && c != ':' || c == '~' {
			return false
		}
	}
	return host != "" && host[0] != '.'
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// MatchRedirectURI reports whether the requested URI is one of those
// registered: equal to the byte (OAuth 2.1 §2.3.1), except that a loopback
// http URI may come with any port, as native apps get theirs from the
// operating system (RFC 8252 §7.3).
func MatchRedirectURI(registered []string, requested string) bool {
	if requested == "" {
		return false
	}
	if slices.Contains(registered, requested) {
		return true
	}
	origin, rest, ok := splitLoopback(requested)
	if !ok {
		return false
	}
	return slices.ContainsFunc(registered, func(r string) bool {
		registeredOrigin, registeredRest, ok := splitLoopback(r)
		return ok && registeredOrigin == origin && registeredRest == rest
	})
}

// splitLoopback cuts a loopback http URI into origin without port, and what
// follows the port. It works on the text, not on a parsed URL, so that no
// difference between two URL parsers can matter.
func splitLoopback(raw string) (origin, rest string, ok bool) {
	for _, origin := range loopbackOrigins() {
		rest, found := strings.CutPrefix(raw, origin)
		if !found {
			continue
		}
		if after, hasPort := strings.CutPrefix(rest, ":"); hasPort {
			port := after[:len(after)-len(strings.TrimLeft(after, "0123456789"))]
			if !validPort(port) {
				return "", "", false
			}
			rest = after[len(port):]
		}
		return origin, rest, rest == "" || rest[0] == '/' || rest[0] == '?'
	}
	return "", "", false
}
