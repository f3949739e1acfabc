package token_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/token"
	"latchkey.dev/internal/tokentest"
)

// endpoint is a token endpoint with a connected app.
type endpoint struct {
	*tokentest.Fixture

	handler *token.Handler
	app     tokentest.App
	grant   store.Grant
}

const allScopes = "openid offline_access orders.read orders.write"

func newEndpoint(t testing.TB, adjust ...func(*issuer.Issuer)) *endpoint {
	t.Helper()
	f := tokentest.New(t, adjust...)
	e := &endpoint{Fixture: f, app: f.App()}
	e.handler = token.New(token.Config{Issuer: f.Issuer, Store: f.Store, Clients: f.Clients, Mint: f.Mint, LastUse: f.LastUse})
	e.grant = f.Grant(e.app, allScopes)
	return e
}

// codeRequest redeems a code as its rightful client does.
func (e *endpoint) codeRequest(code string) token.Request {
	return token.Request{
		GrantType: oauth.GrantAuthorizationCode, Client: e.app.Credentials(), Code: code, RedirectURI: tokentest.RedirectURI,
		CodeVerifier: tokentest.Verifier,
	}
}

func (e *endpoint) refreshRequest(refreshToken string) token.Request {
	return token.Request{GrantType: oauth.GrantRefreshToken, Client: e.app.Credentials(), RefreshToken: refreshToken}
}

func (e *endpoint) machineRequest() token.Request {
	return token.Request{GrantType: oauth.GrantClientCredentials, Client: e.app.Credentials()}
}

func (e *endpoint) must(request token.Request) token.Response {
	e.Helper()
	response, err := e.handler.Token(e.Context(), request)
	e.Must(err)
	return response
}

// redeemed is the answer to a new code of the grant.
func (e *endpoint) redeemed(adjust ...func(*store.Code)) token.Response {
	e.Helper()
	return e.must(e.codeRequest(e.Code(e.grant, adjust...)))
}

func (e *endpoint) refused(request token.Request, code, reason string) {
	e.Helper()
	response, err := e.handler.Token(e.Context(), request)
	var meant *oauth.Error
	if !errors.As(err, &meant) || meant.Code != code || meant.Reason != reason {
		e.Errorf("%v, want %s (%s)", err, code, reason)
	}
	if response != (token.Response{}) {
		e.Errorf("a refusal came with %+v", response)
	}
}

// holds tells whether an access token is good, as introspection sees it.
func (e *endpoint) holds(accessToken string) (mint.Access, store.TokenState) {
	e.Helper()
	access, err := e.Mint.ReadAccessToken(e.Context(), accessToken)
	e.Must(err)
	state, err := e.Store.TokenState(e.Context(), store.TokenRef{
		Issuer: e.Issuer.Name, JTI: access.JTI, FamilyID: access.FamilyID, ClientID: access.ClientID, IssuedAt: access.IssuedAt,
	})
	e.Must(err)
	return access, state
}

func TestRFC6749_4_1_4_ACodeBuysWhatWasAllowed(t *testing.T) {
	e := newEndpoint(t)
	response := e.redeemed()
	if response.TokenType != "Bearer" || response.ExpiresIn != 3600 || response.Scope != allScopes || response.IDToken == "" || response.RefreshToken == "" {
		t.Errorf("%+v", response)
	}
	if response.AccountID != e.Account.ID || response.GrantID != e.grant.ID || response.UserID != e.User.ID || response.ClientID != e.app.ID {
		t.Errorf("%+v", response)
	}
	access, state := e.holds(response.AccessToken)
	if state.Ended != "" || access.Subject != e.User.ID || access.AccountID != e.Account.ID || access.ClientID != e.app.ID || access.Audience[0] != e.Issuer.Audience {
		t.Errorf("%+v, %+v", access, state)
	}
	if access.ExpiresAt.Sub(access.IssuedAt) != time.Hour {
		t.Errorf("the access token lives %s", access.ExpiresAt.Sub(access.IssuedAt))
	}
	if tokentest.Count(e.Events(), store.EventTokenIssued) != 1 {
		t.Error("the event is missing")
	}
}

