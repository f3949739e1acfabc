package session

import (
	"net/http"
	"time"
)

// The names of the cookies. With https they get the __Host- prefix: a browser takes such a cookie only from this very host,
// over TLS and for the whole of it, so no neighbouring subdomain can plant one (RFC 6265bis §4.1.3.2).
const (
	sessionCookie = "lk_session"
	deviceCookie  = "lk_devices"
)

func (m *Manager) cookieName(name string) string {
	if m.secure {
		return "__Host-" + name
	}
	return name
}

// Cookie makes a cookie of this very host, see above. It is SameSite=Lax: it comes along when an app sends the person here, and never with another
// site's form.
func (m *Manager) Cookie(name, value string, lifetime time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: m.cookieName(name), Value: value, Path: "/", MaxAge: int(lifetime / time.Second),
		HttpOnly: true, Secure: m.secure, SameSite: http.SameSiteLaxMode,
	}
}

// FindCookie finds one that Cookie made; http.ErrNoCookie when the browser has none.
func (m *Manager) FindCookie(r *http.Request, name string) (*http.Cookie, error) {
	return r.Cookie(m.cookieName(name))
}

// secret is the session cookie's value; "" when there is none, or it cannot be one of ours.
func (m *Manager) secret(r *http.Request) string {
	const longest = 64
	cookie, err := m.FindCookie(r, sessionCookie)
	if err != nil || len(cookie.Value) > longest {
		return ""
	}
	return cookie.Value
}
