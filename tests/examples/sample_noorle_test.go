package examples

import (
	"net/http"
	"strings"
	"testing"
)

func noorle(host string) string { return dev.Platforms["noorle"].Hosts[host] }

func noorleReplace() []string {
	p := dev.Platforms["noorle"]
	client := p.Client("app_quickstart")
	return []string{"<client_id>", client.ID, "<client_secret>", client.Secret, "<redirect_uri>", client.RedirectURIs[0]}
}

// noorleCode is "1. Authorization Request" and "2. Authorization Code", with the parameters that the document names.
func noorleCode(t *testing.T, scope string) string {
	t.Helper()
	p := dev.Platforms["noorle"]
	callback := p.Client("app_quickstart").RedirectURIs[0]
	got := allowed(t, "noorle", noorle("console"), "https://console.noorle.com/oauth/authorize?client_id=<client_id>&scope="+scope+
		"&redirect_uri=<redirect_uri>&state=random-string&response_type=code", callback, noorleReplace()...)
	if got.Get("state") != "random-string" || got.Get("code") == "" {
		t.Errorf("%v", got)
	}
	return got.Get("code")
}

func TestNoorle_1_AuthorizationRequest(t *testing.T) { noorleCode(t, "read") }

const noorleTokens = `{"access_token": "eyJ…", "token_type": "=Bearer", "expires_in": 3600, "refresh_token": "refresh_…", "scope": "=read offline_access"}`

func noorleExchange(t *testing.T) answer {
	t.Helper()
	return raw(t, noorle("api"), `POST /oauth/token HTTP/1.1
Content-Type: application/json

{"grant_type": "authorization_code", "code": "<code>", "redirect_uri": "<redirect_uri>", "client_id": "<client_id>", "client_secret": "<client_secret>"}`,
		append(noorleReplace(), "<code>", noorleCode(t, "read+offline_access"))...)
}

func TestNoorle_3_TokenExchange(t *testing.T) {
	got := noorleExchange(t)
	got.shows(200, noorleTokens)
	if !strings.HasPrefix(got.text("access_token"), "eyJ") || !strings.HasPrefix(got.text("refresh_token"), "refresh_") {
		t.Errorf("%s", got.body)
	}
}

func TestNoorle_3_TokenExchange_Form(t *testing.T) {
	raw(t, noorle("api"), `POST /oauth/token HTTP/1.1
Content-Type: application/x-www-form-urlencoded

grant_type=authorization_code&code=<code>&redirect_uri=<redirect_uri>&client_id=<client_id>&client_secret=<client_secret>`,
		append(noorleReplace(), "<code>", noorleCode(t, "read+offline_access"))...).shows(200, noorleTokens)
}

func TestNoorle_4_AccessProtectedResources(t *testing.T) {
	token := noorleExchange(t).text("access_token")
	if got := raw(t, noorle("api"), "GET /v1/agents HTTP/1.1\nAuthorization: Bearer "+token+"\n\n"); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	got := raw(t, noorle("api"), "POST /v1/agents HTTP/1.1\nAuthorization: Bearer "+token+"\nContent-Type: application/json\n\n"+`{"name": "x"}`)
	if got.status != http.StatusForbidden || got.text("error", "code") != "forbidden" || !strings.Contains(got.header.Get("WWW-Authenticate"), `error="insufficient_scope"`) {
		t.Errorf("%d %s %s", got.status, got.header.Get("WWW-Authenticate"), got.body)
	}
}

func TestNoorle_RefreshTokens(t *testing.T) {
	refresh := noorleExchange(t).text("refresh_token")
	raw(t, noorle("api"), `POST /oauth/token HTTP/1.1
Content-Type: application/json

{"grant_type": "refresh_token", "refresh_token": "<refresh_token>", "client_id": "<client_id>", "client_secret": "<client_secret>"}`,
		append(noorleReplace(), "<refresh_token>", refresh)...).shows(200, noorleTokens)
}

