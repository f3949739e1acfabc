package dialects_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/tokentest"
)

const noonlightToken = "/platform/oauth2/token"

func noonlight(t testing.TB) (*platform, tokentest.App) {
	p := speaking(t, "noonlight", issuer.Catalogue{{Name: "write:alarm"}, {Name: "read:alarm"}, {Name: "read:profile.id"}, {Name: "verify:pin"}})
	return p, p.app("acc_robot", by(oauth.AuthMethodPost, "write:alarm read:alarm", oauth.GrantAuthorizationCode, oauth.GrantRefreshToken))
}

func noonlightAuthorize(app tokentest.App, pairs ...string) string {
	q := url.Values{
		"client_id": {app.ID}, "scope": {"write:alarm read:profile.id everything"}, "state": {"s1"}, "response_type": {"code"}, "redirect_uri": {tokentest.RedirectURI},
	}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "account.acme.example/authorize?" + q.Encode()
}

// body is JSON of names and values.
func body(pairs ...any) string {
	members := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		members[pairs[i].(string)] = pairs[i+1]
	}
	text, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func noonlightCode(app tokentest.App, code string) string {
	return body("grant_type", "authorization_code", "code", code, "client_id", app.ID, "client_secret", app.Secret, "redirect_uri", tokentest.RedirectURI)
}

func noonlightError(status int, message, code string) object {
	return object{"code": status, "message": message, "details": anyText, "error": code, "error_description": anyText}
}

func TestNoonlightWay(t *testing.T) {
	p, app := noonlight(t)
	p.parameters(p.denied(noonlightAuthorize(app)), map[string]string{"error": "access_denied", "state": "s1"})
	back := p.allowed(noonlightAuthorize(app)) // what is not the app's is dropped
	p.parameters(back, map[string]string{"code": anyText, "state": "s1"})
	tokens := object{"access_token": anyText, "refresh_token": anyText, "token_type": "bearer", "expires_in": 36000}
	first := p.post("api", noonlightToken, noonlightCode(app, back.Get("code")))
	first.is(http.StatusOK, tokens)
	access, err := p.Mint.ReadAccessToken(t.Context(), first.text("access_token"))
	if err != nil || access.Scopes.String() != "write:alarm" || access.ExpiresAt.Sub(access.IssuedAt) != 10*time.Hour {
		t.Errorf("%+v, %v", access, err)
	}
	second := p.post("api", noonlightToken, body("grant_type", "refresh_token", "client_id", app.ID, "client_secret", app.Secret, "refresh_token", first.text("refresh_token")))
	second.is(http.StatusOK, tokens)
	if second.text("refresh_token") == first.text("refresh_token") {
		t.Error("the refresh token did not change")
	}
	p.parameters(p.allowed(noonlightAuthorize(app, "state", "")), map[string]string{"code": anyText}) // state when one was sent
}

func TestNoonlightRefusals(t *testing.T) {
	p, app := noonlight(t)
	other := p.app("acc_robot", by(oauth.AuthMethodPost, "write:alarm", oauth.GrantAuthorizationCode))
	code := func() string { return p.allowed(noonlightAuthorize(app)).Get("code") }
	expired, used := code(), code()
	p.post("api", noonlightToken, noonlightCode(app, used)).is(200, object{"access_token": anyText, "refresh_token": anyText, "token_type": "bearer", "expires_in": 36000})
	p.Advance(2 * time.Minute)
	wrong := app
	wrong.Secret = "wrong"
	keyed := func(status int, message, code, key string) object {
		made := noonlightError(status, message, code)
		if made["key"] = key; key == "" {
			delete(made, "key")
		}
		return made
	}
	for name, c := range map[string]struct {
		body string
		want object
	}{
		"wrong secret":          {noonlightCode(wrong, code()), keyed(401, "Unauthorized", "invalid_client", "wrong_secret")},
		"no secret":             {body("grant_type", "authorization_code", "client_id", app.ID, "code", "x"), keyed(401, "Unauthorized", "invalid_client", "wrong_auth_method")},
		"another client's code": {noonlightCode(other, code()), keyed(400, "Bad Request", "invalid_grant", "wrong_client")},
		"expired code":          {noonlightCode(app, expired), keyed(400, "Bad Request", "invalid_grant", "expired")},
		"another redirect_uri":  {strings.Replace(noonlightCode(app, code()), "callback", "x", 1), keyed(400, "Bad Request", "invalid_grant", "redirect_mismatch")},
		"reused code":           {noonlightCode(app, used), keyed(400, "Bad Request", "invalid_grant", "reused")},
		"no grant_type":         {"{}", keyed(400, "Bad Request", "invalid_request", "")},
		"a member twice":        {`{"code":"a","code":"b"}`, keyed(400, "Bad Request", "invalid_request", "")},
		"a number as code":      {`{"grant_type":"authorization_code","code":7}`, keyed(400, "Bad Request", "invalid_request", "")},
		"not JSON":              {`{`, keyed(400, "Bad Request", "invalid_request", "")},
		"a form":                {"grant_type=refresh_token", keyed(415, "Unsupported Media Type", "invalid_request", "")},
		"too much":              {`{"x":"` + strings.Repeat("x", 70_000) + `"}`, keyed(413, "Payload Too Large", "invalid_request", "")},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.post("api", noonlightToken, c.body)
			got.t = t
			got.is(c.want["code"].(int), c.want)
		})
	}
	p.post("api", "/nothing", "{}").is(404, keyed(404, "Not Found", "invalid_request", "not_found"))
	wrongMethod := p.send(request{method: "GET", host: "api", path: noonlightToken})
	if wrongMethod.is(405, keyed(405, "Method Not Allowed", "invalid_request", "method_not_allowed")); wrongMethod.header.Get("Allow") != "POST" {
		t.Errorf("Allow %q", wrongMethod.header.Get("Allow"))
	}
	p.neverPages("api", noonlightToken)
	page := p.arrive(noonlightAuthorize(app, "redirect_uri", "https://evil.example/"))
	if page.Location != nil || page.Fault() != oauth.CodeInvalidRedirectURI {
		t.Errorf("another redirect_uri: %d %q to %v", page.Status, page.Fault(), page.Location)
	}
	p.Unavailable()
	p.Clients.Forget()
	p.post("api", noonlightToken, noonlightCode(app, "x")).is(503, keyed(503, "Service Unavailable", "temporarily_unavailable", ""))
}
