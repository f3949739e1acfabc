package serviceaccount_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
)

func TestSignInStartsASession(t *testing.T) {
	f := newFixture(t)
	session := f.signIn(f.signer)
	principal, err := f.service.Resume(t.Context(), f.values(session), here)
	f.Must(err)
	who, err := f.service.WhoAmI(t.Context(), principal)
	f.Must(err)
	if who.ID != f.account.ID || who.Name != "warehouse" || who.AccountID != f.Account.ID || who.KeyID != f.signer.keyID || who.Delegated {
		t.Errorf("signed in as %+v", who)
	}
	events, err := f.Store.EventsOfAccount(t.Context(), "acme", f.Account.ID, store.LastEvent, 10)
	f.Must(err)
	if tokentest.Count(events, store.EventServiceAccountSignedIn) != 1 {
		t.Errorf("events: %+v", events)
	}
}

// RFC 7523 §3: what an assertion must say, and what is answered to the holder of the key when it does not.
func TestRFC7523_3_Assertions(t *testing.T) {
	f, b := newFixture(t), newFixture(t, bare)
	at := func(offset int64) int64 { return f.Clock().Unix() + offset }
	for _, test := range []struct {
		name             string
		change           map[string]any
		standard, barely string // the reason to refuse it for; "" accepts it
	}{
		{"complete", nil, "", ""},
		{"only sub, iat and jti", map[string]any{"iss": nil, "aud": nil, "exp": nil}, oauth.ReasonMissing, ""},
		{"no iss", map[string]any{"iss": nil}, oauth.ReasonMissing, ""},
		{"no aud", map[string]any{"aud": nil}, oauth.ReasonMissing, ""},
		{"no exp", map[string]any{"exp": nil}, oauth.ReasonMissing, ""},
		{"no iat", map[string]any{"iat": nil}, "", oauth.ReasonMissing},
		{"no iat and exp far ahead", map[string]any{"iat": nil, "exp": at(7200)}, serviceaccount.ReasonStale, oauth.ReasonMissing},
		{"no jti", map[string]any{"jti": nil}, oauth.ReasonMissing, oauth.ReasonMissing},
		{"iss of another", map[string]any{"iss": "somebody"}, oauth.ReasonMalformed, oauth.ReasonMalformed},
		{"aud of another", map[string]any{"aud": "https://other.example"}, serviceaccount.ReasonWrongAudience, serviceaccount.ReasonWrongAudience},
		{"aud with us in it", map[string]any{"aud": []string{"https://other.example", "https://acme.example"}}, "", ""},
		{"aud of the token endpoint", map[string]any{"aud": "https://acme.example/oauth/token"}, "", ""},
		{"iat 60 s old", map[string]any{"iat": at(-60)}, "", ""},
		{"iat 61 s old", map[string]any{"iat": at(-61)}, serviceaccount.ReasonStale, serviceaccount.ReasonStale},
		{"iat 61 s ahead", map[string]any{"iat": at(61), "exp": at(90)}, serviceaccount.ReasonStale, serviceaccount.ReasonStale},
		{"iat with a fraction", map[string]any{"iat": float64(at(0)) + 0.25}, "", ""},
		{"iat in milliseconds", map[string]any{"iat": at(0) * 1000}, "", ""}, // refused below: it is malformed
		{"exp just over, within the clocks' difference", map[string]any{"exp": at(-5)}, "", ""},
		{"exp over", map[string]any{"exp": at(-20)}, oauth.ReasonExpired, oauth.ReasonExpired},
		{"nbf ahead", map[string]any{"nbf": at(30)}, serviceaccount.ReasonStale, serviceaccount.ReasonStale},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, kind := range []struct {
				f      *fixture
				reason string
			}{{f, test.standard}, {b, test.barely}} {
				_, err := kind.f.service.SignIn(t.Context(), kind.f.assertion(kind.f.signer, test.change))
				switch {
				case test.name == "iat in milliseconds":
					refused(t, err, oauth.CodeInvalidGrant, "", 401)
				case kind.reason != "":
					refused(t, err, oauth.CodeInvalidGrant, kind.reason, 401)
				case err != nil:
					t.Error(err)
				}
			}
		})
	}
}