// TestNoorle_RevokeAccess: "All tokens invalidated. App cannot make API calls. App receives 401 Unauthorized."
func TestNoorle_RevokeAccess(t *testing.T) {
	got := noorleExchange(t)
	who := noura(t, "noorle")
	if _, err := who.Arrive(dev.Platforms["noorle"].Issuer + "/connected"); err != nil {
		t.Fatal(err)
	}
	signIn(t, who, "noorle")
	disconnect(t, who, "noorle", "app_quickstart")
	api := raw(t, noorle("api"), "GET /v1/agents HTTP/1.1\nAuthorization: Bearer "+got.text("access_token")+"\n\n")
	if api.status != http.StatusUnauthorized || api.text("error", "code") != "unauthorized" {
		t.Errorf("%d %s", api.status, api.body)
	}
	refreshed := raw(t, noorle("api"), `POST /oauth/token HTTP/1.1
Content-Type: application/json

{"grant_type": "refresh_token", "refresh_token": "<refresh_token>", "client_id": "<client_id>", "client_secret": "<client_secret>"}`,
		append(noorleReplace(), "<refresh_token>", got.text("refresh_token"))...)
	if refreshed.status != http.StatusBadRequest || refreshed.text("error") != "invalid_grant" || refreshed.text("reason") != "revoked_by_user" {
		t.Errorf("%d %s", refreshed.status, refreshed.body)
	}
}

// TestNoorle_DynamicRegistration is "Dynamic Registration (Recommended)".
func TestNoorle_DynamicRegistration(t *testing.T) {
	got := raw(t, noorle("console"), `POST /oauth/register HTTP/1.1
Content-Type: application/json

{"client_name": "Analytics Dashboard", "redirect_uris": ["https://dashboard.example/callback"], "token_endpoint_auth_method": "client_secret_post",
 "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "scope": "read offline_access"}`)
	if got.status != http.StatusCreated || !strings.HasPrefix(got.text("client_id"), "app_") || !strings.HasPrefix(got.text("client_secret"), "secret_") ||
		got.object["client_secret_expires_at"] == nil || got.text("scope") != "read offline_access" || got.text("client_name") != "Analytics Dashboard" {
		t.Errorf("%d %s", got.status, got.body)
	}
	callback := "https://dashboard.example/callback"
	code := allowed(t, "noorle", noorle("console"), "https://console.noorle.com/oauth/authorize?client_id="+got.text("client_id")+"&scope=read+offline_access&redirect_uri="+callback+
		"&state=random-string&response_type=code", callback).Get("code")
	raw(t, noorle("api"), `POST /oauth/token HTTP/1.1
Content-Type: application/json

{"grant_type": "authorization_code", "code": "<code>", "redirect_uri": "https://dashboard.example/callback", "client_id": "<client_id>", "client_secret": "<client_secret>"}`,
		"<code>", code, "<client_id>", got.text("client_id"), "<client_secret>", got.text("client_secret")).shows(200, noorleTokens)
}

// TestNoorle_UsePKCE is "3. Use PKCE (Mobile Apps)".
func TestNoorle_UsePKCE(t *testing.T) {
	code := allowed(t, "noorle", noorle("console"), "https://console.noorle.com/oauth/authorize?client_id=app_dashboard&scope=read+offline_access&redirect_uri=https://dashboard.example/callback"+
		"&state=random-string&response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256", "https://dashboard.example/callback").Get("code")
	raw(t, noorle("api"), `POST /oauth/token HTTP/1.1
Content-Type: application/json

{"grant_type": "authorization_code", "code": "<code>", "redirect_uri": "https://dashboard.example/callback", "client_id": "app_dashboard", "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}`,
		"<code>", code).shows(200, noorleTokens)
}

// TestNoorle_Device asks for a code pair; pending is told as the document has it.
func TestNoorle_Device(t *testing.T) {
	got := raw(t, noorle("api"), `POST /oauth/device/authorize HTTP/1.1
Content-Type: application/json

{"client_id": "app_tv", "scope": "read"}`)
	got.shows(200, `{"device_code": "…", "user_code": "…", "verification_uri": "…", "verification_uri_complete": "…", "expires_in": 1800, "interval": 5}`)
	pending := raw(t, noorle("api"), `POST /oauth/token HTTP/1.1
Content-Type: application/json

{"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "<device_code>", "client_id": "app_tv"}`, "<device_code>", got.text("device_code"))
	if pending.status != http.StatusBadRequest || pending.text("error") != "authorization_pending" {
		t.Errorf("%d %s", pending.status, pending.body)
	}
}
