package device_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey.dev/internal/device"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/tests/person"
)

// living is a server whose issuer lets devices ask, with a television's app.
type living struct {
	*servertest.Rig

	tv tokentest.App
}

func newLiving(t *testing.T, adjust ...func(*issuer.Issuer)) *living {
	t.Helper()
	r := servertest.New(t, append([]func(*issuer.Issuer){func(is *issuer.Issuer) { is.Policy.Device = true }}, adjust...)...)
	return &living{r, r.Fixture.App(television)}
}

func television(m *store.ClientMetadata) {
	m.TokenEndpointAuthMethod, m.RedirectURIs = oauth.AuthMethodNone, nil
	m.GrantTypes = []oauth.GrantType{oauth.GrantDeviceCode, oauth.GrantRefreshToken}
	m.Scope = tokentest.Scopes("openid offline_access orders.read orders.write stock.read")
}

// post sends a form as an app does.
func (l *living) post(path string, app tokentest.App, form url.Values) (int, map[string]any, http.Header) {
	l.Helper()
	request := tokentest.PostForm(servertest.Site+path, app, form)
	request.RequestURI = ""
	answer, err := l.RoundTrip(request)
	l.Must(err)
	defer answer.Body.Close()
	var members map[string]any
	_ = json.NewDecoder(answer.Body).Decode(&members) // the assertions show what is missing
	return answer.StatusCode, members, answer.Header
}

