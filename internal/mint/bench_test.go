package mint_test

import (
	"encoding/json"
	"testing"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/tokentest"
)

func jsonInto(data []byte, into any) error { return json.Unmarshal(data, into) }

func benchmarkAccessToken(b *testing.B, adjust ...func(*issuer.Issuer)) {
	f := tokentest.New(b, adjust...)
	access := sample(f)
	access.JTI = ""
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Mint.AccessToken(b.Context(), access); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAccessTokenOpaque(b *testing.B) { benchmarkAccessToken(b) }

func BenchmarkAccessTokenES256(b *testing.B) { benchmarkAccessToken(b, asJWT) }

func BenchmarkReadAccessTokenOpaque(b *testing.B) {
	f := tokentest.New(b)
	token, err := f.Mint.AccessToken(b.Context(), sample(f))
	f.Must(err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Mint.ReadAccessToken(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefreshToken(b *testing.B) {
	f := tokentest.New(b)
	family := f.Store.NewID()
	b.ReportAllocs()
	for b.Loop() {
		token, err := f.Mint.RefreshToken(family, 7)
		if _, _, ok := f.Mint.ReadRefreshToken(token); err != nil || !ok {
			b.Fatal(err)
		}
	}
}
