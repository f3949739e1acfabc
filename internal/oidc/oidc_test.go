package oidc_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"latchkey.dev/internal/jsonappend/appendtest"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
)

func marshal(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The example of OpenID Connect Core appendix A.3 (response_type=id_token token).
func TestCore_3_1_3_6_ATHash(t *testing.T) {
	const accessToken = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
	const want = "77QmUPtjPfzWtF2AnpK9RQ"
	for _, alg := range []string{"RS256", "ES256"} {
		if got := oidc.ATHash(alg, accessToken); got != want {
			t.Errorf("%s: at_hash is %s, want %s", alg, got, want)
		}
	}
	if got := oidc.ATHash("EdDSA", accessToken); len(got) != 43 { // half of SHA-512
		t.Errorf("EdDSA: at_hash is %s", got)
	}
}

func TestRFC7519_4_1_3_Audience(t *testing.T) {
	for wire, audience := range map[string]oidc.Audience{`"a"`: {"a"}, `["a","b"]`: {"a", "b"}, `[]`: {}} {
		if got := marshal(t, audience); got != wire {
			t.Errorf("%v is %s", audience, got)
		}
		var read oidc.Audience
		if err := json.Unmarshal([]byte(wire), &read); err != nil || !reflect.DeepEqual(read, audience) {
			t.Errorf("%s reads as %v, %v", wire, read, err)
		}
	}
	var single oidc.Audience
	if err := json.Unmarshal([]byte(`["a"]`), &single); err != nil || !single.Has("a") || single.Has("b") {
		t.Errorf("an array of one: %v, %v", single, err)
	}
	for _, wrong := range []string{`1`, `{}`, `[1]`} {
		if err := json.Unmarshal([]byte(wrong), new(oidc.Audience)); err == nil {
			t.Errorf("%s is an audience", wrong)
		}
	}
}

func TestCore_2_IDTokenClaimNames(t *testing.T) {
	claims := oidc.IDTokenClaims{
		Issuer: "https://acme.example", Subject: "usr_1", Audience: oidc.Audience{"cli_1"}, Expiry: 2, IssuedAt: 1, AuthTime: 1,
		Nonce: "n", ACR: oidc.ACRPassword, AMR: []string{oidc.AMRPassword}, ATHash: "h", SID: "s", AccountID: "acc_1",
	}
	want := `{"iss":"https://acme.example","sub":"usr_1","aud":"cli_1","exp":2,"iat":1,"auth_time":1,"nonce":"n",` +
		`"acr":"urn:latchkey:acr:password","amr":["pwd"],"at_hash":"h","sid":"s","account_id":"acc_1"}`
	if got := marshal(t, claims); got != want {
		t.Errorf("claims are %s", got)
	}
	least := `{"iss":"i","sub":"s","aud":"a","exp":2,"iat":1}`
	if got := marshal(t, oidc.IDTokenClaims{Issuer: "i", Subject: "s", Audience: oidc.Audience{"a"}, Expiry: 2, IssuedAt: 1}); got != least {
		t.Errorf("the least claims are %s", got)
	}
}

func TestRFC9068_2_2_AccessTokenClaimNames(t *testing.T) {
	claims := oidc.AccessTokenClaims{
		Issuer: "i", Subject: "s", Audience: oidc.Audience{"a", "b"}, Expiry: 2, IssuedAt: 1, JTI: "j", ClientID: "c", Scope: "x y",
		AuthTime: 1, ACR: "acr", AMR: []string{"pwd"}, GrantID: "g", FamilyID: "f", AccountID: "acc",
	}
	want := `{"iss":"i","sub":"s","aud":["a","b"],"exp":2,"iat":1,"jti":"j","client_id":"c","scope":"x y",` +
		`"auth_time":1,"acr":"acr","amr":["pwd"],"grant_id":"g","family_id":"f","account_id":"acc"}`
	if got := marshal(t, claims); got != want {
		t.Errorf("claims are %s", got)
	}
}

func TestClaimsWriteThemselvesAsEncodingJSONDoes(t *testing.T) {
	appendtest.Same(t, (*oidc.AccessTokenClaims).AppendJSON)
	appendtest.Same(t, (*oidc.IDTokenClaims).AppendJSON)
}

func TestCore_3_1_2_1_ParsePrompt(t *testing.T) {
	cases := map[string]oidc.Prompt{
		"":                             0,
		"none":                         oidc.PromptNone,
		"login":                        oidc.PromptLogin,
		"consent login":                oidc.PromptConsent | oidc.PromptLogin,
		" select_account  consent ":    oidc.PromptSelectAccount | oidc.PromptConsent,
		"login consent login":          oidc.PromptLogin | oidc.PromptConsent,
		"login consent select_account": oidc.PromptLogin | oidc.PromptConsent | oidc.PromptSelectAccount,
	}
	for in, want := range cases {
		if got, err := oidc.ParsePrompt(in); err != nil || got != want {
			t.Errorf("%q is %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"none login", "login none", "Login", "create", "x", "login,consent", "login\tconsent"} {
		_, err := oidc.ParsePrompt(in)
		if meant := (*oauth.Error)(nil); !errors.As(err, &meant) || meant.Code != oauth.CodeInvalidRequest {
			t.Errorf("%q: %v, want invalid_request", in, err)
		}
	}
}

func TestPromptSet(t *testing.T) {
	p := oidc.PromptLogin | oidc.PromptConsent
	if p.String() != "login consent" || oidc.Prompt(0).String() != "" {
		t.Errorf("prompt is %q", p)
	}
	for _, name := range oidc.PromptValues() {
		if p, err := oidc.ParsePrompt(name); err != nil || p.String() != name {
			t.Errorf("%s becomes %q, %v", name, p, err)
		}
	}
}

func TestCore_5_4_ClaimsByScope(t *testing.T) {
	person := oidc.Person{
		Subject: "usr_1", Name: "Amal Haddad", Locale: "ar", UpdatedAt: 1, Email: "amal@example.com",
	}
	profile := `"name":"Amal Haddad","locale":"ar","updated_at":1`
	email := `"email":"amal@example.com","email_verified":false`
	cases := map[string]string{
		"openid":               `{"sub":"usr_1"}`,
		"openid profile":       `{"sub":"usr_1",` + profile + `}`,
		"openid email":         `{"sub":"usr_1",` + email + `}`,
		"openid profile email": `{"sub":"usr_1",` + profile + `,` + email + `}`,
	}
	for scope, want := range cases {
		scopes, err := oauth.ParseScope(scope)
		if err != nil {
			t.Fatal(err)
		}
		if got := marshal(t, oidc.ClaimsFor(scopes, person)); got != want {
			t.Errorf("%s: %s, want %s", scope, got, want)
		}
	}
	if got := marshal(t, oidc.ClaimsFor(oauth.ScopeSet{"email", "profile"}, oidc.Person{Subject: "s"})); got != `{"sub":"s"}` {
		t.Errorf("§5.3.2: unknown claims are told: %s", got)
	}
}

func TestRFC8414_3_2_EmptyMetadataIsLeftOut(t *testing.T) {
	want := `{"issuer":"","authorization_endpoint":"","token_endpoint":"","jwks_uri":"","response_types_supported":null,` +
		`"subject_types_supported":null,"id_token_signing_alg_values_supported":null,"claims_parameter_supported":false,` +
		`"request_parameter_supported":false,"request_uri_parameter_supported":false}`
	if got := marshal(t, oidc.ServerMetadata{}); got != want {
		t.Errorf("metadata is %s", got)
	}
}

func FuzzParsePrompt(f *testing.F) {
	for _, seed := range []string{"", "none", "login consent", "none login", "x", "  "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := oidc.ParsePrompt(s)
		if err != nil {
			return
		}
		if again, err := oidc.ParsePrompt(p.String()); err != nil || again != p {
			t.Errorf("%q becomes %q, then %v, %v", s, p, again, err)
		}
	})
}

func FuzzAudience(f *testing.F) {
	for _, seed := range []string{`"a"`, `["a","b"]`, `[]`, `null`, `1`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a, again oidc.Audience
		if json.Unmarshal(data, &a) != nil {
			return
		}
		written, err := json.Marshal(a)
		if err != nil || json.Unmarshal(written, &again) != nil || len(again) != len(a) {
			t.Errorf("%q becomes %s, then %v", data, written, again)
		}
	})
}
