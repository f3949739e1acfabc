package token_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/token"
)

// machinePolicy is a platform whose merchants' servers hold tokens of their own that refresh without a secret.
func machinePolicy(is *issuer.Issuer) {
	is.Policy = issuer.Policy{MachineRefresh: true, RefreshByAccessToken: true, AccountBound: true, RefreshAlways: true}
}

func (e *endpoint) ownTokens() token.Response {
	e.Helper()
	request := e.machineRequest()
	request.AccountID = e.Account.ID
	return e.must(request)
}

func (e *endpoint) refreshWith(tokens token.Response) token.Request {
	return token.Request{
		GrantType: oauth.GrantRefreshToken, RefreshToken: tokens.RefreshToken, AccessToken: tokens.AccessToken, AccountID: e.Account.ID,
	}
}

func TestMachineRefreshIsOffByItself(t *testing.T) {
	e := newEndpoint(t)
	if first := e.must(e.machineRequest()); first.RefreshToken != "" || first.GrantID != "" {
		t.Errorf("RFC 6749 §4.4.3: client credentials came with %+v", first)
	}
	request := e.refreshWith(e.redeemed())
	e.refused(request, oauth.CodeInvalidClient, oauth.ReasonMissing) // an access token proves no client
}

func TestMachineRefreshRotatesOnAGrantWithoutAUser(t *testing.T) {
	e := newEndpoint(t, machinePolicy)
	first := e.ownTokens()
	if first.RefreshToken == "" || first.UserID != "" || first.AccountID != e.Account.ID || first.IDToken != "" {
		t.Fatalf("%+v", first)
	}
	e.Advance(2 * e.Issuer.Lifetimes.AccessToken) // the access token has expired, and proves the client all the same
	second := e.must(e.refreshWith(first))
	if second.RefreshToken == first.RefreshToken || second.Scope != first.Scope || second.GrantID != first.GrantID || second.UserID != "" {
		t.Errorf("first %+v\nsecond %+v", first, second)
	}
	access, state := e.holds(second.AccessToken)
	if access.Subject != e.app.ID || access.AccountID != e.Account.ID || state.Ended != "" {
		t.Errorf("%+v %+v", access, state)
	}
	e.Advance(time.Minute)
	e.refused(e.refreshWith(first), oauth.CodeInvalidGrant, oauth.ReasonReused)
	if _, state := e.holds(second.AccessToken); state.Ended != oauth.ReasonReused {
		t.Errorf("a stolen refresh token left %+v", state)
	}
}

func TestMachineRefreshSharesOneGrantAmongRequestsAtOnce(t *testing.T) {
	e := newEndpoint(t, machinePolicy)
	grants, wait := make([]string, 16), sync.WaitGroup{}
	for i := range grants {
		wait.Go(func() { grants[i] = e.ownTokens().GrantID })
	}
	wait.Wait()
	for _, grant := range grants {
		if grant == "" || grant != grants[0] {
			t.Fatalf("%v", grants)
		}
	}
}

func TestMachineRefreshFollowsTheRegistration(t *testing.T) {
	e := newEndpoint(t, machinePolicy)
	first := e.ownTokens()
	e.Must(e.Clients.Update(e.Context(), e.app.ID, "", func(app *store.Client) error {
		app.Metadata.Scope = oauth.ScopeSet{"orders.read"}
		return nil
	}))
	if now := e.ownTokens(); now.Scope != "orders.read" || now.GrantID != first.GrantID {
		t.Errorf("%+v", now)
	}
	if again := e.must(e.refreshWith(first)); again.Scope != "orders.read" {
		t.Errorf("a refresh kept what the client is no longer registered for: %+v", again)
	}
	e.RevokeGrant(first.GrantID)
	e.refused(e.refreshWith(first), oauth.CodeInvalidGrant, oauth.ReasonRevokedByUser)
	if fresh := e.ownTokens(); fresh.GrantID == first.GrantID {
		t.Error("a grant that was revoked came back to life")
	}
}

