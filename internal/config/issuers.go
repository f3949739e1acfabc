package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/yamlfile"
)

// languages are those the pages speak; internal/web holds their words.
var languages = []string{"en", "ar", "vi", "fr"}

var (
	roleName   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	issuerName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	hostName   = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:[0-9]{1,5})?$|^\[[0-9a-f:]+\](:[0-9]{1,5})?$`)
	schemeName = regexp.MustCompile(`^[a-z][a-z0-9+-]{0,31}$`) // RFC 3986 §3.1; one with a dot needs no setting (RFC 8252 §7.1)
	colour     = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
)

func (v *validator) issuers(sections []section) []*issuer.Issuer {
	v.require(len(sections) > 0, "issuers", "is missing: declare at least one, as docs/reference/configuration.md shows")
	issuers := make([]*issuer.Issuer, len(sections))
	names, hosts := map[string]string{}, map[string]string{}
	for i := range sections {
		key := item("issuers", i)
		issuers[i] = v.issuer(key, &sections[i])
		v.unique(names, child(key, "name"), issuers[i].Name)
		for _, host := range issuers[i].Hosts {
			v.unique(hosts, v.hostKey(key, host, sections[i].Hosts), host)
		}
		v.dialectHosts(key, issuers[i], hosts)
	}
	v.sandboxes(issuers)
	return issuers
}

// unique notes a value that another key has already.
func (v *validator) unique(seen map[string]string, key, value string) {
	if other, taken := seen[value]; taken && value != "" {
		v.add(key, "%q stands at %s too: each must be its own", value, other)
		return
	}
	seen[value] = key
}

func (v *validator) hostKey(key, host string, listed []string) string {
	if i := slices.Index(listed, host); i >= 0 {
		return item(child(key, "hosts"), i)
	}
	return child(key, "url")
}

func (v *validator) issuer(key string, s *section) *issuer.Issuer {
	v.require(issuerName.MatchString(s.Name), child(key, "name"), "%q is not a name: write up to 32 small letters, digits and hyphens, a letter first", s.Name)
	v.text(child(key, "title"), s.Title, 60)
	made := &issuer.Issuer{
		Name: s.Name, URL: s.URL, Title: s.Title,
		Hosts:        v.hosts(key, s),
		Brand:        v.brand(child(key, "brand"), s.Brand),
		Audience:     s.Audience,
		Resources:    s.Resources,
		AccessToken:  v.token(child(key, "access_token"), s.AccessToken),
		Lifetimes:    v.lifetimes(child(key, "lifetimes"), s.Lifetimes),
		IDTokenAlgs:  v.algs(child(key, "id_token_algs"), s.IDTokenAlgs),
		SignUp:       s.SignUp,
		PKCEOptional: s.PKCEOptional,
		Policy:       v.policy(key, s),
		Languages:    v.languages(child(key, "languages"), s.Languages),
	}
	made.MemberRoles = v.memberRoles(child(key, "member_roles"), s.MemberRoles)
	made.Scopes = v.scopes(child(key, "scopes"), s.Scopes, made.Roles())
	v.resources(key, made)
	v.speak(key, s, made)
	return made
}

// The answers to when there are refresh tokens.
const (
	refreshOfflineAccess = "offline_access"
	refreshAlways        = "always"
)

// schemes that a browser reads itself. A redirect to one could run as a page, or never leave the browser.
var browserSchemes = []string{"http", "https", "javascript", "data", "vbscript", "file", "blob", "filesystem", "about", "chrome", "view-source", "ws", "wss", "ftp", "mailto"}

func (v *validator) policy(key string, s *section) issuer.Policy {
	v.require(s.RefreshTokens == refreshOfflineAccess || s.RefreshTokens == refreshAlways, child(key, "refresh_tokens"), "%q is not known: write offline_access or always", s.RefreshTokens)
	v.require(s.RegistrationLimit > 0, child(key, "registration_limit"), "must be from 1; leave registration out to close it")
	for i, scheme := range s.RedirectSchemes {
		v.require(schemeName.MatchString(scheme) && !slices.Contains(browserSchemes, scheme), item(child(key, "redirect_schemes"), i),
			`%q is not the scheme of an app: write it in small letters without "://", such as cursor`, scheme)
	}
	return issuer.Policy{
		Device: s.Device, Registration: s.Registration, SandboxOf: s.SandboxOf, RefreshAlways: s.RefreshTokens == refreshAlways,
		RegistrationLimit: int64(s.RegistrationLimit), RedirectSchemes: s.RedirectSchemes,
	}
}

// text bounds what people read, and keeps control characters out of pages and mail headers.
func (v *validator) text(key, value string, longest int) {
	v.require(strings.TrimSpace(value) != "", key, "is missing: people read it")
	v.require(len([]rune(value)) <= longest, key, "is longer than %d letters: shorten it", longest)
	v.require(!strings.ContainsFunc(value, unicode.IsControl), key, "holds a line break or another control character: remove it")
}

// hosts begin with the URL's own (RFC 8414 §2: the identifier is an https URL without query or fragment; ours has no path either).
func (v *validator) hosts(key string, s *section) []string {
	var hosts []string
	if host := v.issuerURL(child(key, "url"), s.URL); host != "" {
		hosts = append(hosts, host)
	}
	for i, host := range s.Hosts {
		if v.require(hostName.MatchString(host), item(child(key, "hosts"), i), `%q is not a host: write it in small letters without https://, such as "login.acme.example"`, host) && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

