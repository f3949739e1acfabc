package storetest

import (
	"errors"
	"slices"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

var forgetting = []test{
	{"an account goes only when nobody else is in it, and no app is its", forgetAccount},
	{"an account's service accounts go with it", func(f *fixture) {
		f.user("noura")
		f.account("shop", "noura")
		f.do(func(tx *store.Tx) error {
			return errors.Join(
				tx.CreateServiceAccount(store.ServiceAccount{Issuer: acme, ID: "robot", AccountID: "shop", Name: "Robot", Channel: "robot@x"}),
				tx.AddServiceKey(store.ServiceKey{Issuer: acme, ID: "key", ServiceAccountID: "robot", PublicKey: []byte{1}}))
		})
		f.do(func(tx *store.Tx) error { return tx.DeleteAccount(acme, "shop", "noura") })
		_, err := f.s.ServiceAccount(f.ctx(), acme, "robot")
		f.refused(err, store.ErrNotFound)
		_, err = f.s.ServiceKey(f.ctx(), acme, "key")
		f.refused(err, store.ErrNotFound)
	}},
	{"one who is in an account is not removed", func(f *fixture) {
		f.user("noura")
		f.account("shop", "noura")
		remove := func(tx *store.Tx) error { return tx.DeleteUser(acme, "noura") }
		f.refused(f.try(remove), store.ErrConflict)
		f.do(func(tx *store.Tx) error { return tx.DeleteAccount(acme, "shop", "noura") })
		f.do(remove)
		_, err := f.s.User(f.ctx(), acme, "noura")
		f.refused(err, store.ErrNotFound)
		f.user("noura") // the address is free again
	}},
	{"sign-ins, codes and invitations go, and nobody else's", forgetSignIns},
	{"events tell what and when, and not who", forgetEvents},
}

func forgetAccount(f *fixture) {
	f.connection()
	f.user("omar")
	f.member("shop", "omar", issuer.RoleMember)
	remove := func(id string) error {
		return f.try(func(tx *store.Tx) error { return tx.DeleteAccount(acme, id, "noura") })
	}
	f.refused(remove("shop"), store.ErrConflict)
	f.invite("waits", f.later())
	f.do(func(tx *store.Tx) error {
		_, err := tx.RemoveMember(acme, "shop", "omar", oauth.ReasonMemberRemoved)
		return err
	})
	f.ok(remove("shop"))
	_, err := f.s.Account(f.ctx(), acme, "shop")
	f.refused(err, store.ErrNotFound)
	f.refused(f.accept("waits"), store.ErrNotFound)
	f.refused(remove("shop"), store.ErrNotFound)

	f.account("developer", "noura") // whose app robot is
	f.refused(remove("developer"), store.ErrConflict)
	apps, err := f.s.ClientsOfAccount(f.ctx(), acme, "developer", 10)
	f.ok(err)
	equal(f, "apps", len(apps), 1)
	equal(f, "app", apps[0].ID, "robot")
	f.do(func(tx *store.Tx) error { return tx.DeleteClient(acme, "robot") })
	f.ok(remove("developer"))
}

func forgetSignIns(f *fixture) {
	noura := f.user("noura")
	f.user("omar")
	f.account("shop", "omar")
	f.signIn("noura", "hers")
	f.signIn("omar", "his")
	f.do(func(tx *store.Tx) error {
		var errs []error
		for i, c := range []store.Challenge{{Email: noura.Email}, {UserID: "noura", Email: "n"}, {UserID: "omar", Email: "omar@example.com"}} {
			c.Issuer, c.Purpose, c.Hash, c.CodeHash, c.Sealed, c.ExpiresAt = acme, store.PurposeSignUp, store.Hash(numbered("c", i)), []byte{}, []byte{}, f.later()
			errs = append(errs, tx.CreateChallenge(c))
		}
		for i, v := range []store.Invitation{{Email: noura.Email, InvitedBy: "omar"}, {Email: "x@example.com", InvitedBy: "noura"}, {Email: "y@example.com", InvitedBy: "omar"}} {
			v.Issuer, v.ID, v.TokenHash, v.AccountID, v.Role, v.ExpiresAt = acme, numbered("i", i), store.Hash(numbered("i", i)), "shop", issuer.RoleMember, f.later()
			errs = append(errs, tx.Invite(v))
		}
		return errors.Join(errs...)
	})
	invitations, err := f.s.InvitationsOf(f.ctx(), noura)
	f.ok(err)
	equal(f, "invitations", len(invitations), 2)
	f.do(func(tx *store.Tx) error { return tx.ForgetSignIns(noura) })
	equal(f, "signed in", f.signedIn("hers"), false)
	equal(f, "the other", f.signedIn("his"), true)
	for i, want := range []error{store.ErrNotFound, store.ErrNotFound, nil} {
		_, err := f.s.Challenge(f.ctx(), acme, store.PurposeSignUp, store.Hash(numbered("c", i)))
		equal(f, numbered("challenge", i), errors.Is(err, store.ErrNotFound), want != nil)
		_, err = f.s.Invitation(f.ctx(), acme, store.Hash(numbered("i", i)))
		equal(f, numbered("invitation", i), errors.Is(err, store.ErrNotFound), want != nil)
	}
}

func forgetEvents(f *fixture) {
	for i := range batchLimit + 10 {
		f.record(f.ctx(), store.Event{
			Issuer: acme, Type: store.EventGrantRevoked, UserID: "noura", AccountID: "shop", ClientID: "robot", GrantID: "g",
			Detail: map[string]string{"reason": "revoked", "name": "Noura", "session": numbered("s", i)},
		})
	}
	f.record(f.ctx(), store.Event{Issuer: acme, Type: store.EventMemberRemoved, UserID: "omar", AccountID: "shop", Detail: map[string]string{"email": "noura@example.com", "role": "member"}})
	sizes := f.batches(func(tx *store.Tx) (int64, error) { return tx.ForgetEvents(acme, "noura") })
	equal(f, "batches", len(sizes), 2)
	equal(f, "first", sizes[0], batchLimit)
	all, err := f.s.EventsOfAccount(f.ctx(), acme, "shop", store.LastEvent, 1000)
	f.ok(err)
	equal(f, "events", len(all), batchLimit+11)
	first := all[slices.IndexFunc(all, func(e store.Event) bool { return e.ClientID == "robot" })]
	equal(f, "who", first.UserID+first.GrantID+first.Detail["name"]+first.Detail["session"], "")
	equal(f, "what", first.Type, store.EventGrantRevoked)
	equal(f, "why", first.Detail["reason"], "revoked")
	equal(f, "which app", first.ClientID, "robot")
	omars, err := f.s.EventsOfUser(f.ctx(), acme, "omar", store.LastEvent, 1)
	f.ok(err)
	f.do(func(tx *store.Tx) error { return tx.ForgetMention(omars[0]) })
	omars, err = f.s.EventsOfUser(f.ctx(), acme, "omar", store.LastEvent, 1)
	f.ok(err)
	equal(f, "the address", omars[0].Detail["email"], "")
	equal(f, "the name", omars[0].Detail["name"], "—")
	equal(f, "the role", omars[0].Detail["role"], "member")
}
