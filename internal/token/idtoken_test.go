package token_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/store"
)

// verified reads an ID Token as a client does: with the published keys and another implementation.
func (e *endpoint) verified(idToken string, alg jose.SignatureAlgorithm) map[string]any {
	e.Helper()
	set, err := e.Keys.Set(e.Context())
	e.Must(err)
	var published jose.JSONWebKeySet
	e.Must(json.Unmarshal(set.JWKS(), &published))
	parsed, err := jwt.ParseSigned(idToken, []jose.SignatureAlgorithm{alg})
	e.Must(err)
	claims := map[string]any{}
	e.Must(parsed.Claims(published, &claims))
	return claims
}

func TestOIDCCore_3_1_3_3_AnIDTokenSaysWhoSignedInAndFor(t *testing.T) {
	e := newEndpoint(t)
	response := e.redeemed()
	claims := e.verified(response.IDToken, jose.ES256)
	now := e.Store.Now()
	for name, want := range map[string]any{
		"iss": e.Issuer.URL, "sub": e.User.ID, "aud": e.app.ID, "exp": float64(now.Add(time.Hour).Unix()), "iat": float64(now.Unix()),
		"auth_time": float64(now.Add(-time.Minute).Unix()), "nonce": "n-0S6_WzA2Mj", "acr": oidc.ACRPassword, "sid": "ses_1",
		"at_hash": oidc.ATHash("ES256", response.AccessToken), "account_id": e.Account.ID,
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
}

func TestOIDCCore_12_2_TheIDTokenOfARefreshRepeatsTheFirst(t *testing.T) {
	e := newEndpoint(t)
	first := e.redeemed()
	before := e.verified(first.IDToken, jose.ES256)
	e.Advance(time.Hour)
	second := e.must(e.refreshRequest(first.RefreshToken))
	after := e.verified(second.IDToken, jose.ES256)
	for _, name := range []string{"iss", "sub", "aud", "auth_time", "acr", "sid", "account_id"} {
		if before[name] != after[name] {
			t.Errorf("%s was %v and is %v", name, before[name], after[name])
		}
	}
	if after["iat"] == before["iat"] || after["nonce"] != nil || after["at_hash"] != oidc.ATHash("ES256", second.AccessToken) {
		t.Errorf("%v", after)
	}
}

func TestOIDCCore_3_1_2_1_NoIDTokenWithoutOpenID(t *testing.T) {
	e := newEndpoint(t)
	if response := e.redeemed(func(c *store.Code) { c.Binding.Scopes = c.Binding.Scopes[1:] }); response.IDToken != "" {
		t.Error("an ID Token that nobody asked for")
	}
}

func TestAClientGetsTheAlgorithmItRegistered(t *testing.T) {
	e := newEndpoint(t)
	app := e.App(func(m *store.ClientMetadata) { m.IDTokenSignedAlg = jwk.EdDSA })
	request := e.codeRequest(e.Code(e.Grant(app, allScopes)))
	request.Client = app.Credentials()
	response := e.must(request)
	claims := e.verified(response.IDToken, jose.EdDSA)
	if claims["at_hash"] != oidc.ATHash("EdDSA", response.AccessToken) {
		t.Errorf("at_hash %v", claims["at_hash"])
	}
}
