package storetest

import (
	"errors"
	"time"
	"unicode/utf8"

	"latchkey.dev/internal/store"
)

// signIn makes a session whose name is its cookie.
func (f *fixture) signIn(user, name string) store.Session {
	f.t.Helper()
	session := store.Session{
		Hash: store.Hash(name), ID: "id-" + name, Issuer: acme, UserID: user, Amr: "pwd", UserAgent: "Firefox", Address: "192.0.2.1", ExpiresAt: f.later(),
	}
	f.do(func(tx *store.Tx) error { return tx.CreateSession(session) })
	return session
}

// signedIn tells whether the cookie still works.
func (f *fixture) signedIn(name string) bool {
	f.t.Helper()
	_, user, err := f.s.Session(f.ctx(), acme, store.Hash(name))
	if err != nil {
		f.refused(err, store.ErrNotFound)
		return false
	}
	return user.ID != ""
}

var sessions = []test{
	{"a session comes with its user", func(f *fixture) {
		f.user("noura")
		f.signIn("noura", "cookie")
		session, user, err := f.s.Session(f.ctx(), acme, store.Hash("cookie"))
		f.ok(err)
		equal(f, "user", user.Name, "Name of noura")
		equal(f, "id", session.ID, "id-cookie")
		equal(f, "signed in when", session.AuthTime.Never(), false)
		_, _, err = f.s.Session(f.ctx(), other, store.Hash("cookie"))
		f.refused(err, store.ErrNotFound)
	}},
	{"an expired one is over", func(f *fixture) {
		f.user("noura")
		f.do(func(tx *store.Tx) error {
			return tx.CreateSession(store.Session{Hash: store.Hash("old"), ID: "old", Issuer: acme, UserID: "noura", ExpiresAt: f.earlier()})
		})
		equal(f, "signed in", f.signedIn("old"), false)
		all, err := f.s.Sessions(f.ctx(), acme, "noura")
		f.ok(err)
		equal(f, "listed", len(all), 0)
	}},
	{"a suspended user's do not work, and a resumed one's do", func(f *fixture) {
		f.user("noura")
		f.signIn("noura", "cookie")
		for _, suspended := range []bool{true, false} {
			f.do(func(tx *store.Tx) error { return tx.SuspendUser(acme, "noura", suspended) })
			equal(f, "signed in", f.signedIn("cookie"), !suspended)
		}
	}},
	{"ending one, another, all others", sessionEndings},
	{"a browser may call itself anything", func(f *fixture) {
		f.user("noura")
		f.do(func(tx *store.Tx) error {
			return tx.CreateSession(store.Session{
				Hash: store.Hash("x"), ID: "x", Issuer: acme, UserID: "noura", UserAgent: "Fire\xff\xfefox", ExpiresAt: f.later(),
			})
		})
		session, _, err := f.s.Session(f.ctx(), acme, store.Hash("x"))
		f.ok(err)
		equal(f, "is text", utf8.ValidString(session.UserAgent), true)
	}},
	{"a use is written down when it is worth it", func(f *fixture) {
		f.user("noura")
		f.signIn("noura", "cookie")
		f.do(func(tx *store.Tx) error { return tx.TouchSession(store.Hash("cookie")) })
		session, _, err := f.s.Session(f.ctx(), acme, store.Hash("cookie"))
		f.ok(err)
		equal(f, "stale now", store.Stale(session, f.s.Now()), false)
		equal(f, "stale later", store.Stale(session, f.s.Now().Add(2*store.SessionIdle)), true)
	}},
}

