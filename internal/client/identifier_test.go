package client_test

import (
	"regexp"
	"testing"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/tokentest"
)

func TestIdentifiersLookAsThePolicySays(t *testing.T) {
	for name, c := range map[string]struct {
		ids, secrets  issuer.CredentialFormat
		id, secretHas string
	}{
		"usual":  {id: `^app_[\w-]{22}$`, secretHas: `^lk_cs_[\w-]{43}$`},
		"prefix": {ids: issuer.CredentialFormat{Prefix: "client-"}, secrets: issuer.CredentialFormat{Prefix: "secret_"}, id: `^client-[\w-]{22}$`, secretHas: `^secret_[\w-]{43}$`},
		"digits": {ids: issuer.CredentialFormat{Digits: 16}, id: `^[0-9]{16}$`, secretHas: `^lk_cs_`},
		"uuid":   {ids: issuer.CredentialFormat{UUID: true}, id: `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, secretHas: `^lk_cs_`},
	} {
		t.Run(name, func(t *testing.T) {
			f := tokentest.New(t, func(is *issuer.Issuer) { is.Policy.ClientIDs, is.Policy.ClientSecrets = c.ids, c.secrets })
			one, two := f.App(), f.App()
			if !regexp.MustCompile(c.id).MatchString(one.ID) || !regexp.MustCompile(c.secretHas).MatchString(one.Secret) || one.ID == two.ID {
				t.Errorf("%s and %s, with %s", one.ID, two.ID, one.Secret)
			}
			if _, err := f.Clients.Authenticate(t.Context(), one.Credentials()); err != nil {
				t.Error(err)
			}
		})
	}
}