func (v *validator) issuerURL(key, written string) (host string) {
	at, err := url.Parse(written)
	if !v.require(written != "" && err == nil && at.Host != "" && at.User == nil, key, `must be the issuer's address, such as "https://login.acme.example"`) {
		return ""
	}
	https := at.Scheme == "https" || v.source.AllowHTTP && at.Scheme == "http"
	v.require(https, key, "must begin with https:// (RFC 8414 §2): tokens and passwords travel there")
	bare := at.Scheme + "://" + at.Host
	v.require(written == bare, key, "must end after the host, without a slash, path, query or fragment: write %q", bare)
	v.require(hostName.MatchString(at.Host), key, "%q is not a host in small letters", at.Host)
	defaultPort := at.Scheme == "https" && at.Port() == "443" || at.Scheme == "http" && at.Port() == "80"
	v.require(!defaultPort, key, "leave the port :%s out: browsers and clients do", at.Port())
	return at.Host
}

func (v *validator) brand(key string, s brandSection) issuer.Brand {
	v.require(s.Color == "" || colour.MatchString(s.Color), child(key, "color"), `%q is not a colour: write six digits in quotes, such as "#1f5fbf"`, s.Color)
	v.require(strings.HasPrefix(s.LogoURL, "/") && !strings.HasPrefix(s.LogoURL, "//") || v.link(s.LogoURL), child(key, "logo_url"),
		"must be an https address, or a path on the issuer's own host")
	v.require(v.link(s.SupportURL) || strings.HasPrefix(s.SupportURL, "mailto:"), child(key, "support_url"), "must be an https address or mailto:")
	v.require(v.link(s.PrivacyURL), child(key, "privacy_url"), "must be an https address")
	v.require(v.link(s.TermsURL), child(key, "terms_url"), "must be an https address")
	return issuer.Brand{Color: s.Color, LogoURL: s.LogoURL, SupportURL: s.SupportURL, PrivacyURL: s.PrivacyURL, TermsURL: s.TermsURL}
}

// link tells whether an address may stand in a page; none at all may.
func (v *validator) link(written string) bool {
	at, err := url.Parse(written)
	return written == "" || err == nil && at.Host != "" && (at.Scheme == "https" || v.source.AllowHTTP && at.Scheme == "http")
}

