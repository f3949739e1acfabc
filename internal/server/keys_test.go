package server_test

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"testing"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/server"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/signing"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/internal/web"
)

// TestANodeWithAnotherMasterKeyDoesNotStart: of two that start together on an empty database, one made the keys.
func TestANodeWithAnotherMasterKeyDoesNotStart(t *testing.T) {
	r := servertest.New(t)
	pages, err := web.New(web.Config{Rand: rand.Reader, Clock: r.Clock, Brands: []web.Brand{web.BrandOf(r.Issuer)}})
	r.Must(err)
	_, err = server.New(t.Context(), server.Config{
		Issuers: []*issuer.Issuer{r.Issuer}, Store: r.Store, Keyring: tokentest.NewKeyring(t, 2), Pages: pages, Mail: r,
		Log: slog.New(slog.DiscardHandler), Clock: r.Clock, Rand: rand.Reader,
	})
	if !errors.Is(err, signing.ErrMasterKey) {
		t.Errorf("%v", err)
	}
}
