package serviceaccount_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
)

// here is where the tests' requests come from.
const here = "192.0.2.7"

// fixture is an account's own service account with one key, which the test holds.
type fixture struct {
	*tokentest.Fixture

	service *serviceaccount.Service
	account store.ServiceAccount
	signer  signer
}

func newFixture(t testing.TB, adjust ...func(*issuer.Issuer)) *fixture {
	t.Helper()
	f := &fixture{Fixture: tokentest.New(t, adjust...)}
	f.service = serviceaccount.New(serviceaccount.Config{
		Issuer: f.Issuer, Store: f.Store, Keys: serviceaccount.NewKeyMaker(rand.Reader), LastUse: f.LastUse, Rand: rand.Reader,
	})
	f.account = f.create("warehouse")
	f.signer = f.addKey(f.account, serviceaccount.KeyDraft{})
	return f
}

// bare is the policy of a platform whose assertions say sub, iat and jti only.
func bare(i *issuer.Issuer) { i.Policy.ServiceAccounts.BareAssertions = true }

func (f *fixture) create(name string) store.ServiceAccount {
	f.Helper()
	account, err := f.service.Create(f.Context(), serviceaccount.Draft{AccountID: f.Account.ID, Name: name, Scopes: tokentest.Scopes("orders.read")}, f.User.ID)
	f.Must(err)
	return account
}

// signer signs assertions as a program that holds a key does.
type signer struct {
	keyID   string
	private crypto.Signer
	alg     jose.SignatureAlgorithm
}

// addKey brings a P-256 key of the test's own, which is quick to make.
func (f *fixture) addKey(account store.ServiceAccount, draft serviceaccount.KeyDraft) signer {
	f.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.Must(err)
	draft.PublicJWK = publicJWK(f.TB, private.Public())
	credential, err := f.service.AddKey(f.Context(), account, draft, f.User.ID)
	f.Must(err)
	return signer{keyID: credential.KeyID, private: private, alg: jose.ES256}
}

func publicJWK(t testing.TB, key any) json.RawMessage {
	t.Helper()
	data, err := jose.JSONWebKey{Key: key}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// claims are a complete assertion, new each time; change replaces members, and nil takes one out.
func (f *fixture) claims(s signer, change map[string]any) map[string]any {
	claims := map[string]any{
		"iss": s.keyID, "sub": s.keyID, "aud": f.Issuer.URL, "iat": f.Clock().Unix(), "exp": f.Clock().Unix() + 50, "jti": seal.NewSecret(rand.Reader, ""),
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

func (s signer) sign(t testing.TB, claims any, headers map[jose.HeaderKey]any) string {
	t.Helper()
	signing, err := jose.NewSigner(jose.SigningKey{Algorithm: s.alg, Key: s.private}, &jose.SignerOptions{ExtraHeaders: headers})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signing.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (f *fixture) assertion(s signer, change map[string]any) serviceaccount.Assertion {
	return serviceaccount.Assertion{Token: s.sign(f.TB, f.claims(s, change), nil), Address: here}
}

func (f *fixture) signIn(s signer) serviceaccount.Session {
	f.Helper()
	session, err := f.service.SignIn(f.Context(), f.assertion(s, nil))
	f.Must(err)
	return session
}

// values are the session's cookies' values, as a client sends them back.
func (f *fixture) values(session serviceaccount.Session) []string {
	var values []string
	for _, cookie := range f.service.Cookies(session) {
		values = append(values, cookie.Value)
	}
	return values
}

// refused wants a refusal with a code, a reason and a status.
func refused(t testing.TB, err error, code, reason string, status int) {
	t.Helper()
	var said *oauth.Error
	if !errors.As(err, &said) {
		t.Fatalf("got %v, want %s", err, code)
	}
	if said.Code != code || said.Reason != reason || said.HTTPStatus() != status {
		t.Errorf("got %d %s %q (%s), want %d %s %q", said.HTTPStatus(), said.Code, said.Reason, said.Description, status, code, reason)
	}
}

// privateKey reads what a credential carries, as a program does.
func privateKey(t testing.TB, text string) crypto.Signer {
	t.Helper()
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "RSA PRIVATE KEY" || len(rest) > 0 {
		t.Fatalf("not one PEM block of RSA PRIVATE KEY")
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