func TestRFC7523_3_NamesOfTheServiceAccount(t *testing.T) {
	f := newFixture(t)
	kid := map[jose.HeaderKey]any{"kid": f.signer.keyID}
	for _, name := range []string{f.account.ID, f.account.Channel, f.signer.keyID} {
		token := f.signer.sign(t, f.claims(f.signer, map[string]any{"iss": name, "sub": name}), kid)
		if _, err := f.service.SignIn(t.Context(), serviceaccount.Assertion{Token: token, Address: here}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := f.create("other")
	token := f.signer.sign(t, f.claims(f.signer, map[string]any{"iss": other.ID, "sub": other.ID}), kid)
	_, err := f.service.SignIn(t.Context(), serviceaccount.Assertion{Token: token, Address: here})
	refused(t, err, oauth.CodeInvalidGrant, oauth.ReasonMalformed, 401)
}

// A caller that has not proven to hold a key hears one answer, whatever is wrong, or it could ask which keys there are.
func TestUnprovenCallersHearOneAnswer(t *testing.T) {
	f := newFixture(t, bare)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.Must(err)
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	f.Must(err)
	stranger := signer{keyID: f.signer.keyID, private: private, alg: jose.ES256}
	good := f.assertion(f.signer, nil).Token
	payload, _ := json.Marshal(f.claims(f.signer, nil))
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
	keys, err := f.Store.ServiceKeys(t.Context(), "acme", f.account.ID)
	f.Must(err)
	answers := map[string]string{}
	for name, token := range map[string]string{
		"unknown key":             f.assertion(signer{keyID: "nobody", private: private, alg: jose.ES256}, nil).Token,
		"wrong signature":         f.assertion(stranger, nil).Token,
		"another algorithm":       f.assertion(signer{keyID: f.signer.keyID, private: edwards, alg: jose.EdDSA}, nil).Token,
		"public key as HMAC key":  hmac(t, keys[0].PublicKey, payload),
		"none":                    unsigned,
		"changed":                 good[:len(good)-4] + "AAAA",
		"not a JWT":               "x",
		"empty":                   "",
		"long":                    strings.Repeat("a", 9000),
		"header that demands":     f.signer.sign(t, f.claims(f.signer, nil), map[jose.HeaderKey]any{"crit": []string{"exp"}, "exp": 1}),
		"duplicate member":        duplicate(t, f),
		"expired, wrong key":      f.assertion(stranger, map[string]any{"iat": 1}).Token,
		"embedded key of its own": embedded(t, f, private),
	} {
		record := &reqlog.Record{}
		_, err := f.service.SignIn(reqlog.With(t.Context(), record), serviceaccount.Assertion{Token: token, Address: here})
		refused(t, err, oauth.CodeInvalidGrant, "", 401)
		var said *oauth.Error
		errors.As(err, &said)
		answers[said.Description] = name
		if record.Client != "" {
			t.Errorf("%s: the log names %s", name, record.Client)
		}
	}
	if len(answers) != 1 {
		t.Errorf("answers differ: %v", answers)
	}
}

func hmac(t *testing.T, key, payload []byte) string {
	t.Helper()
	signing, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signing.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, _ := signed.CompactSerialize()
	return token
}

// duplicate says two things by one name: parsers disagree on which counts (RFC 7519 §4).
func duplicate(t *testing.T, f *fixture) string {
	t.Helper()
	payload, err := json.Marshal(f.claims(f.signer, nil))
	f.Must(err)
	payload = bytes.Replace(payload, []byte("{"), []byte(`{"sub":"x",`), 1)
	return f.signer.sign(t, json.RawMessage(payload), nil)
}

// embedded brings its key in the header (RFC 7515 §4.1.3), which must count for nothing.
func embedded(t *testing.T, f *fixture, private *ecdsa.PrivateKey) string {
	t.Helper()
	signing, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private}, &jose.SignerOptions{EmbedJWK: true})
	f.Must(err)
	payload, err := json.Marshal(f.claims(f.signer, nil))
	f.Must(err)
	signed, err := signing.Sign(payload)
	f.Must(err)
	token, _ := signed.CompactSerialize()
	return token
}

