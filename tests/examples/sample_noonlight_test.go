package examples

import (
	"net/http"
	"testing"
)

// noonlightCode is step 1 and 2, at the live or the sandbox hosts.
func noonlightCode(t *testing.T, platform string) (code string) {
	t.Helper()
	at := dev.Platforms[platform]
	got := allowed(t, platform, at.Hosts["account"], `
GET https://account.noonlight.com/authorize?
	client_id=<client_id>&
	scope=<list_of_scopes>&
	state=<state_string>&
	response_type=code&
	redirect_uri=<redirect_uri>
`, "https://your-redirect-uri/", "<client_id>", "smart-lamp", "<list_of_scopes>", "write:alarm%20read:alarm", "<state_string>", "a-payload", "<redirect_uri>", "https://your-redirect-uri/")
	carries(t, got, "code", "state")
	if got.Get("state") != "a-payload" {
		t.Errorf("state %q", got.Get("state"))
	}
	return got.Get("code")
}

func TestNoonlight_Step1_ObtainingAccess(t *testing.T) { noonlightCode(t, "noonlight") }

func TestNoonlight_Step1_SandboxEnvironment(t *testing.T) { noonlightCode(t, "noonlight-sandbox") }

// TestNoonlight_Step2_HandlingTheRedirect: a 302 with the code alone when no state was sent.
func TestNoonlight_Step2_HandlingTheRedirect(t *testing.T) {
	got := allowed(t, "noonlight", dev.Platforms["noonlight"].Hosts["account"],
		"https://account.noonlight.com/authorize?client_id=smart-lamp&scope=write:alarm&response_type=code&redirect_uri=https://your-redirect-uri/", "https://your-redirect-uri/?code=")
	carries(t, got, "code")
}

// TestNoonlight_Step2_Localhost: "consider configuring the Redirect URI as http://localhost".
func TestNoonlight_Step2_Localhost(t *testing.T) {
	got := allowed(t, "noonlight", dev.Platforms["noonlight"].Hosts["account"],
		"https://account.noonlight.com/authorize?client_id=smart-lamp&scope=write:alarm&state=s&response_type=code&redirect_uri=http://localhost", "http://localhost?")
	carries(t, got, "code", "state")
}

const noonlightTokens = `{"access_token": "…", "refresh_token": "…", "token_type": "=bearer", "expires_in": 36000}`

func noonlightCredentials(platform string) []string {
	p := dev.Platforms[platform]
	client := p.Client("smart-lamp")
	return []string{"<client_id>", `"` + client.ID + `"`, "<client_secret>", `"` + client.Secret + `"`, "<redirect_uri>", `"https://your-redirect-uri/"`}
}

func noonlightCurl(t *testing.T, platform string) answer {
	t.Helper()
	return curl(t, dev.Platforms[platform].Hosts["api"], `curl -X POST -H "Content-Type: application/json" \
     -d '{"grant_type": "authorization_code", "code": <authorization_code>, "client_id": <client_id>, "client_secret": <client_secret>, "redirect_uri": <redirect_uri>}' \
     'https://api.noonlight.com/platform/oauth2/token'`,
		append(noonlightCredentials(platform), "<authorization_code>", `"`+noonlightCode(t, platform)+`"`)...)
}

func TestNoonlight_Step3_Curl(t *testing.T) {
	noonlightCurl(t, "noonlight").shows(200, noonlightTokens)
}

func TestNoonlight_Step3_SandboxEnvironment(t *testing.T) {
	noonlightCurl(t, "noonlight-sandbox").shows(200, noonlightTokens)
}

func TestNoonlight_Step3_HTTP(t *testing.T) {
	raw(t, dev.Platforms["noonlight"].Hosts["api"], `POST /platform/oauth2/token HTTP/1.1
Content-Type: application/json

{
  "grant_type": "authorization_code",
  "code": <authorization_code>,
  "client_id": <client_id>,
  "client_secret": <client_secret>,
  "redirect_uri": <redirect_uri>
}
`, append(noonlightCredentials("noonlight"), "<authorization_code>", `"`+noonlightCode(t, "noonlight")+`"`)...).shows(200, noonlightTokens)
}

func TestNoonlight_Step4_UseTheAccessToken(t *testing.T) {
	token := noonlightCurl(t, "noonlight").text("access_token")
	got := curl(t, dev.Platforms["noonlight"].Hosts["api"], `curl -X POST \
  -H "Authorization: Bearer <Token>" \
  -H "Content-Type: application/json" \
  -d '{
    "services": {
      "police": false,
      "fire": false,
      "medical": true
    },
    "location.coordinates": {
      "lat": 34.32334,
      "lng": -117.3343,
      "accuracy": 5
    }
}' \
https://api.noonlight.com/platform/v1/alarms`, "<Token>", token)
	if got.status != http.StatusCreated || got.text("status") != "ACTIVE" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func noonlightRefreshed(t *testing.T, platform string) {
	t.Helper()
	refresh := noonlightCurl(t, platform).text("refresh_token")
	got := curl(t, dev.Platforms[platform].Hosts["api"], `curl -X POST -H "Content-Type: application/json" \
     -d '{"grant_type": "refresh_token", "client_id": <client_id>, "client_secret": <client_secret>, "refresh_token": <refresh_token>}' \
     'https://api.noonlight.com/platform/oauth2/token'`, append(noonlightCredentials(platform), "<refresh_token>", `"`+refresh+`"`)...)
	got.shows(200, noonlightTokens)
}

func TestNoonlight_Step5_Curl(t *testing.T) { noonlightRefreshed(t, "noonlight") }

func TestNoonlight_Step5_SandboxEnvironment(t *testing.T) { noonlightRefreshed(t, "noonlight-sandbox") }

func TestNoonlight_Step5_HTTP(t *testing.T) {
	refresh := noonlightCurl(t, "noonlight").text("refresh_token")
	raw(t, dev.Platforms["noonlight"].Hosts["api"], `POST /platform/oauth2/token HTTP/1.1
Host: api.noonlight.com
Content-Type: application/json

{
  "grant_type": "refresh_token",
  "client_id": <client_id>,
  "client_secret": <client_secret>,
  "refresh_token": <refresh_token>
}
`, append(noonlightCredentials("noonlight"), "<refresh_token>", `"`+refresh+`"`)...).shows(200, noonlightTokens)
}

// TestNoonlight_NewAccountsAreMadeOnTheWay: "Users who don't have a Noonlight account will be prompted to create a new account".
func TestNoonlight_NewAccountsAreMadeOnTheWay(t *testing.T) {
	who := noura(t, "noonlight")
	page, err := who.Arrive(dev.Platforms["noonlight"].Hosts["account"] + "/authorize?client_id=smart-lamp&scope=write:alarm&state=s&response_type=code&redirect_uri=https://your-redirect-uri/")
	if err != nil {
		t.Fatal(err)
	}
	if !page.Has("sign-in") || !containsAll(page.Text, "/sign-up") {
		t.Errorf("no way to sign up:\n%.2000s", page.Text)
	}
}
