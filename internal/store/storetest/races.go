package storetest

import (
	"errors"
	"sync"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

var races = []test{
	{"RFC 6749 §4.1.2: 64 redeem one code, one wins", func(f *fixture) {
		for round := range 5 {
			code := f.code(f.grantOnce(), numbered("code", round))
			wins := f.race(func(i int) error {
				if i%2 == 0 {
					return f.redeem(code)
				}
				return f.try(func(tx *store.Tx) error { return tx.RedeemCode(code.Hash, f.familyOf(code), f.redeemed(code)) })
			}, store.ErrNotFound)
			equal(f, "winners", wins, 1)
			equal(f, "events", f.redemptions(code), 1)
		}
	}},
	{"64 rotate one family, one wins", func(f *fixture) {
		family := f.family(f.connection(), "code")
		for generation := range int64(5) {
			wins := f.race(func(int) error { return f.rotate(family.ID, generation+1) }, store.ErrNotFound)
			equal(f, "winners", wins, 1)
		}
		got, err := f.s.Family(f.ctx(), acme, family.ID)
		f.ok(err)
		equal(f, "generation", got.Generation, 6)
	}},
	{"64 consents of one person make one connection, and lose no scope", consentRace},
	{"two owners cannot remove each other", func(f *fixture) { ownerRace(f, f.leave) }},
	{"two owners cannot demote each other", func(f *fixture) {
		ownerRace(f, func(user string) error {
			return f.try(func(tx *store.Tx) error { return tx.SetRole(acme, "shop", user, issuer.RoleMember) })
		})
	}},
	{"no connection outlives the membership that allowed it", membershipRace},
	{"no token outlives the connection, whatever races", revocationRace},
	{"64 count one throttle, none is lost", func(f *fixture) {
		wins := f.race(func(int) error {
			_, err := f.count("address", time.Minute)
			return err
		})
		equal(f, "counted", wins, racers)
		got, err := f.s.Throttle(f.ctx(), acme, "address")
		f.ok(err)
		equal(f, "count", got.Count, racers)
	}},
	{"racing guesses cannot outnumber the limit", func(f *fixture) {
		f.challenge("handle", true)
		equal(f, "tries", f.race(func(int) error { return f.attempt("handle", 5) }, store.ErrNotFound), 5)
	}},
	{"64 spend one challenge, one wins", func(f *fixture) {
		f.challenge("handle", true)
		equal(f, "winners", f.race(func(int) error { return f.spend(store.PurposeSignUp, "handle") }, store.ErrNotFound), 1)
	}},
	{"64 accept one invitation, one wins", func(f *fixture) {
		f.user("noura")
		f.invite("omar", f.later())
		equal(f, "winners", f.race(func(int) error { return f.accept("omar") }, store.ErrNotFound), 1)
	}},
	{"64 sign up with one address, one wins", func(f *fixture) {
		wins := f.race(func(i int) error {
			return f.try(func(tx *store.Tx) error {
				return tx.CreateUser(store.User{Issuer: acme, ID: numbered("user", i), Email: "noura@example.com"})
			})
		}, store.ErrConflict)
		equal(f, "winners", wins, 1)
	}},
	{"no sign-in outlives the password that it was proven with", passwordRace},
	{"of 64 who renew a password's hash one wins", renewalRace},
	{"64 replace one password that they proved, one wins", func(f *fixture) {
		f.user("noura")
		wins := f.race(func(i int) error {
			return f.try(func(tx *store.Tx) error { return tx.ReplacePassword(acme, "noura", "hash", numbered("new", i)) })
		}, store.ErrConflict)
		equal(f, "winners", wins, 1)
	}},
	{"each mail has one sender", mailRace},
	{"64 announce one topic, none is lost", func(f *fixture) {
		f.client("robot")
		equal(f, "changed", f.race(func(int) error {
			return f.try(func(tx *store.Tx) error { return tx.SetClientStatus(acme, "robot", store.ClientActive) })
		}), racers)
	}},
}

// passwordRace: one of the racers resets the password, the others sign in with what they proved before it.
func passwordRace(f *fixture) {
	f.user("noura")
	f.race(func(i int) error {
		return f.try(func(tx *store.Tx) error {
			if i == racers/2 {
				if err := tx.SetPassword(acme, "noura", "new"); err != nil {
					return err
				}
				_, err := tx.EndOtherSessions(acme, "noura", nil)
				return err
			}
			if err := tx.RenewPassword(acme, "noura", "hash", "hash"); err != nil {
				return err
			}
			name := numbered("browser", i)
			return tx.CreateSession(store.Session{Hash: store.Hash(name), ID: name, Issuer: acme, UserID: "noura", ExpiresAt: f.later()})
		})
	}, store.ErrConflict)
	left, err := f.s.Sessions(f.ctx(), acme, "noura")
	f.ok(err)
	equal(f, "signed in with the password that was reset", len(left), 0)
}

// renewalRace: each has proven the password by the hash of before, and brings a better one.
func renewalRace(f *fixture) {
	f.user("noura")
	won := f.race(func(i int) error {
		return f.try(func(tx *store.Tx) error { return tx.RenewPassword(acme, "noura", "hash", numbered("better", i)) })
	}, store.ErrConflict)
	equal(f, "hashes that took the place of one", won, 1)
}

// grantOnce is the connection, made when first asked for.
func (f *fixture) grantOnce() store.Grant {
	f.t.Helper()
	grant, err := f.s.FindGrant(f.ctx(), acme, "noura", "shop", "robot")
	if errors.Is(err, store.ErrNotFound) {
		return f.connection()
	}
	f.ok(err)
	return grant
}

func consentRace(f *fixture) {
	f.user("noura")
	f.account("shop", "noura")
	f.client("robot")
	save := func(scope string) error {
		return f.try(func(tx *store.Tx) error {
			_, _, err := tx.SaveConsent(store.Consent{
				Issuer: acme, UserID: "noura", AccountID: "shop", ClientID: "robot", Allowed: oauth.ScopeSet{scope},
			})
			return err
		})
	}
	wins := f.race(func(i int) (err error) {
		for range racers * 2 { // ErrConflict asks for another run
			if err = save(numbered("scope", i)); !errors.Is(err, store.ErrConflict) {
				return err
			}
		}
		return err
	})
	equal(f, "saved", wins, racers)
	all, err := f.s.GrantsOfUser(f.ctx(), acme, "noura", 10)
	f.ok(err)
	equal(f, "connections", len(all), 1)
	equal(f, "scopes", len(all[0].Scopes), racers)
}

func (f *fixture) leave(user string) error {
	return f.try(func(tx *store.Tx) error {
		_, err := tx.RemoveMember(acme, "shop", user, oauth.ReasonMemberRemoved)
		return err
	})
}

// ownerRace lets two owners do the same to each other at once, many times.
func ownerRace(f *fixture, act func(user string) error) {
	owners := []string{"noura", "omar"}
	for _, name := range owners {
		f.user(name)
	}
	f.account("shop", "noura")
	for range 10 {
		f.do(func(tx *store.Tx) error {
			for _, name := range owners {
				err := tx.AddMember(store.Member{Issuer: acme, AccountID: "shop", UserID: name, Role: issuer.RoleOwner})
				if errors.Is(err, store.ErrConflict) {
					err = tx.SetRole(acme, "shop", name, issuer.RoleOwner)
				}
				f.ok(err)
			}
			return nil
		})
		f.race(func(i int) error { return act(owners[i%2]) }, store.ErrConflict, store.ErrNotFound)
		left := 0
		members, err := f.s.Members(f.ctx(), acme, "shop")
		f.ok(err)
		for _, member := range members {
			if member.Role == issuer.RoleOwner {
				left++
			}
		}
		equal(f, "owners left", left, 1)
	}
}

func membershipRace(f *fixture) {
	f.connection()
	f.user("omar")
	for range 10 {
		f.member("shop", "omar", issuer.RoleMember)
		f.race(func(i int) error {
			if i == racers/2 {
				return f.leave("omar")
			}
			return f.try(func(tx *store.Tx) error {
				_, _, err := tx.SaveConsent(store.Consent{Issuer: acme, UserID: "omar", AccountID: "shop", ClientID: "robot"})
				return err
			})
		}, store.ErrNotFound, store.ErrConflict)
		_, err := f.s.FindGrant(f.ctx(), acme, "omar", "shop", "robot")
		f.refused(err, store.ErrNotFound)
	}
}

func revocationRace(f *fixture) {
	f.user("noura")
	f.account("shop", "noura")
	f.client("robot")
	for round := range 10 {
		grant := f.consent("noura", "shop", "robot", "orders.read")
		all := make([]store.Code, racers)
		for i := range all {
			all[i] = f.code(grant, numbered(numbered("code", round), i))
		}
		f.race(func(i int) error {
			if i == racers/2 {
				return f.revoke(acme, grant.ID)
			}
			return f.try(func(tx *store.Tx) error { return tx.RedeemCode(all[i].Hash, f.familyOf(all[i])) })
		}, store.ErrNotFound)
		for _, code := range all {
			state, err := f.s.TokenState(f.ctx(), f.userToken(store.Family{ID: code.FamilyID}))
			if err == nil {
				equal(f, "ended", state.Ended, oauth.ReasonRevokedByUser)
				err = f.rotate(code.FamilyID, 1)
			}
			f.refused(err, store.ErrNotFound)
		}
	}
}

func mailRace(f *fixture) {
	const total = 100
	for i := range total {
		f.mail(numbered("mail", i))
	}
	var mu sync.Mutex
	senders := map[string]int{}
	f.race(func(int) error {
		return f.try(func(tx *store.Tx) error {
			mails, err := tx.ClaimMail(time.Minute)
			mu.Lock()
			defer mu.Unlock()
			for _, mail := range mails {
				senders[mail.ID]++
			}
			return err
		})
	})
	for id, count := range senders {
		equal(f, "senders of "+id, count, 1)
	}
	if len(senders) == 0 || len(senders) > total {
		f.t.Errorf("%d mails claimed of %d", len(senders), total)
	}
}
