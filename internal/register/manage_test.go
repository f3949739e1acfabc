package register_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
)

func TestRFC7592_2_1_Read(t *testing.T) {
	l := newLobby(t)
	made := l.registered(robot)
	a := l.send(http.MethodGet, made.uri, made.token, "")
	if a.status != http.StatusOK || a.said["client_id"] != made.id || a.said["client_name"] != "Parcel Robot" || a.said["registration_access_token"] != made.token ||
		a.said["registration_client_uri"] != made.uri || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", a.status, a.text)
	}
	if strings.Contains(a.text, made.secret) {
		t.Error("the secret was kept in clear")
	}
}

func TestRFC7592_2_1_OnlyTheRightTokenManagesAnApp(t *testing.T) {
	l := newLobby(t)
	made, other := l.registered(robot), l.registered(robot)
	for name, test := range map[string]struct{ uri, token string }{
		"none":               {made.uri, ""},
		"invented":           {made.uri, "lk_reg_" + strings.Repeat("A", 43)},
		"another app's":      {made.uri, other.token},
		"its secret":         {made.uri, made.secret},
		"an unknown app":     {endpoint + "/nobody", made.token},
		"one never dynamic":  {endpoint + "/" + l.App.ID, made.token},
		"with a long string": {made.uri, strings.Repeat("x", 3000)},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			a := l.send(method, test.uri, test.token, map[string]string{http.MethodPut: `{"client_id": "` + made.id + `"}`}[method])
			if a.status != http.StatusUnauthorized || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s, %s: %d %s %v", name, method, a.status, a.text, a.header)
			}
		}
	}
	if a := l.send(http.MethodGet, made.uri, made.token, ""); a.status != http.StatusOK {
		t.Errorf("then its own: %d %s", a.status, a.text)
	}
}

func (l lobby) change(made app, members string) answer {
	l.Helper()
	return l.send(http.MethodPut, made.uri, made.token, fmt.Sprintf(`{"client_id": %q, %s}`, made.id, members))
}

func TestRFC7592_2_2_UpdateReplacesAllThatIsRegistered(t *testing.T) {
	l := newLobby(t)
	made := l.registered(`{"client_name": "Parcel Robot", "redirect_uris": ["https://shop.example/callback"], "logo_uri": "https://robot.example/logo.png", "scope": "orders.read"}`)
	a := l.change(made, `"client_name": "Parcel Robot 2", "redirect_uris": ["https://robot.example/cb"], "client_secret": "`+made.secret+`"`)
	if a.status != http.StatusOK || a.said["client_name"] != "Parcel Robot 2" || fmt.Sprint(a.said["redirect_uris"]) != "[https://robot.example/cb]" || a.said["client_secret"] != nil {
		t.Errorf("%d %s", a.status, a.text)
	}
	if a.said["logo_uri"] != nil || a.said["scope"] != l.Issuer.Scopes.Names().String() {
		t.Errorf("what was left out is still there: %s", a.text)
	}
	found, err := l.Clients.Find(t.Context(), made.id)
	l.Must(err)
	if found.Name != "Parcel Robot 2" || found.Metadata.LogoURI != "" {
		t.Errorf("%+v", found)
	}
}

func TestRFC7592_2_2_Refusals(t *testing.T) {
	l := newLobby(t)
	made, other := l.registered(robot), l.registered(robot)
	for name, test := range map[string]struct {
		body, code string
	}{
		"no client_id":         {`{"redirect_uris": ["https://shop.example/cb"]}`, "invalid_request"},
		"another's client_id":  {`{"client_id": "` + other.id + `", "redirect_uris": ["https://shop.example/cb"]}`, "invalid_request"},
		"another's secret":     {`{"client_id": "` + made.id + `", "client_secret": "` + other.secret + `", "redirect_uris": ["https://shop.example/cb"]}`, "invalid_request"},
		"redirect URI":         {`{"client_id": "` + made.id + `", "redirect_uris": ["http://shop.example/cb"]}`, "invalid_redirect_uri"},
		"client credentials":   {`{"client_id": "` + made.id + `", "grant_types": ["client_credentials"]}`, "invalid_client_metadata"},
		"a member of no sense": {`{"client_id": 7}`, "invalid_client_metadata"},
	} {
		if a := l.send(http.MethodPut, made.uri, made.token, test.body); a.status != http.StatusBadRequest || a.said["error"] != test.code {
			t.Errorf("%s: %d %s, want %s", name, a.status, a.text, test.code)
		}
	}
	l.Must(l.Clients.SetStatus(t.Context(), made.id, store.ClientSuspended, ""))
	if a := l.change(made, `"redirect_uris": ["https://shop.example/cb"]`); a.status != http.StatusForbidden || a.said["reason"] != oauth.ReasonClientSuspended {
		t.Errorf("suspended: %d %s", a.status, a.text)
	}
}