func TestMachineRefreshEndsWithTheRegistration(t *testing.T) {
	for name, test := range map[string]struct {
		change       func(*store.ClientMetadata)
		scope        string // of the refresh; "" refuses it
		code, reason string
	}{
		"fewer scopes":  {func(m *store.ClientMetadata) { m.Scope = oauth.ScopeSet{"orders.read"} }, "orders.read", "", ""},
		"none of its":   {func(m *store.ClientMetadata) { m.Scope = oauth.ScopeSet{"stock.read"} }, "", oauth.CodeInvalidGrant, oauth.ReasonRevoked},
		"not a machine": {func(m *store.ClientMetadata) { m.GrantTypes = m.GrantTypes[:2] }, "", oauth.CodeUnauthorizedClient, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t, machinePolicy)
			first := e.ownTokens()
			e.Must(e.Clients.Update(e.Context(), e.app.ID, "", func(app *store.Client) error {
				test.change(&app.Metadata)
				return nil
			}))
			if test.scope == "" {
				e.refused(e.refreshWith(first), test.code, test.reason)
			} else if second := e.must(e.refreshWith(first)); second.Scope != test.scope {
				t.Errorf("a refresh kept what the client is no longer registered for: %+v", second)
			}
		})
	}
}

func TestRFC6749_6_AMachinesRefreshNeverWidensWhatItAsked(t *testing.T) {
	e := newEndpoint(t, machinePolicy)
	request := e.machineRequest()
	request.AccountID, request.Scope, request.Resources = e.Account.ID, "orders.read", e.Issuer.Resources[:1]
	first := e.must(request)
	second := e.must(e.refreshWith(first))
	if access, _ := e.holds(second.AccessToken); second.Scope != "orders.read" || !slices.Equal(access.Audience, e.Issuer.Resources[:1]) {
		t.Errorf("%+v for %v", second, access.Audience)
	}
	wider := e.refreshWith(second)
	wider.Scope = "orders.read orders.write"
	e.refused(wider, oauth.CodeInvalidScope, "")
	wider.Scope, wider.Resources = "", e.Issuer.Resources
	e.refused(wider, oauth.CodeInvalidTarget, "") // RFC 8707 §2.2
}

func TestRefreshByAccessTokenNeedsBothOfOneAuthorization(t *testing.T) {
	e := newEndpoint(t, machinePolicy)
	mine, other := e.ownTokens(), e.ownTokens()
	mixed := e.refreshWith(mine)
	mixed.AccessToken = other.AccessToken
	e.refused(mixed, oauth.CodeInvalidGrant, oauth.ReasonWrongClient)
	mixed.AccessToken = "lk_at_forged"
	e.refused(mixed, oauth.CodeInvalidClient, oauth.ReasonUnknown)
	mixed.AccessToken = ""
	e.refused(mixed, oauth.CodeInvalidClient, oauth.ReasonMissing)
	named := e.refreshWith(mine)
	named.Client.ID = "app_other"
	e.refused(named, oauth.CodeInvalidClient, oauth.ReasonWrongClient)

	access, _ := e.holds(mine.AccessToken)
	e.Tx(func(tx *store.Tx) error { return tx.RevokeToken(access.JTI, access.ExpiresAt) })
	e.refused(e.refreshWith(mine), oauth.CodeInvalidGrant, oauth.ReasonRevoked)
	e.Must(e.Clients.SetStatus(e.Context(), e.app.ID, store.ClientSuspended, ""))
	e.refused(e.refreshWith(other), oauth.CodeInvalidClient, oauth.ReasonClientSuspended)
}

func TestAnAccessTokenProvesARefreshNoLongerThanItsRefreshTokenLives(t *testing.T) {
	e := newEndpoint(t, machinePolicy)
	first := e.ownTokens()
	e.Advance(e.Issuer.Lifetimes.RefreshToken * 2 / 3)
	second := e.must(e.refreshWith(first))
	e.Advance(e.Issuer.Lifetimes.RefreshToken * 2 / 3)
	old := e.refreshWith(second)
	old.AccessToken = first.AccessToken // had it been revoked, nobody would remember
	e.refused(old, oauth.CodeInvalidGrant, oauth.ReasonExpired)
	e.must(e.refreshWith(second))
}

