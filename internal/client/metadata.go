package client

import (
	"math"
	"net/url"
	"slices"
	"strings"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/wire"
)

// Bounds of what an app registers.
const (
	maxRedirectURIs = 50
	maxContacts     = 10
	maxContact      = 254 // RFC 5321 §4.5.3.1.3
	maxURI          = 2048
	maxSoftware     = 200
)

// The kinds of application (OpenID Connect Dynamic Client Registration §2).
const (
	ApplicationWeb    = "web"
	ApplicationNative = "native"
)

// CheckMetadata fills in the defaults of RFC 7591 §2 and refuses what this issuer cannot serve or should not. The error is
// invalid_redirect_uri or invalid_client_metadata and says what to do.
func CheckMetadata(at *issuer.Issuer, m *store.ClientMetadata) error {
	setDefaults(at, m)
	for _, check := range []func(*issuer.Issuer, *store.ClientMetadata) error{
		checkApplicationType, checkAuthMethod, checkGrantTypes, checkResponseTypes, checkRedirectURIs, checkScope,
		checkIDTokenAlg, checkPKCE, checkLinks, checkContacts, checkSoftware, checkMaxAge,
	} {
		if err := check(at, m); err != nil {
			return err
		}
	}
	return nil
}

func setDefaults(at *issuer.Issuer, m *store.ClientMetadata) {
	if m.TokenEndpointAuthMethod == "" {
		m.TokenEndpointAuthMethod = oauth.AuthMethodBasic
	}
	if len(m.GrantTypes) == 0 {
		m.GrantTypes = []oauth.GrantType{oauth.GrantAuthorizationCode}
	}
	if len(m.ResponseTypes) == 0 && slices.Contains(m.GrantTypes, oauth.GrantAuthorizationCode) {
		m.ResponseTypes = []string{oauth.ResponseTypeCode}
	}
	if m.ApplicationType == "" {
		m.ApplicationType = ApplicationWeb
	}
	if m.IDTokenSignedAlg == "" {
		m.IDTokenSignedAlg = defaultIDTokenAlg(at)
	}
}

func defaultIDTokenAlg(at *issuer.Issuer) jwk.Alg {
	if len(at.IDTokenAlgs) > 0 {
		return at.IDTokenAlgs[0]
	}
	return jwk.RS256 // OpenID Connect Dynamic Client Registration §2
}

func checkApplicationType(_ *issuer.Issuer, m *store.ClientMetadata) error {
	if m.ApplicationType != ApplicationWeb && m.ApplicationType != ApplicationNative {
		return oauth.InvalidClientMetadata("application_type must be web or native")
	}
	return nil
}

func checkAuthMethod(_ *issuer.Issuer, m *store.ClientMetadata) error {
	switch m.TokenEndpointAuthMethod {
	case oauth.AuthMethodBasic, oauth.AuthMethodPost:
		return nil
	case oauth.AuthMethodNone:
		if m.Introspects { // RFC 7662 §2.1: the endpoint must know who asks
			return oauth.InvalidClientMetadata("a client that introspects tokens must have a secret")
		}
		return nil
	default:
		return oauth.InvalidClientMetadata("token_endpoint_auth_method must be client_secret_basic, client_secret_post or none")
	}
}

func checkGrantTypes(at *issuer.Issuer, m *store.ClientMetadata) error {
	offered := []oauth.GrantType{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials}
	if at.Policy.Device {
		offered = append(offered, oauth.GrantDeviceCode)
	}
	for i, grantType := range m.GrantTypes {
		if !slices.Contains(offered, grantType) {
			return oauth.InvalidClientMetadata("grant_types may hold %s, not %s", listed(offered), grantType)
		}
		if slices.Contains(m.GrantTypes[:i], grantType) {
			return oauth.InvalidClientMetadata("grant_types names %s twice", grantType)
		}
	}
	has := func(grantType oauth.GrantType) bool { return slices.Contains(m.GrantTypes, grantType) }
	refreshable := has(oauth.GrantAuthorizationCode) || has(oauth.GrantDeviceCode) || at.Policy.MachineRefresh && has(oauth.GrantClientCredentials)
	if has(oauth.GrantRefreshToken) && !refreshable {
		return oauth.InvalidClientMetadata("grant_types names refresh_token, which only comes with a grant that a person gives, such as authorization_code")
	}
	if has(oauth.GrantClientCredentials) && m.TokenEndpointAuthMethod == oauth.AuthMethodNone { // RFC 6749 §4.4
		return oauth.InvalidClientMetadata("client_credentials is only for clients with a secret")
	}
	return nil
}

