package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"latchkey.dev/tests/person"
)

// golang.org/x/oauth2 runs the device flow of an app that registered itself: it waits, is told to slow down, and gets its tokens.
func TestRFC8628_WithGo(t *testing.T) {
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, server.client)
	provider, err := oidc.NewProvider(ctx, server.issuer)
	if err != nil {
		t.Fatal(err)
	}
	config := &oauth2.Config{ClientID: registerDevice(t, provider), Endpoint: provider.Endpoint(), Scopes: strings.Fields(scope)}
	config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	begun, err := config.DeviceAuth(ctx)
	if err != nil {
		t.Fatalf("RFC 8628 §3.1: %v", err)
	}
	if begun.VerificationURI != server.issuer+"/device" || begun.Interval != 5 || !strings.Contains(begun.VerificationURIComplete, begun.UserCode) {
		t.Errorf("RFC 8628 §3.2: %+v", begun)
	}
	begun.Interval = 1 // a device in a hurry
	polls := &counting{inner: server.client.Transport, then: map[int]func() error{2: func() error {
		return person.New(server.client.Transport, email, password).AllowDevice(begun.VerificationURI, strings.ToLower(begun.UserCode))
	}}}
	token, err := config.DeviceAccessToken(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: polls}), begun)
	if err != nil || token.RefreshToken == "" {
		t.Fatalf("RFC 8628 §3.5: %v", err)
	}
	if got := strings.Join(polls.faults, " "); got != "authorization_pending slow_down" {
		t.Errorf("RFC 8628 §3.5: on its way it heard %q", got)
	}
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil || info.Email != email {
		t.Errorf("UserInfo = %+v, %v", info, err)
	}
	if _, err := config.DeviceAccessToken(ctx, begun); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("RFC 8628 §3.4: a second time: %v", err)
	}
}

// registerDevice registers an app of a device (RFC 7591 §3.1) and returns its client_id.
func registerDevice(t *testing.T, provider *oidc.Provider) string {
	t.Helper()
	var metadata struct {
		Registration string `json:"registration_endpoint"`
	}
	if err := provider.Claims(&metadata); err != nil {
		t.Fatal(err)
	}
	body := `{"client_name": "Television", "token_endpoint_auth_method": "none", "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"], "scope": "` + scope + `"}`
	response, err := server.client.Post(metadata.Registration, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var registered struct {
		ClientID string `json:"client_id"`
	}
	if err := json.NewDecoder(response.Body).Decode(&registered); err != nil || response.StatusCode != http.StatusCreated {
		t.Fatalf("RFC 7591 §3.2.1: %d, %v", response.StatusCode, err)
	}
	return registered.ClientID
}

// counting notes the errors that come back, and does something after some of them.
type counting struct {
	inner  http.RoundTripper
	then   map[int]func() error
	faults []string
}

func (c *counting) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := c.inner.RoundTrip(request)
	if err != nil || response.StatusCode == http.StatusOK {
		return response, err
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		return nil, err
	}
	response.Body.Close()
	var said struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(body.Bytes(), &said); err != nil {
		return nil, err
	}
	c.faults = append(c.faults, said.Error)
	response.Body = io.NopCloser(&body)
	if do := c.then[len(c.faults)]; do != nil {
		err = do()
	}
	return response, err
}
