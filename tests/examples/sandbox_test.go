package examples

import (
	"net/http"
	"testing"
)

// faultAt asks a sandbox for a fault, as a program does.
func faultAt(t *testing.T, platform, fault, token string) {
	t.Helper()
	got := raw(t, dev.Platforms[platform].Issuer, `POST /sandbox/faults HTTP/1.1
Content-Type: application/json

{"fault": "<fault>", "token": "<token>"}`, "<fault>", fault, "<token>", token)
	if got.status != http.StatusOK {
		t.Fatalf("%s: %d %s", fault, got.status, got.body)
	}
}

// TestSandboxFaults: what an app meets on request is what it would meet by itself, in the platform's words.
func TestSandboxFaults(t *testing.T) {
	issued := nombaIssued(t, "nomba-sandbox")
	access, refresh := issued.text("data", "access_token"), issued.text("data", "refresh_token")
	base, replace := nombaAs("nomba-sandbox")
	renew := func() answer {
		return raw(t, base, `POST /v1/auth/token/refresh HTTP/1.1
Content-Type: application/json
accountId: <accountId>
Authorization: Bearer <access_token>

{"grant_type": "refresh_token", "refresh_token": "<refresh_token>"}`, append(replace, "<access_token>", access, "<refresh_token>", refresh)...)
	}
	balance := func() answer {
		return raw(t, base, "GET /v1/accounts/balance HTTP/1.1\nAuthorization: Bearer <access_token>\naccountId: <accountId>\n\n", append(replace, "<access_token>", access)...)
	}
	if got := balance(); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	faultAt(t, "nomba-sandbox", "expire", access)
	if got := balance(); got.status != http.StatusUnauthorized || got.text("code") != "02" {
		t.Errorf("expired: %d %s", got.status, got.body)
	}
	faultAt(t, "nomba-sandbox", "unavailable", access)
	if got := renew(); got.status != http.StatusServiceUnavailable || got.text("code") != "500" || got.header.Get("Retry-After") == "" {
		t.Errorf("unavailable: %d %s", got.status, got.body)
	}
	got := renew()
	got.shows(200, nombaTokens) // an expired access token still proves who asks
	faultAt(t, "nomba-sandbox", "revoke", got.text("data", "access_token"))
	access, refresh = got.text("data", "access_token"), got.text("data", "refresh_token")
	if got := renew(); got.status != http.StatusBadRequest {
		t.Errorf("revoked: %d %s", got.status, got.body)
	}
	if got := raw(t, dev.Platforms["nomba"].Issuer, "POST /sandbox/faults HTTP/1.1\nContent-Type: application/json\n\n{}"); got.status != http.StatusNotFound {
		t.Errorf("at the live host: %d", got.status)
	}
}
