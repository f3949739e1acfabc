package dialects_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
)

const noorleToken = "/oauth/token"

func noorle(t testing.TB) (*platform, tokentest.App) {
	roles := []issuer.Role{issuer.RoleOwner, issuer.RoleAdmin, "developer", issuer.RoleMember, "viewer"}
	p := speaking(t, "noorle", issuer.Catalogue{
		{Name: "read", Machine: true}, {Name: "execute", Roles: roles[:4]}, {Name: "manage", Roles: roles[:3]}, {Name: "admin", Roles: roles[:1]},
	})
	p.Issuer.MemberRoles = roles[2:]
	return p, p.app("acc_robot", by(oauth.AuthMethodPost, "offline_access read execute manage", oauth.GrantAuthorizationCode, oauth.GrantRefreshToken))
}

func noorleAuthorize(app tokentest.App, pairs ...string) string {
	q := url.Values{"client_id": {app.ID}, "scope": {"read manage offline_access"}, "redirect_uri": {tokentest.RedirectURI}, "state": {"s1"}, "response_type": {"code"}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "console.acme.example/oauth/authorize?" + q.Encode()
}

func noorleCode(app tokentest.App, code string) []any {
	return []any{"grant_type", "authorization_code", "code", code, "client_id", app.ID, "client_secret", app.Secret, "redirect_uri", tokentest.RedirectURI}
}

// formOf writes as a form what body writes as JSON.
func formOf(pairs ...any) string {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i].(string), pairs[i+1].(string))
	}
	return form.Encode()
}

func noorleError(code, reason string) object {
	said := object{"error": code, "error_description": anyText, "reason": reason, "request_id": anyText}
	if reason == "" {
		delete(said, "reason")
	}
	return said
}

func TestNoorleWay(t *testing.T) {
	p, app := noorle(t)
	if !strings.HasPrefix(app.ID, "app_") || !strings.HasPrefix(app.Secret, "secret_") {
		t.Errorf("credentials %s, %s", app.ID, app.Secret)
	}
	tokens := object{"access_token": anyText, "token_type": "Bearer", "expires_in": 3600, "refresh_token": anyText, "scope": "read manage offline_access"}
	for _, host := range []string{"console", "api"} {
		for name, write := range map[string]func(...any) string{"JSON": body, "form": formOf} {
			back := p.allowed(noorleAuthorize(app))
			p.parameters(back, map[string]string{"code": anyText, "state": "s1", "iss": p.Issuer.URL})
			first := p.post(host, noorleToken, write(noorleCode(app, back.Get("code"))...))
			first.is(http.StatusOK, tokens)
			if !strings.HasPrefix(first.text("refresh_token"), "refresh_") || !strings.HasPrefix(first.text("access_token"), "eyJ") || first.header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s, %s: %s %v", host, name, first.body, first.header)
			}
			second := p.post(host, noorleToken, write("grant_type", "refresh_token", "refresh_token", first.text("refresh_token"), "client_id", app.ID, "client_secret", app.Secret))
			second.is(http.StatusOK, tokens)
		}
	}
	without := p.allowed(noorleAuthorize(app, "scope", "read"))
	p.post("api", noorleToken, body(noorleCode(app, without.Get("code"))...)).is(http.StatusOK, object{"access_token": anyText, "token_type": "Bearer", "expires_in": 3600, "scope": "read"})
}

func TestNoorlePublicAppsNeedPKCEAndNoSecret(t *testing.T) {
	p, _ := noorle(t)
	app := p.app("acc_robot", by(oauth.AuthMethodNone, "offline_access read", oauth.GrantAuthorizationCode, oauth.GrantRefreshToken))
	without := p.arrive(noorleAuthorize(app, "scope", "read"))
	p.parameters(without.Location.Query(), map[string]string{"error": "invalid_request", "error_description": anyText, "state": "s1", "iss": p.Issuer.URL})
	back := p.allowed(noorleAuthorize(app, "scope", "read offline_access", "code_challenge", tokentest.Challenge, "code_challenge_method", "S256"))
	tokens := object{"access_token": anyText, "token_type": "Bearer", "expires_in": 3600, "refresh_token": anyText, "scope": "read offline_access"}
	first := p.post("api", noorleToken, body("grant_type", "authorization_code", "code", back.Get("code"), "client_id", app.ID, "redirect_uri", tokentest.RedirectURI, "code_verifier", tokentest.Verifier))
	first.is(http.StatusOK, tokens)
	p.post("api", noorleToken, body("grant_type", "refresh_token", "refresh_token", first.text("refresh_token"), "client_id", app.ID)).is(http.StatusOK, tokens)
	preflight := p.send(request{method: "OPTIONS", host: "api", path: noorleToken, header: map[string]string{"Origin": "https://spa.example", "Access-Control-Request-Method": "POST"}})
	if preflight.status != http.StatusNoContent || preflight.header.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type" {
		t.Errorf("%d %v", preflight.status, preflight.header)
	}
}