func (l *living) begin(pairs ...string) device.Response {
	l.Helper()
	form := url.Values{"scope": {"openid offline_access orders.read stock.read"}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	status, members, _ := l.post("/oauth/device_authorization", l.tv, form)
	if status != http.StatusOK {
		l.Fatalf("%d %v", status, members)
	}
	return device.Response{
		DeviceCode: members["device_code"].(string), UserCode: members["user_code"].(string), VerificationURI: members["verification_uri"].(string),
		VerificationURIComplete: members["verification_uri_complete"].(string), ExpiresIn: int64(members["expires_in"].(float64)), Interval: int64(members["interval"].(float64)),
	}
}

// poll asks for the tokens; what comes is an error's code, or "".
func (l *living) poll(begun device.Response) (fault string, members map[string]any) {
	l.Helper()
	_, members, _ = l.post("/oauth/token", l.tv, url.Values{"grant_type": {string(oauth.GrantDeviceCode)}, "device_code": {begun.DeviceCode}})
	fault, _ = members["error"].(string)
	return fault, members
}

// enter types a code at the verification URI.
func (l *living) enter(b *servertest.Browser, code string) *person.Page {
	l.Helper()
	return b.Press(l.At(b.Arrive("/device"), "/device"), "continue", "user_code", code)
}

// hrefOf is where the page is in another language.
func hrefOf(page *person.Page, lang string) string {
	found := regexp.MustCompile(`<a href="([^"]*)" lang="` + lang + `"`).FindStringSubmatch(page.Text)
	if found == nil {
		return "/no-such-language"
	}
	return html.UnescapeString(found[1])
}

var tags = regexp.MustCompile(`<[^>]*>`)

func says(page *person.Page, words string) bool {
	return strings.Contains(html.UnescapeString(tags.ReplaceAllString(page.Text, "")), words)
}

func (l *living) reads(page *person.Page, words ...string) {
	l.Helper()
	for _, said := range words {
		if !says(page, said) {
			l.Errorf("%s (%d) does not say %q:\n%.4000s", page.URL.Path, page.Status, said, tags.ReplaceAllString(page.Text, ""))
		}
	}
}

func TestRFC8628_3_2_TheAnswer(t *testing.T) {
	l := newLiving(t)
	status, members, header := l.post("/oauth/device_authorization", l.tv, url.Values{"scope": {"orders.read"}})
	if status != http.StatusOK || header.Get("Cache-Control") != "no-store" || members["expires_in"] != float64(1800) || members["interval"] != float64(5) ||
		members["verification_uri"] != "https://acme.example/device" {
		t.Errorf("%d %v %v", status, members, header)
	}
	deviceCode, userCode := members["device_code"].(string), members["user_code"].(string)
	if len(deviceCode) != 43 || !regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`).MatchString(userCode) {
		t.Errorf("codes %q and %q", deviceCode, userCode)
	}
	if members["verification_uri_complete"] != "https://acme.example/device?user_code="+userCode {
		t.Errorf("%v", members["verification_uri_complete"])
	}
	waiting, err := l.Store.DeviceCode(t.Context(), "acme", store.Hash(deviceCode))
	l.Must(err)
	if string(waiting.UserCode) == userCode || waiting.Binding.Scopes.String() != "orders.read" {
		t.Errorf("%+v", waiting)
	}
}

func TestRFC8628_3_1_Refusals(t *testing.T) {
	l := newLiving(t)
	wrong := l.App
	wrong.Secret = "lk_cs_wrong"
	stranger := tokentest.App{Client: &store.Client{ID: "nobody", Metadata: store.ClientMetadata{TokenEndpointAuthMethod: oauth.AuthMethodNone}}}
	for name, test := range map[string]struct {
		app    tokentest.App
		form   url.Values
		status int
		code   string
	}{
		"3.1 no client":                    {tokentest.App{}, url.Values{}, 401, "invalid_client"},
		"3.1 unknown client":               {stranger, url.Values{}, 401, "invalid_client"},
		"3.1 wrong secret":                 {wrong, url.Values{}, 401, "invalid_client"},
		"RFC 7591 2 another grant type":    {l.App, url.Values{}, 400, "unauthorized_client"},
		"RFC 6749 3.3 no such scope":       {l.tv, url.Values{"scope": {"root"}}, 400, "invalid_scope"},
		"RFC 6749 3.3 not registered":      {l.tv, url.Values{"scope": {"staff.read"}}, 400, "invalid_scope"},
		"RFC 8707 2 no such resource":      {l.tv, url.Values{"resource": {"https://elsewhere.example"}}, 400, "invalid_target"},
		"RFC 6749 3.2 repeated parameters": {l.tv, url.Values{"scope": {"orders.read", "stock.read"}}, 400, "invalid_request"},
	} {
		if status, members, _ := l.post("/oauth/device_authorization", test.app, test.form); status != test.status || members["error"] != test.code {
			t.Errorf("%s: %d %v, want %d %s", name, status, members, test.status, test.code)
		}
	}
}

func TestRFC8628_4_NothingIsThereWherePolicyKeepsItClosed(t *testing.T) {
	r := servertest.New(t)
	l := &living{Rig: r, tv: r.App}
	if status, _, _ := l.post("/oauth/device_authorization", l.tv, url.Values{}); status != http.StatusNotFound {
		t.Errorf("the endpoint answers %d", status)
	}
	if page := r.Ada().Arrive("/device"); page.Status != http.StatusNotFound {
		t.Errorf("the page answers %d", page.Status)
	}
}

func TestRFC8628_3_3_TypedSignedInComparedAllowed(t *testing.T) {
	l := newLiving(t)
	begun := l.begin()
	if fault, _ := l.poll(begun); fault != "authorization_pending" {
		t.Errorf("before anybody decided: %q", fault)
	}
	ada := l.Ada()
	page := l.At(l.enter(ada, strings.ToLower(strings.ReplaceAll(begun.UserCode, "-", " "))), "/sign-in")
	page = l.At(ada.SignIn(page), "/consent")
	l.reads(page, "Does your device show this code?", begun.UserCode, "Someone may be trying to use your account", "Shop", "Ada's shop", "goes on by itself on your device")
	if says(page, "You will go back to") {
		t.Error("the page promises a way back that there is not")
	}
	done := l.At(ada.Press(page, "allow"), "/consent")
	l.reads(done, "Your device is connected", "Go back to your device")
	l.reads(l.At(ada.Arrive("/consent"+hrefOf(done, "fr")), "/consent"), "Votre appareil est connecté") //nolint:misspell // French: the same page, in another language
	l.Advance(5 * time.Second)
	fault, tokens := l.poll(begun)
	if fault != "" || tokens["access_token"] == "" || tokens["refresh_token"] == nil || tokens["id_token"] == nil || tokens["scope"] != "openid offline_access orders.read stock.read" {
		t.Fatalf("%v", tokens)
	}
	grants, err := l.Store.GrantsOfUser(t.Context(), "acme", l.User.ID, 10)
	l.Must(err)
	if len(grants) != 1 || grants[0].ClientID != l.tv.ID || grants[0].AccountID != l.Account.ID {
		t.Errorf("%+v", grants)
	}
	if events := l.Events(); tokentest.Count(events, store.EventGrantCreated) != 1 || tokentest.Count(events, store.EventTokenIssued) != 1 {
		t.Errorf("%+v", events)
	}
	l.reads(ada.Arrive("/connected"), "Shop")
	if mails := l.Mails(l.User.Email); len(mails) != 2 {
		t.Errorf("%d mails, want those of the sign-in and of the connection", len(mails))
	}
}

func TestRFC8628_3_5_DontAllow(t *testing.T) {
	l := newLiving(t)
	begun, ada := l.begin(), l.Ada()
	page := ada.SignIn(l.enter(ada, begun.UserCode))
	l.reads(ada.Press(page, "deny"), "Your device was not connected")
	if fault, _ := l.poll(begun); fault != "access_denied" {
		t.Errorf("the device hears %q", fault)
	}
	if tokentest.Count(l.Events(), store.EventGrantDenied) != 1 {
		t.Error("the refusal is not in the audit log")
	}
	l.reads(ada.Press(page, "allow"), "Your device was not connected") // back, and a change of mind: too late, and it says so
	if fault, _ := l.poll(begun); fault != "access_denied" {
		t.Errorf("then the device hears %q", fault)
	}
}

func TestRFC8628_5_4_WhoAllowedBeforeIsAskedAgain(t *testing.T) {
	l := newLiving(t)
	ada := l.Ada()
	ada.Press(ada.SignIn(l.enter(ada, l.begin().UserCode)), "allow")
	second := l.begin()
	page := l.At(l.enter(ada, second.UserCode), "/consent") // somebody may have sent her this one
	l.reads(page, second.UserCode, "Does your device show this code?")
	if fault, _ := l.poll(second); fault != "authorization_pending" {
		t.Errorf("the device hears %q", fault)
	}
}

func TestRFC8628_3_3_1_ALinkAloneEntersNothing(t *testing.T) {
	l := newLiving(t)
	begun, ada := l.begin(), l.Ada()
	complete, err := url.Parse(begun.VerificationURIComplete)
	l.Must(err)
	for range 50 { // scanners and previews open links too; that is no try
		l.At(ada.Arrive(complete.RequestURI()), "/device")
	}
	page := ada.Arrive(complete.RequestURI())
	l.reads(page, "Compare this code with the one on your device")
	if !strings.Contains(page.Text, `value="`+begun.UserCode+`"`) {
		t.Error("the code is not filled in")
	}
	l.At(ada.Press(page, "continue"), "/sign-in")
	if page := ada.Arrive("/device?user_code=%22%3E%3Cscript%3E"); strings.Contains(page.Text, "<script>") || says(page, "Compare this code") {
		t.Error("whatever comes with a link is shown")
	}
}

// What is wrong with a code is nobody's business: who tries codes out must not learn which there are, or were.
func TestRFC8628_5_1_EveryCodeThatIsOverGetsOneAnswer(t *testing.T) {
	l := newLiving(t)
	expired := l.begin()
	l.Advance(l.Issuer.Lifetimes.Device)
	denied, allowed := l.begin(), l.begin()
	ada := l.Ada()
	ada.Press(ada.SignIn(l.enter(ada, denied.UserCode)), "deny")
	ada.Press(l.enter(ada, allowed.UserCode), "allow")
	want := ""
	for name, code := range map[string]string{
		"unknown": "BBBB-BBBB", "expired": expired.UserCode, "denied": denied.UserCode, "allowed": allowed.UserCode, "malformed": "AAAA-AAAA",
	} {
		page := l.enter(l.BrowserFrom("198.51.100.7", "x@example.com"), code)
		if page.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, page.Status)
		}
		got := tags.ReplaceAllString(strings.ReplaceAll(page.Text, code, "CODE"), "")
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s is told apart from the others:\n%s\n%s", name, got, want)
		}
	}
	l.reads(l.enter(ada, " "), "Enter the code that your device shows")
}

func TestRFC8628_5_1_CodesCannotBeTriedOut(t *testing.T) {
	l := newLiving(t)
	begun := l.begin()
	guesser := l.BrowserFrom("198.51.100.7", "x@example.com")
	const letters = "BCDFGHJKLMNPQRSTVWXZ"
	for i := range 30 {
		if page := l.enter(guesser, fmt.Sprintf("BCDF-GH%c%c", letters[i%20], letters[i/20])); page.Status != http.StatusUnprocessableEntity {
			t.Fatalf("guess %d: %d", i, page.Status)
		}
	}
	page := l.enter(guesser, begun.UserCode) // even the right one
	if page.Status != http.StatusTooManyRequests || page.Header.Get("Retry-After") == "" {
		t.Errorf("guess 31: %d, Retry-After %q", page.Status, page.Header.Get("Retry-After"))
	}
	l.reads(page, "Too many attempts")
	l.At(l.enter(l.Ada(), begun.UserCode), "/sign-in") // elsewhere people go on
	l.Advance(15 * time.Minute)
	l.At(l.enter(guesser, begun.UserCode), "/sign-in")
}

func TestRFC8628_5_4_ACodeThatManyPeopleEnterIsStopped(t *testing.T) {
	l := newLiving(t)
	begun := l.begin()
	for i := range 11 {
		page := l.enter(l.BrowserFrom(fmt.Sprintf("203.0.113.%d", i), "x@example.com"), begun.UserCode)
		if stopped := page.Status == http.StatusTooManyRequests; stopped != (i == 10) {
			t.Errorf("person %d: %d", i+1, page.Status)
		}
	}
}

func TestDevicesOfOneAddressAreBounded(t *testing.T) {
	l := newLiving(t)
	for range 100 {
		l.begin()
	}
	status, members, header := l.post("/oauth/device_authorization", l.tv, url.Values{})
	if status != http.StatusTooManyRequests || header.Get("Retry-After") == "" || members["error"] != "temporarily_unavailable" {
		t.Errorf("%d %v", status, members)
	}
}

func TestACodeThatExpiresWhileThePersonReads(t *testing.T) {
	l := newLiving(t)
	begun, ada := l.begin(), l.Ada()
	page := ada.SignIn(l.enter(ada, begun.UserCode))
	l.Advance(l.Issuer.Lifetimes.Device)
	late := ada.Press(page, "allow")
	if late.Status != http.StatusGone || late.Fault() != "device_code_ended" {
		t.Errorf("%d %s", late.Status, late.Fault())
	}
	if fault, _ := l.poll(begun); fault != "expired_token" {
		t.Errorf("the device hears %q", fault)
	}
	if grants, err := l.Store.GrantsOfUser(t.Context(), "acme", l.User.ID, 10); err != nil || len(grants) != 0 {
		t.Errorf("%v, %v", grants, err)
	}
}

func TestBackAfterAllowAndSomebodyElse(t *testing.T) {
	l := newLiving(t)
	begun, ada, eve := l.begin(), l.Ada(), l.BrowserFrom("203.0.113.9", "dev@robot.example")
	hers := ada.SignIn(l.enter(ada, begun.UserCode))
	others := eve.SignIn(l.enter(eve, begun.UserCode))
	l.reads(ada.Press(hers, "allow"), "Your device is connected")
	l.reads(ada.Press(hers, "allow"), "Your device is connected", "Ada's shop") // Allow twice
	for _, button := range []string{"allow", "deny"} {
		if page := eve.Press(others, button); page.Fault() != "device_code_ended" {
			t.Errorf("somebody else's %s: %d %s", button, page.Status, page.Fault())
		}
	}
	if _, tokens := l.poll(begun); tokens["access_token"] == nil {
		t.Errorf("%v", tokens)
	}
	if grants, err := l.Store.GrantsOfUser(t.Context(), "acme", "dev", 10); err != nil || len(grants) != 0 {
		t.Errorf("somebody else's connections: %v, %v", grants, err)
	}
}

// Two people answer one code at once, each with Allow and Don't allow: one answer holds, and nothing of the others is left.
func TestRacingAnswersAreOne(t *testing.T) {
	l := newLiving(t)
	for range 5 {
		begun, ada, dev := l.begin(), l.Ada(), l.BrowserFrom("203.0.113.9", "dev@robot.example")
		pages := map[*servertest.Browser]*person.Page{ada: ada.SignIn(l.enter(ada, begun.UserCode)), dev: dev.SignIn(l.enter(dev, begun.UserCode))}
		var all sync.WaitGroup
		for browser, page := range pages {
			for _, button := range []string{"allow", "deny", "allow"} {
				all.Go(func() {
					if answer := browser.PressOnly(page, button); answer.Status != http.StatusOK && answer.Status != http.StatusGone {
						t.Errorf("%s: %d", button, answer.Status)
					}
				})
			}
		}
		all.Wait()
		waiting, err := l.Store.DeviceCode(t.Context(), "acme", store.Hash(begun.DeviceCode))
		l.Must(err)
		fault, _ := l.poll(begun)
		connections := len(l.grantsOf(l.User.ID)) + len(l.grantsOf("dev"))
		switch {
		case waiting.AllowedAt.Never() == waiting.DeniedAt.Never():
			t.Fatalf("allowed at %d, denied at %d", waiting.AllowedAt, waiting.DeniedAt)
		case !waiting.DeniedAt.Never() && (fault != "access_denied" || connections != 0):
			t.Errorf("denied: the device hears %q, and there are %d connections", fault, connections)
		case !waiting.AllowedAt.Never() && (fault != "" || connections != 1):
			t.Errorf("allowed: the device hears %q, and there are %d connections", fault, connections)
		}
		for _, id := range append(l.grantsOf(l.User.ID), l.grantsOf("dev")...) {
			l.RevokeGrant(id)
		}
	}
}

func (l *living) grantsOf(userID string) (ids []string) {
	l.Helper()
	grants, err := l.Store.GrantsOfUser(l.Context(), "acme", userID, 10)
	l.Must(err)
	for _, grant := range grants {
		ids = append(ids, grant.ID)
	}
	return ids
}

func TestTheirRoleMayNotGiveIt(t *testing.T) {
	l := newLiving(t)
	l.NewUser("omar", "omar@shop.example")
	l.Join("acc_shop", "omar", issuer.RoleMember)
	omar := l.Browser("omar@shop.example")
	page := omar.SignIn(l.enter(omar, l.begin("scope", "orders.write").UserCode))
	if page.Status != http.StatusForbidden || strings.Contains(page.Text, "access_denied") {
		t.Errorf("%d, with a way back that there is not:\n%.3000s", page.Status, page.Text)
	}
}

func TestASuspendedAppsCodeLeadsNowhere(t *testing.T) {
	l := newLiving(t)
	begun := l.begin()
	l.Must(l.Clients.SetStatus(t.Context(), l.tv.ID, store.ClientSuspended, ""))
	l.Must(l.Store.PollChanges(t.Context()))
	if page := l.enter(l.Ada(), begun.UserCode); page.Status != http.StatusForbidden || page.Fault() != "app_suspended" {
		t.Errorf("%d %s", page.Status, page.Fault())
	}
}

func TestRFC6749_10_12_OtherSitesCannotEnterACode(t *testing.T) {
	l := newLiving(t)
	form := url.Values{"user_code": {l.begin().UserCode}}
	if page := l.Ada().PostFrom("https://evil.example", "/device", form); page.Status != http.StatusForbidden {
		t.Errorf("%d", page.Status)
	}
}

func TestTroubleWithTheDatabaseIsNoRefusal(t *testing.T) {
	l := newLiving(t)
	begun, ada := l.begin(), l.Ada()
	l.Unavailable()
	if page := l.enter(ada, begun.UserCode); page.Status != http.StatusServiceUnavailable || page.Header.Get("Retry-After") == "" {
		t.Errorf("the page answers %d", page.Status)
	}
	if status, members, header := l.post("/oauth/device_authorization", l.tv, url.Values{}); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("the endpoint answers %d %v", status, members)
	}
}
