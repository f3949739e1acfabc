package mint_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"pgregory.net/rapid"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/tokentest"
)

func asJWT(i *issuer.Issuer) { i.AccessToken.Kind = issuer.JWT }

// sample is an access token as the token endpoint makes it.
func sample(f *tokentest.Fixture) mint.Access {
	now := f.Store.Now()
	return mint.Access{
		JTI: "x1", Subject: "usr_ada", ClientID: "app_1", AccountID: "acc_shop", GrantID: f.Store.NewID(), FamilyID: f.Store.NewID(),
		Scopes: oauth.ScopeSet{"openid", "orders.read"}, Audience: []string{"https://api.acme.example"}, IssuedAt: now,
		ExpiresAt: now.Add(time.Hour), AuthTime: now.Add(-time.Minute), ACR: oidc.ACRPassword, AMR: []string{"pwd"},
	}
}

func TestAnOpaqueTokenSaysWhatWasPutIn(t *testing.T) {
	f := tokentest.New(t)
	text := rapid.OneOf(rapid.String(), rapid.Just(""), rapid.Just(f.Store.NewID()), rapid.Just(strings.ToUpper(f.Store.NewID())))
	list := rapid.Custom(func(t *rapid.T) []string {
		if some := rapid.SliceOfN(text, 0, 5).Draw(t, "list"); len(some) > 0 {
			return some
		}
		return nil
	})
	at := rapid.Map(rapid.Int64(), func(n int64) micros.Time { return micros.Time(n) })
	rapid.Check(t, func(r *rapid.T) {
		want := mint.Access{
			JTI: text.Draw(r, "jti") + "!", Subject: text.Draw(r, "sub"), ClientID: text.Draw(r, "client"), AccountID: text.Draw(r, "account"),
			GrantID: text.Draw(r, "grant"), FamilyID: text.Draw(r, "family"), ACR: text.Draw(r, "acr"), IssuedAt: at.Draw(r, "iat"),
			ExpiresAt: at.Draw(r, "exp"), AuthTime: at.Draw(r, "auth"), Scopes: list.Draw(r, "scopes"), Audience: list.Draw(r, "aud"), AMR: list.Draw(r, "amr"),
		}
		token, err := f.Mint.AccessToken(t.Context(), want)
		if err != nil {
			r.Fatal(err)
		}
		got, err := f.Mint.ReadAccessToken(t.Context(), token)
		if len(token) > 16<<10 { // longer than anything honest
			return
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			r.Fatalf("read %+v, %v; want %+v", got, err, want)
		}
	})
}

func TestAnOpaqueTokenHidesItsClaims(t *testing.T) {
	f := tokentest.New(t)
	token, err := f.Mint.AccessToken(t.Context(), sample(f))
	f.Must(err)
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "lk_at_"))
	f.Must(err)
	if !strings.HasPrefix(token, "lk_at_") || strings.Contains(string(raw), "usr_ada") {
		t.Errorf("%q has no prefix, or shows the user", token)
	}
	if len(token) > 400 {
		t.Errorf("an ordinary token has %d characters", len(token))
	}
}

func TestEveryTokenHasItsOwnJTI(t *testing.T) {
	f := tokentest.New(t)
	seen := map[string]bool{}
	for range 100 {
		access := sample(f)
		access.JTI = ""
		token, err := f.Mint.AccessToken(t.Context(), access)
		f.Must(err)
		read, err := f.Mint.ReadAccessToken(t.Context(), token)
		f.Must(err)
		if len(read.JTI) != 22 || seen[read.JTI] {
			t.Fatalf("jti %q is short or came twice", read.JTI)
		}
		seen[read.JTI] = true
	}
}