func sessionEndings(f *fixture) {
	f.user("noura")
	f.user("omar")
	for _, name := range []string{"laptop", "phone", "tablet"} {
		f.signIn("noura", name)
	}
	f.signIn("omar", "omars")
	byID := func(user string) error {
		return f.try(func(tx *store.Tx) error { return tx.EndSessionByID(acme, user, "id-phone") })
	}
	f.refused(byID("omar"), store.ErrNotFound) // not his to end
	f.ok(byID("noura"))
	f.refused(byID("noura"), store.ErrNotFound)
	f.do(func(tx *store.Tx) error {
		ended, err := tx.EndOtherSessions(acme, "noura", store.Hash("laptop"))
		equal(f, "ended", ended, 1)
		return err
	})
	for name, want := range map[string]bool{"laptop": true, "phone": false, "tablet": false, "omars": true} {
		equal(f, name, f.signedIn(name), want)
	}
	for range 2 { // ending one that ended already is not an error
		f.do(func(tx *store.Tx) error { return tx.EndSession(store.Hash("laptop")) })
	}
	f.signIn("noura", "again")
	f.do(func(tx *store.Tx) error {
		ended, err := tx.EndOtherSessions(acme, "noura", nil)
		equal(f, "ended by none kept", ended, 1)
		return err
	})
	equal(f, "omars", f.signedIn("omars"), true)
}

func (f *fixture) challenge(name string, live bool) {
	f.t.Helper()
	expires := f.later()
	if !live {
		expires = f.earlier()
	}
	f.do(func(tx *store.Tx) error {
		return tx.CreateChallenge(store.Challenge{
			Hash: store.Hash(name), Issuer: acme, Purpose: store.PurposeSignUp, Email: "noura@example.com", CodeHash: store.Hash("123456"),
			Sealed: []byte{1, 2, 3}, ExpiresAt: expires,
		})
	})
}

func (f *fixture) attempt(name string, limit int64) error {
	return f.try(func(tx *store.Tx) error {
		_, err := tx.AttemptChallenge(acme, store.PurposeSignUp, store.Hash(name), limit)
		return err
	})
}

func (f *fixture) spend(purpose, name string) error {
	return f.try(func(tx *store.Tx) error {
		_, err := tx.SpendChallenge(acme, purpose, store.Hash(name))
		return err
	})
}