func TestNoorleRegisters(t *testing.T) {
	p, _ := noorle(t)
	asked := object{
		"client_name": "Dashboard", "redirect_uris": []any{tokentest.RedirectURI}, "token_endpoint_auth_method": "client_secret_post",
		"grant_types": []any{"authorization_code", "refresh_token"}, "response_types": []any{"code"}, "scope": "read offline_access",
	}
	text := body("client_name", asked["client_name"], "redirect_uris", asked["redirect_uris"], "token_endpoint_auth_method", asked["token_endpoint_auth_method"],
		"grant_types", asked["grant_types"], "response_types", asked["response_types"], "scope", asked["scope"])
	got := p.post("api", "/oauth/register", text)
	if got.status != http.StatusCreated || !strings.HasPrefix(got.text("client_id"), "app_") || !strings.HasPrefix(got.text("client_secret"), "secret_") || got.at("client_secret_expires_at") != 0.0 {
		t.Errorf("%d %s", got.status, got.body)
	}
	for name, value := range asked {
		if !servertest.Alike(got.at(name), value) {
			t.Errorf("%s is %v", name, got.at(name))
		}
	}
	p.post("api", "/oauth/register", `{"redirect_uris":["http://evil.example/"]}`).is(http.StatusBadRequest, noorleError("invalid_redirect_uri", ""))
	p.post("api", "/oauth/register", `{"redirect_uris":"x"}`).is(http.StatusBadRequest, noorleError("invalid_client_metadata", ""))
}

func TestNoorleDevice(t *testing.T) {
	p, _ := noorle(t)
	tv := p.app("acc_robot", func(m *store.ClientMetadata) {
		m.TokenEndpointAuthMethod, m.RedirectURIs, m.Scope = oauth.AuthMethodNone, nil, tokentest.Scopes("read offline_access")
		m.GrantTypes = []oauth.GrantType{oauth.GrantDeviceCode, oauth.GrantRefreshToken}
	})
	begun := p.post("api", "/oauth/device/authorize", body("client_id", tv.ID, "scope", "read"))
	begun.is(http.StatusOK, object{
		"device_code": anyText, "user_code": anyText, "verification_uri": p.Issuer.URL + "/device", "verification_uri_complete": anyText, "expires_in": 1800, "interval": 5,
	})
	p.post("api", noorleToken, body("grant_type", string(oauth.GrantDeviceCode), "device_code", begun.text("device_code"), "client_id", tv.ID)).
		is(http.StatusBadRequest, noorleError("authorization_pending", ""))
}

// TestNoorleRoleBoundsTheToken: what was granted and what each of the platform's five roles may do, whichever is less.
func TestNoorleRoleBoundsTheToken(t *testing.T) {
	p, app := noorle(t)
	p.NewUser("boss", "boss@shop.example")
	p.Join("acc_shop", "boss", issuer.RoleOwner)
	whole := noorleAuthorize(app, "scope", "read execute manage offline_access")
	tokens := p.post("api", noorleToken, body(noorleCode(app, p.allowed(whole).Get("code"))...))
	for _, as := range []struct {
		role  issuer.Role
		scope string
	}{
		{issuer.RoleAdmin, "read execute manage offline_access"}, {"developer", "read execute manage offline_access"},
		{issuer.RoleMember, "read execute offline_access"}, {"viewer", "read offline_access"}, {issuer.RoleOwner, "read execute manage offline_access"},
	} {
		p.Tx(func(tx *store.Tx) error { return tx.SetRole("acme", "acc_shop", p.User.ID, as.role) })
		refresh := tokens.text("refresh_token")
		tokens = p.post("api", noorleToken, body("grant_type", "refresh_token", "refresh_token", refresh, "client_id", app.ID, "client_secret", app.Secret))
		if tokens.at("scope") != as.scope {
			t.Errorf("as %s: %s, want the scope %q", as.role, tokens.body, as.scope)
		}
	}
}

