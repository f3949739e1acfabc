package storetest

import (
	"context"
	"errors"
	"time"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
)

func (f *fixture) record(ctx context.Context, event store.Event) {
	f.t.Helper()
	f.ok(f.s.InTx(ctx, func(tx *store.Tx) error { return tx.Record(event) }))
}

var events = []test{
	{"an event names its request", func(f *fixture) {
		ctx := reqlog.With(f.ctx(), &reqlog.Record{RequestID: "req", Address: "192.0.2.7"})
		want := store.Event{
			Issuer: acme, Type: store.EventGrantCreated, UserID: "noura", AccountID: "shop", ClientID: "robot", GrantID: "g",
			Detail: map[string]string{"scopes": "orders.read"},
		}
		f.record(ctx, want)
		for _, list := range []func() ([]store.Event, error){
			func() ([]store.Event, error) { return f.s.EventsOfUser(f.ctx(), acme, "noura", store.LastEvent, 10) },
			func() ([]store.Event, error) { return f.s.EventsOfAccount(f.ctx(), acme, "shop", store.LastEvent, 10) },
		} {
			got, err := list()
			f.ok(err)
			equal(f, "events", len(got), 1)
			equal(f, "type", got[0].Type, want.Type)
			equal(f, "request", got[0].RequestID+" "+got[0].Address, "req 192.0.2.7")
			equal(f, "detail", got[0].Detail["scopes"], "orders.read")
			equal(f, "client", got[0].ClientID, "robot")
		}
	}},
	{"a refused transaction leaves no event", func(f *fixture) {
		f.refused(f.try(func(tx *store.Tx) error {
			return errors.Join(tx.Record(store.Event{Issuer: acme, Type: store.EventUserSignedIn, UserID: "noura"}), errRefused)
		}), errRefused)
		got, err := f.s.EventsOfUser(f.ctx(), acme, "noura", store.LastEvent, 10)
		f.ok(err)
		equal(f, "events", len(got), 0)
	}},
	{"newest first, in pages that neither skip nor repeat", eventPages},
	{"another issuer's are not seen", func(f *fixture) {
		f.record(f.ctx(), store.Event{Issuer: other, Type: store.EventUserSignedIn, UserID: "noura", AccountID: "shop"})
		ofUser, err := f.s.EventsOfUser(f.ctx(), acme, "noura", store.LastEvent, 10)
		f.ok(err)
		ofAccount, err := f.s.EventsOfAccount(f.ctx(), acme, "shop", store.LastEvent, 10)
		f.ok(err)
		equal(f, "events", len(ofUser)+len(ofAccount), 0)
	}},
	{"an issuer's are found by their time, in pages of the same cost", func(f *fixture) {
		f.record(f.ctx(), store.Event{Issuer: acme, Type: store.EventSigningKeysRotated})
		time.Sleep(2 * time.Millisecond)
		since := store.FirstID(f.s.Now())
		for i := range 20 {
			f.record(f.ctx(), store.Event{Issuer: []string{acme, other}[i%2], Type: store.EventClientSuspended, ClientID: numbered("app", i)})
		}
		seen, pages := map[string]bool{}, 0
		for before := store.LastEvent; before != ""; pages++ {
			var page []store.Event
			var err error
			page, before, err = f.s.Events(f.ctx(), acme, since, before, 6)
			f.ok(err)
			for _, event := range page {
				equal(f, "whose", event.Issuer, acme)
				seen[event.ClientID] = true
			}
		}
		equal(f, "seen", len(seen), 10)
		equal(f, "pages", pages, 4)
	}},
	{"the last of two types", func(f *fixture) {
		last := func() micros.Time {
			at, err := f.s.LastEventOfUser(f.ctx(), acme, "noura", store.EventPasswordChanged, store.EventPasswordReset)
			f.ok(err)
			return at
		}
		equal(f, "none", last().Never(), true)
		f.record(f.ctx(), store.Event{Issuer: acme, Type: store.EventPasswordReset, UserID: "noura"})
		first := last()
		time.Sleep(2 * time.Millisecond)
		f.record(f.ctx(), store.Event{Issuer: acme, Type: store.EventUserSignedIn, UserID: "noura"})
		equal(f, "another type", last(), first)
		f.record(f.ctx(), store.Event{Issuer: acme, Type: store.EventPasswordChanged, UserID: "noura"})
		equal(f, "newer", last() > first, true)
	}},
	{"every type is listed once", func(f *fixture) {
		seen := map[store.EventType]bool{}
		for _, kind := range store.EventTypes {
			equal(f, "seen before: "+string(kind), seen[kind], false)
			seen[kind] = true
		}
	}},
}

