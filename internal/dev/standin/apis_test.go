package standin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/dev/standin"
)

// knows is an issuer that knows one token, "good", with a scope.
func knows(t *testing.T, scope string) standin.Config {
	t.Helper()
	mux := http.NewServeMux()
	issuer := httptest.NewServer(mux)
	t.Cleanup(issuer.Close)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"introspection_endpoint":%q}`, issuer.URL, issuer.URL+"/introspect")
	})
	mux.HandleFunc("POST /introspect", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"active":%v,"token_type":"Bearer","sub":"u1","client_id":"c1","aud":"http://api.localhost","scope":%q,"account_id":"acc1"}`, r.FormValue("token") == "good", scope)
	})
	return standin.Config{
		Name: "API", Issuer: issuer.URL, Resource: "http://api.localhost", ClientID: "api", ClientSecret: "secret", Now: time.Now,
		AccountName: func(context.Context, string) (string, error) { return "Ada’s shop", nil },
	}
}

// TestPlatformsRefuseInTheirOwnWords: each path and method answers JSON in the platform's shape, refusals by bearer too.
func TestPlatformsRefuseInTheirOwnWords(t *testing.T) {
	for name, p := range map[string]struct {
		make         func(context.Context, standin.Config) (http.Handler, error)
		scope, other string // other does not reach the path
		method, path string
		body, member string // member is in every refusal
		status       int
	}{
		"alarms":  {standin.Alarms, "write:alarm", "read:alarm", "POST", "/platform/v1/alarms", `{"services":{"fire":true},"location.coordinates":{"lat":1,"lng":2,"accuracy":3}}`, "details", 201},
		"sellers": {standin.Sellers, "order", "product", "GET", "/integration/v2/orders", "", "errors", 200},
		"agents":  {standin.Agents, "read", "manage", "GET", "/v1/agents", "", "error", 200},
		"balance": {standin.Balance, "accounts:read", "transactions:read", "GET", "/v1/accounts/balance", "", "code", 200},
	} {
		t.Run(name, func(t *testing.T) {
			good, err := p.make(t.Context(), knows(t, p.scope))
			if err != nil {
				t.Fatal(err)
			}
			narrow, err := p.make(t.Context(), knows(t, p.other))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				api                 http.Handler
				method, path, token string
				status              int
			}{
				{good, p.method, p.path, "good", p.status}, {good, p.method, p.path, "", 401}, {good, p.method, p.path, "bad", 401},
				{narrow, p.method, p.path, "good", 403}, {good, "DELETE", p.path, "good", 405}, {good, "GET", "/nothing", "good", 404},
				{good, "GET", "/a/../nothing", "good", 404}, {good, "GET", "//evil.example/", "", 404}, {good, "GET", p.path + "/", "good", 404},
			} {
				w := asAccount(c.api, c.method, c.path, c.token, p.body)
				var answer map[string]any
				if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != c.status {
					t.Errorf("%s %s with %q: %d, want %d: %s", c.method, c.path, c.token, w.Code, c.status, w.Body)
				}
				if _, there := answer[p.member]; c.status >= 400 && !there {
					t.Errorf("%s %s: no %s in %s", c.method, c.path, p.member, w.Body)
				}
			}
		})
	}
}

// TestEveryChallengeLeadsToTheMetadata: RFC 9728 §5.1, what a 401 names is there.
func TestEveryChallengeLeadsToTheMetadata(t *testing.T) {
	api, err := standin.Agents(t.Context(), knows(t, "read"))
	if err != nil {
		t.Fatal(err)
	}
	const at = "/.well-known/oauth-protected-resource"
	if challenge := ask(api, "GET", "/v1/agents", "", "").Header().Get("WWW-Authenticate"); !strings.Contains(challenge, `resource_metadata="http://api.localhost`+at+`"`) {
		t.Errorf("the challenge is %s", challenge)
	}
	var said struct{ Resource string }
	if got := ask(api, "GET", at, "", ""); got.Code != http.StatusOK || json.Unmarshal(got.Body.Bytes(), &said) != nil || said.Resource != "http://api.localhost" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

func asAccount(api http.Handler, method, path, token, body string) *httptest.ResponseRecorder {
	return ask(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("accountId", "acc1")
		api.ServeHTTP(w, r)
	}), method, path, token, body)
}

func TestAnAlarmIsToldToItsOwnerOnly(t *testing.T) {
	api, err := standin.Alarms(t.Context(), knows(t, "write:alarm read:alarm"))
	if err != nil {
		t.Fatal(err)
	}
	var raised struct{ ID, Status string }
	made := ask(api, "POST", "/platform/v1/alarms", "good", `{"services":{"medical":true},"location.coordinates":{"lat":1,"lng":2,"accuracy":3}}`)
	if err := json.Unmarshal(made.Body.Bytes(), &raised); err != nil || raised.Status != "ACTIVE" {
		t.Fatalf("%v %s", err, made.Body)
	}
	if got := ask(api, "GET", "/platform/v1/alarms/"+raised.ID+"/status", "good", ""); got.Code != 200 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	for path, body := range map[string]string{"/platform/v1/alarms/other/status": "", "/platform/v1/alarms": `{"services":{}}`} {
		method, want := "GET", 404
		if body != "" {
			method, want = "POST", 400
		}
		if got := ask(api, method, path, "good", body); got.Code != want {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
}

func TestABalanceWantsTheTokensOwnAccount(t *testing.T) {
	api, err := standin.Balance(t.Context(), knows(t, "accounts:read"))
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(api, "GET", "/v1/accounts/balance", "good", ""); got.Code != 401 {
		t.Errorf("without accountId: %d", got.Code)
	}
}