// TestNoorleViewerConnectsWithinTheRole: an app that asks for more than a viewer may do gets what a viewer may; one that asks for
// nothing a viewer may do is told why on a page.
func TestNoorleViewerConnectsWithinTheRole(t *testing.T) {
	p, app := noorle(t)
	p.NewUser("boss", "boss@shop.example")
	p.Join("acc_shop", "boss", issuer.RoleOwner)
	p.Tx(func(tx *store.Tx) error { return tx.SetRole("acme", "acc_shop", p.User.ID, "viewer") })
	back := p.allowed(noorleAuthorize(app, "scope", "read execute manage offline_access"))
	tokens := p.post("api", noorleToken, body(noorleCode(app, back.Get("code"))...))
	if tokens.at("scope") != "read offline_access" {
		t.Errorf("%s", tokens.body)
	}
	ada := p.Ada()
	begun, err := ada.Open("https://" + noorleAuthorize(app, "scope", "manage offline_access"))
	p.Must(err)
	page := ada.Arrive(begun.Location.String())
	if page.Has("sign-in") {
		page = ada.SignIn(page)
	}
	if page.Status != http.StatusForbidden || page.Has("allow") {
		t.Errorf("nothing that a viewer may do: %d\n%.1500s", page.Status, page.Text)
	}
}

func TestNoorleRefusals(t *testing.T) {
	p, app := noorle(t)
	other := p.app("acc_robot", by(oauth.AuthMethodBasic, "read", oauth.GrantAuthorizationCode))
	code := func() string { return p.allowed(noorleAuthorize(app)).Get("code") }
	expired, used := code(), code()
	first := p.post("api", noorleToken, body(noorleCode(app, used)...))
	p.Advance(9*time.Minute + 30*time.Second)
	if got := p.post("api", noorleToken, body(noorleCode(app, expired)...)); got.status != http.StatusOK {
		t.Errorf("a code of nine minutes: %s", got.body)
	}
	expired = code()
	p.Advance(10*time.Minute + time.Second)
	wrong := app
	wrong.Secret = "wrong"
	p.post("api", noorleToken, body(noorleCode(app, used)...)).is(400, noorleError("invalid_grant", "reused"))
	for name, c := range map[string]struct {
		body   string
		status int
		want   object
	}{
		"wrong secret":          {body(noorleCode(wrong, "x")...), 401, noorleError("invalid_client", "wrong_secret")},
		"post instead of basic": {body(noorleCode(other, "x")...), 400, noorleError("invalid_grant", "unknown")}, // the secret is right
		"expired code":          {body(noorleCode(app, expired)...), 400, noorleError("invalid_grant", "expired")},
		"reused code":           {body(noorleCode(app, used)...), 400, noorleError("invalid_grant", "reused")},
		"its tokens are gone":   {body("grant_type", "refresh_token", "refresh_token", first.text("refresh_token"), "client_id", app.ID, "client_secret", app.Secret), 400, noorleError("invalid_grant", "reused")},
		"another grant type":    {body("grant_type", "password"), 400, noorleError("unsupported_grant_type", "")},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.post("api", noorleToken, c.body)
			got.t = t
			got.is(c.status, c.want)
		})
	}
	if got := p.post("api", noorleToken, body(noorleCode(app, expired)...)); !strings.Contains(got.text("error_description"), "expired; codes live 10 minutes") {
		t.Errorf("the description does not say that codes live ten minutes: %s", got.body)
	}
	beyond := p.arrive(noorleAuthorize(app, "scope", "read admin"))
	p.parameters(beyond.Location.Query(), map[string]string{"error": "invalid_scope", "error_description": anyText, "state": "s1", "iss": p.Issuer.URL})
	p.neverPages("api", noorleToken)
	p.Unavailable()
	p.Clients.Forget()
	p.post("api", noorleToken, body(noorleCode(app, "x")...)).is(503, noorleError("temporarily_unavailable", ""))
}