var challenges = []test{
	{"reads back, for its purpose only", func(f *fixture) {
		f.challenge("handle", true)
		got, err := f.s.Challenge(f.ctx(), acme, store.PurposeSignUp, store.Hash("handle"))
		f.ok(err)
		equal(f, "sealed", string(got.Sealed), "\x01\x02\x03")
		_, err = f.s.Challenge(f.ctx(), acme, store.PurposeResetPassword, store.Hash("handle"))
		f.refused(err, store.ErrNotFound)
		f.refused(f.spend(store.PurposeResetPassword, "handle"), store.ErrNotFound)
	}},
	{"tries are counted to the limit", func(f *fixture) {
		f.challenge("handle", true)
		for range 3 {
			f.ok(f.attempt("handle", 3))
		}
		f.refused(f.attempt("handle", 3), store.ErrNotFound)
		f.refused(f.attempt("none", 3), store.ErrNotFound)
	}},
	{"spent once", func(f *fixture) {
		f.challenge("handle", true)
		f.ok(f.spend(store.PurposeSignUp, "handle"))
		f.refused(f.spend(store.PurposeSignUp, "handle"), store.ErrNotFound)
		f.refused(f.attempt("handle", 3), store.ErrNotFound)
	}},
	{"an expired one is refused", func(f *fixture) {
		f.challenge("handle", false)
		f.refused(f.attempt("handle", 3), store.ErrNotFound)
		f.refused(f.spend(store.PurposeSignUp, "handle"), store.ErrNotFound)
	}},
	{"one ends alone, or all of an address", func(f *fixture) {
		for _, name := range []string{"first", "second", "third"} {
			f.challenge(name, true)
		}
		f.do(func(tx *store.Tx) error { return tx.EndChallenge(acme, store.PurposeSignUp, store.Hash("first")) })
		f.do(func(tx *store.Tx) error { return tx.EndChallenge(other, store.PurposeSignUp, store.Hash("second")) })
		f.refused(f.spend(store.PurposeSignUp, "first"), store.ErrNotFound)
		f.refused(f.attempt("first", 3), store.ErrNotFound)
		first, err := f.s.Challenge(f.ctx(), acme, store.PurposeSignUp, store.Hash("first"))
		f.ok(err)
		equal(f, "used", first.UsedAt.Never(), true)
		f.ok(f.spend(store.PurposeSignUp, "second"))
		f.do(func(tx *store.Tx) error {
			return errors.Join(tx.EndChallenges(acme, store.PurposeResetPassword, "noura@example.com"), tx.EndChallenges(acme, store.PurposeSignUp, "omar@example.com"))
		})
		f.ok(f.attempt("third", 3))
		f.do(func(tx *store.Tx) error { return tx.EndChallenges(acme, store.PurposeSignUp, "noura@example.com") })
		f.refused(f.attempt("third", 3), store.ErrNotFound)
		second, err := f.s.Challenge(f.ctx(), acme, store.PurposeSignUp, store.Hash("second"))
		f.ok(err)
		equal(f, "used and not ended", second.UsedAt.Never(), false)
	}},
	{"a new password ends the links that reset it", func(f *fixture) {
		f.user("noura")
		f.user("omar")
		f.user("sami")
		for _, user := range []string{"noura", "omar", "sami"} {
			f.do(func(tx *store.Tx) error {
				return tx.CreateChallenge(store.Challenge{
					Hash: store.Hash(user), Issuer: acme, Purpose: store.PurposeResetPassword, Email: user, UserID: user,
					CodeHash: []byte{}, Sealed: []byte{}, ExpiresAt: f.later(),
				})
			})
		}
		f.do(func(tx *store.Tx) error { return tx.SetPassword(acme, "noura", "new") })
		f.do(func(tx *store.Tx) error { return tx.ReplacePassword(acme, "sami", "hash", "new") })
		f.refused(f.spend(store.PurposeResetPassword, "noura"), store.ErrNotFound)
		f.refused(f.spend(store.PurposeResetPassword, "sami"), store.ErrNotFound)
		f.ok(f.spend(store.PurposeResetPassword, "omar"))
	}},
}

func (f *fixture) count(name string, window time.Duration) (count int64, err error) {
	err = f.try(func(tx *store.Tx) error {
		throttle, err := tx.CountThrottle(acme, name, window)
		count = throttle.Count
		return err
	})
	return count, err
}

var throttles = []test{
	{"counts within its window", func(f *fixture) {
		for want := range int64(3) {
			got, err := f.count("address", time.Minute)
			f.ok(err)
			equal(f, "count", got, want+1)
		}
		got, err := f.s.Throttle(f.ctx(), acme, "address")
		f.ok(err)
		equal(f, "read", got.Count, 3)
		_, err = f.s.Throttle(f.ctx(), other, "address")
		f.refused(err, store.ErrNotFound)
	}},
	{"a window begins with its first", func(f *fixture) {
		var first, second store.Throttle
		f.do(func(tx *store.Tx) (err error) { first, err = tx.CountThrottle(acme, "a", time.Minute); return err })
		f.do(func(tx *store.Tx) (err error) { second, err = tx.CountThrottle(acme, "a", time.Hour); return err })
		equal(f, "end", second.ExpiresAt, first.ExpiresAt)
	}},
	{"begins anew when its window is over", func(f *fixture) {
		for range 2 {
			got, err := f.count("address", -time.Second)
			f.ok(err)
			equal(f, "count", got, 1)
		}
		_, err := f.s.Throttle(f.ctx(), acme, "address")
		f.refused(err, store.ErrNotFound)
	}},
	{"is forgotten", func(f *fixture) {
		_, err := f.count("address", time.Minute)
		f.ok(err)
		f.do(func(tx *store.Tx) error { return tx.ClearThrottle(acme, "address") })
		_, err = f.s.Throttle(f.ctx(), acme, "address")
		f.refused(err, store.ErrNotFound)
	}},
}