func TestRFC6749_3_2_WhatEveryGrantTypeRefuses(t *testing.T) {
	e := newEndpoint(t)
	codeOnly := e.App(func(m *store.ClientMetadata) { m.GrantTypes = []oauth.GrantType{oauth.GrantAuthorizationCode} })
	machine := e.machineRequest()
	machine.Client = codeOnly.Credentials()
	e.refused(machine, oauth.CodeUnauthorizedClient, "") // §5.2
	e.refused(token.Request{Client: e.app.Credentials()}, oauth.CodeInvalidRequest, "")
	e.refused(token.Request{Client: e.app.Credentials(), GrantType: "password"}, oauth.CodeUnsupportedGrantType, "")
	e.refused(token.Request{Client: e.app.Credentials(), GrantType: "implicit"}, oauth.CodeUnsupportedGrantType, "")
	e.refused(token.Request{GrantType: oauth.GrantAuthorizationCode, Code: "x"}, oauth.CodeInvalidClient, oauth.ReasonMissing)
	wrong := e.codeRequest(e.Code(e.grant))
	wrong.Client.Secret = "lk_cs_wrong"
	e.refused(wrong, oauth.CodeInvalidClient, oauth.ReasonWrongSecret)
	wrong.Client = e.app.Credentials()
	e.must(wrong) // the refusal spent nothing
}

func TestRFC6749_4_1_3_WhatBindsACode(t *testing.T) {
	e := newEndpoint(t)
	other, public := e.App(), e.App(tokentest.Public)
	publicGrant := e.Grant(public, allScopes)
	for _, test := range []struct {
		name         string
		code, reason string
		bound        func(*store.Code)
		asked        func(*token.Request)
	}{
		{"no code", oauth.CodeInvalidRequest, "", nil, func(r *token.Request) { r.Code = "" }},
		{"a code that never was", oauth.CodeInvalidGrant, oauth.ReasonUnknown, nil, func(r *token.Request) { r.Code = "abc" }},
		{"a code of another client", oauth.CodeInvalidGrant, oauth.ReasonWrongClient, nil, func(r *token.Request) { r.Client = other.Credentials() }},
		{"another redirect_uri", oauth.CodeInvalidGrant, oauth.ReasonRedirectMismatch, nil, func(r *token.Request) { r.RedirectURI += "/" }},
		{"no redirect_uri where others are registered", oauth.CodeInvalidGrant, oauth.ReasonRedirectMismatch,
			func(c *store.Code) { c.Binding.RedirectURI = "https://shop.example/other" },
			func(r *token.Request) { r.RedirectURI = "" }},
		{"RFC 7636 4.6 no verifier", oauth.CodeInvalidGrant, oauth.ReasonPKCEMismatch, nil, func(r *token.Request) { r.CodeVerifier = "" }},
		{"RFC 7636 4.6 another verifier", oauth.CodeInvalidGrant, oauth.ReasonPKCEMismatch, nil, func(r *token.Request) { r.CodeVerifier = "x" + r.CodeVerifier[1:] }},
		{"RFC 7636 4.1 a short verifier", oauth.CodeInvalidGrant, oauth.ReasonPKCEMismatch, nil, func(r *token.Request) { r.CodeVerifier = "short" }},
		{"RFC 9700 2.1.1 a verifier without a challenge", oauth.CodeInvalidGrant, oauth.ReasonPKCEMismatch, func(c *store.Code) { c.Binding.CodeChallenge = "" }, nil},
		{"RFC 8707 2.2 a resource that was not authorized", oauth.CodeInvalidTarget, "", nil, func(r *token.Request) { r.Resources = []string{e.Issuer.Resources[0]} }},
		{"scopes that are gone", oauth.CodeInvalidGrant, oauth.ReasonRevokedByUser, func(c *store.Code) { c.Binding.Scopes = tokentest.Scopes("stock.read") }, nil},
	} {
		t.Run(test.name, func(*testing.T) {
			var bound []func(*store.Code)
			if test.bound != nil {
				bound = append(bound, test.bound)
			}
			request := e.codeRequest(e.Code(e.grant, bound...))
			if test.asked != nil {
				test.asked(&request)
			}
			e.refused(request, test.code, test.reason)
		})
	}
	t.Run("OAuth 2.1 7.5 a public client without a challenge", func(*testing.T) {
		request := e.codeRequest(e.Code(publicGrant, func(c *store.Code) { c.Binding.CodeChallenge = "" }))
		request.Client, request.CodeVerifier = public.Credentials(), ""
		e.refused(request, oauth.CodeInvalidGrant, oauth.ReasonPKCEMismatch)
	})
}

