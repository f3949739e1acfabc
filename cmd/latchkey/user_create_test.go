package main

import (
	"crypto/rand"
	"testing"
	"time"

	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/storetest"
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
