package clients

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"latchkey.dev/tests/person"
)

// golang.org/x/oauth2 and go-oidc: discovery, code with PKCE, the ID Token's checks, UserInfo, refresh, introspection, revocation.
func TestGo(t *testing.T) {
	for _, fixture := range server.fixtures {
		t.Run(fixture.Name, func(t *testing.T) { connectWithGo(t, fixture) })
	}
}

func connectWithGo(t *testing.T, fixture fixture) {
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, server.client)
	provider, err := oidc.NewProvider(ctx, fixture.Issuer)
	if err != nil {
		t.Fatalf("OIDC Discovery §4: %v", err)
	}
	config := &oauth2.Config{
		ClientID: fixture.ClientID, ClientSecret: fixture.ClientSecret, RedirectURL: fixture.RedirectURI,
		Endpoint: provider.Endpoint(), Scopes: strings.Fields(fixture.Scope),
	}
	if fixture.ClientSecret == "" {
		config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	token := exchange(ctx, t, config, fixture)
	claims := verifyIDToken(ctx, t, provider, fixture, token)

	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil || info.Subject != claims.Subject || info.Email != fixture.Email {
		t.Fatalf("OIDC Core §5.3.2: UserInfo = %+v, %v", info, err)
	}

	refreshed, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	if err != nil || refreshed.AccessToken == token.AccessToken || refreshed.RefreshToken == token.RefreshToken {
		t.Fatalf("RFC 6749 §6: %v", err)
	}
	endAndCheck(ctx, t, config, fixture, refreshed)
}

// exchange sends the person through the browser and trades the code, checking state as the library's documentation asks.
func exchange(ctx context.Context, t *testing.T, config *oauth2.Config, fixture fixture) *oauth2.Token {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	target := config.AuthCodeURL("a state", oauth2.S256ChallengeOption(verifier), oidc.Nonce("a nonce"))
	callback, err := person.New(server.client.Transport, fixture.Email, fixture.Password).Allow(target, fixture.RedirectURI)
	if err != nil {
		t.Fatal(err)
	}
	answer := callback.Query()
	if answer.Get("state") != "a state" || answer.Get("iss") != fixture.Issuer {
		t.Fatalf("RFC 6749 §4.1.2, RFC 9207 §2: called back at %s", callback)
	}
	token, err := config.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatalf("RFC 6749 §4.1.3: %v", err)
	}
	return token
}

func verifyIDToken(ctx context.Context, t *testing.T, provider *oidc.Provider, fixture fixture, token *oauth2.Token) *oidc.IDToken {
	t.Helper()
	raw, _ := token.Extra("id_token").(string)
	claims, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: fixture.ClientID}).Verify(ctx, raw)
	if err != nil {
		t.Fatalf("OIDC Core §3.1.3.7: %v", err)
	}
	if claims.Nonce != "a nonce" {
		t.Errorf("OIDC Core §3.1.3.7 step 11: nonce = %q", claims.Nonce)
	}
	if err := claims.VerifyAccessToken(token.AccessToken); err != nil {
		t.Errorf("OIDC Core §3.1.3.6: at_hash: %v", err)
	}
	return claims
}

// endAndCheck introspects, revokes and sees that everything has ended; the libraries leave these two requests to their callers.
func endAndCheck(ctx context.Context, t *testing.T, config *oauth2.Config, fixture fixture, token *oauth2.Token) {
	t.Helper()
	if fixture.ClientSecret != "" {
		if status, body := post(t, fixture, "/oauth/introspect", token.AccessToken); status != http.StatusOK || body["active"] != true {
			t.Errorf("RFC 7662 §2.2: before revocation: %d %v", status, body)
		}
	}
	if status, body := post(t, fixture, "/oauth/revoke", token.RefreshToken); status != http.StatusOK {
		t.Errorf("RFC 7009 §2.2: %d %v", status, body)
	}
	if fixture.ClientSecret != "" {
		if _, body := post(t, fixture, "/oauth/introspect", token.AccessToken); body["active"] != false || len(body) != 1 {
			t.Errorf("RFC 7662 §2.2: after revocation: %v", body)
		}
	}
	_, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	refusal, refused := errors.AsType[*oauth2.RetrieveError](err)
	if !refused || refusal.ErrorCode != "invalid_grant" {
		t.Errorf("RFC 7009 §2.1: refresh after revocation: %v", err)
	}
}

// TestGoSeesWhyItWasRefused: golang.org/x/oauth2 finds out by itself whether a secret goes into the header or the body, as with every
// Endpoint of go-oidc. It repeats a refused request by the other method and shows that answer only. A fresh Config has found out nothing
// yet, as after a restart.
func TestGoSeesWhyItWasRefused(t *testing.T) {
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, server.client)
	for _, name := range []string{"confidential", "post"} {
		app := named(name)
		fresh := func() *oauth2.Config {
			return &oauth2.Config{
				ClientID: app.ClientID, ClientSecret: app.ClientSecret, RedirectURL: app.RedirectURI, Scopes: strings.Fields(app.Scope),
				Endpoint: oauth2.Endpoint{AuthURL: app.Issuer + "/oauth/authorize", TokenURL: app.Issuer + "/oauth/token"},
			}
		}
		token := exchange(ctx, t, fresh(), app)
		if status, body := post(t, app, "/oauth/revoke", token.RefreshToken); status != http.StatusOK {
			t.Fatalf("%d %v", status, body)
		}
		_, refresh := fresh().TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
		_, code := fresh().Exchange(ctx, "unknown", oauth2.VerifierOption(oauth2.GenerateVerifier()))
		for what, err := range map[string]error{"a refresh after revocation": refresh, "an unknown code": code} {
			if refusal, refused := errors.AsType[*oauth2.RetrieveError](err); !refused || refusal.ErrorCode != "invalid_grant" {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}

// RFC 6749 §4.4: a client acts for itself.
func TestGoClientCredentials(t *testing.T) {
	fixture := confidential()
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, server.client)
	config := clientcredentials.Config{
		ClientID: fixture.ClientID, ClientSecret: fixture.ClientSecret, TokenURL: fixture.Issuer + "/oauth/token",
		AuthStyle: oauth2.AuthStyleInHeader, Scopes: []string{"reports:read"},
	}
	token, err := config.Token(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if token.RefreshToken != "" {
		t.Error("RFC 6749 §4.4.3: a refresh token SHOULD NOT be included")
	}
}

func post(t *testing.T, fixture fixture, path, token string) (status int, body map[string]any) {
	t.Helper()
	form := url.Values{"token": {token}}
	if fixture.ClientSecret == "" {
		form.Set("client_id", fixture.ClientID)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fixture.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if fixture.ClientSecret != "" {
		request.SetBasicAuth(url.QueryEscape(fixture.ClientID), url.QueryEscape(fixture.ClientSecret))
	}
	response, err := server.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_ = json.NewDecoder(response.Body).Decode(&body) // the status says enough
	return response.StatusCode, body
}