// resources are absolute URIs without a fragment (RFC 8707 §2).
func (v *validator) resources(key string, made *issuer.Issuer) {
	if made.Audience == "" {
		made.Audience = made.URL
	}
	v.require(isResource(made.Audience), child(key, "audience"), "%q must be an absolute URI without a fragment (RFC 8707 §2)", made.Audience)
	for i, resource := range made.Resources {
		v.require(isResource(resource), item(child(key, "resources"), i), "%q must be an absolute URI without a fragment (RFC 8707 §2)", resource)
	}
}

func isResource(written string) bool {
	at, err := url.Parse(written)
	return err == nil && at.IsAbs() && !strings.Contains(written, "#")
}

func (v *validator) token(key string, s tokenSection) issuer.TokenFormat {
	v.require(s.Format == issuer.Opaque || s.Format == issuer.JWT, child(key, "format"), "%q is not known: write opaque or jwt", s.Format)
	v.require(jwk.Alg(s.Alg).Supported(), child(key, "alg"), "%q is not served: write ES256, RS256 or EdDSA", s.Alg)
	v.require(issuer.ValidPrefix(s.Prefix), child(key, "prefix"), issuer.PrefixRule)
	v.require(issuer.ValidPrefix(s.RefreshPrefix), child(key, "refresh_prefix"), issuer.PrefixRule)
	return issuer.TokenFormat{Kind: s.Format, Alg: jwk.Alg(s.Alg), AccessPrefix: s.Prefix, RefreshPrefix: s.RefreshPrefix}
}

func (v *validator) lifetimes(key string, s lifetimesSection) issuer.Lifetimes {
	const year = 365 * 24 * time.Hour
	within := func(name string, value yamlfile.Duration, least, most time.Duration, why string) time.Duration {
		d := time.Duration(value)
		v.require(d >= least && d <= most, child(key, name), "%s is not from %s to %s%s", yamlfile.FormatDuration(d), yamlfile.FormatDuration(least), yamlfile.FormatDuration(most), why)
		return d
	}
	return issuer.Lifetimes{
		Code:         within("code", s.Code, time.Second, 10*time.Minute, ", the most that RFC 6749 §4.1.2 recommends: write 1m"),
		AccessToken:  within("access_token", s.AccessToken, time.Second, year, ": write 1h"),
		IDToken:      within("id_token", s.IDToken, time.Second, year, ": write 1h"),
		RefreshToken: within("refresh_token", s.RefreshToken, time.Second, 10*year, ": write 90d"),
		RefreshGrace: within("refresh_grace", s.RefreshGrace, 0, 10*time.Minute, ", in which a stolen token would still answer: write 30s"),
		Session:      within("session", s.Session, time.Minute, year, ": write 30d"),
		Interaction:  within("interaction", s.Interaction, time.Minute, 24*time.Hour, ": write 1h"),
		EmailCode:    within("email_code", s.EmailCode, time.Minute, 24*time.Hour, ": write 30m"),
		Invitation:   within("invitation", s.Invitation, time.Hour, year, ": write 7d"),
		Device:       within("device", s.Device, time.Minute, 24*time.Hour, ", in which somebody may be talked into entering its code: write 30m"),
		Registration: within("registration", s.Registration, time.Hour, year, ": write 7d"),
	}
}

func (v *validator) algs(key string, written []string) []jwk.Alg {
	v.require(len(written) > 0, key, "names none: write [RS256]")
	algs, seen := make([]jwk.Alg, len(written)), map[string]string{}
	for i, text := range written {
		algs[i] = jwk.Alg(text)
		v.require(algs[i].Supported(), item(key, i), "%q is not served: write RS256, ES256 or EdDSA", text)
		v.unique(seen, item(key, i), text)
	}
	return algs
}

func (v *validator) languages(key string, written []string) []string {
	seen := map[string]string{}
	for i, text := range written {
		v.require(slices.Contains(languages, text), item(key, i), "%q is not a language of the pages: they speak %s", text, strings.Join(languages, ", "))
		v.unique(seen, item(key, i), text)
	}
	return written
}