func TestOAuth21_4_1_3_TheOnlyRedirectURIMayBeLeftOut(t *testing.T) {
	e := newEndpoint(t)
	request := e.codeRequest(e.Code(e.grant))
	request.RedirectURI = ""
	e.must(request)
}

func TestRFC7636_AConfidentialClientMayRegisterToLeavePKCEOut(t *testing.T) {
	e := newEndpoint(t)
	request := e.codeRequest(e.Code(e.grant, func(c *store.Code) { c.Binding.CodeChallenge = "" }))
	request.CodeVerifier = ""
	e.must(request)
}

func TestRFC6749_4_1_2_ACodeExpires(t *testing.T) {
	e := newEndpoint(t)
	request := e.codeRequest(e.Code(e.grant))
	e.Advance(e.Issuer.Lifetimes.Code)
	e.refused(request, oauth.CodeInvalidGrant, oauth.ReasonExpired)
}

func TestRFC6749_4_1_2_ASecondUseRevokesWhatTheFirstBought(t *testing.T) {
	e := newEndpoint(t)
	request := e.codeRequest(e.Code(e.grant))
	response := e.must(request)
	other := e.redeemed() // another authorization of the same grant
	for range 3 {
		e.refused(request, oauth.CodeInvalidGrant, oauth.ReasonReused)
	}
	if _, state := e.holds(response.AccessToken); state.Ended != oauth.ReasonReused {
		t.Errorf("the access token is %+v", state)
	}
	e.refused(e.refreshRequest(response.RefreshToken), oauth.CodeInvalidGrant, oauth.ReasonReused)
	if _, state := e.holds(other.AccessToken); state.Ended != "" {
		t.Errorf("another device's token ended too: %+v", state)
	}
	if n := tokentest.Count(e.Events(), store.EventCodeReplayed); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

func TestAReplayByAnotherClientRevokesNothing(t *testing.T) {
	e := newEndpoint(t)
	request := e.codeRequest(e.Code(e.grant))
	response := e.must(request)
	request.Client = e.App().Credentials()
	e.refused(request, oauth.CodeInvalidGrant, oauth.ReasonWrongClient)
	if _, state := e.holds(response.AccessToken); state.Ended != "" {
		t.Errorf("%+v", state)
	}
}

func TestACodeOfAConnectionThatEndedIsRefused(t *testing.T) {
	e := newEndpoint(t)
	request := e.codeRequest(e.Code(e.grant))
	e.RevokeGrant(e.grant.ID)
	e.refused(request, oauth.CodeInvalidGrant, oauth.ReasonRevokedByUser)
}

func TestOIDCCore_11_ARefreshTokenNeedsOfflineAccessAndRegistration(t *testing.T) {
	e := newEndpoint(t)
	if response := e.redeemed(func(c *store.Code) { c.Binding.Scopes = tokentest.Scopes("openid orders.read") }); response.RefreshToken != "" {
		t.Error("a refresh token without offline_access")
	}
	online := e.App(func(m *store.ClientMetadata) { m.GrantTypes = []oauth.GrantType{oauth.GrantAuthorizationCode} })
	request := e.codeRequest(e.Code(e.Grant(online, allScopes)))
	request.Client = online.Credentials()
	response := e.must(request)
	if response.RefreshToken != "" {
		t.Error("a refresh token for a client that did not register for it")
	}
	if _, state := e.holds(response.AccessToken); state.Ended != "" {
		t.Errorf("its access token: %+v", state)
	}
	e.refused(request, oauth.CodeInvalidGrant, oauth.ReasonReused)
	if _, state := e.holds(response.AccessToken); state.Ended != oauth.ReasonReused {
		t.Errorf("a replayed code without a refresh token leaves %+v", state)
	}
}

func TestRFC8707_2_2_TheAudienceNarrows(t *testing.T) {
	e := newEndpoint(t)
	both := []string{e.Issuer.Audience, e.Issuer.Resources[0]}
	bind := func(c *store.Code) { c.Binding.Resources = both }
	audience := func(response token.Response) string {
		access, _ := e.holds(response.AccessToken)
		return fmt.Sprint(access.Audience)
	}
	response := e.redeemed(bind)
	if got := audience(response); got != fmt.Sprint(both) {
		t.Errorf("without a wish: %s", got)
	}
	request := e.codeRequest(e.Code(e.grant, bind))
	request.Resources = both[1:]
	if got := audience(e.must(request)); got != fmt.Sprint(both[1:]) {
		t.Errorf("narrowed: %s", got)
	}
	refresh := e.refreshRequest(response.RefreshToken)
	refresh.Resources = both[:1]
	second := e.must(refresh)
	if got := audience(second); got != fmt.Sprint(both[:1]) {
		t.Errorf("narrowed at refresh: %s", got)
	}
	if got := audience(e.must(e.refreshRequest(second.RefreshToken))); got != fmt.Sprint(both) {
		t.Errorf("the next refresh without a wish: %s", got)
	}
	machine := e.machineRequest()
	if got := audience(e.must(machine)); got != fmt.Sprint(both[:1]) {
		t.Errorf("a client's own, without a wish: %s", got)
	}
	machine.Resources = both[1:]
	if got := audience(e.must(machine)); got != fmt.Sprint(both[1:]) {
		t.Errorf("a client's own: %s", got)
	}
	machine.Resources = []string{"https://elsewhere.example"}
	e.refused(machine, oauth.CodeInvalidTarget, "")
}

func TestRFC6749_4_4_ClientCredentials(t *testing.T) {
	e := newEndpoint(t)
	response := e.must(e.machineRequest())
	if response.RefreshToken != "" || response.IDToken != "" { // §4.4.3
		t.Errorf("%+v", response)
	}
	if response.Scope != "orders.read orders.write" { // what it registered and machines may have
		t.Errorf("scope %q", response.Scope)
	}
	access, state := e.holds(response.AccessToken)
	if access.Subject != e.app.ID || access.GrantID != "" || access.FamilyID != "" || state.Ended != "" {
		t.Errorf("%+v, %+v", access, state)
	}
	narrow := e.machineRequest()
	narrow.Scope = "orders.read"
	if got := e.must(narrow).Scope; got != "orders.read" {
		t.Errorf("scope %q", got)
	}
	for _, wide := range []string{"stock.read", "openid", "orders.read unknown", `"`} {
		narrow.Scope = wide
		e.refused(narrow, oauth.CodeInvalidScope, "")
	}
	idle := e.App(func(m *store.ClientMetadata) { m.Scope = tokentest.Scopes("openid stock.read") })
	narrow.Client, narrow.Scope = idle.Credentials(), ""
	e.refused(narrow, oauth.CodeInvalidScope, "")
}

func TestClientCredentialsNeedNoDatabase(t *testing.T) {
	e := newEndpoint(t)
	e.must(e.machineRequest())
	e.Unavailable()
	e.must(e.machineRequest())
}

func TestDatabaseTroubleIsNeverInvalidGrant(t *testing.T) {
	e := newEndpoint(t)
	code := e.codeRequest(e.Code(e.grant))
	refresh := e.refreshRequest(e.redeemed().RefreshToken)
	e.Unavailable()
	for _, request := range []token.Request{code, refresh} {
		if _, err := e.handler.Token(t.Context(), request); !tokentest.IsUnavailable(err) {
			t.Errorf("%s: %v, want unavailable", request.GrantType, err)
		}
	}
}

func TestASuspendedUserBuysNothing(t *testing.T) {
	e := newEndpoint(t)
	refresh := e.refreshRequest(e.redeemed().RefreshToken)
	code := e.codeRequest(e.Code(e.grant))
	suspend := func(suspended bool) {
		e.Tx(func(tx *store.Tx) error { return tx.SuspendUser(e.Issuer.Name, e.User.ID, suspended) })
	}
	suspend(true)
	e.refused(code, oauth.CodeInvalidGrant, oauth.ReasonUserSuspended)
	e.refused(refresh, oauth.CodeInvalidGrant, oauth.ReasonUserSuspended)
	suspend(false)
	e.must(code)
	e.must(refresh)
}

func TestUsingAConnectionIsRemembered(t *testing.T) {
	e := newEndpoint(t)
	e.redeemed()
	e.Must(e.LastUse.Flush(t.Context()))
	grant, err := e.Store.Grant(t.Context(), e.Issuer.Name, e.grant.ID)
	e.Must(err)
	if grant.LastUsedAt != e.Store.Now() {
		t.Errorf("last used %d, want %d", grant.LastUsedAt, e.Store.Now())
	}
}
