package dialects_test

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/tokentest"
)

const (
	nombaIssue   = "/v1/auth/token/issue"
	nombaRefresh = "/v1/auth/token/refresh"
	nombaRevoke  = "/v1/auth/token/revoke"
)

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func nomba(t testing.TB) (*platform, tokentest.App) {
	p := speaking(t, "nomba", issuer.Catalogue{{Name: "transactions:read", Machine: true}, {Name: "transfers:write", Machine: true}})
	return p, p.app("acc_robot", by(oauth.AuthMethodPost, "transactions:read transfers:write", oauth.GrantClientCredentials, oauth.GrantRefreshToken))
}

func nombaCredentials(app tokentest.App) string {
	return body("grant_type", "client_credentials", "client_id", app.ID, "client_secret", app.Secret)
}

func nombaTokens(account string) object {
	return object{"code": "00", "description": "Success", "data": object{
		"businessId": account, "access_token": anyText, "refresh_token": anyText, "expiresAt": anyText,
	}}
}

func nombaError(code string) object {
	return object{"code": code, "description": anyText, "data": nil}
}

func TestNombaClientCredentials(t *testing.T) {
	p, app := nomba(t)
	if !uuid.MatchString(app.ID) {
		t.Errorf("client_id %q", app.ID)
	}
	first := p.post("api", nombaIssue, nombaCredentials(app), "accountId", "acc_robot")
	first.is(http.StatusOK, nombaTokens("acc_robot"))
	if at, err := time.Parse("2006-01-02T15:04:05Z", first.text("data.expiresAt")); err != nil || at.Sub(p.Clock()).Round(time.Minute) != 30*time.Minute {
		t.Errorf("expiresAt %v, %v", at, err)
	}
	if first.header.Get("X-Rate-Limit-Limit") != "10000" || first.header.Get("X-Rate-Limit-Remaining") != "9999" || first.header.Get("X-Rate-Limit-Window") != "1s" {
		t.Errorf("rate %v", first.header)
	}
	p.Advance(time.Hour) // even expired
	refresh := func(tokens answer) answer {
		return p.post("api", nombaRefresh, body("grant_type", "refresh_token", "refresh_token", tokens.text("data.refresh_token")),
			"accountId", "acc_robot", "Authorization", "Bearer "+tokens.text("data.access_token"))
	}
	second := refresh(first)
	second.is(http.StatusOK, nombaTokens("acc_robot"))
	p.Advance(time.Minute)
	refresh(first).is(http.StatusBadRequest, nombaError("02")) // reused, so that all end
	refresh(second).is(http.StatusBadRequest, nombaError("02"))
}

// TestNombaRefreshAfterRotations: the access token proves a refresh for as long as the refresh token lives, however often keys are rotated
// meanwhile; and the JWKS has no more keys for that.
func TestNombaRefreshAfterRotations(t *testing.T) {
	p, app := nomba(t)
	issued := p.post("api", nombaIssue, nombaCredentials(app), "accountId", "acc_robot")
	refresh := func() answer {
		return p.post("api", nombaRefresh, body("grant_type", "refresh_token", "refresh_token", issued.text("data.refresh_token")),
			"accountId", "acc_robot", "Authorization", "Bearer "+issued.text("data.access_token"))
	}
	rotate := func() {
		p.Advance(25 * time.Hour)
		_, err := p.Keys.Rotate(t.Context(), jwk.ES256)
		p.Must(err)
		p.Must(p.Store.PollChanges(t.Context()))
	}
	for range 85 {
		rotate()
	}
	set, err := p.Keys.Set(t.Context())
	p.Must(err)
	if published := bytes.Count(set.JWKS(), []byte(`"alg":"ES256"`)); published != 3 {
		t.Errorf("%d ES256 keys are published, want the next, the current and the one before: %s", published, set.JWKS())
	}
	issued = refresh()
	issued.is(http.StatusOK, nombaTokens("acc_robot"))
	for range 90 { // 93 days
		rotate()
	}
	refresh().is(http.StatusUnauthorized, nombaError("01"))
	keys, err := p.Keys.List(t.Context())
	p.Must(err)
	if len(keys) > 95 {
		t.Errorf("%d keys are kept, a day apart each: none is dropped after %v", len(keys), p.Issuer.Lifetimes.RefreshToken)
	}
}

func TestNombaRevoke(t *testing.T) {
	p, app := nomba(t)
	issued := p.post("api", nombaIssue, nombaCredentials(app), "accountId", "acc_robot")
	token := issued.text("data.access_token")
	done := object{"code": "00", "description": "Token revoked successfully"}
	for _, gone := range []string{token, token, "unknown"} {
		p.post("api", nombaRevoke, body("clientId", app.ID, "access_token", gone)).is(http.StatusOK, done)
	}
	p.post("api", nombaRefresh, body("grant_type", "refresh_token", "refresh_token", issued.text("data.refresh_token")), "accountId", "acc_robot", "Authorization", "Bearer "+token).
		is(http.StatusBadRequest, nombaError("02"))
	leaked := p.post("api", nombaIssue, nombaCredentials(app), "accountId", "acc_robot")
	p.Advance(31 * time.Minute)
	p.post("api", nombaRevoke, body("clientId", app.ID, "access_token", leaked.text("data.access_token"))).is(http.StatusOK, done)
	p.post("api", nombaRefresh, body("grant_type", "refresh_token", "refresh_token", leaked.text("data.refresh_token")),
		"accountId", "acc_robot", "Authorization", "Bearer "+leaked.text("data.access_token")).is(http.StatusBadRequest, nombaError("02"))
	p.post("api", nombaRevoke, body("clientId", "nobody", "access_token", token)).is(http.StatusUnauthorized, nombaError("01"))
	p.post("api", nombaRevoke, body("clientId", app.ID)).is(http.StatusBadRequest, nombaError("02"))
}

