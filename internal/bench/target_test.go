package bench

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// metadataServer publishes these endpoints; a leading slash is at itself.
func metadataServer(t *testing.T, endpoints map[string]string) string {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := map[string]string{}
		for name, endpoint := range endpoints {
			if strings.HasPrefix(endpoint, "/") {
				endpoint = server.URL + endpoint
			}
			answer[name] = endpoint
		}
		if r.URL.Path == discoveryPath {
			json.NewEncoder(w).Encode(answer)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestTargetIsFoundByItsMetadata(t *testing.T) {
	address := metadataServer(t, map[string]string{"token_endpoint": "/a/token", "jwks_uri": "/a/keys?v=1", "revocation_endpoint": "/a/revoke"})
	found, err := find(t.Context(), Target{URL: address + "/", ClientID: "a b", Secret: "s:c", Scope: "x y"})
	if err != nil {
		t.Fatal(err)
	}
	if found.metadata.Token != "/a/token" || found.metadata.JWKS != "/a/keys?v=1" || found.place.secure || "http://"+found.place.addr != address {
		t.Errorf("%+v", found)
	}
	names := make([]string, 0, 4)
	for _, m := range found.measurements() {
		names = append(names, m.name)
	}
	if strings.Join(names, ", ") != "client credentials, discovery, jwks, revocation" { // it introspects nothing
		t.Errorf("%q", names)
	}
	behind, err := find(t.Context(), Target{URL: "https://login.example", At: metadataServer(t, map[string]string{"token_endpoint": "https://login.example/t"})})
	if err != nil || behind.place.secure || behind.host != "login.example" || behind.metadata.Token != "/t" {
		t.Errorf("behind its proxy: %+v, %v", behind, err)
	}
	issue := string(found.issue())
	if !strings.HasPrefix(issue, "POST /a/token HTTP/1.1\r\n") || !strings.HasSuffix(issue, "grant_type=client_credentials&scope=x+y") ||
		!strings.Contains(issue, "Authorization: Basic YStiOnMlM0Fj\r\n") { // a+b:s%3Ac
		t.Errorf("%q", issue)
	}
}

func TestTargetsThatCannotBeMeasured(t *testing.T) {
	elsewhere := metadataServer(t, map[string]string{"token_endpoint": "https://other.example/token"})
	without := metadataServer(t, map[string]string{"jwks_uri": "/keys"})
	for address, want := range map[string]string{
		elsewhere: "only servers with one host", without: "no token_endpoint", without + "/issuer": "404", "login.example": "must be an issuer's URL", "": "must be an issuer's URL",
	} {
		if _, err := find(t.Context(), Target{URL: address, Secret: "hunter2"}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
