package storetest

import (
	"errors"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// device makes one that waits; its name is its code and what a person types.
func (f *fixture) device(name string, expiresAt micros.Time) store.DeviceCode {
	f.t.Helper()
	device := store.DeviceCode{
		Code: store.Code{
			Hash: store.Hash(name), Issuer: acme, ClientID: "robot", ExpiresAt: expiresAt,
			Binding: store.CodeBinding{Scopes: oauth.ScopeSet{"orders.read", "orders.write"}, Resources: []string{"https://api.example"}},
		},
		UserCode: store.Hash("typed " + name), Interval: 5 * time.Second,
	}
	f.do(func(tx *store.Tx) error { return tx.CreateDeviceCode(device) })
	return device
}

// allow answers a device with a grant, as the consent page does.
func (f *fixture) allow(device store.DeviceCode, grant store.Grant) error {
	return f.try(func(tx *store.Tx) error {
		code := device.Code
		code.Grant, code.FamilyID, code.Binding.Scopes = grant, tx.NewID(), grant.Scopes
		return tx.AllowDevice(code)
	})
}

func (f *fixture) deny(device store.DeviceCode) error {
	return f.try(func(tx *store.Tx) error { return tx.DenyDevice(acme, device.Hash) })
}

func (f *fixture) redeemDevice(name string) error {
	device, err := f.s.DeviceCode(f.ctx(), acme, store.Hash(name))
	f.ok(err)
	return f.try(func(tx *store.Tx) error { return tx.RedeemDeviceCode(device.Hash, f.familyOf(device.Code)) })
}

func (f *fixture) poll(device store.DeviceCode) (slowed bool, err error) {
	err = f.try(func(tx *store.Tx) (err error) {
		slowed, err = tx.PollDevice(acme, device.Hash, 0, 5*time.Second)
		return err
	})
	return slowed, err
}

var devices = []test{
	{"RFC 8628 §3.1: what waits is found by its code and by what a person types", func(f *fixture) {
		want := f.device("tv", f.later())
		for _, find := range []func() (store.DeviceCode, error){
			func() (store.DeviceCode, error) { return f.s.DeviceCode(f.ctx(), acme, want.Hash) },
			func() (store.DeviceCode, error) { return f.s.FindDeviceCode(f.ctx(), acme, want.UserCode) },
		} {
			got, err := find()
			f.ok(err)
			equal(f, "client", got.ClientID, "robot")
			equal(f, "scopes", got.Binding.Scopes.String(), "orders.read orders.write")
			equal(f, "interval", got.Interval, 5*time.Second)
			equal(f, "expires", got.ExpiresAt, want.ExpiresAt)
			equal(f, "answered", got.Answered(), false)
			equal(f, "grant", got.Grant.ID, "")
		}
		_, err := f.s.DeviceCode(f.ctx(), other, want.Hash)
		f.refused(err, store.ErrNotFound)
		_, err = f.s.FindDeviceCode(f.ctx(), other, want.UserCode)
		f.refused(err, store.ErrNotFound)
	}},
	{"no two devices have one user code", func(f *fixture) {
		taken := f.device("tv", f.later())
		err := f.try(func(tx *store.Tx) error {
			return tx.CreateDeviceCode(store.DeviceCode{Code: store.Code{Hash: store.Hash("radio"), Issuer: acme}, UserCode: taken.UserCode})
		})
		f.refused(err, store.ErrConflict)
	}},
	{"an allowed device has its grant and is redeemed once", func(f *fixture) {
		grant, device := f.connection(), f.device("tv", f.later())
		f.refused(f.redeemDevice("tv"), store.ErrNotFound) // nobody allowed it yet
		f.ok(f.allow(device, grant))
		got, err := f.s.DeviceCode(f.ctx(), acme, device.Hash)
		f.ok(err)
		equal(f, "grant", got.Grant.ID, grant.ID)
		equal(f, "answered", got.Answered(), true)
		f.ok(f.redeemDevice("tv"))
		_, err = f.s.Family(f.ctx(), acme, got.FamilyID)
		f.ok(err)
		f.refused(f.redeemDevice("tv"), store.ErrNotFound)
	}},
	{"the first answer stays", func(f *fixture) {
		grant, device := f.connection(), f.device("tv", f.later())
		f.ok(f.deny(device))
		f.refused(f.allow(device, grant), store.ErrNotFound)
		f.refused(f.deny(device), store.ErrNotFound)
		f.refused(f.redeemDevice("tv"), store.ErrNotFound)
	}},
	{"an expired device is neither answered, polled nor redeemed", func(f *fixture) {
		grant, device := f.connection(), f.device("tv", f.earlier())
		f.refused(f.allow(device, grant), store.ErrNotFound)
		f.refused(f.deny(device), store.ErrNotFound)
		_, err := f.poll(device)
		f.refused(err, store.ErrNotFound)
		f.refused(f.redeemDevice("tv"), store.ErrNotFound)
	}},
	{"a device whose connection ended buys nothing", func(f *fixture) {
		grant, device := f.connection(), f.device("tv", f.later())
		f.ok(f.allow(device, grant))
		f.ok(f.revoke(acme, grant.ID))
		f.refused(f.redeemDevice("tv"), store.ErrNotFound)
	}},
	{"RFC 8628 §3.5: a device that asks too often is slowed by five seconds each time", func(f *fixture) {
		device := f.device("tv", f.later())
		for i, want := range []bool{false, true, true} {
			slowed, err := f.poll(device)
			f.ok(err)
			equal(f, numbered("slowed", i), slowed, want)
		}
		got, err := f.s.DeviceCode(f.ctx(), acme, device.Hash)
		f.ok(err)
		equal(f, "interval", got.Interval, 15*time.Second)
	}},
	{"RFC 8628 §3.5: an answered device waits no longer", func(f *fixture) {
		device := f.device("tv", f.later())
		f.ok(f.deny(device))
		_, err := f.poll(device)
		f.refused(err, store.ErrNotFound)
	}},
	{"64 answer one device, the first stays", func(f *fixture) {
		grant := f.connection()
		for round := range 5 {
			device := f.device(numbered("tv", round), f.later())
			wins := f.race(func(i int) error {
				if i%2 == 0 {
					return f.deny(device)
				}
				return f.allow(device, grant)
			}, store.ErrNotFound)
			equal(f, "winners", wins, 1)
			got, err := f.s.DeviceCode(f.ctx(), acme, device.Hash)
			f.ok(err)
			equal(f, "both answers", !got.AllowedAt.Never() && !got.DeniedAt.Never(), false)
		}
	}},
	{"RFC 8628 §3.4: 64 redeem one device code, one wins", func(f *fixture) {
		grant := f.connection()
		for round := range 5 {
			device := f.device(numbered("tv", round), f.later())
			f.ok(f.allow(device, grant))
			wins := f.race(func(int) error { return f.redeemDevice(numbered("tv", round)) }, store.ErrNotFound)
			equal(f, "winners", wins, 1)
		}
	}},
	{"of 64 polls at once one is in time", func(f *fixture) {
		device := f.device("tv", f.later())
		slow := make([]bool, racers)
		f.race(func(i int) (err error) {
			slow[i], err = f.poll(device)
			return err
		})
		inTime := 0
		for _, slowed := range slow {
			if !slowed {
				inTime++
			}
		}
		equal(f, "in time", inTime, 1)
	}},
	{"what expired goes", func(f *fixture) {
		f.device("old", f.earlier())
		live := f.device("live", f.later())
		pruned, err := f.s.Prune(f.ctx(), store.Horizon{Expired: f.s.Now()})
		f.ok(err)
		equal(f, "pruned", pruned, 1)
		_, err = f.s.DeviceCode(f.ctx(), acme, live.Hash)
		f.ok(err)
	}},
}

// mostUnused is how many registrations that nobody used the tests allow.
const mostUnused = 10

// register adds an app that registered itself.
func (f *fixture) register(id string, expiresAt micros.Time) error {
	return f.try(func(tx *store.Tx) error {
		if err := tx.CreateClient(store.Client{Issuer: acme, ID: id, Status: store.ClientActive}); err != nil {
			return err
		}
		return tx.CreateRegistration(store.Registration{Issuer: acme, ClientID: id, TokenHash: store.Hash(id), ExpiresAt: expiresAt}, mostUnused)
	})
}

var registrations = []test{
	{"RFC 7592 §2: an app is found with its token, at its issuer only", func(f *fixture) {
		f.ok(f.register("app", f.later()))
		got, err := f.s.Registration(f.ctx(), acme, "app")
		f.ok(err)
		equal(f, "token", string(got.TokenHash), string(store.Hash("app")))
		_, err = f.s.Registration(f.ctx(), other, "app")
		f.refused(err, store.ErrNotFound)
	}},
	{"RFC 7592 §2.3: a deleted app's registration goes with it", func(f *fixture) {
		f.ok(f.register("app", f.later()))
		f.do(func(tx *store.Tx) error { return tx.DeleteClient(acme, "app") })
		_, err := f.s.Registration(f.ctx(), acme, "app")
		f.refused(err, store.ErrNotFound)
	}},
	{"an app that nobody connected is forgotten, one that somebody did stays", func(f *fixture) {
		f.user("noura")
		f.account("shop", "noura")
		for _, id := range []string{"unused", "used", "claimed"} {
			f.ok(f.register(id, f.earlier()))
		}
		f.ok(f.register("fresh", f.later()))
		f.consent("noura", "shop", "used", "orders.read")
		f.do(func(tx *store.Tx) error { return tx.KeepRegistration(acme, "claimed") })
		pruned, err := f.s.Prune(f.ctx(), store.Horizon{Expired: f.s.Now()})
		f.ok(err)
		equal(f, "pruned", pruned, 1)
		_, err = f.s.Client(f.ctx(), acme, "unused")
		f.refused(err, store.ErrNotFound)
		for _, id := range []string{"used", "claimed", "fresh"} {
			_, err = f.s.Client(f.ctx(), acme, id)
			f.ok(err)
		}
	}},
	{"racing registrations cannot outnumber the limit", func(f *fixture) {
		wins := f.race(func(i int) error { return f.register(numbered("app", i), f.later()) }, store.ErrConflict)
		equal(f, "registered", wins, mostUnused)
		f.do(func(tx *store.Tx) error { return tx.KeepRegistration(acme, f.anyRegistered()) })
		f.ok(f.register("after", f.later())) // one that is used makes room
	}},
	{"no connection is lost to pruning", func(f *fixture) {
		f.user("noura")
		f.account("shop", "noura")
		for round := range 5 {
			id := numbered("app", round)
			f.ok(f.register(id, f.earlier()))
			f.race(func(i int) error {
				if i == 0 {
					return f.try(func(tx *store.Tx) error {
						_, _, err := tx.SaveConsent(store.Consent{
							Issuer: acme, UserID: "noura", AccountID: "shop", ClientID: id, Allowed: oauth.ScopeSet{"orders.read"},
						})
						return err
					})
				}
				_, err := f.s.Prune(f.ctx(), store.Horizon{Expired: f.s.Now()})
				return err
			}, store.ErrNotFound)
			_, err := f.s.Registration(f.ctx(), acme, id)
			_, clientErr := f.s.Client(f.ctx(), acme, id)
			_, grantErr := f.s.FindGrant(f.ctx(), acme, "noura", "shop", id)
			equal(f, "registration and app are both there or both gone", errors.Is(err, store.ErrNotFound), errors.Is(clientErr, store.ErrNotFound))
			equal(f, "app and connection are both there or both gone", errors.Is(clientErr, store.ErrNotFound), errors.Is(grantErr, store.ErrNotFound))
		}
	}},
}

// anyRegistered is one of the apps that won their race.
func (f *fixture) anyRegistered() string {
	f.t.Helper()
	all, err := f.s.Clients(f.ctx(), acme, "", 1)
	f.ok(err)
	return all[0].ID
}