// go-jose is the witness: another implementation must read what we make.
func TestRFC9068_2_AJWTAccessTokenReadsElsewhere(t *testing.T) {
	f := tokentest.New(t, asJWT)
	access := sample(f)
	token, err := f.Mint.AccessToken(t.Context(), access)
	f.Must(err)
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	f.Must(err)
	if typ := parsed.Headers[0].ExtraHeaders["typ"]; typ != "at+jwt" { // §2.1
		t.Errorf("typ %v, want at+jwt", typ)
	}
	claims := map[string]any{}
	f.Must(parsed.Claims(publicKey(f, parsed.Headers[0].KeyID), &claims))
	for name, want := range map[string]any{ // §2.2
		"iss": f.Issuer.URL, "sub": "usr_ada", "aud": "https://api.acme.example", "client_id": "app_1", "jti": "x1",
		"scope": "openid orders.read", "exp": float64(access.ExpiresAt.Unix()), "iat": float64(access.IssuedAt.Unix()),
		"auth_time": float64(access.AuthTime.Unix()), "acr": oidc.ACRPassword, "grant_id": access.GrantID, "family_id": access.FamilyID,
		"account_id": "acc_shop",
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
}

func publicKey(f *tokentest.Fixture, kid string) any {
	f.Helper()
	set, err := f.Keys.Set(f.Context())
	f.Must(err)
	var published jose.JSONWebKeySet
	f.Must(jsonInto(set.JWKS(), &published))
	if keys := published.Key(kid); len(keys) == 1 {
		return keys[0].Key
	}
	f.Fatalf("the JWKS lacks %s", kid)
	return nil
}

func TestAJWTAccessTokenReadsBack(t *testing.T) {
	f := tokentest.New(t, asJWT)
	want := sample(f)
	token, err := f.Mint.AccessToken(t.Context(), want)
	f.Must(err)
	got, err := f.Mint.ReadAccessToken(t.Context(), token)
	f.Must(err)
	want.IssuedAt, want.ExpiresAt, want.AuthTime = tokentest.Seconds(want.IssuedAt), tokentest.Seconds(want.ExpiresAt), tokentest.Seconds(want.AuthTime)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v\nwant %+v", got, want)
	}
}

func TestBothFormatsReadWhicheverIsMadeNow(t *testing.T) {
	f := tokentest.New(t)
	opaque, err := f.Mint.AccessToken(t.Context(), sample(f))
	f.Must(err)
	f.Issuer.AccessToken.Kind = issuer.JWT
	signed, err := f.Mint.AccessToken(t.Context(), sample(f))
	f.Must(err)
	for _, token := range []string{opaque, signed} {
		if _, err := f.Mint.ReadAccessToken(t.Context(), token); err != nil {
			t.Errorf("%.20s…: %v", token, err)
		}
	}
}

// elsewhere is another issuer with the same master key and the same signing keys.
func elsewhere(f *tokentest.Fixture) *mint.Mint {
	settings := *f.Issuer
	settings.Name, settings.URL = "other", "https://other.example"
	return mint.New(mint.Config{Issuer: &settings, Keyring: f.Keyring, Keys: f.Keys, Rand: rand.Reader})
}

func TestTokensOfAnotherIssuerAreUnreadable(t *testing.T) {
	for _, kind := range []string{issuer.Opaque, issuer.JWT} {
		f := tokentest.New(t, func(i *issuer.Issuer) { i.AccessToken.Kind = kind })
		other := elsewhere(f)
		access, err := other.AccessToken(t.Context(), sample(f))
		f.Must(err)
		refresh, err := other.RefreshToken(f.Store.NewID(), 1)
		f.Must(err)
		hint, err := other.IDToken(t.Context(), jwk.ES256, oidc.IDTokenClaims{Issuer: "https://other.example", Subject: "usr_ada"})
		f.Must(err)
		if _, err := f.Mint.ReadAccessToken(t.Context(), access); !errors.Is(err, mint.ErrUnreadable) {
			t.Errorf("%s access token of another issuer: %v", kind, err)
		}
		if _, _, ok := f.Mint.ReadRefreshToken(refresh); ok {
			t.Error("a refresh token of another issuer was read")
		}
		if _, err := f.Mint.ReadIDTokenHint(t.Context(), hint); !errors.Is(err, mint.ErrUnreadable) {
			t.Errorf("ID Token of another issuer: %v", err)
		}
	}
}

