package interaction

import (
	"net/url"
	"path"
	"strings"
)

// home is where a sign-in without an app ends.
const home = "/connected"

const longestPath = 512

// LocalPath returns next if it is a plain path on this host, and the home page otherwise: whatever a browser might read as
// another host, or normalise into one, is refused (RFC 3986 §4.2, the URL Standard's backslashes and tabs).
func LocalPath(next string) string {
	if !isLocalPath(next) {
		return home
	}
	return next
}

func isLocalPath(next string) bool {
	if len(next) > longestPath || !strings.HasPrefix(next, "/") {
		return false
	}
	for _, c := range next {
		if c <= ' ' || c >= 0x7f || strings.ContainsRune(`\"<>^{|}`+"`", c) {
			return false
		}
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.User != nil || u.Fragment != "" {
		return false
	}
	// Cleaning must change nothing: "//host", "/./" and "/../" all say one thing and mean another.
	return path.Clean(u.Path) == strings.TrimSuffix(u.Path, "/") || u.Path == "/"
}
