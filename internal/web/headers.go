package web

import (
	"net/http"
	"net/url"
	"strings"
)

// setHeaders makes a page uncacheable, unframeable and unable to load or run anything that is not ours.
func setHeaders(h http.Header, f *frame) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", f.Lang)
	h.Set("Content-Security-Policy", policy(f.Nonce, f.meta.flow))
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Add("Vary", "Accept-Language, Cookie")
}

// policy is the page's Content-Security-Policy. Chromium holds form-action against every redirect that follows a post (CSP
// Level 3 §6.4.1.1): with the app's origin alone, Allow did nothing, and said nothing, for an app whose callback sends the
// person on to another host (seen in Chromium with two hosts). So inside a flow any https address may follow.
func policy(nonce string, flow Flow) string {
	formAction := "'self'"
	if source := redirectSource(flow.RedirectURI); source != "" {
		formAction += " https: " + source
	}
	return strings.Join([]string{
		"default-src 'none'", "style-src 'self'", "img-src 'self' data: https:", "script-src 'nonce-" + nonce + "'",
		"form-action " + formAction, "frame-ancestors 'none'", "base-uri 'none'",
	}, "; ")
}

// redirectSource is the CSP source of a redirect URI: its origin, any port on loopback (RFC 8252 §7.3), or its scheme
// (RFC 8252 §7.1). Anything that could break out of the directive gives none.
func redirectSource(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil || u.Scheme == "" || strings.ContainsAny(u.Host, " ;,'\"*") {
		return ""
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return u.Scheme + ":"
	case u.Host == "":
		return ""
	case strings.HasPrefix(u.Host, "["): // CSP has no syntax for IPv6 addresses
		return u.Scheme + ":"
	case isLoopback(u.Hostname()):
		return u.Scheme + "://" + u.Hostname() + ":*"
	}
	return u.Scheme + "://" + u.Host
}
