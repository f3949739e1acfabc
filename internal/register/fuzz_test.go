package register

import (
	"encoding/json"
	"testing"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/wire"
)

// FuzzParse: whatever comes is refused with a code of RFC 7591 §3.2.2, or is registered as it will be said, and only what anybody may
// have.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"client_name": "Parcel Robot", "redirect_uris": ["https://shop.example/callback"], "grant_types": ["authorization_code", "refresh_token"], "scope": "openid orders.read"}`,
		`{}`, `null`, `[]`, `{"redirect_uris":[null]}`, `{"grant_types":["client_credentials"],"scope":"\u0000"}`, `{"default_max_age":1e99}`,
		`{"client_name":"\ud800"}`, `{"Scope":"x"}`, `{"redirect_uris":["com.example:/cb"],"application_type":"native","reviewed":true}`,
	} {
		f.Add([]byte(seed))
	}
	at := &issuer.Issuer{Name: "acme", Scopes: issuer.Catalogue{{Name: "orders.read", Machine: true}}}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		var stored store.ClientMetadata
		if err == nil {
			stored, err = m.stored(at.Scopes.Names(), store.ClientMetadata{})
		}
		if err == nil {
			err = client.CheckMetadata(at, &stored)
		}
		if err != nil {
			if code := wire.AsOAuth(err).Code; code != oauth.CodeInvalidClientMetadata && code != oauth.CodeInvalidRedirectURI {
				t.Errorf("%q: %v", data, err)
			}
			return
		}
		if stored.Reviewed || stored.Introspects || stored.PKCEOptional || len(at.Scopes.Names().Intersect(stored.Scope)) != len(stored.Scope) {
			t.Errorf("%q registers %+v", data, stored)
		}
		said, err := json.Marshal(metadataOf(&store.Client{Name: m.name(), Metadata: stored}))
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(said)
		if err != nil {
			t.Errorf("%q is said as %s, which cannot be registered: %v", data, said, err)
		}
		if _, err := again.stored(at.Scopes.Names(), store.ClientMetadata{}); err != nil {
			t.Errorf("%q is said as %s: %v", data, said, err)
		}
	})
}