func TestNombaPKCE(t *testing.T) {
	p, _ := nomba(t)
	app := p.app("acc_robot", by(oauth.AuthMethodNone, "transactions:read", oauth.GrantAuthorizationCode, oauth.GrantRefreshToken))
	authorize := func() url.Values {
		return p.allowed("api.acme.example/v1/auth/authorize?" + url.Values{
			"response_type": {"code"}, "client_id": {app.ID}, "redirect_uri": {tokentest.RedirectURI}, "state": {"s1"},
			"code_challenge": {tokentest.Challenge}, "code_challenge_method": {"S256"},
		}.Encode())
	}
	for _, name := range []string{"auth_code", "code"} {
		back := authorize()
		p.parameters(back, map[string]string{"auth_code": anyText, "code": back.Get("auth_code"), "state": "s1"})
		without := []any{"grant_type", "authorization_code", name, back.Get("code"), "client_id", app.ID, "redirect_uri", tokentest.RedirectURI}
		p.post("api", nombaIssue, body(without...)).is(http.StatusBadRequest, nombaError("02"))
		p.post("api", nombaIssue, body(append(without, "code_verifier", tokentest.Verifier+"x")...)).is(http.StatusBadRequest, nombaError("02"))
		issued := p.post("api", nombaIssue, body(append(without, "code_verifier", tokentest.Verifier)...))
		issued.is(http.StatusOK, nombaTokens("acc_shop"))
		p.post("api", nombaRefresh, body("grant_type", "refresh_token", "refresh_token", issued.text("data.refresh_token")),
			"accountId", "acc_shop", "Authorization", "Bearer "+issued.text("data.access_token")).is(http.StatusOK, nombaTokens("acc_shop"))
	}
}

func TestNombaRefusals(t *testing.T) {
	p, app := nomba(t)
	issued := p.post("api", nombaIssue, nombaCredentials(app), "accountId", "acc_robot")
	rival := p.post("api", nombaIssue, nombaCredentials(app), "accountId", "acc_robot")
	refresh := body("grant_type", "refresh_token", "refresh_token", issued.text("data.refresh_token"))
	wrong := app
	wrong.Secret = "wrong"
	for name, c := range map[string]struct {
		path, body string
		header     []string
		status     int
		code       string
	}{
		"wrong secret":                 {nombaIssue, nombaCredentials(wrong), []string{"accountId", "acc_robot"}, 401, "01"},
		"unknown client":               {nombaIssue, body("grant_type", "client_credentials", "client_id", "x", "client_secret", "y"), []string{"accountId", "acc_robot"}, 401, "01"},
		"missing accountId":            {nombaIssue, nombaCredentials(app), nil, 401, "401"},
		"foreign accountId":            {nombaIssue, nombaCredentials(app), []string{"accountId", "acc_shop"}, 401, "401"},
		"refresh, missing accountId":   {nombaRefresh, refresh, []string{"Authorization", "Bearer " + issued.text("data.access_token")}, 401, "401"},
		"refresh, foreign accountId":   {nombaRefresh, refresh, []string{"Authorization", "Bearer " + issued.text("data.access_token"), "accountId", "acc_shop"}, 401, "401"},
		"refresh, no access token":     {nombaRefresh, refresh, []string{"accountId", "acc_robot"}, 401, "01"},
		"refresh, forged access token": {nombaRefresh, refresh, []string{"accountId", "acc_robot", "Authorization", "Bearer a.b.c"}, 401, "01"},
		"refresh, another's":           {nombaRefresh, refresh, []string{"accountId", "acc_robot", "Authorization", "Bearer " + rival.text("data.access_token")}, 400, "02"},
		"no grant_type":                {nombaIssue, "{}", []string{"accountId", "acc_robot"}, 400, "02"},
		"not found":                    {"/v1/nothing", "{}", nil, 404, "404"},
		"not JSON":                     {nombaIssue, "{", []string{"accountId", "acc_robot"}, 400, "02"},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.post("api", c.path, c.body, c.header...)
			got.t = t
			got.is(c.status, nombaError(c.code))
		})
	}
	p.neverPages("api", nombaIssue)
	p.Advance(100 * 24 * time.Hour)
	p.post("api", nombaRefresh, refresh, "accountId", "acc_robot", "Authorization", "Bearer "+issued.text("data.access_token")).is(401, nombaError("02"))
	p.Unavailable()
	p.Clients.Forget()
	p.post("api", nombaIssue, nombaCredentials(app), "accountId", "acc_robot").is(503, nombaError("500"))
}