func TestRFC7523_3_7_AnAssertionIsAcceptedOnce(t *testing.T) {
	f := newFixture(t)
	assertion := f.assertion(f.signer, nil)
	const racers = 32
	var accepted, replayed sync.Map
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			_, err := f.service.SignIn(t.Context(), assertion)
			var said *oauth.Error
			switch {
			case err == nil:
				accepted.Store(i, true)
			case errors.As(err, &said) && said.Reason == oauth.ReasonReused:
				replayed.Store(i, true)
			default:
				t.Errorf("racer: %v", err)
			}
		})
	}
	all.Wait()
	if length(&accepted) != 1 || length(&replayed) != racers-1 {
		t.Errorf("accepted %d times, refused %d times", length(&accepted), length(&replayed))
	}
	f.Advance(5 * time.Second)
	_, err := f.service.SignIn(t.Context(), assertion)
	refused(t, err, oauth.CodeInvalidGrant, oauth.ReasonReused, 401)
}

func length(m *sync.Map) (n int) {
	m.Range(func(any, any) bool { n++; return true })
	return n
}

// Forgetting a jti must never make its assertion good again.
func TestAForgottenJTIIsTooOld(t *testing.T) {
	f := newFixture(t, bare)
	for _, issued := range []int64{-60, 0, 60} {
		assertion := f.assertion(f.signer, map[string]any{"iat": f.Clock().Unix() + issued, "exp": nil})
		_, err := f.service.SignIn(t.Context(), assertion)
		f.Must(err)
		for range 130 {
			_, err := f.Store.Prune(t.Context(), store.Horizon{Expired: f.Store.Now()})
			f.Must(err)
			if _, err := f.service.SignIn(t.Context(), assertion); err == nil {
				t.Fatalf("iat %d: accepted again at %v", issued, f.Clock())
			}
			f.Advance(time.Second)
		}
	}
}

func TestTheJTIOfOneKeyIsNotAnothers(t *testing.T) {
	f := newFixture(t)
	second := f.addKey(f.account, serviceaccount.KeyDraft{})
	for _, key := range []signer{f.signer, second} {
		if _, err := f.service.SignIn(t.Context(), f.assertion(key, map[string]any{"jti": "1"})); err != nil {
			t.Error(err)
		}
	}
}

func TestARemovedKeyEndsAtOnce(t *testing.T) {
	f := newFixture(t)
	session := f.signIn(f.signer)
	removed, err := f.service.RemoveKey(t.Context(), f.account, f.signer.keyID, f.User.ID)
	f.Must(err)
	if removed != 1 {
		t.Errorf("removed %d", removed)
	}
	_, err = f.service.Resume(t.Context(), f.values(session), here)
	refused(t, err, oauth.CodeInvalidClient, serviceaccount.ReasonKeyRemoved, 401)
	_, err = f.service.SignIn(t.Context(), f.assertion(f.signer, nil))
	refused(t, err, oauth.CodeInvalidGrant, serviceaccount.ReasonKeyRemoved, 401)
}

func TestAnExpiredKeyEndsAtOnce(t *testing.T) {
	f := newFixture(t)
	key := f.addKey(f.account, serviceaccount.KeyDraft{ExpiresAt: f.Store.Now().Add(time.Hour)})
	session := f.signIn(key)
	f.Advance(time.Hour - time.Microsecond)
	_, err := f.service.Resume(t.Context(), f.values(session), here)
	f.Must(err)
	f.Advance(time.Microsecond)
	_, err = f.service.Resume(t.Context(), f.values(session), here)
	refused(t, err, oauth.CodeInvalidClient, serviceaccount.ReasonKeyExpired, 401)
	_, err = f.service.SignIn(t.Context(), f.assertion(key, nil))
	refused(t, err, oauth.CodeInvalidGrant, serviceaccount.ReasonKeyExpired, 401)
}

