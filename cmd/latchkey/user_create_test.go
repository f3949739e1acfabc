package main

import (
	"crypto/rand"
	"testing"
	"time"

	"latchkey.dev/internal/interaction"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/storetest"
	"latchkey.dev/internal/throttle"
)

// TestWhatAnOperatorMakesIsMarkedSo: the activity page does not tell it as the person's own doing.
func TestWhatAnOperatorMakesIsMarkedSo(t *testing.T) {
	opened, err := store.Open(t.Context(), store.Config{URL: storetest.SQLite(t), Clock: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	made := store.User{Issuer: "acme", ID: "usr_noura", Email: "noura@acme.example", Name: "Noura"}
	if err := opened.InTx(t.Context(), func(tx *store.Tx) error {
		return (&newUser{account: "Noura's Shop"}).create(tx, made, "acc_shop")
	}); err != nil {
		t.Fatal(err)
	}
	events, err := opened.EventsOfUser(t.Context(), made.Issuer, made.ID, store.LastEvent, 10)
	if err != nil || len(events) != 2 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	for _, event := range events {
		if event.Detail["reason"] != store.ReasonOperator {
			t.Errorf("%s: %v", event.Type, event.Detail)
		}
	}
}

// TestANewPasswordLetsInWhomSomebodyLockedOut, as a reset by the person themselves does.
func TestANewPasswordLetsInWhomSomebodyLockedOut(t *testing.T) {
	opened, err := store.Open(t.Context(), store.Config{URL: storetest.SQLite(t), Clock: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	keyring, err := seal.NewKeyring(make([]byte, seal.MinMasterKey))
	if err != nil {
		t.Fatal(err)
	}
	noura := store.User{Issuer: "acme", ID: "usr_noura", Email: "noura@acme.example", Name: "Noura"}
	limits, tries := throttle.Limiter{Issuer: "acme", Store: opened, Keyring: keyring}, interaction.SignInLimit(noura.Email)
	for range tries.Most {
		if _, err := limits.Spend(t.Context(), tries); err != nil {
			t.Fatal(err)
		}
	}
	if err := opened.InTx(t.Context(), func(tx *store.Tx) error {
		if err := tx.CreateUser(noura); err != nil {
			return err
		}
		_, err := givePassword(tx, limits, noura, "hash")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if limited, err := limits.Spend(t.Context(), tries); err != nil || !limited.Never() {
		t.Errorf("limited until %v, %v", limited, err)
	}
}