func TestWhatThePlatformGaveSurvivesAChangeAndItsReviewDoesNot(t *testing.T) {
	l := newLobby(t)
	made := l.registered(robot)
	l.Must(l.Clients.Update(t.Context(), made.id, "", func(given *store.Client) error {
		given.Metadata.Reviewed, given.Metadata.Introspects = true, true
		given.Metadata.GrantTypes = append(given.Metadata.GrantTypes, oauth.GrantClientCredentials)
		return nil
	}))
	a := l.change(made, `"client_name": "Acme", "redirect_uris": ["https://shop.example/cb"], "grant_types": ["authorization_code", "client_credentials"]`)
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.text)
	}
	got, err := l.Store.Client(t.Context(), "acme", made.id)
	l.Must(err)
	if got.Metadata.Reviewed || !got.Metadata.Introspects || len(got.Metadata.GrantTypes) != 2 {
		t.Errorf("%+v", got.Metadata)
	}
}

// TestAChangeNeverWidensTheScopeThatThePlatformGave: neither one that the platform narrowed, nor that of an app that acts by itself,
// about which no person is asked.
func TestAChangeNeverWidensTheScopeThatThePlatformGave(t *testing.T) {
	l := newLobby(t)
	for name, give := range map[string]func(*store.ClientMetadata){
		"narrowed":  func(m *store.ClientMetadata) { m.AnyScope = false },
		"by itself": func(m *store.ClientMetadata) { m.GrantTypes = append(m.GrantTypes, oauth.GrantClientCredentials) },
	} {
		made := l.registered(robot)
		l.Must(l.Clients.Update(t.Context(), made.id, "", func(given *store.Client) error {
			give(&given.Metadata)
			given.Metadata.Scope = tokentest.Scopes("openid orders.read")
			return nil
		}))
		a := l.change(made, `"redirect_uris": ["https://shop.example/callback"], "scope": "openid orders.write"`)
		if a.status != http.StatusOK || a.said["scope"] != "openid orders.read" {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
}

func TestRFC7592_2_2_AnAppThatBecomesConfidentialGetsASecretOnce(t *testing.T) {
	l := newLobby(t)
	made := l.registered(`{"redirect_uris": ["https://shop.example/callback"], "token_endpoint_auth_method": "none"}`)
	confidential := `"redirect_uris": ["https://shop.example/callback"], "token_endpoint_auth_method": "client_secret_basic"`
	first, second := l.change(made, confidential), l.change(made, confidential)
	if first.status != http.StatusOK || first.said["client_secret"] == nil || first.said["client_secret_expires_at"] != float64(0) {
		t.Errorf("%d %s", first.status, first.text)
	}
	if second.status != http.StatusOK || second.said["client_secret"] != nil {
		t.Errorf("then: %d %s", second.status, second.text)
	}
}

func TestRFC7592_2_3_DeleteEndsAllThatItWasGiven(t *testing.T) {
	l := newLobby(t)
	made := l.registered(robot)
	caller := tokentest.App{Client: &store.Client{ID: made.id, Metadata: store.ClientMetadata{TokenEndpointAuthMethod: oauth.AuthMethodBasic}}, Secret: made.secret}
	ada := l.Ada()
	code := l.Back(ada.Press(ada.SignIn(ada.Arrive(l.Request(caller, "scope", "openid"))), "allow")).Get("code")
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {tokentest.RedirectURI}, "code_verifier": {tokentest.Verifier}}
	tokens := l.form("/oauth/token", caller, form)
	access, _ := tokens.said["access_token"].(string)
	if a := l.send(http.MethodGet, servertest.Site+"/oauth/userinfo", access, ""); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.text)
	}
	if a := l.send(http.MethodDelete, made.uri, made.token, ""); a.status != http.StatusNoContent || a.text != "" {
		t.Errorf("%d %s", a.status, a.text)
	}
	if a := l.send(http.MethodGet, servertest.Site+"/oauth/userinfo", access, ""); a.status != http.StatusUnauthorized {
		t.Errorf("its token is still good: %d", a.status)
	}
	if a := l.form("/oauth/token", caller, form); a.status != http.StatusUnauthorized {
		t.Errorf("its secret is still good: %d %s", a.status, a.text)
	}
	if a := l.send(http.MethodDelete, made.uri, made.token, ""); a.status != http.StatusUnauthorized {
		t.Errorf("a second time: %d", a.status)
	}
	if page := ada.Arrive("/connected"); page.Status != http.StatusOK || strings.Contains(page.Text, "Parcel Robot") {
		t.Errorf("the portal: %d", page.Status)
	}
}

func (l lobby) form(path string, caller tokentest.App, form url.Values) answer {
	l.Helper()
	return l.do(tokentest.PostForm(servertest.Site+path, caller, form))
}