func eventPages(f *fixture) {
	const total = 25
	for i := range total {
		f.record(f.ctx(), store.Event{Issuer: acme, Type: store.EventUserSignedIn, UserID: "noura", Detail: map[string]string{"session": numbered("s", i)}})
	}
	seen, last := map[string]bool{}, store.Event{At: f.later()}
	for before := store.LastEvent; ; {
		page, err := f.s.EventsOfUser(f.ctx(), acme, "noura", before, 10)
		f.ok(err)
		if len(page) == 0 {
			break
		}
		for _, event := range page {
			if event.At > last.At {
				f.t.Errorf("%v comes after %v", event.At, last.At)
			}
			seen[event.Detail["session"]], last = true, event
		}
		before = page[len(page)-1].ID
	}
	equal(f, "seen", len(seen), total)
}

func (f *fixture) mail(text string) {
	f.t.Helper()
	f.do(func(tx *store.Tx) error { return tx.QueueMail(acme, []byte(text)) })
}

func (f *fixture) claim(retryAfter time.Duration) (mails []store.Mail) {
	f.t.Helper()
	f.do(func(tx *store.Tx) (err error) { mails, err = tx.ClaimMail(retryAfter); return err })
	return mails
}

var outbox = []test{
	{"a claimed mail is nobody else's until its time", func(f *fixture) {
		f.mail("hello")
		mails := f.claim(time.Minute)
		equal(f, "claimed", len(mails), 1)
		equal(f, "text", string(mails[0].Sealed), "hello")
		equal(f, "attempts", mails[0].Attempts, 1)
		equal(f, "claimed again", len(f.claim(time.Minute)), 0)
	}},
	{"one whose sender died is claimed again", func(f *fixture) {
		f.mail("hello")
		f.claim(-time.Second)
		mails := f.claim(time.Minute)
		equal(f, "claimed", len(mails), 1)
		equal(f, "attempts", mails[0].Attempts, 2)
	}},
	{"a sent one is gone", func(f *fixture) {
		f.mail("hello")
		mails := f.claim(-time.Second)
		f.do(func(tx *store.Tx) error { return tx.MailSent(mails[0].ID) })
		equal(f, "claimed", len(f.claim(time.Minute)), 0)
	}},
	{"a refused transaction sends nothing", func(f *fixture) {
		f.refused(f.try(func(tx *store.Tx) error { return errors.Join(tx.QueueMail(acme, []byte("x")), errRefused) }), errRefused)
		equal(f, "claimed", len(f.claim(time.Minute)), 0)
	}},
	{"a claim is a small batch", func(f *fixture) {
		for i := range 50 {
			f.mail(numbered("mail", i))
		}
		total := 0
		for batch := f.claim(time.Minute); len(batch) > 0; batch = f.claim(time.Minute) {
			if len(batch) > 20 {
				f.t.Errorf("a batch of %d", len(batch))
			}
			total += len(batch)
		}
		equal(f, "claimed in all", total, 50)
	}},
}

func (f *fixture) signingKeys() map[string]store.SigningKey {
	f.t.Helper()
	all, err := f.s.SigningKeys(f.ctx(), acme)
	f.ok(err)
	byID := map[string]store.SigningKey{}
	for _, key := range all {
		byID[key.Kid] = key
	}
	return byID
}

