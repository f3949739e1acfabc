package register

import (
	"cmp"
	"net/url"
	"slices"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/wire"
)

// Metadata is what an app says about itself (RFC 7591 §2, OpenID Connect Dynamic Client Registration §2, RP-Initiated Logout §3.1).
// Members that are not here are ignored, as §2 asks; the answer tells what was registered.
type Metadata struct {
	RedirectURIs            []string          `json:"redirect_uris,omitempty"`
	TokenEndpointAuthMethod string            `json:"token_endpoint_auth_method,omitempty"`
	GrantTypes              []oauth.GrantType `json:"grant_types,omitempty"`
	ResponseTypes           []string          `json:"response_types,omitempty"`
	ClientName              string            `json:"client_name,omitempty"`
	ClientURI               string            `json:"client_uri,omitempty"`
	LogoURI                 string            `json:"logo_uri,omitempty"`
	Scope                   string            `json:"scope,omitempty"`
	Contacts                []string          `json:"contacts,omitempty"`
	TOSURI                  string            `json:"tos_uri,omitempty"`
	PolicyURI               string            `json:"policy_uri,omitempty"`
	SoftwareID              string            `json:"software_id,omitempty"`
	SoftwareVersion         string            `json:"software_version,omitempty"`
	ApplicationType         string            `json:"application_type,omitempty"`
	PostLogoutRedirectURIs  []string          `json:"post_logout_redirect_uris,omitempty"`
	IDTokenSignedAlg        jwk.Alg           `json:"id_token_signed_response_alg,omitempty"`
	DefaultMaxAge           *int64            `json:"default_max_age,omitempty"` // seconds
}

// Change is what an app sends to replace its registration (RFC 7592 §2.2).
type Change struct {
	Metadata

	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"`
}

// Registered is the answer: all that is registered, and what to manage it with (RFC 7591 §3.2.1, RFC 7592 §3).
type Registered struct {
	ClientID              string `json:"client_id"`
	ClientSecret          string `json:"client_secret,omitempty"` // only when it is new: it is not kept
	ClientIDIssuedAt      int64  `json:"client_id_issued_at"`
	ClientSecretExpiresAt *int64 `json:"client_secret_expires_at,omitempty"` // 0: never; there with client_secret

	RegistrationAccessToken string `json:"registration_access_token"`
	RegistrationClientURI   string `json:"registration_client_uri"`

	Metadata
}

// Parse reads metadata strictly. What cannot be read is invalid_client_metadata.
func Parse(data []byte) (m Metadata, err error) {
	err = unreadable(wire.DecodeJSON(data, &m))
	return m, err
}

// unreadable gives a member of the wrong type the code that RFC 7591 §3.2.2 has for it.
func unreadable(err error) error {
	if said, ok := err.(*oauth.Error); ok && said.Status == 0 && said.Code == oauth.CodeInvalidRequest { //nolint:errorlint // wire's own, never wrapped
		said.Code = oauth.CodeInvalidClientMetadata
	}
	return err
}

// stored is the metadata as the registry keeps it, at an issuer that offers these scopes. What only the platform may set is taken
// over from before.
func (m *Metadata) stored(offered oauth.ScopeSet, before store.ClientMetadata) (store.ClientMetadata, error) {
	scope, err := oauth.ParseScope(m.Scope)
	if err != nil {
		return store.ClientMetadata{}, oauth.InvalidClientMetadata("scope is malformed: names with one space between")
	}
	byItself := slices.Contains(before.GrantTypes, oauth.GrantClientCredentials)
	if byItself || !before.AnyScope { // the platform's choice, which no person is asked about, or that it has narrowed
		scope = before.Scope
	}
	if scope = scope.Intersect(offered); len(scope) == 0 && before.AnyScope { // RFC 7591 §2: the server's default
		scope = offered
	}
	if slices.Contains(m.GrantTypes, oauth.GrantClientCredentials) && !byItself {
		// It would be access without any person's consent, for anybody on the Internet.
		return store.ClientMetadata{}, oauth.InvalidClientMetadata("client_credentials is for apps that the platform registered; leave it out, or ask the platform")
	}
	return store.ClientMetadata{
		RedirectURIs: m.RedirectURIs, PostLogoutRedirectURIs: m.PostLogoutRedirectURIs, TokenEndpointAuthMethod: m.TokenEndpointAuthMethod,
		GrantTypes: m.GrantTypes, ResponseTypes: m.ResponseTypes, ApplicationType: m.ApplicationType, Scope: scope, ClientURI: m.ClientURI,
		LogoURI: m.LogoURI, PolicyURI: m.PolicyURI, TOSURI: m.TOSURI, Contacts: m.Contacts, SoftwareID: m.SoftwareID,
		SoftwareVersion: m.SoftwareVersion, IDTokenSignedAlg: m.IDTokenSignedAlg, DefaultMaxAge: m.DefaultMaxAge,
		PKCEOptional: before.PKCEOptional && m.TokenEndpointAuthMethod != oauth.AuthMethodNone, Introspects: before.Introspects,
		AnyScope: before.AnyScope,
	}, nil
}

// name is what people see of an app that gave itself no name: where it lives (RFC 7591 §2).
func (m *Metadata) name() string {
	for _, uri := range append([]string{m.ClientURI}, m.RedirectURIs...) {
		if u, err := url.Parse(uri); err == nil && u.Hostname() != "" && m.ClientName == "" {
			return u.Hostname()
		}
	}
	return cmp.Or(m.ClientName, "Unnamed app")
}

// metadataOf is what the registry keeps, as it is said.
func metadataOf(client *store.Client) Metadata {
	m := client.Metadata
	return Metadata{
		RedirectURIs: m.RedirectURIs, TokenEndpointAuthMethod: m.TokenEndpointAuthMethod, GrantTypes: m.GrantTypes, ResponseTypes: m.ResponseTypes,
		ClientName: client.Name, ClientURI: m.ClientURI, LogoURI: m.LogoURI, Scope: m.Scope.String(), Contacts: m.Contacts, TOSURI: m.TOSURI,
		PolicyURI: m.PolicyURI, SoftwareID: m.SoftwareID, SoftwareVersion: m.SoftwareVersion, ApplicationType: m.ApplicationType,
		PostLogoutRedirectURIs: m.PostLogoutRedirectURIs, IDTokenSignedAlg: m.IDTokenSignedAlg, DefaultMaxAge: m.DefaultMaxAge,
	}
}
