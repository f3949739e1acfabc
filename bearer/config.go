package bearer

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	defaultTimeout = 5 * time.Second
	defaultLeeway  = 30 * time.Second
	defaultEntries = 10_000
)

// Config says whose tokens an API accepts. Issuer and Audience are always needed.
type Config struct {
	// Issuer is the authorization server's issuer identifier, exactly as its metadata and tokens spell it.
	// It must be https, except on a loopback or .localhost host while developing.
	Issuer string

	// Audience is what aud must contain: usually this API's own URL. Introspection does not make it superfluous:
	// that a token is active does not say which API it is for (RFC 7662 §4).
	Audience string

	// ClientID and ClientSecret are this API's own credentials at the authorization server. When they are set,
	// tokens are introspected; when they are not, tokens are JWTs verified here.
	ClientID     string
	ClientSecret string

	// IntrospectionAge is for how long a positive introspection answer may be used again. Zero asks every time,
	// so that a revoked token stops at once.
	IntrospectionAge time.Duration

	// IntrospectionEntries bounds how many answers are remembered. Zero means 10,000.
	IntrospectionEntries int

	// Resource is this API's resource identifier (RFC 9728 §1.2). Empty means Audience, when that is a URL.
	// When neither is one, no metadata is published and challenges carry no resource_metadata.
	Resource string

	// Name is this API's name for people, published in its metadata.
	Name string

	// Scopes are the scopes this API understands, published in its metadata.
	Scopes []string

	// Realm is the realm in challenges. Empty means Resource, or Audience where that is empty.
	Realm string

	// HTTPClient carries the calls to the authorization server; redirects are never followed. Nil means a client
	// with Go's default transport.
	HTTPClient *http.Client

	// Timeout bounds one call to the authorization server. Zero means five seconds.
	Timeout time.Duration

	// Leeway is how far the authorization server's clock and this one may differ. Zero means 30 seconds.
	Leeway time.Duration

	// Refuse writes the answer's status and body when a request is turned away; the WWW-Authenticate,
	// Retry-After and Cache-Control headers are already set. Nil writes a small JSON object.
	Refuse func(http.ResponseWriter, *http.Request, *Refusal)

	// Logger hears of trouble with the authorization server, never of a token. Nil means silence.
	Logger *slog.Logger

	// Now is the clock. Nil means the system's.
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Leeway == 0 {
		c.Leeway = defaultLeeway
	}
	if c.IntrospectionEntries == 0 {
		c.IntrospectionEntries = defaultEntries
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Refuse == nil {
		c.Refuse = writeRefusal
	}
	if c.Resource == "" && isURL(c.Audience) {
		c.Resource = c.Audience
	}
	c.Realm = cmp.Or(c.Realm, c.Resource, c.Audience)
	c.HTTPClient = withoutRedirects(c.HTTPClient)
	return c
}

func (c Config) check() error {
	if err := checkIdentifier(c.Issuer); err != nil {
		return fmt.Errorf("bearer: Issuer: %w", err)
	}
	if c.Audience == "" {
		return errors.New("bearer: Audience: a token is meant for some API; say which audience is this one (RFC 9068 §4)")
	}
	if (c.ClientID == "") != (c.ClientSecret == "") {
		return errors.New("bearer: ClientID and ClientSecret go together: introspection is authenticated (RFC 7662 §2.1)")
	}
	if c.Timeout < 0 || c.Leeway < 0 || c.IntrospectionAge < 0 || c.IntrospectionEntries < 0 {
		return errors.New("bearer: Timeout, Leeway, IntrospectionAge and IntrospectionEntries cannot be negative")
	}
	if c.Resource != "" {
		if err := checkIdentifier(c.Resource); err != nil {
			return fmt.Errorf("bearer: Resource: %w", err)
		}
	}
	if !isQuotable(c.Realm) {
		return errors.New("bearer: Realm: only printable ASCII without quotes and backslashes")
	}
	return checkScopes(c.Scopes)
}

// checkIdentifier holds issuer and resource identifiers to RFC 8414 §2 and RFC 9728 §1.2: https, no fragment. A
// query is refused too, since no well-known URL can be made from it unambiguously.
func checkIdentifier(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || !isQuotable(raw):
		return fmt.Errorf("%q is not an absolute URL", raw)
	case u.Fragment != "" || u.RawQuery != "" || u.ForceQuery || u.User != nil:
		return fmt.Errorf("%q has a query, a fragment or a user", raw)
	}
	return checkTransport(u)
}

// checkTransport lets clear text through only where it cannot leave the machine.
func checkTransport(u *url.URL) error {
	if u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()) {
		return nil
	}
	return fmt.Errorf("%q must be https", u.Redacted())
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

// isQuotable reports whether s can stand in a quoted-string as it is, and so can never break out of a challenge.
func isQuotable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e || s[i] == '"' || s[i] == '\\' {
			return false
		}
	}
	return true
}

// checkScopes holds scope names to RFC 6749 §3.3.
func checkScopes(scopes []string) error {
	for _, scope := range scopes {
		if scope == "" || strings.Contains(scope, " ") || !isQuotable(scope) {
			return fmt.Errorf("bearer: %q is not one scope (RFC 6749 §3.3)", scope)
		}
	}
	return nil
}

// withoutRedirects copies the client: a redirect could carry the API's credentials, or the trust in its keys, to a
// host that the issuer's metadata never named.
func withoutRedirects(given *http.Client) *http.Client {
	client := &http.Client{}
	if given != nil {
		*client = *given
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}
