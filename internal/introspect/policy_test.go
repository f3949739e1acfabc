package introspect_test

import (
	"testing"

	"latchkey.dev/internal/introspect"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
)

// ownersOnly makes orders.write a matter of owners, and has roles count whenever a token is looked at.
func ownersOnly(is *issuer.Issuer) {
	is.Policy.RoleScopes = true
	for i := range is.Scopes {
		is.Scopes[i].Roles = []issuer.Role{issuer.RoleOwner}
	}
	is.Scopes[0].Roles = []issuer.Role{issuer.RoleOwner, issuer.RoleAdmin}
}

func TestRoleScopesFollowTheRoleAtIntrospection(t *testing.T) {
	e := newEndpoint(t, ownersOnly)
	e.Tx(func(tx *store.Tx) error {
		if err := tx.CreateUser(store.User{Issuer: e.Issuer.Name, ID: "usr_boss", Email: "boss@shop.example"}); err != nil {
			return err
		}
		return tx.AddMember(store.Member{Issuer: e.Issuer.Name, AccountID: e.Account.ID, UserID: "usr_boss", Role: issuer.RoleOwner})
	})
	e.RevokeGrant(e.grant.ID) // in place of it, one without openid, which every role may have
	e.grant = e.Grant(e.app, "orders.read orders.write")
	token, _ := e.Access(e.grant)
	role := func(role issuer.Role) {
		e.Tx(func(tx *store.Tx) error { return tx.SetRole(e.Issuer.Name, e.Account.ID, e.User.ID, role) })
	}
	if got := e.ask(e.api, token); got.Scope != "orders.read orders.write" {
		t.Errorf("an owner's: %+v", got)
	}
	role(issuer.RoleAdmin)
	if got := e.ask(e.api, token); got.Scope != "orders.read" {
		t.Errorf("an admin's: %+v", got)
	}
	role(issuer.RoleMember)
	e.inactive(e.api, token, oauth.ReasonRoleChanged)
	e.Unavailable()
	if _, err := e.handler.Introspect(e.Context(), introspect.Request{Client: e.api.Credentials(), Token: token}); !tokentest.IsUnavailable(err) {
		t.Errorf("the database's trouble became %v", err)
	}
}