func TestNoChangedTokenIsRead(t *testing.T) {
	f := tokentest.New(t)
	opaque, err := f.Mint.AccessToken(t.Context(), sample(f))
	f.Must(err)
	f.Issuer.AccessToken.Kind = issuer.JWT
	signed, err := f.Mint.AccessToken(t.Context(), sample(f))
	f.Must(err)
	refresh, err := f.Mint.RefreshToken(f.Store.NewID(), 7)
	f.Must(err)
	rapid.Check(t, func(r *rapid.T) {
		token := rapid.SampledFrom([]string{opaque, signed, refresh}).Draw(r, "token")
		at := rapid.IntRange(0, len(token)-1).Draw(r, "at")
		with := rapid.SampledFrom([]string{"", "A", "z", "0", "-", "_", "=", "\n", ".", "é"}).Draw(r, "with")
		changed := token[:at] + with + token[at+rapid.IntRange(0, 1).Draw(r, "cut"):]
		if changed == token {
			return
		}
		if _, err := f.Mint.ReadAccessToken(t.Context(), changed); !errors.Is(err, mint.ErrUnreadable) {
			r.Fatalf("access token %q: %v", changed, err)
		}
		if _, _, ok := f.Mint.ReadRefreshToken(changed); ok && !strings.HasSuffix(changed, strings.TrimPrefix(refresh, "lk_rt_")) { // a prefix may be another
			r.Fatalf("refresh token %q was read", changed)
		}
	})
}

func TestRFC8725_3_11_NoTokenPassesForAnother(t *testing.T) {
	f := tokentest.New(t, asJWT)
	access, err := f.Mint.AccessToken(t.Context(), sample(f))
	f.Must(err)
	id, err := f.Mint.IDToken(t.Context(), jwk.ES256, oidc.IDTokenClaims{Issuer: f.Issuer.URL, Subject: "usr_ada"})
	f.Must(err)
	if _, err := f.Mint.ReadAccessToken(t.Context(), id); !errors.Is(err, mint.ErrUnreadable) {
		t.Errorf("an ID Token was read as an access token: %v", err)
	}
	if _, err := f.Mint.ReadIDTokenHint(t.Context(), access); !errors.Is(err, mint.ErrUnreadable) {
		t.Errorf("an access token was read as an ID Token: %v", err)
	}
}

