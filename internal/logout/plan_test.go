package logout

import (
	"strings"
	"testing"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/seal"
)

func FuzzPlan(f *testing.F) {
	keyring, err := seal.NewKeyring(make([]byte, seal.MinMasterKey))
	if err != nil {
		f.Fatal(err)
	}
	h := New(Config{Issuer: &issuer.Issuer{Name: "acme"}, Keyring: keyring, Rand: strings.NewReader(strings.Repeat("n", 64))}) // the same in every process
	sealed, err := h.seal(plan{ClientID: "app", To: "https://app.example/bye"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add("")
	f.Add(sealed[1:])
	f.Fuzz(func(t *testing.T, r string) {
		if asked, err := h.open(r); err == nil && r != sealed {
			t.Errorf("%q was not sealed by us, and is read as %+v", r, asked)
		}
	})
}
