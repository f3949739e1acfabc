package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/tests/person"
)

// box is a sandbox whose app Ada has connected.
type box struct {
	*servertest.Rig

	access, refresh string
}

func newBox(t *testing.T, live bool) *box {
	t.Helper()
	b := &box{Rig: servertest.New(t, func(is *issuer.Issuer) {
		if !live {
			is.Policy.SandboxOf = "acme-live"
		}
	})}
	back, err := b.Ada().Allow(servertest.Site+b.Request(b.App, "scope", "orders.read offline_access"), tokentest.RedirectURI)
	b.Must(err)
	got := b.token(url.Values{"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {tokentest.RedirectURI}, "code_verifier": {tokentest.Verifier}})
	b.access, b.refresh = got["access_token"].(string), got["refresh_token"].(string)
	return b
}

// token asks the token endpoint, as the app.
func (b *box) token(form url.Values) map[string]any {
	b.Helper()
	return b.post("/oauth/token", "application/x-www-form-urlencoded", form.Encode())
}

func (b *box) post(path, kind, body string) map[string]any {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, servertest.Site+path, strings.NewReader(body))
	b.Must(err)
	request.Header.Set("Content-Type", kind)
	if strings.HasPrefix(path, "/oauth/") {
		request.SetBasicAuth(b.App.ID, b.App.Secret)
	}
	page, err := person.New(b.Rig, "", "").Send(request)
	b.Must(err)
	answer := map[string]any{}
	b.Must(json.Unmarshal([]byte(page.Text), &answer))
	answer["status"] = page.Status
	return answer
}

func (b *box) fault(body string) map[string]any {
	b.Helper()
	return b.post("/sandbox/faults", "application/json", body)
}

func (b *box) active() bool {
	b.Helper()
	return b.post("/oauth/introspect", "application/x-www-form-urlencoded", url.Values{"token": {b.access}}.Encode())["active"] == true
}

func (b *box) refreshed() map[string]any {
	b.Helper()
	return b.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {b.refresh}})
}

func TestAnAccessTokenExpiresNowAndItsRefreshTokenDoesNot(t *testing.T) {
	b := newBox(t, false)
	if !b.active() {
		t.Fatal("the token is not good")
	}
	if done := b.fault(`{"fault":"expire","token":"` + b.access + `"}`); done["status"] != 200 || done["client_id"] != b.App.ID {
		t.Fatal(done)
	}
	if b.active() {
		t.Error("the token is still good")
	}
	if got := b.refreshed(); got["status"] != 200 {
		t.Error(got)
	}
}

func TestARefreshTokenExpiresNow(t *testing.T) {
	b := newBox(t, false)
	b.fault(`{"fault":"expire","token":"` + b.refresh + `"}`)
	if got := b.refreshed(); got["status"] != 400 || got["error"] != "invalid_grant" || got["reason"] != "expired" {
		t.Error(got)
	}
}

func TestAConnectionIsRevokedNow(t *testing.T) {
	for _, of := range []func(*box) string{func(b *box) string { return b.access }, func(b *box) string { return b.refresh }} {
		b := newBox(t, false)
		for range 2 { // the second changes nothing
			if done := b.fault(`{"fault":"revoke","token":"` + of(b) + `"}`); done["status"] != 200 {
				t.Error(done)
			}
		}
		if got := b.refreshed(); b.active() || got["error"] != "invalid_grant" || got["reason"] != "revoked_by_user" {
			t.Error(got)
		}
	}
}

func TestTheNextRequestsOfTheAppAreAnswered503AndCostNothing(t *testing.T) {
	b := newBox(t, false)
	if done := b.fault(`{"fault":"unavailable","token":"` + b.access + `","times":2}`); done["times"] != 2.0 {
		t.Error(done)
	}
	for range 2 {
		if got := b.refreshed(); got["status"] != 503 || got["error"] != "temporarily_unavailable" {
			t.Error(got)
		}
	}
	if got := b.refreshed(); got["status"] != 200 {
		t.Error(got)
	}
}

func TestOrdersThatMakeNoSense(t *testing.T) {
	b := newBox(t, false)
	for body, status := range map[string]int{
		`{"fault":"expire","token":"nothing"}`: 404, `{"fault":"expire"}`: 400, `{"fault":"explode","token":"` + b.access + `"}`: 400, `{}`: 400,
		`{"fault":"unavailable","token":"` + b.access + `","times":101}`: 400, `{"fault":"expire","token":1}`: 400,
	} {
		if got := b.fault(body); got["status"] != status {
			t.Errorf("%s: %v", body, got)
		}
	}
	if !b.active() {
		t.Error("something was done")
	}
}

func TestThePageDoesTheSame(t *testing.T) {
	b := newBox(t, false)
	browser := b.Browser("")
	page := browser.Arrive("/sandbox")
	if done := browser.Press(page, "expire", "token", b.access); !done.HasElement("done") || strings.Contains(done.Text, b.access) || b.active() {
		t.Errorf("%d\n%.2000s", done.Status, done.Text)
	}
	if wrong := browser.Press(page, "revoke", "token", "nothing"); wrong.Status != http.StatusUnprocessableEntity {
		t.Errorf("%d", wrong.Status)
	}
}

func TestALiveIssuerHasNoFaults(t *testing.T) {
	b := newBox(t, true)
	if got := b.Browser("").Arrive("/sandbox"); got.Status != http.StatusNotFound {
		t.Errorf("the page: %d", got.Status)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, servertest.Site+"/sandbox/faults", strings.NewReader(`{"fault":"expire","token":"`+b.access+`"}`))
	b.Must(err)
	request.Header.Set("Content-Type", "application/json")
	if page, err := person.New(b.Rig, "", "").Send(request); err != nil || page.Status != http.StatusNotFound || !b.active() {
		t.Errorf("%v %d", err, page.Status)
	}
}
