package storetest

import (
	"bytes"
	"reflect"

	"latchkey.dev/internal/store"
)

var clients = []test{
	{"an app reads back whole", func(f *fixture) {
		want := f.client("robot")
		got, err := f.s.Client(f.ctx(), acme, "robot")
		f.ok(err)
		want.CreatedAt, want.UpdatedAt, want.Secrets = got.CreatedAt, got.UpdatedAt, got.Secrets
		if !reflect.DeepEqual(got, want) {
			f.t.Errorf("got %+v, want %+v", got, want)
		}
		equal(f, "secrets", len(got.Secrets), 0)
		equal(f, "public", got.Public(), false)
	}},
	{"an identifier is taken once an issuer", func(f *fixture) {
		client := f.client("robot")
		create := func(tx *store.Tx) error { return tx.CreateClient(client) }
		f.refused(f.try(create), store.ErrConflict)
		client.Issuer = other
		f.do(create)
	}},
	{"another issuer never sees it", func(f *fixture) {
		f.client("robot")
		_, err := f.s.Client(f.ctx(), other, "robot")
		f.refused(err, store.ErrNotFound)
	}},
	{"changing one that is not there is refused", func(f *fixture) {
		for _, change := range []func(*store.Tx) error{
			func(tx *store.Tx) error { return tx.UpdateClient(store.Client{Issuer: acme, ID: "none"}) },
			func(tx *store.Tx) error { return tx.SetClientStatus(acme, "none", store.ClientSuspended) },
			func(tx *store.Tx) error { return tx.RevokeClientTokens(acme, "none") },
			func(tx *store.Tx) error { return tx.DeleteClient(acme, "none") },
			func(tx *store.Tx) error { return tx.ExpireClientSecret(acme, "none", "s", tx.Now()) },
		} {
			f.refused(f.try(change), store.ErrNotFound)
		}
	}},
	{"update and status", func(f *fixture) {
		client := f.client("robot")
		client.Name, client.Metadata.LogoURI = "Parcel Robot", "https://app.example/logo.png"
		f.do(func(tx *store.Tx) error { return tx.UpdateClient(client) })
		f.do(func(tx *store.Tx) error { return tx.SetClientStatus(acme, "robot", store.ClientSuspended) })
		got, err := f.s.Client(f.ctx(), acme, "robot")
		f.ok(err)
		equal(f, "name", got.Name, "Parcel Robot")
		equal(f, "logo", got.Metadata.LogoURI, "https://app.example/logo.png")
		equal(f, "status", got.Status, store.ClientSuspended)
	}},
	{"several secrets, each with its end", secrets},
	{"deleting takes the secrets along", func(f *fixture) {
		f.client("robot")
		f.secret("one")
		f.do(func(tx *store.Tx) error { return tx.DeleteClient(acme, "robot") })
		_, err := f.s.Client(f.ctx(), acme, "robot")
		f.refused(err, store.ErrNotFound)
		got := f.client("robot") // the identifier again: no secret of before may open it
		equal(f, "secrets", len(got.Secrets), 0)
	}},
	{"apps are listed by identifier, in pages", func(f *fixture) {
		for i := range 5 {
			f.client(numbered("app", i))
		}
		page, err := f.s.Clients(f.ctx(), acme, "app-002", 10)
		f.ok(err)
		equal(f, "left", len(page), 2)
		equal(f, "where it goes on", page[0].ID, "app-003")
	}},
	{"every change is announced", func(f *fixture) {
		announced := f.announcements(store.TopicClients)
		f.client("robot")
		equal(f, "created", announced(), true)
		equal(f, "nothing new", announced(), false)
		for _, change := range []func(*store.Tx) error{
			func(tx *store.Tx) error { return tx.UpdateClient(store.Client{Issuer: acme, ID: "robot"}) },
			func(tx *store.Tx) error { return tx.SetClientStatus(acme, "robot", store.ClientSuspended) },
			func(tx *store.Tx) error { return tx.RevokeClientTokens(acme, "robot") },
			func(tx *store.Tx) error {
				return tx.AddClientSecret(store.ClientSecret{Issuer: acme, ClientID: "robot", ID: "s", Hash: []byte("h")})
			},
			func(tx *store.Tx) error { return tx.ExpireClientSecret(acme, "robot", "s", tx.Now()) },
			func(tx *store.Tx) error { return tx.DeleteClient(acme, "robot") },
		} {
			f.do(change)
			equal(f, "changed", announced(), true)
		}
	}},
}

func (f *fixture) secret(id string) {
	f.t.Helper()
	f.do(func(tx *store.Tx) error {
		return tx.AddClientSecret(store.ClientSecret{Issuer: acme, ClientID: "robot", ID: id, Hash: store.Hash(id), Hint: "abcd"})
	})
}

func secrets(f *fixture) {
	f.client("robot")
	f.secret("one")
	f.secret("two")
	at := f.s.Now()
	f.do(func(tx *store.Tx) error { return tx.ExpireClientSecret(acme, "robot", "one", at) })
	later := func(tx *store.Tx) error { return tx.ExpireClientSecret(acme, "robot", "one", at.Add(1e9)) }
	f.refused(f.try(later), store.ErrNotFound) // an end is never put off
	client, err := f.s.Client(f.ctx(), acme, "robot")
	f.ok(err)
	equal(f, "secrets", len(client.Secrets), 2)
	f.do(func(tx *store.Tx) error {
		held, err := tx.ClientSecrets(acme, "robot")
		equal(f, "secrets, in a transaction", len(held), 2)
		return err
	})
	for _, secret := range client.Secrets {
		equal(f, "hash of "+secret.ID, bytes.Equal(secret.Hash, store.Hash(secret.ID)), true)
		equal(f, "has an end: "+secret.ID, !secret.ExpiresAt.Never(), secret.ID == "one")
	}
}
