package server_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
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

func TestAnIssuerThatWasRenamedIsMissed(t *testing.T) {
	r := servertest.New(t)
	pages, err := web.New(web.Config{Rand: rand.Reader, Clock: r.Clock, Brands: []web.Brand{web.BrandOf(r.Issuer)}})
	r.Must(err)
	start := func(name string) string {
		renamed, log := *r.Issuer, &bytes.Buffer{}
		renamed.Name = name
		_, err = server.New(t.Context(), server.Config{
			Issuers: []*issuer.Issuer{&renamed}, Store: r.Store, Keyring: r.Keyring, Pages: pages, Mail: r,
			Log: slog.New(slog.NewTextHandler(log, nil)), Clock: r.Clock, Rand: rand.Reader,
		})
		r.Must(err)
		return log.String()
	}
	if log := start("acme"); log != "" {
		t.Errorf("nothing is missing: %s", log)
	}
	if log := start("acmee"); !strings.Contains(log, "never change") || !strings.Contains(log, "issuer=acme\n") {
		t.Errorf("the log is %q", log)
	}
}
