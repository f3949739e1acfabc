package dialects_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
)

func tiki(t testing.TB) (*platform, tokentest.App) {
	p := speaking(t, "tiki", issuer.Catalogue{{Name: "product", Machine: true}, {Name: "order", Machine: true}, {Name: "inventory"}, {Name: "multichannel"}})
	return p, p.app("acc_robot", by(oauth.AuthMethodBasic, "offline_access product order inventory", oauth.GrantAuthorizationCode, oauth.GrantRefreshToken))
}

func tikiAuth(app tokentest.App, pairs ...string) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {app.ID}, "redirect_uri": {tokentest.RedirectURI}, "scope": {"offline product order inventory"}, "state": {"12345678"},
	}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "api.acme.example/sc/oauth2/auth?" + q.Encode()
}

func basic(app tokentest.App) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(app.ID+":"+app.Secret))
}

func tikiCode(app tokentest.App, code string) string {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {tokentest.RedirectURI}, "client_id": {app.ID},
	}.Encode()
}

const tikiToken = "/sc/oauth2/token"

func tikiError(status int, code string) object {
	return object{"error": code, "error_description": anyText, "error_hint": anyText, "status_code": status}
}

func TestTikiWay(t *testing.T) {
	p, app := tiki(t)
	if len(app.ID) != 16 || strings.Trim(app.ID, "0123456789") != "" {
		t.Errorf("client_id %q", app.ID)
	}
	back := p.allowed(tikiAuth(app))
	p.parameters(back, map[string]string{"code": anyText, "scope": "offline product order inventory", "state": "12345678"})
	tokens := object{
		"access_token": anyText, "refresh_token": anyText, "expires_in": 1295999, "scope": "offline product order inventory", "token_type": "bearer",
	}
	first := p.post("api", tikiToken, tikiCode(app, back.Get("code")), "Authorization", basic(app))
	first.is(http.StatusOK, tokens)
	if first.header.Get("Pragma") != "no-cache" || strings.Contains(first.text("access_token"), ".") {
		t.Errorf("%v %s", first.header, first.body)
	}
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.text("refresh_token")}, "client_id": {app.ID}}.Encode()
	second := p.post("api", tikiToken, refresh, "Authorization", basic(app))
	second.is(http.StatusOK, tokens)
	if second.text("refresh_token") == first.text("refresh_token") {
		t.Error("the refresh token did not change")
	}
	p.post("api", tikiToken, tikiCode(app, back.Get("code")), "Authorization", basic(app)).is(http.StatusBadRequest, tikiError(400, "invalid_grant"))
}

func TestTikiWithoutOfflineThereIsNoRefreshToken(t *testing.T) {
	p, app := tiki(t)
	back := p.allowed(tikiAuth(app, "scope", "product order"))
	p.post("api", tikiToken, tikiCode(app, back.Get("code")), "Authorization", basic(app)).
		is(http.StatusOK, object{"access_token": anyText, "expires_in": 1295999, "scope": "product order", "token_type": "bearer"})
}

func TestTikiInHouse(t *testing.T) {
	p, _ := tiki(t)
	app := p.app("acc_robot", by(oauth.AuthMethodPost, "product order", oauth.GrantClientCredentials))
	issued := p.post("api", tikiToken, "grant_type=client_credentials&client_id="+app.ID+"&client_secret="+app.Secret)
	issued.is(http.StatusOK, object{"access_token": anyText, "expires_in": 1295999, "scope": "product order", "token_type": "bearer"})
	if access, err := p.Mint.ReadAccessToken(t.Context(), issued.text("access_token")); err != nil || access.AccountID != "acc_robot" {
		t.Errorf("it acts for %q, %v", access.AccountID, err)
	}
}

// TestTikiAuthVector: id and secret of the platform's own documentation, and the header that they make.
func TestTikiAuthVector(t *testing.T) {
	p, _ := tiki(t)
	metadata := store.ClientMetadata{RedirectURIs: []string{"https://example.com/tiki/callback"}, Scope: oauth.ScopeSet{"product"}, PKCEOptional: true}
	_, _, err := p.Clients.Create(t.Context(), client.Registration{
		AccountID: "acc_robot", Name: "Example", Metadata: metadata, ID: "7590139168389961", Secret: "tfSl0c6VFv3fAB_z9F-m22IhEnmwq6ew",
	})
	p.Must(err)
	vector := "Basic NzU5MDEzOTE2ODM4OTk2MTp0ZlNsMGM2VkZ2M2ZBQl96OUYtbTIySWhFbm13cTZldw=="
	p.post("api", tikiToken, "grant_type=authorization_code&code=no", "Authorization", vector).is(http.StatusBadRequest, tikiError(400, "invalid_grant"))
}