func TestOIDCCore_3_1_2_1_AnIDTokenHintIsReadAfterExpiryAndRotation(t *testing.T) {
	f := tokentest.New(t)
	want := oidc.IDTokenClaims{Issuer: f.Issuer.URL, Subject: "usr_ada", Audience: oidc.Audience{"app_1"}, Expiry: f.Store.Now().Unix() + 60}
	hint, err := f.Mint.IDToken(t.Context(), jwk.EdDSA, want)
	f.Must(err)
	f.Advance(2 * time.Hour)
	_, err = f.Keys.Rotate(t.Context(), jwk.EdDSA)
	f.Must(err)
	got, err := f.Mint.ReadIDTokenHint(t.Context(), hint)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRefreshTokensReadBackAndRepeat(t *testing.T) {
	f := tokentest.New(t)
	family := f.Store.NewID()
	for _, generation := range []int64{1, 2, 1 << 20, 1<<32 - 1} {
		token, err := f.Mint.RefreshToken(family, generation)
		f.Must(err)
		again, err := f.Mint.RefreshToken(family, generation)
		f.Must(err)
		gotFamily, gotGeneration, ok := f.Mint.ReadRefreshToken(token)
		if token != again || !ok || gotFamily != family || gotGeneration != generation || !strings.HasPrefix(token, "lk_rt_") {
			t.Errorf("generation %d: %q, %q, %s, %d, %v", generation, token, again, gotFamily, gotGeneration, ok)
		}
	}
	for _, generation := range []int64{0, -1, 1 << 32} {
		if _, err := f.Mint.RefreshToken(family, generation); err == nil {
			t.Errorf("generation %d was made", generation)
		}
	}
	if _, err := f.Mint.RefreshToken("not an id", 1); err == nil {
		t.Error("a family that is no identifier got a token")
	}
}

func TestARefreshTokenOutlivesItsPrefix(t *testing.T) {
	f := tokentest.New(t)
	token, err := f.Mint.RefreshToken(f.Store.NewID(), 1)
	f.Must(err)
	for _, prefix := range []string{"", "acme_rt_", "A-", strings.Repeat("r", 32)} {
		f.Issuer.AccessToken.RefreshPrefix = prefix
		if _, _, ok := f.Mint.ReadRefreshToken(token); !ok {
			t.Errorf("not read with the prefix %q", prefix)
		}
		changed, err := f.Mint.RefreshToken(f.Store.NewID(), 1)
		f.Must(err)
		if _, _, ok := f.Mint.ReadRefreshToken(changed); !ok || !strings.HasPrefix(changed, prefix) {
			t.Errorf("%q was made and not read", changed)
		}
	}
	for _, before := range []string{" ", "é", strings.Repeat("r", 33)} {
		if _, _, ok := f.Mint.ReadRefreshToken(before + token); ok {
			t.Errorf("%q was read", before+token)
		}
	}
}

func TestADatabaseThatIsAwayIsNotAnUnreadableToken(t *testing.T) {
	f := tokentest.New(t, asJWT)
	token, err := f.Mint.AccessToken(t.Context(), sample(f))
	f.Must(err)
	_, err = f.Keys.Rotate(t.Context(), jwk.ES256) // the keys must be read again
	f.Must(err)
	f.Unavailable()
	if _, err := f.Mint.ReadAccessToken(t.Context(), token); !tokentest.IsUnavailable(err) {
		t.Errorf("%v, want unavailable", err)
	}
}

func FuzzReadAccessToken(fuzz *testing.F) {
	f := tokentest.New(fuzz)
	opaque, err := f.Mint.AccessToken(fuzz.Context(), sample(f))
	f.Must(err)
	f.Issuer.AccessToken.Kind = issuer.JWT
	signed, err := f.Mint.AccessToken(fuzz.Context(), sample(f))
	f.Must(err)
	for _, seed := range []string{opaque, signed, opaque[:40], "lk_at_", "lk_at_AQ", "..", "a.b.c", "", strings.Repeat("A", 20000), "lk_at_" + strings.Repeat("_", 400)} {
		fuzz.Add(seed)
	}
	fuzz.Fuzz(func(t *testing.T, token string) {
		access, err := f.Mint.ReadAccessToken(t.Context(), token)
		if err == nil && access.JTI != "x1" { // that of the seeds, which each worker makes anew
			t.Errorf("%q was read", token)
		}
		if err != nil && !errors.Is(err, mint.ErrUnreadable) {
			t.Errorf("%q: %v", token, err)
		}
	})
}

func FuzzReadRefreshToken(fuzz *testing.F) {
	f := tokentest.New(fuzz)
	token, err := f.Mint.RefreshToken("019c0000-0000-7000-8000-000000000000", 3) // the same in every worker
	f.Must(err)
	for _, seed := range []string{token, token[:30], "lk_rt_", "lk_rt_" + strings.Repeat("A", 91), strings.Repeat("A", 20000), ""} {
		fuzz.Add(seed)
	}
	fuzz.Fuzz(func(t *testing.T, forged string) {
		if _, _, ok := f.Mint.ReadRefreshToken(forged); ok && !strings.HasSuffix(forged, strings.TrimPrefix(token, "lk_rt_")) {
			t.Errorf("%q was read", forged)
		}
	})
}
