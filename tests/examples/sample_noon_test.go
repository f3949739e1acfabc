package examples

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey.dev/tests/running"
)

func noonGateway() string { return dev.Platforms["noon"].Hosts["gateway"] }

func noonSecret() string {
	p := dev.Platforms["noon"]
	return p.Client("abc123xyz").Secret
}

// noonCode is step 1, exactly as printed, and step 2.
func noonCode(t *testing.T) string {
	t.Helper()
	got := allowed(t, "noon", dev.Platforms["noon"].Hosts["oauth"], "https://oauth.noon.partners/?client_id=abc123xyz&state=random-state-string-123", "https://yourapp.com/callback?")
	carries(t, got, "code", "state")
	if got.Get("state") != "random-state-string-123" {
		t.Errorf("state %q", got.Get("state"))
	}
	return got.Get("code")
}

func TestNoon_Step1_AuthorizationURL(t *testing.T) { noonCode(t) }

func TestNoon_Step2_AuthorizationCallback(t *testing.T) { noonCode(t) }

// noonLogin is the integrator's own session, which the steps after it need; it returns the cookies to send back.
func noonLogin(t *testing.T, key running.ServiceAccount) string {
	t.Helper()
	got := raw(t, noonGateway(), `POST /identity/public/v1/api/login HTTP/1.1
User-Agent: YourApp/1.0

{"token": "<token>", "default_project_code": "<project>"}`, "<token>", noonAssertion(t, key), "<project>", key.ProjectCode)
	if got.status != http.StatusOK || strings.TrimSpace(got.body) != "{}" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	var cookies []string
	for _, cookie := range (&http.Response{Header: got.header}).Cookies() {
		if left := cookie.MaxAge; left < 29*86400 || left > 30*86400 || !cookie.HttpOnly {
			t.Errorf("%s", cookie)
		}
		cookies = append(cookies, cookie.Name+"="+cookie.Value)
	}
	if names := regexp.MustCompile(`=[^;]+`).ReplaceAllString(strings.Join(cookies, ";"), ""); names != "_npsid;_nprt" {
		t.Errorf("the cookies are %s", names)
	}
	return strings.Join(cookies, "; ")
}

func noonAssertion(t *testing.T, key running.ServiceAccount) string {
	t.Helper()
	block, _ := pem.Decode([]byte(key.PrivateKey))
	private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(map[string]any{"sub": key.KeyID, "iat": time.Now().Unix(), "jti": rand.Text()})
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encode(signature)
}

func TestNoon_Prerequisite_AuthenticatedSession(t *testing.T) {
	key := dev.Platforms["noon"].ServiceAccounts[0]
	if key.Type != "apijwt" || !regexp.MustCompile(`^.+@p\d+\.idp\.`).MatchString(key.Channel) || !strings.HasPrefix(key.ProjectCode, "PRJ") {
		t.Errorf("dev.json has %s %s %s", key.Type, key.Channel, key.ProjectCode)
	}
	raw(t, noonGateway(), "GET /identity/v1/whoami HTTP/1.1\nUser-Agent: YourApp/1.0\nCookie: "+noonLogin(t, key)+"\n\n").
		shows(200, `{"user_code": "…", "username": "…"}`)
}

func noonCreated(t *testing.T, cookies string) answer {
	t.Helper()
	return raw(t, noonGateway(), `POST /identity/oauth/v1/token/create HTTP/1.1
Content-Type: application/json
User-Agent: YourApp/1.0
Cookie: <cookies>

{
"grant_type": "authorization_code",
"code": "AUTH_CODE_HERE",
"client_id": "your_client_id",
"client_secret": "your_client_secret"
}`, "<cookies>", cookies, "AUTH_CODE_HERE", noonCode(t), "your_client_id", "abc123xyz", "your_client_secret", noonSecret())
}

func TestNoon_Step3_TokenCreate(t *testing.T) {
	got := noonCreated(t, noonLogin(t, dev.Platforms["noon"].ServiceAccounts[0]))
	got.shows(200, `{
"access_token": "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9...",
"token_type": "=TOKEN_TYPE_BEARER",
"expires_in": "=3600s",
"scopes": ["=access:grant"],
"project_code": "=PRJ12345"
}`)
	header, _, _ := strings.Cut(got.text("access_token"), ".")
	if plain, err := base64.RawURLEncoding.DecodeString(header); err != nil || !strings.Contains(string(plain), `"alg":"RS256"`) {
		t.Errorf("the token's header is %s: %v", plain, err)
	}
}

func TestNoon_Step4_TokenExchange(t *testing.T) {
	cookies := noonLogin(t, dev.Platforms["noon"].ServiceAccounts[0])
	bought := noonCreated(t, cookies).text("access_token")
	got := raw(t, noonGateway(), `POST /identity/oauth/v1/token/exchange HTTP/1.1
Content-Type: application/json
User-Agent: YourApp/1.0
Cookie: <cookies>

{
"access_token": "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9..."
}`, "<cookies>", cookies, "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9...", bought)
	got.shows(200, `{
"status": {
"code": 0
},
"project_code": "=PRJ12345",
"oauth_request_id": "f47ac10b-58cc-4372-a567-0e02b2c3d479",
"result": {
"key_id": "key-abc123",
"private_key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQ...",
"channel_identifier": "user@p123.idp.example",
"project_code": "=PRJ12345",
"type": "=apijwt",
"issued_at": "2026-04-20T12:00:00Z"
}
}`)
	for path, pattern := range map[string]string{
		"private_key": `^-----BEGIN RSA PRIVATE KEY-----\n`, "channel_identifier": `^[^@]+@p\d+\.idp\.`, "issued_at": `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`,
		"key_id": `^noon-partners-key-id-[0-9a-f]{32}$`,
	} {
		if text := got.text("result", path); !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("%s is %.60q", path, text)
		}
	}
	if !isUUID.MatchString(got.text("oauth_request_id")) {
		t.Errorf("oauth_request_id %s", got.text("oauth_request_id"))
	}
	seller := running.ServiceAccount{KeyID: got.text("result", "key_id"), PrivateKey: got.text("result", "private_key"), ProjectCode: "PRJ12345"}
	orders := raw(t, noonGateway(), "GET /order/v1/orders?project_code=PRJ12345 HTTP/1.1\nUser-Agent: YourApp/1.0\nCookie: "+noonLogin(t, seller)+"\n\n")
	if orders.status != http.StatusOK {
		t.Errorf("the seller's key: %d %s", orders.status, orders.body)
	}
}

// TestNoon_TrackingYourRequest: oauth_request_id finds its timeline in the developer's pages.
func TestNoon_TrackingYourRequest(t *testing.T) {
	cookies := noonLogin(t, dev.Platforms["noon"].ServiceAccounts[0])
	bought := noonCreated(t, cookies).text("access_token")
	id := raw(t, noonGateway(), "POST /identity/oauth/v1/token/exchange HTTP/1.1\nContent-Type: application/json\nUser-Agent: YourApp/1.0\nCookie: "+cookies+"\n\n"+
		fmt.Sprintf(`{"access_token": %q}`, bought)).text("oauth_request_id")
	linh := developer(t, "noon")
	page, err := linh.Arrive(dev.Platforms["noon"].Issuer + "/exchanges/" + id)
	if err != nil || !containsAll(page.Text, "key_issued", id) {
		t.Errorf("%v %d\n%.2000s", err, page.Status, page.Text)
	}
}
