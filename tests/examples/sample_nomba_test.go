package examples

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// nombaAs is a machine's credentials on the live or the sandbox host.
func nombaAs(platform string) (base string, replace []string) {
	p := dev.Platforms[platform]
	server := p.Clients[0]
	return p.Hosts["api"], []string{"<accountId>", server.AccountID, "<client_id>", server.ID, "<client_secret>", server.Secret}
}

const (
	nombaIssue = `POST /v1/auth/token/issue HTTP/1.1
Content-Type: application/json
accountId: <accountId>

{"grant_type": "client_credentials", "client_id": "<client_id>", "client_secret": "<client_secret>"}`
	nombaTokens = `{"code": "=00", "description": "=Success", "data": {"businessId": "…", "access_token": "…", "refresh_token": "…", "expiresAt": "2022-07-08T14:33:00Z"}}`
)

var isUUID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func nombaIssued(t *testing.T, platform string) answer {
	t.Helper()
	base, replace := nombaAs(platform)
	got := raw(t, base, nombaIssue, replace...)
	got.shows(200, nombaTokens)
	expires, err := time.Parse("2006-01-02T15:04:05Z", got.text("data", "expiresAt"))
	if left := time.Until(expires); err != nil || left < 29*time.Minute || left > 31*time.Minute {
		t.Errorf("expiresAt %s: %v", got.text("data", "expiresAt"), err)
	}
	if business, token := got.text("data", "businessId"), got.text("data", "access_token"); !isUUID.MatchString(business) || strings.Count(token, ".") != 2 {
		t.Errorf("businessId %s, access_token %.40s…", business, token)
	}
	for _, name := range []string{"X-Rate-Limit-Limit", "X-Rate-Limit-Remaining"} {
		if got.header.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	if window := got.header.Get("X-Rate-Limit-Window"); window != "1s" {
		t.Errorf("X-Rate-Limit-Window: %s", window)
	}
	return got
}

func TestNomba_ObtainAccessToken(t *testing.T) { nombaIssued(t, "nomba") }

func TestNomba_ObtainAccessToken_Sandbox(t *testing.T) { nombaIssued(t, "nomba-sandbox") }

func TestNomba_RefreshAccessToken(t *testing.T) {
	issued := nombaIssued(t, "nomba")
	base, replace := nombaAs("nomba")
	got := raw(t, base, `POST /v1/auth/token/refresh HTTP/1.1
Content-Type: application/json
accountId: <accountId>
Authorization: Bearer <access_token>

{"grant_type": "refresh_token", "refresh_token": "<refresh_token>"}`,
		append(replace, "<access_token>", issued.text("data", "access_token"), "<refresh_token>", issued.text("data", "refresh_token"))...)
	got.shows(200, nombaTokens)
	if got.text("data", "refresh_token") == issued.text("data", "refresh_token") {
		t.Error("the refresh token is not rotated")
	}
}

func TestNomba_RevokeAccessToken(t *testing.T) {
	issued := nombaIssued(t, "nomba")
	base, replace := nombaAs("nomba")
	raw(t, base, `POST /v1/auth/token/revoke HTTP/1.1
Content-Type: application/json

{"clientId": "<client_id>", "access_token": "<access_token>"}`, append(replace, "<access_token>", issued.text("data", "access_token"))...).
		shows(200, `{"code": "=00", "description": "=Token revoked successfully"}`)
}

// TestNomba_PKCEFlow_Steps1To5, with the challenge of RFC 7636 appendix B.
func TestNomba_PKCEFlow_Steps1To5(t *testing.T) {
	robot := robots["nomba"]
	p := dev.Platforms["nomba"]
	callback := p.Client(robot).RedirectURIs[0]
	got := allowed(t, "nomba", p.Hosts["api"], "https://api.nomba.com/v1/auth/authorize?response_type=code&client_id="+robot+"&redirect_uri="+callback+
		"&state=s1&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256", callback)
	carries(t, got, "auth_code", "code", "state")
	if got.Get("auth_code") != got.Get("code") {
		t.Error("auth_code and code differ")
	}
	raw(t, p.Hosts["api"], `POST /v1/auth/token/issue HTTP/1.1
Content-Type: application/json

{"grant_type": "authorization_code", "auth_code": "<auth_code>", "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "client_id": "<client_id>", "redirect_uri": "<redirect_uri>"}`,
		"<auth_code>", got.Get("auth_code"), "<client_id>", robot, "<redirect_uri>", callback).shows(200, nombaTokens)
}

// TestSandboxCredentialsOpenNothingLive, and the reverse, on both platforms that have one.
func TestSandboxCredentialsOpenNothingLive(t *testing.T) {
	for at, of := range map[string]string{"nomba": "nomba-sandbox", "nomba-sandbox": "nomba"} {
		_, replace := nombaAs(of)
		got := raw(t, dev.Platforms[at].Hosts["api"], nombaIssue, replace...)
		if got.status != 401 || got.text("code") != "01" {
			t.Errorf("credentials of %s at %s: %d %s", of, at, got.status, got.body)
		}
		token := nombaIssued(t, of).text("data", "access_token")
		balance := raw(t, dev.Platforms[at].Hosts["api"], "GET /v1/accounts/balance HTTP/1.1\nAuthorization: Bearer "+token+"\naccountId: x\n\n")
		if balance.status != 401 {
			t.Errorf("a token of %s at the API of %s: %d %s", of, at, balance.status, balance.body)
		}
	}
	for at, of := range map[string]string{"noonlight": "noonlight-sandbox", "noonlight-sandbox": "noonlight"} {
		got := raw(t, dev.Platforms[at].Hosts["api"], `POST /platform/oauth2/token HTTP/1.1
Content-Type: application/json

{"grant_type": "authorization_code", "code": "<code>", "client_id": <client_id>, "client_secret": <client_secret>, "redirect_uri": <redirect_uri>}`,
			append(noonlightCredentials(of), "<code>", noonlightCode(t, of))...)
		if got.status != 401 || got.text("error") != "invalid_client" {
			t.Errorf("credentials of %s at %s: %d %s", of, at, got.status, got.body)
		}
		mine := raw(t, dev.Platforms[at].Hosts["api"], `POST /platform/oauth2/token HTTP/1.1
Content-Type: application/json

{"grant_type": "authorization_code", "code": "<code>", "client_id": <client_id>, "client_secret": <client_secret>, "redirect_uri": <redirect_uri>}`,
			append(noonlightCredentials(at), "<code>", noonlightCode(t, of))...)
		if mine.status != 400 || mine.text("error") != "invalid_grant" {
			t.Errorf("a code of %s at %s: %d %s", of, at, mine.status, mine.body)
		}
	}
}