func TestRefreshByAccessTokenWithItsSecretStillWorks(t *testing.T) {
	e := newEndpoint(t, machinePolicy)
	request := e.refreshRequest(e.ownTokens().RefreshToken)
	request.AccountID = e.Account.ID
	e.must(request)
}

func TestAccountBoundRequestsNameTheAccount(t *testing.T) {
	e := newEndpoint(t, machinePolicy)
	request := e.machineRequest()
	e.refused(request, oauth.CodeInvalidClient, oauth.ReasonWrongAccount)
	request.AccountID = "acc_of_somebody_else"
	e.refused(request, oauth.CodeInvalidClient, oauth.ReasonWrongAccount)
	refresh := e.refreshWith(e.ownTokens())
	refresh.AccountID = ""
	e.refused(refresh, oauth.CodeInvalidClient, oauth.ReasonWrongAccount)
	refresh.AccountID = "acc_of_somebody_else"
	e.refused(refresh, oauth.CodeInvalidClient, oauth.ReasonWrongAccount)

	code := e.codeRequest(e.Code(e.grant))
	code.AccountID = "acc_of_somebody_else"
	e.refused(code, oauth.CodeInvalidClient, oauth.ReasonWrongAccount)
	code.AccountID = "" // a code knows its account
	e.must(code)
}

func TestRefreshAlwaysNeedsNoOfflineAccess(t *testing.T) {
	e := newEndpoint(t, func(is *issuer.Issuer) { is.Policy.RefreshAlways = true })
	e.grant = e.Grant(e.app, "orders.read")
	withoutOffline := func(code *store.Code) { code.Binding.Scopes = oauth.ScopeSet{"orders.read"} }
	first := e.redeemed(withoutOffline)
	if first.RefreshToken == "" {
		t.Fatalf("%+v", first)
	}
	if second := e.must(e.refreshRequest(first.RefreshToken)); second.RefreshToken == first.RefreshToken || second.Scope != "orders.read" {
		t.Errorf("%+v", second)
	}
	usual := newEndpoint(t)
	usual.grant = usual.Grant(usual.app, "orders.read")
	if first := usual.redeemed(withoutOffline); first.RefreshToken != "" {
		t.Errorf("OpenID Connect Core §11: %+v", first)
	}
}

func TestDropScopesNarrowsInsteadOfRefusing(t *testing.T) {
	e := newEndpoint(t, func(is *issuer.Issuer) { is.Policy.DropScopes = true })
	request := e.machineRequest()
	request.Scope = "orders.read stock.read nonsense"
	if got := e.must(request); got.Scope != "orders.read" {
		t.Errorf("%+v", got)
	}
	request.Scope = "nonsense"
	e.refused(request, oauth.CodeInvalidScope, "")
}

func TestRoleScopesFollowTheRoleAtEachIssue(t *testing.T) {
	e := newEndpoint(t, func(is *issuer.Issuer) {
		is.Policy.RoleScopes = true
		is.Scopes[1].Roles = []issuer.Role{issuer.RoleOwner, issuer.RoleAdmin} // orders.write
	})
	e.Tx(func(tx *store.Tx) error {
		if err := tx.CreateUser(store.User{Issuer: e.Issuer.Name, ID: "usr_boss", Email: "boss@shop.example"}); err != nil {
			return err
		}
		return tx.AddMember(store.Member{Issuer: e.Issuer.Name, AccountID: e.Account.ID, UserID: "usr_boss", Role: issuer.RoleOwner})
	})
	first := e.redeemed()
	if first.Scope != allScopes {
		t.Fatalf("an owner got %q", first.Scope)
	}
	e.Tx(func(tx *store.Tx) error { return tx.SetRole(e.Issuer.Name, e.Account.ID, e.User.ID, issuer.RoleMember) })
	second := e.must(e.refreshRequest(first.RefreshToken))
	if second.Scope != "openid offline_access orders.read" {
		t.Errorf("a member got %q", second.Scope)
	}
	e.Tx(func(tx *store.Tx) error { return tx.SetRole(e.Issuer.Name, e.Account.ID, e.User.ID, issuer.RoleOwner) })
	if third := e.must(e.refreshRequest(second.RefreshToken)); third.Scope != allScopes {
		t.Errorf("an owner again got %q", third.Scope)
	}
}