var keys = []test{
	{"a key goes from next to current to previous to gone", func(f *fixture) {
		key := store.SigningKey{Issuer: acme, Kid: "k1", Alg: jwk.ES256, State: jwk.StateNext, PrivateSealed: []byte{9}}
		f.do(func(tx *store.Tx) error { return tx.AddSigningKey(key) })
		equal(f, "sealed", string(f.signingKeys()["k1"].PrivateSealed), "\x09")
		for _, state := range []jwk.State{jwk.StateCurrent, jwk.StatePrevious} {
			f.do(func(tx *store.Tx) error { return tx.SetSigningKeyState(f.txKey(tx, "k1"), state) })
			equal(f, "state", f.signingKeys()["k1"].State, state)
		}
		last := f.signingKeys()["k1"]
		equal(f, "has both times", !last.ActivatedAt.Never() && !last.RetiredAt.Never(), true)
		f.do(func(tx *store.Tx) error { return tx.DropSigningKey(acme, "k1") })
		equal(f, "left", len(f.signingKeys()), 0)
	}},
	{"each issuer has its own", func(f *fixture) {
		f.do(func(tx *store.Tx) error {
			return tx.AddSigningKey(store.SigningKey{Issuer: other, Kid: "k", Alg: jwk.RS256, State: jwk.StateCurrent, PrivateSealed: []byte{1}})
		})
		equal(f, "keys", len(f.signingKeys()), 0)
	}},
	{"every change is announced", func(f *fixture) {
		announced := f.announcements(store.TopicKeys)
		for _, change := range []func(*store.Tx) error{
			func(tx *store.Tx) error {
				return tx.AddSigningKey(store.SigningKey{Issuer: acme, Kid: "k", Alg: jwk.RS256, State: jwk.StateNext, PrivateSealed: []byte{1}})
			},
			func(tx *store.Tx) error { return tx.SetSigningKeyState(f.txKey(tx, "k"), jwk.StateCurrent) },
			func(tx *store.Tx) error { return tx.DropSigningKey(acme, "k") },
		} {
			f.do(change)
			equal(f, "announced", announced(), true)
		}
		equal(f, "nothing new", announced(), false)
	}},
}

// txKey is a key as the transaction sees it.
func (f *fixture) txKey(tx *store.Tx, kid string) store.SigningKey {
	f.t.Helper()
	all, err := tx.SigningKeys(acme)
	f.ok(err)
	for _, key := range all {
		if key.Kid == kid {
			return key
		}
	}
	return store.SigningKey{}
}

// announcements watches a topic and tells, whenever it is asked, whether it changed since.
func (f *fixture) announcements(topic string) func() bool {
	f.t.Helper()
	f.ok(f.s.PollChanges(f.ctx()))
	dropped := false
	f.s.Watch(topic, func() { dropped = true })
	return func() bool {
		f.t.Helper()
		dropped = false
		f.ok(f.s.PollChanges(f.ctx()))
		return dropped
	}
}

var changes = []test{
	{"a change drops what is cached before it is acknowledged", func(f *fixture) {
		dropped := 0
		f.s.Watch(store.TopicClients, func() { dropped++ })
		f.client("robot")
		equal(f, "dropped", dropped, 1)
	}},
	{"the first poll drops what was cached before it", func(f *fixture) {
		f.client("robot")
		dropped := 0
		f.s.Watch(store.TopicClients, func() { dropped++ })
		f.ok(f.s.PollChanges(f.ctx()))
		equal(f, "dropped", dropped, 1)
		f.ok(f.s.PollChanges(f.ctx()))
		equal(f, "dropped by a poll without news", dropped, 1)
	}},
	{"only its own topic wakes a watcher, and wakes all of them", func(f *fixture) {
		f.ok(f.s.PollChanges(f.ctx()))
		clients, again, keys := 0, 0, 0
		f.s.Watch(store.TopicClients, func() { clients++ })
		f.s.Watch(store.TopicClients, func() { again++ })
		f.s.Watch(store.TopicKeys, func() { keys++ })
		f.client("robot")
		f.client("second")
		equal(f, "watchers of clients, by the changes", clients+again, 4)
		f.ok(f.s.PollChanges(f.ctx()))
		equal(f, "watchers of clients, by one poll", clients+again, 6)
		equal(f, "watchers of keys", keys, 0)
	}},
	{"a refused transaction announces nothing", func(f *fixture) {
		announced := f.announcements(store.TopicClients)
		f.refused(f.try(func(tx *store.Tx) error {
			return errors.Join(tx.CreateClient(store.Client{Issuer: acme, ID: "x", Status: store.ClientActive}), errRefused)
		}), errRefused)
		equal(f, "announced", announced(), false)
	}},
	{"ping", func(f *fixture) { f.ok(f.s.Ping(f.ctx())) }},
}
