package jwk_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"latchkey.dev/internal/jwk"
)

var born = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func generate(t testing.TB, alg jwk.Alg, state jwk.State) jwk.Key {
	t.Helper()
	k, err := jwk.Generate(rand.Reader, alg, born)
	if err != nil {
		t.Fatal(err)
	}
	k.State = state
	return k
}

func newSet(t testing.TB, keys ...jwk.Key) *jwk.Set {
	t.Helper()
	s, err := jwk.NewSet(keys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fixedKeys are the private keys of RFC 7515 appendix A.3 and RFC 8037 appendix A.1.
func fixedKeys(t testing.TB) []jwk.Key {
	t.Helper()
	curve, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), decode(t, "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"))
	if err != nil {
		t.Fatal(err)
	}
	edwards := ed25519.NewKeyFromSeed(decode(t, "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
	return []jwk.Key{
		{KID: "es", Alg: jwk.ES256, State: jwk.StateCurrent, Private: curve},
		{KID: "ed", Alg: jwk.EdDSA, State: jwk.StateCurrent, Private: edwards},
	}
}

// These never change: Verify compares the header as text, so tokens of a
// running installation would stop to verify. ES256 is deterministic here
// (RFC 6979).
func TestFormatNeverDrifts(t *testing.T) {
	set := newSet(t, fixedKeys(t)...)
	golden := map[jwk.Alg]string{
		jwk.ES256: "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVzIiwidHlwIjoiYXQrand0In0.eyJpc3MiOiJodHRwczovL2FjbWUuZXhhbXBsZSIsImV4cCI6NDEwMjQ0NDgwMH0." +
			"v21_vhSuqlLSSYDdWldRxzpKL2F1HZHClFIxWgoL6mY1Wly0Vk0TkQ-5jAFfL-rLEJU9CvVIsNp3_UQKrsCTdQ",
		jwk.EdDSA: "eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIiwidHlwIjoiYXQrand0In0.eyJpc3MiOiJodHRwczovL2FjbWUuZXhhbXBsZSIsImV4cCI6NDEwMjQ0NDgwMH0." +
			"vU8Cg-YSsd1EQyOp0QsjiJ5ADFFeChLN6nTsEK-FOZo5vAinwaiblWZQ9auBFxE5oG286jCeZz9vmckkrrGxDQ",
	}
	for alg, want := range golden {
		if got := sign(t, set, alg, jwk.TypAccessToken); got != want {
			t.Errorf("%s token is\n%s, was\n%s", alg, got, want)
		}
	}
}

type claims struct {
	Issuer string `json:"iss"`
	Expiry int64  `json:"exp"`
}

func sign(t testing.TB, s *jwk.Set, alg jwk.Alg, typ string) string {
	t.Helper()
	token, err := s.Sign(alg, typ, claims{"https://acme.example", 4102444800})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func decode(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRFC7638_3_1_ThumbprintOfRSA(t *testing.T) {
	modulus := "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs" +
		"tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91" +
		"CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(decode(t, modulus)), E: 65537}
	if got, err := jwk.Thumbprint(public); got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("thumbprint is %s, %v", got, err)
	}
}

func TestRFC8037_A3_ThumbprintOfEd25519(t *testing.T) {
	public := ed25519.PublicKey(decode(t, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))
	if got, err := jwk.Thumbprint(public); got != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("thumbprint is %s, %v", got, err)
	}
}

// RFC 8037 appendix A.4 signs "Example of Ed25519 signing"; its header has no
// kid, so here only the primitive and our encoding around it are compared.
func TestRFC8037_A4_Ed25519Signature(t *testing.T) {
	seed := decode(t, "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	input := "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
	want := "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
	if got := base64.RawURLEncoding.EncodeToString(ed25519.Sign(ed25519.NewKeyFromSeed(seed), []byte(input))); got != want {
		t.Errorf("signature is %s", got)
	}
}

// go-jose is the witness that what we write is what others read.
func TestGoJoseVerifiesOurTokens(t *testing.T) {
	for _, alg := range jwk.Algs() {
		set := newSet(t, generate(t, alg, jwk.StateCurrent), generate(t, alg, jwk.StateNext))
		token := sign(t, set, alg, jwk.TypAccessToken)
		parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		var published jose.JSONWebKeySet
		if err := json.Unmarshal(set.JWKS(), &published); err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		header := parsed.Signatures[0].Header
		keys := published.Key(header.KeyID)
		if len(keys) != 1 || header.ExtraHeaders["typ"] != "at+jwt" {
			t.Fatalf("%s: %d keys for header %+v", alg, len(keys), header)
		}
		payload, err := parsed.Verify(keys[0])
		if err != nil || string(payload) != `{"iss":"https://acme.example","exp":4102444800}` {
			t.Errorf("%s: payload %s, %v", alg, payload, err)
		}
	}
}

func TestRFC7517_JWKS(t *testing.T) {
	previous, next := generate(t, jwk.ES256, jwk.StatePrevious), generate(t, jwk.ES256, jwk.StateNext)
	current, edwards := generate(t, jwk.ES256, jwk.StateCurrent), generate(t, jwk.EdDSA, jwk.StateCurrent)
	rsaKey := generate(t, jwk.RS256, jwk.StateCurrent)
	set := newSet(t, previous, next, current, edwards, rsaKey)
	var published jose.JSONWebKeySet
	if err := json.Unmarshal(set.JWKS(), &published); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, k := range published.Keys {
		order = append(order, k.KeyID)
		if !k.IsPublic() || !k.Valid() || k.Use != "sig" || k.Algorithm == "" {
			t.Errorf("published key %+v", k)
		}
	}
	if want := []string{current.KID, edwards.KID, rsaKey.KID, next.KID, previous.KID}; !slices.Equal(order, want) {
		t.Errorf("published %v, want current, next, previous: %v", order, want)
	}
	if strings.Contains(string(set.JWKS()), `"d"`) {
		t.Error("a private key is published")
	}
}

func TestEmptyJWKSIsAnEmptyArray(t *testing.T) {
	if got := string(newSet(t).JWKS()); got != `{"keys":[]}` {
		t.Errorf("JWKS is %s", got)
	}
}

func TestVerifyWhatWeSigned(t *testing.T) {
	for _, alg := range jwk.Algs() {
		current := generate(t, alg, jwk.StateCurrent)
		for _, typ := range []string{jwk.TypJWT, jwk.TypAccessToken, "secevent+jwt"} {
			token := sign(t, newSet(t, current), alg, typ)
			current.State = jwk.StatePrevious // a rotation in between
			payload, err := newSet(t, current, generate(t, alg, jwk.StateCurrent)).Verify(token, typ)
			if err != nil || !bytes.Contains(payload, []byte("acme")) {
				t.Errorf("%s %s: %s, %v", alg, typ, payload, err)
			}
			current.State = jwk.StateCurrent
		}
	}
}

// forge encodes a token of any header over a real payload.
func forge(header map[string]any, signature string, valid string) string {
	encoded, _ := json.Marshal(header)
	parts := strings.Split(valid, ".")
	return base64.RawURLEncoding.EncodeToString(encoded) + "." + parts[1] + "." + signature
}

func TestRFC8725_VerifyRefuses(t *testing.T) {
	es, rs := generate(t, jwk.ES256, jwk.StateCurrent), generate(t, jwk.RS256, jwk.StateCurrent)
	set := newSet(t, es, rs)
	valid := sign(t, set, jwk.ES256, jwk.TypAccessToken)
	validRS := sign(t, set, jwk.RS256, jwk.TypAccessToken)
	parts, partsRS := strings.Split(valid, "."), strings.Split(validRS, ".")
	cases := map[string]string{
		"empty":                  "",
		"dots":                   "..",
		"one part":               parts[0],
		"two parts":              parts[0] + "." + parts[1],
		"four parts":             valid + ".x",
		"no signature":           parts[0] + "." + parts[1] + ".",
		"§3.1 alg none":          forge(map[string]any{"alg": "none", "kid": es.KID, "typ": "at+jwt"}, "", valid),
		"§3.1 alg of the other":  forge(map[string]any{"alg": "RS256", "kid": es.KID, "typ": "at+jwt"}, parts[2], valid),
		"§3.1 kid of the other":  forge(map[string]any{"alg": "ES256", "kid": rs.KID, "typ": "at+jwt"}, parts[2], valid),
		"kid unknown":            forge(map[string]any{"alg": "ES256", "kid": "x", "typ": "at+jwt"}, parts[2], valid),
		"no kid":                 forge(map[string]any{"alg": "ES256", "typ": "at+jwt"}, parts[2], valid),
		"§3.11 typ":              sign(t, set, jwk.ES256, jwk.TypJWT),
		"RFC 7515 §4.1.11 crit":  forge(map[string]any{"alg": "ES256", "crit": []string{"b64"}, "b64": false, "kid": es.KID, "typ": "at+jwt"}, parts[2], valid),
		"§3.5 jwk in header":     forge(map[string]any{"alg": "ES256", "jwk": map[string]any{}, "kid": es.KID, "typ": "at+jwt"}, parts[2], valid),
		"payload swapped":        parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"evil"}`)) + "." + parts[2],
		"header swapped":         partsRS[0] + "." + parts[1] + "." + parts[2],
		"another set's":          sign(t, newSet(t, generate(t, jwk.ES256, jwk.StateCurrent)), jwk.ES256, jwk.TypAccessToken),
		"§3.4 padding":           valid + "==",
		"§3.4 a line end":        valid + "\n",
		"§3.4 a line end inside": parts[0] + "." + parts[1] + "." + parts[2][:4] + "\r\n" + parts[2][4:],
		"§3.4 trailing bits":     valid[:len(valid)-1] + malleable(valid[len(valid)-1]),
		"ASN.1 signature":        parts[0] + "." + parts[1] + "." + asn1Signature(t, es, parts[0]+"."+parts[1]),
		"zero signature":         parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"too long":               valid + strings.Repeat("A", 16<<10),
	}
	for name, token := range cases {
		if payload, err := set.Verify(token, jwk.TypAccessToken); !errors.Is(err, jwk.ErrToken) {
			t.Errorf("%s is accepted: %s, %v", name, payload, err)
		}
	}
}

// malleable is another character that a lax decoder reads as the same bits.
func malleable(last byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, last)|1])
}

func asn1Signature(t *testing.T, k jwk.Key, input string) string {
	t.Helper()
	signature, err := ecdsa.SignASN1(rand.Reader, k.Private.(*ecdsa.PrivateKey), []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(signature)
}

// The classic: HS256 with the published key as the secret.
func TestRFC8725_3_1_PublicKeyIsNoSecret(t *testing.T) {
	key := generate(t, jwk.RS256, jwk.StateCurrent)
	set := newSet(t, key)
	public, err := x509.MarshalPKIXPublicKey(key.Private.Public())
	if err != nil {
		t.Fatal(err)
	}
	options := (&jose.SignerOptions{}).WithType(jwk.TypAccessToken).WithHeader("kid", key.KID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: public}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Verify(token, jwk.TypAccessToken); !errors.Is(err, jwk.ErrToken) {
		t.Errorf("HS256 with the public key: %v", err)
	}
}

func TestEveryFlippedCharacterIsRefused(t *testing.T) {
	set := newSet(t, generate(t, jwk.EdDSA, jwk.StateCurrent))
	valid := sign(t, set, jwk.EdDSA, jwk.TypJWT)
	for i := range valid {
		damaged := []byte(valid)
		damaged[i] ^= 1
		if _, err := set.Verify(string(damaged), jwk.TypJWT); err == nil {
			t.Errorf("character %d changed and accepted", i)
		}
	}
}

// counted counts how many sign at once.
type counted struct {
	crypto.Signer

	now, most atomic.Int32
}

func (c *counted) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	now := c.now.Add(1)
	defer c.now.Add(-1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
	}
	time.Sleep(time.Millisecond) // so that others would overlap, whatever the machine
	return c.Signer.Sign(random, digest, opts)
}

// TestNoMoreRSASignaturesAtOnceThanProcessors: more would only take turns, and everything else would wait behind them all.
func TestNoMoreRSASignaturesAtOnceThanProcessors(t *testing.T) {
	key := generate(t, jwk.RS256, jwk.StateCurrent)
	signer := &counted{Signer: key.Private}
	key.Private = signer
	set := newSet(t, key)
	processors := runtime.GOMAXPROCS(0)
	var signing sync.WaitGroup
	for range 4 * processors {
		signing.Go(func() {
			if _, err := set.Sign(jwk.RS256, jwk.TypJWT, struct{}{}); err != nil {
				t.Error(err)
			}
		})
	}
	signing.Wait()
	if most := int(signer.most.Load()); most != processors {
		t.Errorf("%d signed at once on %d processors", most, processors)
	}
}

func TestSignWithoutAKey(t *testing.T) {
	set := newSet(t, generate(t, jwk.ES256, jwk.StateNext), generate(t, jwk.RS256, jwk.StatePrevious))
	for _, alg := range jwk.Algs() {
		if _, err := set.Sign(alg, jwk.TypJWT, claims{}); !errors.Is(err, jwk.ErrNoKey) {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

func TestCurrent(t *testing.T) {
	es := generate(t, jwk.ES256, jwk.StateCurrent)
	set := newSet(t, generate(t, jwk.ES256, jwk.StateNext), es)
	if k, ok := set.Current(jwk.ES256); !ok || k.KID != es.KID {
		t.Errorf("current is %v, %v", k.KID, ok)
	}
	if _, ok := set.Current(jwk.RS256); ok {
		t.Error("there is no RS256 key")
	}
}

func TestNewSetRefuses(t *testing.T) {
	es := generate(t, jwk.ES256, jwk.StateCurrent)
	mislabelled, nameless, p384 := es, es, es
	mislabelled.Alg, nameless.KID = jwk.RS256, ""
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384.Private = private
	cases := map[string][]jwk.Key{
		"two current keys": {es, generate(t, jwk.ES256, jwk.StateCurrent)},
		"one kid twice":    {es, es},
		"wrong algorithm":  {mislabelled},
		"no kid":           {nameless},
		"no private key":   {{KID: "x", Alg: jwk.ES256}},
		"P-384":            {p384},
	}
	for name, keys := range cases {
		if _, err := jwk.NewSet(keys); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestPrivateKeysSurviveMarshalling(t *testing.T) {
	for _, alg := range jwk.Algs() {
		key := generate(t, alg, jwk.StateCurrent)
		der, err := key.MarshalPrivate()
		if err != nil {
			t.Fatal(err)
		}
		token := sign(t, newSet(t, key), alg, jwk.TypJWT)
		if key.Private, err = jwk.ParsePrivate(der); err != nil {
			t.Fatal(err)
		}
		if _, err := newSet(t, key).Verify(token, jwk.TypJWT); err != nil {
			t.Errorf("%s: the key changed: %v", alg, err)
		}
	}
}

func TestParsePrivateRefuses(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(p384)
	if err != nil {
		t.Fatal(err)
	}
	for name, input := range map[string][]byte{"nothing": nil, "noise": []byte("noise"), "P-384": der} {
		if _, err := jwk.ParsePrivate(input); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestGenerateRefusesOtherAlgorithms(t *testing.T) {
	for _, alg := range []jwk.Alg{"", "none", "HS256", "ES384"} {
		if _, err := jwk.Generate(rand.Reader, alg, born); err == nil || alg.Supported() {
			t.Errorf("%q is accepted", alg)
		}
	}
}

// states lists an algorithm's keys as "kid state".
func states(keys []jwk.Key) string {
	var list []string
	for _, k := range keys {
		list = append(list, k.KID+" "+string(k.State))
	}
	return strings.Join(list, ", ")
}

func TestRotate(t *testing.T) {
	named := func(kid string, alg jwk.Alg) jwk.Key { return jwk.Key{KID: kid, Alg: alg, CreatedAt: born} }
	keys := []jwk.Key{{KID: "other", Alg: jwk.RS256, State: jwk.StateCurrent}}
	steps := []struct{ fresh, want string }{
		{"a", "other current, a current"}, // nothing to wait for
		{"b", "other current, a current, b next"},
		{"c", "other current, a previous, b current, c next"},
		{"d", "other current, b previous, c current, d next"},
	}
	for i, step := range steps {
		now := born.Add(time.Duration(i) * time.Hour)
		before := states(keys)
		rotated := jwk.Rotate(keys, jwk.ES256, named(step.fresh, jwk.ES256), now)
		if states(keys) != before {
			t.Errorf("step %d changed its input", i)
		}
		keys = rotated
		if got := states(keys); got != step.want {
			t.Errorf("step %d is %q, want %q", i, got, step.want)
		}
	}
	b, c := keys[1], keys[2]
	if !b.ActivatedAt.Equal(born.Add(2*time.Hour)) || !b.RetiredAt.Equal(born.Add(3*time.Hour)) || !c.RetiredAt.IsZero() {
		t.Errorf("times are %+v and %+v", b, c)
	}
}

// A client that fetched the JWKS before a rotation verifies what is signed
// after it, and one that fetched after verifies what was signed before.
func TestNoVerificationFailsDuringRotation(t *testing.T) {
	keys := []jwk.Key{generate(t, jwk.ES256, jwk.StateCurrent), generate(t, jwk.ES256, jwk.StateNext)}
	for range 4 {
		before := newSet(t, keys...)
		keys = jwk.Rotate(keys, jwk.ES256, generate(t, jwk.ES256, jwk.StateNext), born)
		after := newSet(t, keys...)
		if _, err := before.Verify(sign(t, after, jwk.ES256, jwk.TypJWT), jwk.TypJWT); err != nil {
			t.Errorf("the older JWKS refuses the new token: %v", err)
		}
		if _, err := after.Verify(sign(t, before, jwk.ES256, jwk.TypJWT), jwk.TypJWT); err != nil {
			t.Errorf("the newer JWKS refuses the old token: %v", err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	set := newSet(f, fixedKeys(f)...) // every fuzzing worker must have the same
	known := map[string]bool{}
	for _, alg := range []jwk.Alg{jwk.ES256, jwk.EdDSA} {
		token := sign(f, set, alg, jwk.TypJWT)
		known[token] = true
		f.Add(token)
		f.Add(token[:len(token)-1])
		f.Add(token[:strings.IndexByte(token, '.')])
	}
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := set.Verify(token, jwk.TypJWT); err == nil && !known[token] {
			t.Errorf("a forgery is accepted: %q", token)
		}
	})
}

func FuzzParsePrivate(f *testing.F) {
	for _, alg := range []jwk.Alg{jwk.ES256, jwk.EdDSA} {
		der, err := generate(f, alg, jwk.StateCurrent).MarshalPrivate()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		private, err := jwk.ParsePrivate(der)
		if err != nil {
			return
		}
		if _, err := jwk.Thumbprint(private.Public()); err != nil {
			t.Errorf("a parsed key has no thumbprint: %v", err)
		}
	})
}
