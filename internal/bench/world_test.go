package bench

import (
	"crypto/rand"
	"testing"
	"time"

	"latchkey.dev/internal/store"
)

func TestAnAppHasTheSecretOfTheLastRunOnly(t *testing.T) {
	config, folder := Config{Clock: time.Now, Rand: rand.Reader}, t.TempDir()
	for run := range 3 {
		w, err := newWorld(t.Context(), config, folder)
		if err != nil {
			t.Fatal(err)
		}
		err = w.store.InTx(t.Context(), func(tx *store.Tx) error {
			secrets, err := tx.ClientSecrets("opaque", appID)
			if len(secrets) != 1 {
				t.Errorf("%d secrets after %d earlier runs, want 1", len(secrets), run)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