// listed is "a, b and c".
func listed(types []oauth.GrantType) string {
	names := make([]string, len(types))
	for i, grantType := range types {
		names[i] = string(grantType)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// checkResponseTypes holds response_types to grant_types (RFC 7591 §2.1).
func checkResponseTypes(_ *issuer.Issuer, m *store.ClientMetadata) error {
	redirects := slices.Contains(m.GrantTypes, oauth.GrantAuthorizationCode)
	switch {
	case redirects && !slices.Equal(m.ResponseTypes, []string{oauth.ResponseTypeCode}):
		return oauth.InvalidClientMetadata("response_types must be code and nothing else")
	case !redirects && len(m.ResponseTypes) > 0:
		return oauth.InvalidClientMetadata("response_types is only for clients with the authorization_code grant type")
	}
	return nil
}

func checkRedirectURIs(at *issuer.Issuer, m *store.ClientMetadata) error {
	if len(m.RedirectURIs) == 0 && slices.Contains(m.GrantTypes, oauth.GrantAuthorizationCode) { // OAuth 2.1 §2.3.1
		return oauth.InvalidRedirectURI("register at least one redirect URI, such as https://app.example/callback")
	}
	if err := checkURIs(at, "redirect_uris", m.RedirectURIs, m.ApplicationType); err != nil {
		return err
	}
	return checkURIs(at, "post_logout_redirect_uris", m.PostLogoutRedirectURIs, m.ApplicationType) // RP-Initiated Logout §3.1
}

func checkURIs(at *issuer.Issuer, member string, uris []string, applicationType string) error {
	if len(uris) > maxRedirectURIs {
		return oauth.InvalidRedirectURI("%s holds more than %d URIs", member, maxRedirectURIs)
	}
	for i, uri := range uris {
		if err := oauth.CheckRegisteredRedirectURI(uri, applicationType == ApplicationNative, at.Policy.RedirectSchemes...); err != nil {
			return err
		}
		if slices.Contains(uris[:i], uri) {
			return oauth.InvalidRedirectURI("%s holds %s twice", member, uri)
		}
	}
	return nil
}

func checkScope(at *issuer.Issuer, m *store.ClientMetadata) error {
	if unknown := at.Scopes.Unknown(m.Scope); unknown != "" {
		return oauth.InvalidClientMetadata("scope names %s, which is not offered here", unknown)
	}
	return nil
}

func checkIDTokenAlg(at *issuer.Issuer, m *store.ClientMetadata) error {
	if m.IDTokenSignedAlg != defaultIDTokenAlg(at) && !at.SupportsIDTokenAlg(m.IDTokenSignedAlg) {
		return oauth.InvalidClientMetadata("id_token_signed_response_alg must be one of %v", at.IDTokenAlgs)
	}
	return nil
}

// checkPKCE: a public client has nothing but PKCE (OAuth 2.1 §4.1.1).
func checkPKCE(at *issuer.Issuer, m *store.ClientMetadata) error {
	switch {
	case m.PKCEOptional && m.TokenEndpointAuthMethod == oauth.AuthMethodNone:
		return oauth.InvalidClientMetadata("a client without a secret must use PKCE")
	case m.PKCEOptional && !at.PKCEOptional:
		return oauth.InvalidClientMetadata("every client must use PKCE here")
	}
	return nil
}

// checkLinks: these are shown to people as links and pictures.
func checkLinks(_ *issuer.Issuer, m *store.ClientMetadata) error {
	for _, link := range []struct{ member, uri string }{
		{"client_uri", m.ClientURI}, {"logo_uri", m.LogoURI}, {"policy_uri", m.PolicyURI}, {"tos_uri", m.TOSURI},
	} {
		if link.uri != "" && !isWebLink(link.uri) {
			return oauth.InvalidClientMetadata("%s must be an https URL", link.member)
		}
	}
	return nil
}

func isWebLink(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || len(raw) > maxURI || u.User != nil || u.Hostname() == "" || strings.ContainsAny(raw, `\"'<> `) {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

// isLoopback lets an app in development show its own pictures; nothing of it leaves the machine (RFC 6761 §6.3).
func isLoopback(host string) bool {
	return host == "127.0.0.1" || host == "::1" || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func checkContacts(_ *issuer.Issuer, m *store.ClientMetadata) error {
	if len(m.Contacts) > maxContacts {
		return oauth.InvalidClientMetadata("contacts holds more than %d addresses", maxContacts)
	}
	for _, contact := range m.Contacts {
		if len(contact) > maxContact || !strings.Contains(contact, "@") || strings.ContainsFunc(contact, isSpaceOrControl) {
			return oauth.InvalidClientMetadata("contacts must hold e-mail addresses")
		}
	}
	return nil
}

func isSpaceOrControl(r rune) bool { return r <= ' ' || r == 0x7f }

func checkSoftware(_ *issuer.Issuer, m *store.ClientMetadata) error {
	for _, text := range []string{m.SoftwareID, m.SoftwareVersion} {
		if len(text) > maxSoftware || strings.ContainsFunc(text, wire.Misleading) {
			return oauth.InvalidClientMetadata("software_id and software_version must be at most %d characters that can be shown", maxSoftware)
		}
	}
	return nil
}

func checkMaxAge(_ *issuer.Issuer, m *store.ClientMetadata) error {
	if age := m.DefaultMaxAge; age != nil && (*age < 0 || *age > math.MaxInt32) { // seconds; a time that far back does not fit what we reckon with
		return oauth.InvalidClientMetadata("default_max_age must be 0 to %d seconds", math.MaxInt32)
	}
	return nil
}
