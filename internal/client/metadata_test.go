package client_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

func settings() *issuer.Issuer {
	return &issuer.Issuer{
		Name: "acme", Scopes: issuer.Catalogue{{Name: "orders.read"}}, IDTokenAlgs: []jwk.Alg{jwk.RS256, jwk.ES256},
	}
}

func TestRFC7591_2_Defaults(t *testing.T) {
	m := store.ClientMetadata{RedirectURIs: []string{"https://app.example/cb"}}
	if err := client.CheckMetadata(settings(), &m); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(m.TokenEndpointAuthMethod, m.GrantTypes, m.ResponseTypes, m.ApplicationType, m.IDTokenSignedAlg)
	if want := "client_secret_basic[authorization_code] [code]webRS256"; got != want {
		t.Errorf("defaults %s, want %s", got, want)
	}
}

func manyURIs(n int) (uris []string) {
	for i := range n {
		uris = append(uris, fmt.Sprintf("https://app.example/%d", i))
	}
	return uris
}

func TestRFC7591_2_Refusals(t *testing.T) {
	for _, test := range []struct {
		name string
		code string
		edit func(*store.ClientMetadata)
	}{
		{"2.3.1 no redirect URI", oauth.CodeInvalidRedirectURI, func(m *store.ClientMetadata) { m.RedirectURIs = nil }},
		{"2.3.1 http elsewhere", oauth.CodeInvalidRedirectURI, func(m *store.ClientMetadata) { m.RedirectURIs = []string{"http://app.example/cb"} }},
		{"2.3.1 fragment", oauth.CodeInvalidRedirectURI, func(m *store.ClientMetadata) { m.RedirectURIs = []string{"https://app.example/#cb"} }},
		{"2.3.1 wildcard", oauth.CodeInvalidRedirectURI, func(m *store.ClientMetadata) { m.RedirectURIs = []string{"https://*.app.example/cb"} }},
		{"RFC 8252 7.1 private scheme of a web app", oauth.CodeInvalidRedirectURI, func(m *store.ClientMetadata) { m.RedirectURIs = []string{"com.example.app:/cb"} }},
		{"twice the same", oauth.CodeInvalidRedirectURI, func(m *store.ClientMetadata) { m.RedirectURIs = append(m.RedirectURIs, m.RedirectURIs...) }},
		{"too many", oauth.CodeInvalidRedirectURI, func(m *store.ClientMetadata) { m.RedirectURIs = manyURIs(51) }},
		{"post-logout javascript", oauth.CodeInvalidRedirectURI, func(m *store.ClientMetadata) { m.PostLogoutRedirectURIs = []string{"javascript:alert(1)"} }},
		{"application type", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.ApplicationType = "browser" }},
		{"auth method", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.TokenEndpointAuthMethod = "private_key_jwt" }},
		{"password grant", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.GrantTypes = []oauth.GrantType{"password"} }},
		{"grant type twice", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.GrantTypes = append(m.GrantTypes, m.GrantTypes...) }},
		{"refresh alone", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.GrantTypes = []oauth.GrantType{oauth.GrantRefreshToken} }},
		{"RFC 6749 4.4 public client credentials", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) {
			m.TokenEndpointAuthMethod, m.GrantTypes = oauth.AuthMethodNone, []oauth.GrantType{oauth.GrantClientCredentials}
		}},
		{"implicit", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.ResponseTypes = []string{"code", "token"} }},
		{"response type without redirects", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) {
			m.GrantTypes, m.ResponseTypes = []oauth.GrantType{oauth.GrantClientCredentials}, []string{"code"}
		}},
		{"unknown scope", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.Scope = oauth.ScopeSet{"orders.read", "root"} }},
		{"algorithm not served", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.IDTokenSignedAlg = jwk.EdDSA }},
		{"algorithm none", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.IDTokenSignedAlg = "none" }},
		{"OAuth 2.1 4.1.1 PKCE optional here", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.PKCEOptional = true }},
		{"RFC 7662 2.1 public introspection", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) {
			m.TokenEndpointAuthMethod, m.Introspects = oauth.AuthMethodNone, true
		}},
		{"http link", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.ClientURI = "http://app.example" }},
		{"script link", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.LogoURI = "javascript:alert(1)" }},
		{"data link", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.LogoURI = "data:image/svg+xml,x" }},
		{"link with a password", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.PolicyURI = "https://a:b@app.example" }},
		{"link with a quote", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.TOSURI = `https://app.example/"x` }},
		{"contact", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.Contacts = []string{"ada"} }},
		{"contact with a line end", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.Contacts = []string{"a@b.example\nBcc: x"} }},
		{"too many contacts", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.Contacts = make([]string, 11) }},
		{"long software_version", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.SoftwareVersion = strings.Repeat("1", 201) }},
		{"negative max age", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.DefaultMaxAge = new(int64(-1)) }},
		{"max age that no clock reaches", oauth.CodeInvalidClientMetadata, func(m *store.ClientMetadata) { m.DefaultMaxAge = new(int64(math.MaxInt32 + 1)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := store.ClientMetadata{RedirectURIs: []string{"https://app.example/cb"}, GrantTypes: []oauth.GrantType{oauth.GrantAuthorizationCode}}
			test.edit(&m)
			err := client.CheckMetadata(settings(), &m)
			if refused := (*oauth.Error)(nil); !errors.As(err, &refused) || refused.Code != test.code {
				t.Errorf("%v, want %s", err, test.code)
			}
		})
	}
}

func TestRFC8252_7_WhatNativeAppsMayRegister(t *testing.T) {
	m := store.ClientMetadata{
		ApplicationType: client.ApplicationNative, TokenEndpointAuthMethod: oauth.AuthMethodNone,
		RedirectURIs: []string{"com.example.app:/cb", "http://127.0.0.1/cb", "https://app.example/cb"},
		GrantTypes:   []oauth.GrantType{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken},
		ClientURI:    "https://app.example", LogoURI: "http://app.localhost:8080/logo.svg", Contacts: []string{"ada@app.example"},
		Scope: oauth.ScopeSet{"openid", "offline_access", "orders.read"}, IDTokenSignedAlg: jwk.ES256,
	}
	if err := client.CheckMetadata(settings(), &m); err != nil {
		t.Error(err)
	}
}

func TestOAuth21_4_1_1_PKCEMayBeOptionalOnlyForConfidentialClients(t *testing.T) {
	at := settings()
	at.PKCEOptional = true
	m := store.ClientMetadata{RedirectURIs: []string{"https://app.example/cb"}, PKCEOptional: true}
	if err := client.CheckMetadata(at, &m); err != nil {
		t.Error(err)
	}
	m.TokenEndpointAuthMethod = oauth.AuthMethodNone
	if err := client.CheckMetadata(at, &m); err == nil {
		t.Error("a public client may leave PKCE out")
	}
}

func TestRFC8628_3_4_ADevicesAppNeedsNoRedirectURI(t *testing.T) {
	device := func() *store.ClientMetadata {
		return &store.ClientMetadata{TokenEndpointAuthMethod: oauth.AuthMethodNone, GrantTypes: []oauth.GrantType{oauth.GrantDeviceCode, oauth.GrantRefreshToken}}
	}
	at := settings()
	if err := client.CheckMetadata(at, device()); err == nil {
		t.Error("registered where devices cannot ask")
	}
	at.Policy.Device = true
	if err := client.CheckMetadata(at, device()); err != nil {
		t.Error(err)
	}
}
