package bearer_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// TestRFC9068_4_Attacks sends every forgery a validator is known to have fallen for.
func TestRFC9068_4_Attacks(t *testing.T) {
	s := newAuthServer(t)
	key, rsaKey := newKey(t, jose.ES256, "ec"), newKey(t, jose.RS256, "rsa")
	s.publish(key, rsaKey)
	guard := s.jwtGuard(t)
	now := s.clock.Now().Unix()
	claims := func(name string, value any) string { return key.sign(t, s.claims(map[string]any{name: value})) }
	header := func(h map[jose.HeaderKey]any) string { return key.sign(t, s.claims(nil), h) }
	good := key.sign(t, s.claims(nil))
	parts := strings.Split(good, ".")

	cases := map[string]string{
		"alg none, empty signature":      segment(t, map[string]any{"alg": "none", "typ": "at+jwt"}) + "." + parts[1] + ".",
		"alg none, old signature":        segment(t, map[string]any{"alg": "none", "typ": "at+jwt", "kid": "ec"}) + "." + parts[1] + "." + parts[2],
		"HS256 keyed by the public key":  confuse(t, s, rsaKey),
		"RS512":                          sign(t, jose.SigningKey{Algorithm: jose.RS512, Key: rsaKey.key}, "rsa", s.claims(nil)),
		"kid of another key":             sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: newKey(t, jose.ES256, "x").key}, "ec", s.claims(nil)),
		"kid of a key of another alg":    sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: key.key}, "rsa", s.claims(nil)),
		"signed by a key it carries":     embedded(t, s),
		"payload changed":                parts[0] + "." + segment(t, s.claims(map[string]any{"sub": "admin"})) + "." + parts[2],
		"signature cut":                  parts[0] + "." + parts[1] + ".",
		"two segments":                   parts[0] + "." + parts[1],
		"ID Token as access token":       header(map[jose.HeaderKey]any{"typ": "JWT"}),
		"no typ":                         header(map[jose.HeaderKey]any{"typ": nil}),
		"logout token as access token":   header(map[jose.HeaderKey]any{"typ": "logout+jwt"}),
		"critical extension":             header(map[jose.HeaderKey]any{"crit": []string{"exp"}, "exp": 1}),
		"another issuer":                 claims("iss", "https://evil.test"),
		"issuer with a slash":            claims("iss", s.URL+"/"),
		"no issuer":                      claims("iss", nil),
		"another audience":               claims("aud", "https://other.test"),
		"audience as prefix":             claims("aud", audience+".evil.test"),
		"no audience":                    claims("aud", nil),
		"audience not a string":          claims("aud", map[string]any{audience: true}),
		"expired":                        claims("exp", now-31),
		"no exp":                         claims("exp", nil),
		"exp as text":                    claims("exp", "9999999999"),
		"exp before 1970":                claims("exp", -5),
		"not before":                     claims("nbf", now+31),
		"no subject":                     claims("sub", nil),
		"no client_id":                   claims("client_id", nil),
		"Sub instead of sub":             key.sign(t, s.claims(map[string]any{"sub": nil, "Sub": "user-1"})),
		"bound to a DPoP key (RFC 9449)": claims("cnf", map[string]any{"jkt": "x"}),
		"opaque token":                   "lk_at_" + strings.Repeat("a", 43),
		"claims are a list":              list(t, key),
	}
	for name, raw := range cases {
		t.Run(name, func(t *testing.T) {
			wantChallenge(t, call(guard, raw), http.StatusUnauthorized, "invalid_token")
		})
	}
	wantStatus(t, call(guard, good), http.StatusOK) // and the one they were all made from is fine
}

func TestRFC9068_4_Leniency(t *testing.T) {
	s := newAuthServer(t)
	key := newKey(t, jose.ES256, "ec")
	s.publish(key, newKey(t, jose.RS256, "rsa"))
	guard := s.jwtGuard(t)
	now := s.clock.Now().Unix()
	cases := map[string]string{
		"application/at+jwt (§2.1)":   key.sign(t, s.claims(nil), map[jose.HeaderKey]any{"typ": "application/AT+JWT"}),
		"expired within leeway":       key.sign(t, s.claims(map[string]any{"exp": now - 29})),
		"not before within leeway":    key.sign(t, s.claims(map[string]any{"nbf": now + 29})),
		"fraction of a second (§2)":   key.sign(t, s.claims(map[string]any{"exp": float64(now) + 600.5})),
		"exp beyond time itself":      key.sign(t, s.claims(map[string]any{"exp": 1e18})),
		"no scope":                    key.sign(t, s.claims(map[string]any{"scope": nil})),
		"no kid, one key for the alg": sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: key.key}, "", s.claims(nil)),
	}
	for name, raw := range cases {
		t.Run(name, func(t *testing.T) { wantStatus(t, call(guard, raw), http.StatusOK) })
	}
}

func TestNoKidAndTwoKeysIsRefused(t *testing.T) {
	s := newAuthServer(t)
	key := newKey(t, jose.ES256, "a")
	s.publish(key, newKey(t, jose.ES256, "b"))
	raw := sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: key.key}, "", s.claims(nil))
	wantChallenge(t, call(s.jwtGuard(t), raw), http.StatusUnauthorized, "invalid_token")
}

func TestTokenExpiresWhileTheClockRuns(t *testing.T) {
	s := newAuthServer(t)
	key := newKey(t, jose.EdDSA, "k")
	s.publish(key)
	guard, raw := s.jwtGuard(t), key.sign(t, s.claims(nil))
	wantStatus(t, call(guard, raw), http.StatusOK)
	s.clock.Advance(11 * time.Minute)
	wantChallenge(t, call(guard, raw), http.StatusUnauthorized, "invalid_token")
}

func segment(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// confuse signs with HMAC, keyed by the published RSA key's JSON.
func confuse(t testing.TB, s *authServer, key signingKey) string {
	t.Helper()
	secret, err := json.Marshal(key.public())
	if err != nil {
		t.Fatal(err)
	}
	return sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: secret}, key.kid, s.claims(nil))
}

// embedded carries the attacker's own key in its jwk header.
func embedded(t testing.TB, s *authServer) string {
	t.Helper()
	key := newKey(t, jose.ES256, "ec")
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType("at+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key.key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := json.Marshal(s.claims(nil))
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, _ := jws.CompactSerialize()
	return compact
}

func list(t testing.TB, key signingKey) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", key.kid)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: key.alg, Key: key.key}, options)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(`["iss"]`))
	if err != nil {
		t.Fatal(err)
	}
	compact, _ := jws.CompactSerialize()
	return compact
}