func TestTikiRefusals(t *testing.T) {
	p, app := tiki(t)
	post := p.app("acc_robot", by(oauth.AuthMethodPost, "product", oauth.GrantAuthorizationCode))
	code := func() string { return p.allowed(tikiAuth(app)).Get("code") }
	expired, foreign := code(), p.allowed(tikiAuth(post, "scope", "product")).Get("code")
	p.Advance(11 * time.Minute)
	for name, c := range map[string]struct {
		body, authorization string
		status              int
		code, hint          string
	}{
		"wrong secret":             {tikiCode(app, code()), "Basic " + base64.StdEncoding.EncodeToString([]byte(app.ID+":wrong")), 401, "invalid_client", "secret is wrong"},
		"no authentication":        {tikiCode(app, code()), "", 401, "invalid_client", "client_secret_basic"},
		"post instead of basic":    {tikiCode(app, code()) + "&client_secret=" + app.Secret, "", 401, "invalid_client", "client_secret_basic"},
		"basic instead of post":    {tikiCode(post, "x"), basic(post), 401, "invalid_client", "client_secret_basic"},
		"basic and body":           {tikiCode(app, code()) + "&client_secret=" + app.Secret, basic(app), 400, "invalid_request", "not in both"},
		"another client's code":    {tikiCode(app, foreign), basic(app), 400, "invalid_grant", "another client"},
		"expired code":             {tikiCode(app, expired), basic(app), 400, "invalid_grant", "expired"},
		"unknown code":             {tikiCode(app, "nothing"), basic(app), 400, "invalid_grant", "not issued here"},
		"another redirect_uri":     {strings.Replace(tikiCode(app, code()), "callback", "elsewhere", 1), basic(app), 400, "invalid_grant", "redirect_uri"},
		"another grant type":       {"grant_type=password&username=a&password=b", basic(app), 400, "unsupported_grant_type", "grant_type"},
		"a parameter twice":        {tikiCode(app, "x") + "&code=y", basic(app), 400, "invalid_request", "code"},
		"JSON":                     {`{"grant_type":"authorization_code"}`, basic(app), 415, "invalid_request", "x-www-form-urlencoded"},
		"a secret in the query":    {tikiCode(app, "x"), "", 401, "invalid_client", "registered"},
		"client credentials, none": {"grant_type=client_credentials", basic(app), 400, "unauthorized_client", "not registered"},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.post("api", tikiToken, c.body, "Authorization", c.authorization)
			got.t = t
			got.is(c.status, tikiError(c.status, c.code))
			if hint := got.text("error_hint"); !strings.Contains(hint, c.hint) {
				t.Errorf("hint %q does not say %q", hint, c.hint)
			}
		})
	}
	p.neverPages("api", tikiToken)
	p.Unavailable()
	p.Clients.Forget()
	away := p.post("api", tikiToken, tikiCode(app, "x"), "Authorization", basic(app))
	away.is(http.StatusServiceUnavailable, tikiError(503, "temporarily_unavailable"))
	if away.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestTikiAuthorizeRefusals(t *testing.T) {
	p, app := tiki(t)
	for name, c := range map[string]struct {
		pairs []string
		code  string
	}{
		"short state":          {[]string{"state", "1234567"}, "invalid_state"},
		"no state":             {[]string{"state", ""}, "invalid_state"},
		"scope beyond the app": {[]string{"scope", "product multichannel"}, "invalid_scope"},
		"unknown scope":        {[]string{"scope", "everything"}, "invalid_scope"},
		"another response":     {[]string{"response_type", "token"}, "unsupported_response_type"},
	} {
		t.Run(name, func(t *testing.T) {
			page := p.arrive(tikiAuth(app, c.pairs...))
			if page.Location == nil || !strings.HasPrefix(page.Location.String(), tokentest.RedirectURI) {
				t.Fatalf("%d to %v", page.Status, page.Location)
			}
			want := map[string]string{"error": c.code, "error_description": anyText, "error_hint": anyText, "state": "12345678"}
			if c.pairs[0] == "state" {
				if want["state"] = c.pairs[1]; c.pairs[1] == "" {
					delete(want, "state")
				}
			}
			p.parameters(page.Location.Query(), want)
		})
	}
	p.parameters(p.denied(tikiAuth(app)), map[string]string{"error": "access_denied", "error_description": anyText, "error_hint": anyText, "state": "12345678"})
	page := p.arrive(tikiAuth(app, "redirect_uri", tokentest.RedirectURI+"/"))
	if page.Location != nil || page.Status != http.StatusBadRequest || page.Fault() != oauth.CodeInvalidRedirectURI {
		t.Errorf("another redirect_uri: %d %q to %v", page.Status, page.Fault(), page.Location)
	}
}
