package jwk_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oidc"
)

func accessTokenClaims() *oidc.AccessTokenClaims {
	return &oidc.AccessTokenClaims{
		Issuer: "https://acme.example", Subject: "usr_0123456789abcdef", Audience: oidc.Audience{"https://api.acme.example"},
		Expiry: 4102444800, IssuedAt: 4102444000, JTI: "0123456789abcdef", ClientID: "cli_0123456789abcdef",
		Scope: "openid payments:read", GrantID: "grt_0123456789abcdef", FamilyID: "0123456789abcdef",
	}
}

func benchmarkSign(b *testing.B, alg jwk.Alg) {
	b.Helper()
	set, claims := newSet(b, generate(b, alg, jwk.StateCurrent)), accessTokenClaims()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := set.Sign(alg, jwk.TypAccessToken, claims); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSignES256(b *testing.B) { benchmarkSign(b, jwk.ES256) }
func BenchmarkSignRS256(b *testing.B) { benchmarkSign(b, jwk.RS256) }
func BenchmarkSignEdDSA(b *testing.B) { benchmarkSign(b, jwk.EdDSA) }

// BenchmarkSignatureOnly is what BenchmarkSignES256 cannot be quicker than.
func BenchmarkSignatureOnly(b *testing.B) {
	private := generate(b, jwk.ES256, jwk.StateCurrent).Private.(*ecdsa.PrivateKey)
	digest := sha256.Sum256([]byte("x"))
	for b.Loop() {
		if _, err := ecdsa.SignASN1(rand.Reader, private, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyES256(b *testing.B) {
	set := newSet(b, generate(b, jwk.ES256, jwk.StateCurrent))
	token := sign(b, set, jwk.ES256, jwk.TypAccessToken)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := set.Verify(token, jwk.TypAccessToken); err != nil {
			b.Fatal(err)
		}
	}
}
