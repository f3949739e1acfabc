package examples

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

func tikiHost() string { return dev.Platforms["tiki"].Hosts["api"] }

const (
	tikiCallback = "https://example.com/tiki/callback"
	tikiToken    = "https://example.com/auth/tiki/callback" // as the token sample has it
)

// tikiCode is the authorization proposal's link, with the parameters of the document's table.
func tikiCode(t *testing.T, redirectURI string) string {
	t.Helper()
	got := allowed(t, "tiki", tikiHost(), "https://api.tiki.vn/sc/oauth2/auth?response_type=code&client_id=7590139168389961&redirect_uri="+redirectURI+
		"&scope=offline%20product%20order%20inventory&state=any-random-state", redirectURI)
	carries(t, got, "code", "scope", "state")
	if got.Get("state") != "any-random-state" || got.Get("scope") != "offline product order inventory" {
		t.Errorf("%v", got)
	}
	return got.Get("code")
}

func TestTiki_AuthorizationCode_QueryParams(t *testing.T) { tikiCode(t, tikiCallback) }

const tikiTokens = `{"access_token": "…", "expires_in": 1295999, "refresh_token": "…", "scope": "=offline product order inventory", "token_type": "=bearer"}`

func TestTiki_TokenEndpoint_BasicHeader(t *testing.T) {
	secret := tikiSecret()
	basic := base64.StdEncoding.EncodeToString([]byte("7590139168389961:" + secret))
	if !strings.HasPrefix(basic, "NzU5MDEzOTE2ODM4OTk2MTp0ZlNsMGM2") {
		t.Errorf("the documented client has another secret: %.32s", basic)
	}
	got := curl(t, tikiHost(), `curl --location --request POST '{token_endpoint}' \ 
--header 'Authorization: Basic NzU5MDEzOTE2ODM4OTk2MTp0ZlNsMGM2...' \ 
--header 'Content-Type: application/x-www-form-urlencoded' \ 
--data-urlencode 'grant_type=authorization_code' \ 
--data-urlencode 'code=wwxdZmftI2r0Xn5gbwX...' \ 
--data-urlencode 'redirect_uri=https://example.com/auth/tiki/callback' \ 
--data-urlencode 'client_id=7590139168389961'`,
		"{token_endpoint}", "https://api.tiki.vn/sc/oauth2/token", "NzU5MDEzOTE2ODM4OTk2MTp0ZlNsMGM2...", basic, "wwxdZmftI2r0Xn5gbwX...", tikiCode(t, tikiToken))
	got.shows(200, tikiTokens)
	if strings.Contains(got.text("access_token"), ".") {
		t.Error("the access token is not opaque")
	}
	again := curl(t, tikiHost(), `curl --request POST 'https://api.tiki.vn/sc/oauth2/token' --header 'Authorization: Basic BASIC' \
--header 'Content-Type: application/x-www-form-urlencoded' --data-urlencode 'grant_type=refresh_token' --data-urlencode 'refresh_token=REFRESH' \
--data-urlencode 'client_id=7590139168389961'`, "BASIC", basic, "REFRESH", got.text("refresh_token"))
	again.shows(200, tikiTokens)
}

func tikiSecret() string {
	p := dev.Platforms["tiki"]
	return p.Client("7590139168389961").Secret
}

// TestTiki_TokenEndpointAuthMethod_RequestBody: the other of the two ways, for an app that chose it.
func TestTiki_TokenEndpointAuthMethod_RequestBody(t *testing.T) {
	p := dev.Platforms["tiki"]
	printer := p.Client("3141592653589793")
	code := allowed(t, "tiki", tikiHost(), "https://api.tiki.vn/sc/oauth2/auth?response_type=code&client_id=3141592653589793&redirect_uri=https://labels.example/callback&scope=order&state=any-random-state",
		"https://labels.example/callback").Get("code")
	curl(t, tikiHost(), `curl --request POST 'https://api.tiki.vn/sc/oauth2/token' --header 'Content-Type: application/x-www-form-urlencoded' \
--data-urlencode 'grant_type=authorization_code' --data-urlencode 'code=CODE' --data-urlencode 'redirect_uri=https://labels.example/callback' \
--data-urlencode 'client_id=3141592653589793' --data-urlencode 'client_secret=SECRET'`, "CODE", code, "SECRET", printer.Secret).
		shows(200, `{"access_token": "…", "expires_in": 1295999, "scope": "=order", "token_type": "=bearer"}`)
}

// TestTiki_ProtectedResources: "make requests to retrieve protected resources with access token".
func TestTiki_ProtectedResources(t *testing.T) {
	p := dev.Platforms["tiki"]
	printer := p.Client("3141592653589793")
	code := allowed(t, "tiki", tikiHost(), "https://api.tiki.vn/sc/oauth2/auth?response_type=code&client_id=3141592653589793&redirect_uri=https://labels.example/callback&scope=order&state=any-random-state",
		"https://labels.example/callback").Get("code")
	token := curl(t, tikiHost(), `curl --request POST 'https://api.tiki.vn/sc/oauth2/token' --header 'Content-Type: application/x-www-form-urlencoded' \
--data-urlencode 'grant_type=authorization_code' --data-urlencode 'code=CODE' --data-urlencode 'redirect_uri=https://labels.example/callback' \
--data-urlencode 'client_id=3141592653589793' --data-urlencode 'client_secret=SECRET'`, "CODE", code, "SECRET", printer.Secret).text("access_token")
	for path, status := range map[string]int{"/integration/v2/sellers/me": 200, "/integration/v2/orders": 200, "/integration/v2/products": 403} {
		got := curl(t, tikiHost(), `curl 'https://api.tiki.vn`+path+`' --header 'Authorization: Bearer TOKEN'`, "TOKEN", token)
		if got.status != status {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		if _, listed := got.object["errors"].([]any); status == http.StatusForbidden && !listed {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	if got := curl(t, tikiHost(), `curl 'https://api.tiki.vn/integration/v2/sellers/me'`); got.status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", got.status)
	}
}

// TestTiki_InHouse: an in-house app's token acts for the seller who owns the app.
func TestTiki_InHouse(t *testing.T) {
	p := dev.Platforms["tiki"]
	house := p.Client("4815162342108642")
	basic := base64.StdEncoding.EncodeToString([]byte(house.ID + ":" + house.Secret))
	got := curl(t, tikiHost(), `curl --request POST 'https://api.tiki.vn/sc/oauth2/token' --header 'Authorization: Basic BASIC' \
--header 'Content-Type: application/x-www-form-urlencoded' --data-urlencode 'grant_type=client_credentials'`, "BASIC", basic)
	got.shows(200, `{"access_token": "…", "expires_in": 1295999, "scope": "=product inventory", "token_type": "=bearer"}`)
	seller := curl(t, tikiHost(), `curl 'https://api.tiki.vn/integration/v2/sellers/me' --header 'Authorization: Bearer TOKEN'`, "TOKEN", got.text("access_token"))
	if seller.status != http.StatusOK || seller.text("sid") != house.AccountID || seller.text("name") == "" {
		t.Errorf("%d %s", seller.status, seller.body)
	}
}
