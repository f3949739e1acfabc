package pgtest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"crypto/rand"

	"latchkey.dev/internal/store"
	"latchkey.dev/internal/store/pgtest"
)

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: url, Clock: time.Now, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestNewIsMigratedAndAlone(t *testing.T) {
	first, second := open(t, pgtest.New(t)), open(t, pgtest.New(t))
	err := first.InTx(t.Context(), func(tx *store.Tx) error {
		return tx.CreateUser(store.User{Issuer: "acme", ID: "u", Email: "a@example.com"})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.User(context.Background(), "acme", "u"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another test's database knows the user: %v", err)
	}
}

func TestEmptyIsNotMigrated(t *testing.T) {
	var schema *store.SchemaError
	if err := open(t, pgtest.Empty(t)).CheckSchema(t.Context()); !errors.As(err, &schema) || schema.Have != 0 {
		t.Errorf("CheckSchema: %v, want a SchemaError that has version 0", err)
	}
}
