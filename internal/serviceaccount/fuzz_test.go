package serviceaccount

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

func FuzzReadAssertion(f *testing.F) {
	segment := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	claims := segment(`{"sub":"key-1","iat":1772366400,"jti":"6f1e"}`)
	for _, header := range []string{`{"alg":"RS256"}`, `{"alg":"ES256","kid":"key-1"}`, `{"alg":"none"}`, `{"alg":"EdDSA","crit":["b64"],"b64":false}`, `{}`} {
		f.Add(segment(header) + "." + claims + "." + segment("signature"))
	}
	f.Add("")
	f.Add("...")
	f.Add(segment(`{"alg":"RS256"}`) + "." + segment(`{"aud":["a"],"exp":1e300,"nbf":-1,"sub":1}`) + ".")
	f.Fuzz(func(t *testing.T, token string) {
		said, err := readAssertion(token)
		if err != nil {
			return
		}
		if !said.alg.Supported() {
			t.Errorf("alg %q", said.alg)
		}
		if len(said.kid) > maxIdentifier || len(said.claims.Subject) > maxIdentifier || len(said.claims.ID) > maxIdentifier {
			t.Error("an identifier is too long to look up")
		}
		for _, at := range []*numericDate{said.claims.Expiry, said.claims.NotBefore, said.claims.IssuedAt} {
			if at.time() > latest*1e6 || at.time() < -latest*1e6 {
				t.Errorf("a time out of range: %d", at.time())
			}
		}
	})
}

func FuzzReadPublicJWK(f *testing.F) {
	f.Add([]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`))
	f.Add([]byte(`{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}`))
	f.Add([]byte(`{"kty":"RSA","e":"AQAB","n":"AA"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		public, alg, err := readPublicJWK(data)
		if err != nil {
			return
		}
		der, err := marshalPublic(public)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parsePublic(der)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := algOf(again); err != nil || same != alg {
			t.Errorf("%s came back as %s: %v", alg, same, err)
		}
	})
}

func FuzzAddresses(f *testing.F) {
	f.Add("192.0.2.7", "192.0.2.7")
	f.Add("2001:db8::/32", "2001:db8::1")
	f.Add("::ffff:192.0.2.7", "192.0.2.7")
	f.Add("fe80::1%eth0", "fe80::1")
	f.Add("0.0.0.0/0", "")
	f.Fuzz(func(t *testing.T, network, address string) {
		networks, err := readAddresses([]string{network})
		if err != nil {
			return
		}
		if networks == "" || strings.Contains(networks, "%") {
			t.Errorf("%q became %q, which binds nothing", network, networks)
		}
		if again, err := readAddresses([]string{networks}); err != nil || again != networks {
			t.Errorf("%q became %q, %v", networks, again, err)
		}
		allowed(networks, address)
	})
}

func FuzzExpiry(f *testing.F) {
	f.Add(`"2030-01-31T12:00:00Z"`)
	f.Add(`null`)
	f.Add(`"2030-01-31"`)
	f.Add(`{}`)
	f.Fuzz(func(_ *testing.T, text string) {
		var expiry Expiry
		_ = json.Unmarshal([]byte(text), &expiry) // it may refuse, and must not panic
	})
}