func TestAKeyIsBoundToItsAddresses(t *testing.T) {
	f := newFixture(t)
	key := f.addKey(f.account, serviceaccount.KeyDraft{Addresses: []string{"192.0.2.7", "2001:db8::/32"}})
	session := f.signIn(key)
	for address, allowed := range map[string]bool{
		"192.0.2.7": true, "::ffff:192.0.2.7": true, "2001:db8::1": true, "192.0.2.8": false, "2001:db9::1": false, "": false, "x": false,
	} {
		assertion := f.assertion(key, nil)
		assertion.Address = address
		_, signIn := f.service.SignIn(t.Context(), assertion)
		_, resume := f.service.Resume(t.Context(), f.values(session), address)
		if allowed {
			f.Must(errors.Join(signIn, resume))
			continue
		}
		refused(t, signIn, oauth.CodeInvalidGrant, serviceaccount.ReasonAddressNotAllowed, 401)
		refused(t, resume, oauth.CodeInvalidClient, serviceaccount.ReasonAddressNotAllowed, 401)
	}
}

func TestDatabaseTroubleIsNeverARefusal(t *testing.T) {
	f := newFixture(t)
	session, assertion := f.signIn(f.signer), f.assertion(f.signer, nil)
	f.Unavailable()
	_, signIn := f.service.SignIn(t.Context(), assertion)
	_, resume := f.service.Resume(t.Context(), f.values(session), here)
	for _, err := range []error{signIn, resume} {
		if !tokentest.IsUnavailable(err) {
			t.Errorf("got %v, want trouble with the database", err)
		}
	}
}

func TestAMadeKeyIsAnsweredOnceAndForgotten(t *testing.T) {
	f := newFixture(t)
	credential, err := f.service.AddKey(t.Context(), f.account, serviceaccount.KeyDraft{}, f.User.ID)
	f.Must(err)
	made := signer{keyID: credential.KeyID, private: privateKey(t, credential.PrivateKey), alg: jose.RS256}
	f.signIn(made)
	keys, err := f.Store.ServiceKeys(t.Context(), "acme", f.account.ID)
	f.Must(err)
	for _, key := range keys {
		if bytes.Contains(key.PublicKey, []byte("PRIVATE")) || len(key.PublicKey) > 400 {
			t.Errorf("more than a public key rests in the database: %d bytes", len(key.PublicKey))
		}
	}
	if credential.UserCode != f.account.ID || credential.ChannelIdentifier != f.account.Channel || credential.AccountID != f.Account.ID ||
		credential.IssuedAt != f.Clock().Unix() || credential.Alg != "RS256" {
		t.Errorf("told %+v", credential)
	}
}

func TestIdentifiersLookAsThePolicySays(t *testing.T) {
	f := newFixture(t, func(i *issuer.Issuer) {
		i.Policy.ServiceAccounts = issuer.ServiceAccounts{
			IDs: issuer.CredentialFormat{Prefix: "u", Digits: 12}, Keys: issuer.CredentialFormat{Prefix: "our-key-id-"}, Channel: "{id}@p{digits}.idp.example",
		}
	})
	account, err := f.service.Create(t.Context(), serviceaccount.Draft{AccountID: "PRJ12345", Name: "x"}, "")
	f.Must(err)
	if len(account.ID) != 13 || strings.Trim(account.ID[1:], "0123456789") != "" || account.Channel != account.ID+"@p12345.idp.example" {
		t.Errorf("made %+v", account)
	}
	if rest, ok := strings.CutPrefix(f.signer.keyID, "our-key-id-"); !ok || len(rest) != 32 || strings.Trim(rest, "0123456789abcdef") != "" {
		t.Errorf("key id %s", f.signer.keyID)
	}
}
