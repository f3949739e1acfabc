package discovery

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/signing"
)

// Where an issuer's endpoints are, below its URL.
const (
	PathAuthorize           = "/oauth/authorize"
	PathToken               = "/oauth/token"
	PathIntrospect          = "/oauth/introspect"
	PathRevoke              = "/oauth/revoke"
	PathUserInfo            = "/oauth/userinfo"
	PathLogout              = "/oauth/logout"
	PathDeviceAuthorization = "/oauth/device_authorization"
	PathRegister            = "/oauth/register"
	PathJWKS                = "/.well-known/jwks.json"
	PathOpenIDConfiguration = "/.well-known/openid-configuration"       // OpenID Connect Discovery §4
	PathServerMetadata      = "/.well-known/oauth-authorization-server" // RFC 8414 §3
)

// Config is what one issuer publishes.
type Config struct {
	Issuer *issuer.Issuer
	Keys   *signing.Keys
	// UILocales are the languages of the pages, as BCP 47 tags.
	UILocales []string
}

// Handler publishes one issuer's documents. It is safe for concurrent use.
type Handler struct {
	Config

	metadata document
	keys     latestKeys
}

// New makes the metadata document once.
func New(config Config) (*Handler, error) {
	h := &Handler{Config: config}
	body, err := json.Marshal(h.Metadata())
	if err != nil {
		return nil, fmt.Errorf("metadata of issuer %s: %w", config.Issuer.Name, err)
	}
	h.metadata = newDocument(body)
	return h, nil
}

// JWKS is the issuer's public keys (RFC 7517 §5): next, current and previous.
func (h *Handler) JWKS(ctx context.Context) ([]byte, error) {
	set, err := h.Keys.Set(ctx)
	if err != nil {
		return nil, err
	}
	return set.JWKS(), nil
}

// Metadata is RFC 8414 §2 and OpenID Connect Discovery §3, the same at both addresses.
func (h *Handler) Metadata() oidc.ServerMetadata {
	at := h.Issuer
	metadata := oidc.ServerMetadata{
		Issuer:                at.URL,
		AuthorizationEndpoint: at.Endpoint(PathAuthorize),
		TokenEndpoint:         at.Endpoint(PathToken),
		JWKSURI:               at.Endpoint(PathJWKS),
		UserInfoEndpoint:      at.Endpoint(PathUserInfo),
		IntrospectionEndpoint: at.Endpoint(PathIntrospect),
		RevocationEndpoint:    at.Endpoint(PathRevoke),
		EndSessionEndpoint:    at.Endpoint(PathLogout),

		ScopesSupported:        at.Scopes.Names(),
		ResponseTypesSupported: []string{oauth.ResponseTypeCode},
		ResponseModesSupported: []string{"query"},
		GrantTypesSupported:    h.grantTypes(),

		TokenEndpointAuthMethodsSupported:         []string{oauth.AuthMethodBasic, oauth.AuthMethodPost, oauth.AuthMethodNone},
		IntrospectionEndpointAuthMethodsSupported: []string{oauth.AuthMethodBasic, oauth.AuthMethodPost}, // RFC 7662 §2.1
		RevocationEndpointAuthMethodsSupported:    []string{oauth.AuthMethodBasic, oauth.AuthMethodPost, oauth.AuthMethodNone},

		CodeChallengeMethodsSupported:              []string{oauth.MethodS256},
		AuthorizationResponseIssParameterSupported: true,

		SubjectTypesSupported:            []string{"public"},
		IDTokenSigningAlgValuesSupported: h.idTokenAlgs(),
		ACRValuesSupported:               []string{oidc.ACRPassword},
		ClaimTypesSupported:              []string{"normal"},
		ClaimsSupported:                  claims(),
		PromptValuesSupported:            oidc.PromptValues(),
		UILocalesSupported:               h.UILocales,

		OPPolicyURI:         at.Brand.PrivacyURL,
		OPTermsOfServiceURI: at.Brand.TermsURL,
	}
	if at.Policy.Device {
		metadata.DeviceAuthorizationEndpoint = at.Endpoint(PathDeviceAuthorization)
	}
	if at.Policy.Registration {
		metadata.RegistrationEndpoint = at.Endpoint(PathRegister)
	}
	return metadata
}

// grantTypes leaves out what no client could use: client credentials where no scope can be had with them, device codes where
// no device may ask. Service accounts' assertions are taken everywhere.
func (h *Handler) grantTypes() []string {
	types := []string{string(oauth.GrantAuthorizationCode), string(oauth.GrantRefreshToken), string(oauth.GrantJWTBearer)}
	if slices.ContainsFunc(h.Issuer.Scopes, func(scope issuer.Scope) bool { return scope.Machine }) {
		types = append(types, string(oauth.GrantClientCredentials))
	}
	if h.Issuer.Policy.Device {
		types = append(types, string(oauth.GrantDeviceCode))
	}
	return types
}

func (h *Handler) idTokenAlgs() []string {
	if len(h.Issuer.IDTokenAlgs) == 0 {
		return []string{string(jwk.RS256)}
	}
	names := make([]string, len(h.Issuer.IDTokenAlgs))
	for i, alg := range h.Issuer.IDTokenAlgs {
		names[i] = string(alg)
	}
	return names
}

// claims are what ID Tokens and UserInfo may hold (Discovery §3).
func claims() []string {
	return []string{
		"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid",
		"name", "locale", "updated_at", "email", "email_verified", "account_id",
	}
}
