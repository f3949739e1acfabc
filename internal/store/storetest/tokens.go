package storetest

import (
	"errors"
	"reflect"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

var codes = []test{
	{"a code reads back with its grant", func(f *fixture) {
		want := f.code(f.connection(), "code")
		got, err := f.s.Code(f.ctx(), acme, want.Hash)
		f.ok(err)
		if !reflect.DeepEqual(got.Binding, want.Binding) {
			f.t.Errorf("binding: got %+v, want %+v", got.Binding, want.Binding)
		}
		equal(f, "grant", got.Grant.ID, want.Grant.ID)
		equal(f, "family", got.FamilyID, want.FamilyID)
		equal(f, "used", got.UsedAt.Never(), true)
		_, err = f.s.Code(f.ctx(), other, want.Hash)
		f.refused(err, store.ErrNotFound)
	}},
	{"the same code again changes nothing", func(f *fixture) {
		code := f.code(f.connection(), "code")
		f.do(func(tx *store.Tx) error { return tx.RedeemCode(code.Hash, f.familyOf(code)) })
		f.do(func(tx *store.Tx) error { return tx.CreateCode(code) }) // a double-clicked Allow, late
		got, err := f.s.Code(f.ctx(), acme, code.Hash)
		f.ok(err)
		equal(f, "still spent", got.UsedAt.Never(), false)
	}},
	{"a code at once needs the role that was looked at", func(f *fixture) {
		grant := f.connection()
		atOnce := func(name string, grant store.Grant, role issuer.Role) error {
			code := store.Code{Hash: store.Hash(name), Issuer: acme, ClientID: grant.ClientID, FamilyID: name, Grant: grant, ExpiresAt: f.later()}
			err := f.s.Decide(f.ctx(), func(tx *store.Tx) error { return tx.CreateCodeAtOnce(code, role) })
			if err == nil {
				f.do(func(tx *store.Tx) error { return tx.RedeemCode(code.Hash, f.familyOf(code)) })
			}
			return err
		}
		f.ok(atOnce("owner", grant, issuer.RoleOwner))
		f.refused(atOnce("lowered", grant, issuer.RoleMember), store.ErrNotFound)
		elsewhere := grant
		elsewhere.AccountID = "none"
		f.refused(atOnce("elsewhere", elsewhere, issuer.RoleOwner), store.ErrNotFound)
		for _, name := range []string{"lowered", "elsewhere"} {
			_, err := f.s.Code(f.ctx(), acme, store.Hash(name))
			f.refused(err, store.ErrNotFound)
		}
	}},
	{"RFC 6749 §4.1.2: a code is spent once, and stays", func(f *fixture) {
		code := f.code(f.connection(), "code")
		f.ok(f.redeem(code))
		f.refused(f.redeem(code), store.ErrNotFound)
		f.refused(f.try(func(tx *store.Tx) error { return tx.RedeemCode(code.Hash, f.familyOf(code)) }), store.ErrNotFound)
		equal(f, "events", f.redemptions(code), 1)
		got, err := f.s.Code(f.ctx(), acme, code.Hash)
		f.ok(err)
		equal(f, "spent", got.UsedAt.Never(), false)
		family, err := f.s.Family(f.ctx(), acme, code.FamilyID)
		f.ok(err)
		equal(f, "generation", family.Generation, 1)
		equal(f, "binding", family.Binding.SessionID, "sid")
		equal(f, "user", family.UserID, "noura")
	}},
	{"RFC 6749 §4.1.2: an expired code buys nothing", func(f *fixture) {
		code := store.Code{Hash: store.Hash("late"), Issuer: acme, ClientID: "robot", FamilyID: "f", Grant: f.connection(), ExpiresAt: f.earlier()}
		f.do(func(tx *store.Tx) error { return tx.CreateCode(code) })
		f.boughtNothing(code)
	}},
	{"a code of a revoked connection buys nothing", func(f *fixture) {
		code := f.code(f.connection(), "code")
		f.ok(f.revoke(acme, code.Grant.ID))
		f.boughtNothing(code)
	}},
	{"a code buys its own family only", func(f *fixture) {
		code := f.code(f.connection(), "code")
		code.FamilyID = "another"
		f.boughtNothing(code)
	}},
	{"a redemption that fails later leaves the code unspent", func(f *fixture) {
		code := f.code(f.connection(), "code")
		f.refused(f.try(func(tx *store.Tx) error {
			return errors.Join(tx.RedeemCode(code.Hash, f.familyOf(code)), errRefused)
		}), errRefused)
		f.do(func(tx *store.Tx) error { return tx.RedeemCode(code.Hash, f.familyOf(code)) })
	}},
	{"an unknown code", func(f *fixture) {
		f.refused(f.try(func(tx *store.Tx) error { return tx.RedeemCode(store.Hash("none"), store.Family{}) }), store.ErrNotFound)
	}},
}

var families = []test{
	{"rotation moves one generation", func(f *fixture) {
		family := f.family(f.connection(), "code")
		f.ok(f.rotate(family.ID, 1))
		f.refused(f.rotate(family.ID, 1), store.ErrNotFound)
		f.refused(f.rotate(family.ID, 3), store.ErrNotFound)
		f.ok(f.rotate(family.ID, 2))
		got, err := f.s.Family(f.ctx(), acme, family.ID)
		f.ok(err)
		equal(f, "generation", got.Generation, 3)
		equal(f, "grant", got.Grant.ID, family.Grant.ID)
	}},
	{"an ended family does not rotate", func(f *fixture) {
		family := f.family(f.connection(), "code")
		end := func(issuerName string) error {
			return f.try(func(tx *store.Tx) error { return tx.RevokeFamily(issuerName, family.ID, oauth.ReasonReused) })
		}
		f.refused(end(other), store.ErrNotFound)
		f.ok(end(acme))
		f.refused(end(acme), store.ErrNotFound)
		f.refused(f.rotate(family.ID, 1), store.ErrNotFound)
		got, err := f.s.Family(f.ctx(), acme, family.ID)
		f.ok(err)
		equal(f, "reason", got.RevokeReason, oauth.ReasonReused)
	}},
	{"a family of an ended connection does not rotate", func(f *fixture) {
		family := f.family(f.connection(), "code")
		f.ok(f.revoke(acme, family.Grant.ID))
		f.refused(f.rotate(family.ID, 1), store.ErrNotFound)
	}},
	{"an expired family does not rotate", func(f *fixture) {
		family := f.family(f.connection(), "code")
		f.do(func(tx *store.Tx) error { return tx.RotateRefreshToken(family.ID, 1, 2, f.earlier()) })
		f.refused(f.rotate(family.ID, 2), store.ErrNotFound)
	}},
	{"a family may rotate and keep its end", func(f *fixture) {
		family, err := f.s.Family(f.ctx(), acme, f.family(f.connection(), "code").ID)
		f.ok(err)
		f.do(func(tx *store.Tx) error { return tx.RotateRefreshToken(family.ID, 1, 2, 0) })
		kept, err := f.s.Family(f.ctx(), acme, family.ID)
		f.ok(err)
		equal(f, "generation", kept.Generation, 2)
		equal(f, "end", kept.ExpiresAt, family.ExpiresAt)
		f.refused(f.try(func(tx *store.Tx) error { return tx.RotateRefreshToken(family.ID, 1, 2, 0) }), store.ErrNotFound)
		f.do(func(tx *store.Tx) error { return tx.RotateRefreshToken(family.ID, 2, 3, f.earlier()) })
		f.refused(f.try(func(tx *store.Tx) error { return tx.RotateRefreshToken(family.ID, 3, 4, 0) }), store.ErrNotFound)
		equal(f, "end of one that is unused", kept.EndsAt(time.Second), kept.RotatedAt.Add(time.Second))
		equal(f, "end of its row", kept.EndsAt(1000*time.Hour), kept.ExpiresAt)
	}},
	{"a family whose rotations were lost moves beyond them, once", func(f *fixture) {
		family := f.family(f.connection(), "code")
		ahead := func() error {
			return f.try(func(tx *store.Tx) error { return tx.RotateRefreshToken(family.ID, 1, 8, f.later()) })
		}
		f.ok(ahead())
		f.refused(ahead(), store.ErrNotFound)
		f.refused(f.rotate(family.ID, 1), store.ErrNotFound)
		f.ok(f.rotate(family.ID, 8))
	}},
	{"two families of one connection do not disturb each other", func(f *fixture) {
		grant := f.connection()
		phone, laptop := f.family(grant, "phone"), f.family(grant, "laptop")
		f.do(func(tx *store.Tx) error { return tx.RevokeFamily(acme, phone.ID, oauth.ReasonReused) })
		f.ok(f.rotate(laptop.ID, 1))
	}},
	{"another issuer never sees one", func(f *fixture) {
		family := f.family(f.connection(), "code")
		_, err := f.s.Family(f.ctx(), other, family.ID)
		f.refused(err, store.ErrNotFound)
	}},
	{"a client's own families share one grant without a user", func(f *fixture) {
		f.client("robot")
		first := f.ownFamily(f.s.NewID(), "orders.read")
		f.do(func(tx *store.Tx) error { return tx.CreateOwnFamily(first) })
		second := f.ownFamily(first.Grant.ID, "orders.read orders.write") // more was registered since
		f.do(func(tx *store.Tx) error { return tx.CreateOwnFamily(second) })
		f.refused(f.try(func(tx *store.Tx) error { return tx.CreateOwnFamily(f.ownFamily(f.s.NewID(), "orders.read")) }), store.ErrConflict)
		f.ok(f.rotate(first.ID, 1))
		got, err := f.s.Family(f.ctx(), acme, first.ID)
		f.ok(err)
		equal(f, "user", got.UserID, "")
		equal(f, "grant's scopes", got.Grant.Scopes.String(), "orders.read orders.write")
		state, err := f.s.TokenState(f.ctx(), f.userToken(second))
		f.ok(err)
		equal(f, "ended", state.Ended, "")
		f.ok(f.revoke(acme, first.Grant.ID))
		state, err = f.s.TokenState(f.ctx(), f.userToken(second))
		f.ok(err)
		equal(f, "ended with the grant", state.Ended, oauth.ReasonRevokedByUser)
		late := f.ownFamily(first.Grant.ID, "orders.read") // of who read the grant before it ended
		f.refused(f.try(func(tx *store.Tx) error { return tx.CreateOwnFamily(late) }), store.ErrConflict)
		f.do(func(tx *store.Tx) error { return tx.CreateOwnFamily(f.ownFamily(f.s.NewID(), "orders.read")) }) // a new one begins
	}},
	{"a family of a person who is not there is unknown", func(f *fixture) {
		f.client("robot")
		ghost := f.ownFamily(f.s.NewID(), "orders.read")
		ghost.UserID = "nobody"
		f.do(func(tx *store.Tx) error { return tx.CreateOwnFamily(ghost) })
		_, err := f.s.Family(f.ctx(), acme, ghost.ID)
		f.refused(err, store.ErrNotFound)
		_, err = f.s.TokenState(f.ctx(), f.userToken(ghost))
		f.refused(err, store.ErrNotFound)
	}},
}

// ownFamily is what a client gets for itself.
func (f *fixture) ownFamily(grantID, scopes string) store.Family {
	f.t.Helper()
	allowed, err := oauth.ParseScope(scopes)
	f.ok(err)
	return store.Family{
		ID: f.s.NewID(), Issuer: acme, ClientID: "robot", AccountID: "developer", Scopes: allowed, ExpiresAt: f.later(),
		Grant: store.Grant{ID: grantID, Issuer: acme, AccountID: "developer", ClientID: "robot", Scopes: allowed},
	}
}

func (f *fixture) rotate(family string, generation int64) error {
	return f.try(func(tx *store.Tx) error { return tx.RotateRefreshToken(family, generation, generation+1, f.later()) })
}

// userToken names an access token that a family bought; clientToken one that the app got for itself.
func (f *fixture) userToken(family store.Family) store.TokenRef {
	return store.TokenRef{Issuer: acme, JTI: "jti", FamilyID: family.ID, ClientID: "robot", IssuedAt: f.s.Now()}
}

func (f *fixture) clientToken() store.TokenRef {
	return store.TokenRef{Issuer: acme, JTI: "jti", ClientID: "robot", IssuedAt: f.s.Now()}
}

// ending is a way in which a user's access token ends before its time.
type ending struct {
	name   string
	reason string
	end    func(tx *store.Tx, f store.Family) error
	client bool // ends the client's own tokens as well
}

// jti names the token that the ending meets: only one of them is about a single token.
func (e ending) jti() string {
	if e.name == revocation {
		return "jti"
	}
	return e.name
}

const revocation = "RFC 7009: the token is revoked"

var endings = []ending{
	{"the user disconnects", oauth.ReasonRevokedByUser, func(tx *store.Tx, f store.Family) error {
		_, err := tx.RevokeGrant(acme, f.Grant.ID, oauth.ReasonRevokedByUser)
		return err
	}, false},
	{"the connection ends without a reason", oauth.ReasonRevoked, func(tx *store.Tx, f store.Family) error {
		_, err := tx.RevokeGrant(acme, f.Grant.ID, "")
		return err
	}, false},
	{"a refresh token is reused", oauth.ReasonReused, func(tx *store.Tx, f store.Family) error {
		return tx.RevokeFamily(acme, f.ID, oauth.ReasonReused)
	}, false},
	{"the family ends without a reason", oauth.ReasonRevoked, func(tx *store.Tx, f store.Family) error {
		return tx.RevokeFamily(acme, f.ID, "")
	}, false},
	{revocation, oauth.ReasonRevoked, func(tx *store.Tx, _ store.Family) error {
		return tx.RevokeToken("jti", tx.Now().Add(1e9))
	}, true},
	{"the app is suspended", oauth.ReasonClientSuspended, func(tx *store.Tx, _ store.Family) error {
		return tx.SetClientStatus(acme, "robot", store.ClientSuspended)
	}, true},
	{"all of the app's tokens are revoked", oauth.ReasonRevoked, func(tx *store.Tx, _ store.Family) error {
		return tx.RevokeClientTokens(acme, "robot")
	}, true},
	{"the user is suspended", oauth.ReasonUserSuspended, func(tx *store.Tx, _ store.Family) error {
		return tx.SuspendUser(acme, "noura", true)
	}, false},
}

var tokenStates = []test{
	{"a good token says what the connection allows now", func(f *fixture) {
		ref := f.userToken(f.family(f.connection(), "code"))
		state, err := f.s.TokenState(f.ctx(), ref)
		f.ok(err)
		equal(f, "ended", state.Ended, "")
		equal(f, "scopes", state.GrantScopes.String(), "orders.read orders.write")
		f.do(func(tx *store.Tx) error {
			_, _, err := tx.SaveConsent(store.Consent{
				Issuer: acme, UserID: "noura", AccountID: "shop", ClientID: "robot", Declined: oauth.ScopeSet{"orders.write"},
			})
			return err
		})
		state, err = f.s.TokenState(f.ctx(), ref)
		f.ok(err)
		equal(f, "scopes once narrowed", state.GrantScopes.String(), "orders.read")
	}},
	{"every end is seen at once, with its reason", everyEnd},
	{"a client's own token ends with the client's ends only", clientEnds},
	{"revoking every token of an app spares those issued later", func(f *fixture) {
		ref := f.userToken(f.family(f.connection(), "code"))
		f.do(func(tx *store.Tx) error { return tx.RevokeClientTokens(acme, "robot") })
		ref.IssuedAt = f.later()
		state, err := f.s.TokenState(f.ctx(), ref)
		f.ok(err)
		equal(f, "ended", state.Ended, "")
	}},
	{"a resumed app's tokens live again", func(f *fixture) {
		ref := f.clientToken()
		f.client("robot")
		for _, step := range []struct {
			status store.ClientStatus
			ended  string
		}{{store.ClientSuspended, oauth.ReasonClientSuspended}, {store.ClientActive, ""}, {store.ClientTesting, ""}} {
			f.do(func(tx *store.Tx) error { return tx.SetClientStatus(acme, "robot", step.status) })
			state, err := f.s.TokenState(f.ctx(), ref)
			f.ok(err)
			equal(f, string(step.status), state.Ended, step.ended)
		}
	}},
	{"a deleted app's tokens are unknown", func(f *fixture) {
		user, own := f.userToken(f.family(f.connection(), "code")), f.clientToken()
		f.do(func(tx *store.Tx) error { return tx.DeleteClient(acme, "robot") })
		for _, ref := range []store.TokenRef{user, own} {
			_, err := f.s.TokenState(f.ctx(), ref)
			f.refused(err, store.ErrNotFound)
		}
	}},
	{"another issuer's token is unknown", func(f *fixture) {
		ref := f.userToken(f.family(f.connection(), "code"))
		for _, ref.FamilyID = range []string{ref.FamilyID, ""} {
			ref.Issuer = other
			_, err := f.s.TokenState(f.ctx(), ref)
			f.refused(err, store.ErrNotFound)
		}
	}},
	{"revoking a token twice is once", func(f *fixture) {
		for range 2 {
			f.do(func(tx *store.Tx) error { return tx.RevokeToken("jti", f.later()) })
		}
	}},
}

func everyEnd(f *fixture) {
	f.user("noura")
	f.account("shop", "noura")
	for i, ending := range endings {
		f.do(func(tx *store.Tx) error {
			if i == 0 {
				return nil
			}
			return errors.Join(tx.DeleteClient(acme, "robot"), tx.SuspendUser(acme, "noura", false))
		})
		f.client("robot")
		family := f.family(f.consent("noura", "shop", "robot", "orders.read"), ending.name)
		ref := f.userToken(family)
		ref.JTI = ending.jti()
		state, err := f.s.TokenState(f.ctx(), ref)
		f.ok(err)
		equal(f, "before: "+ending.name, state.Ended, "")
		f.do(func(tx *store.Tx) error { return ending.end(tx, family) })
		state, err = f.s.TokenState(f.ctx(), ref)
		f.ok(err)
		equal(f, ending.name, state.Ended, ending.reason)
		state, user, err := f.s.UserOfToken(f.ctx(), ref)
		f.ok(err)
		equal(f, ending.name+", with the user", state.Ended, ending.reason)
		equal(f, "user", user.UserID+" "+user.Email, "noura noura@example.com")
	}
}

func clientEnds(f *fixture) {
	f.connection()
	for i, ending := range endings {
		f.do(func(tx *store.Tx) error { return tx.SetClientStatus(acme, "robot", store.ClientActive) })
		family := f.family(f.consent("noura", "shop", "robot", "orders.read"), numbered("code", i))
		ref := f.clientToken()
		ref.JTI = ending.jti()
		f.do(func(tx *store.Tx) error { return ending.end(tx, family) })
		state, err := f.s.TokenState(f.ctx(), ref)
		f.ok(err)
		want := ""
		if ending.client {
			want = ending.reason
		}
		equal(f, ending.name, state.Ended, want)
	}
}
