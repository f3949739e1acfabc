package interaction_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/tests/person"
)

func TestRFC6749_4_1_SignInConsentAndBackWithACode(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := r.At(ada.Arrive(r.Request(r.App, "scope", "openid orders.read stock.read", "nonce", "n-1")), "/sign-in")
	page = r.At(ada.SignIn(page), "/consent")
	for _, said := range []string{"Shop", "Ada's shop", "Robot Ltd", "See your orders", "shop.example"} {
		if !says(page, said) {
			t.Errorf("the consent page does not say %q", said)
		}
	}
	page = ada.Press(page, "allow")
	if q := r.Back(page); q.Get("state") != "af0ifjsldkj" || q.Get("iss") != servertest.Site {
		t.Errorf("RFC 9207 §2: back with %v", q)
	}
	code := r.CodeOf(page)
	b := code.Binding
	if !slices.Equal(b.Scopes, tokentest.Scopes("openid orders.read stock.read")) || b.Nonce != "n-1" || b.CodeChallenge != tokentest.Challenge ||
		b.RedirectURI != tokentest.RedirectURI || b.AuthTime.Never() || b.SessionID == "" || !slices.Equal(b.AMR, []string{"pwd"}) {
		t.Errorf("the code is bound to %+v", b)
	}
	if code.Grant.UserID != r.User.ID || code.Grant.AccountID != r.Account.ID || code.ClientID != r.App.ID {
		t.Errorf("grant = %+v", code.Grant)
	}
	if events := r.Events(); tokentest.Count(events, store.EventGrantCreated) != 1 || tokentest.Count(events, store.EventUserSignedIn) != 1 {
		t.Errorf("events = %v", events)
	}
	if mails := r.Mails(r.User.Email); len(mails) != 2 || !strings.Contains(mails[1].Subject, "Shop") {
		t.Errorf("mails = %+v", mails)
	}
}

// An app that gets a refresh token without asking for offline_access works while nobody is there: the page says so by itself.
func TestConsentSaysWhoWorksWhileThePersonIsAway(t *testing.T) {
	const said = "can do this while you are away, too."
	asked := func(r *servertest.Rig, app tokentest.App) *person.Page {
		ada := r.Ada()
		return r.At(ada.SignIn(ada.Arrive(r.Request(app, "scope", "orders.read"))), "/consent")
	}
	r := servertest.New(t, func(is *issuer.Issuer) { is.Policy.RefreshAlways = true })
	if page := asked(r, r.App); !says(page, said) || !says(page, "This access ends after 90 days without use.") {
		t.Errorf("it is not said where a refresh token always comes:\n%s", page.Text)
	}
	never := r.Fixture.App(func(m *store.ClientMetadata) { m.GrantTypes = []oauth.GrantType{oauth.GrantAuthorizationCode} })
	if says(asked(r, never), said) {
		t.Error("it is said of an app that gets no refresh token")
	}
	if r := servertest.New(t); says(asked(r, r.App), said) {
		t.Error("it is said of an app that did not ask for offline_access")
	}
}

func TestASecondTimeNothingIsAsked(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.SignIn(ada.Arrive(r.Request(r.App)))
	first := r.CodeOf(ada.Press(page, "allow"))
	second := r.CodeOf(ada.Arrive(r.Request(r.App)))
	if second.Grant.ID != first.Grant.ID || second.FamilyID == first.FamilyID || slices.Equal(second.Hash, first.Hash) {
		t.Error("the second authorization is not a family of its own on the same grant")
	}
}

func TestAskingForMoreShowsOnlyWhatIsNew(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	r.CodeOf(ada.Press(ada.SignIn(ada.Arrive(r.Request(r.App, "scope", "orders.read"))), "allow"))
	page := r.At(ada.Arrive(r.Request(r.App, "scope", "orders.read orders.write")), "/consent")
	if !says(page, "New: Change your orders") || says(page, "New: See your orders") {
		t.Errorf("the page does not show what is new:\n%s", page.Text)
	}
	code := r.CodeOf(ada.Press(page, "allow"))
	if !code.Grant.Scopes.Contains(tokentest.Scopes("orders.read orders.write")) {
		t.Errorf("granted %v", code.Grant.Scopes)
	}
	if tokentest.Count(r.Events(), store.EventGrantChanged) != 1 {
		t.Error("the change is not in the audit log")
	}
}

func TestAnOptionalScopeCanBeUntickedAndIsNotAskedAgain(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.SignIn(ada.Arrive(r.Request(r.App, "scope", "orders.read stock.read staff.read")))
	unticked := withFormR(page.Text, map[string][]string{"decision": {"allow"}, "scope": {"staff.read"}})
	back, err := ada.Follow(ada.Post("/consent", unticked), nil)
	r.Must(err)
	code := r.CodeOf(back)
	if got := code.Binding.Scopes.String(); got != "orders.read staff.read" || code.Grant.Declined.String() != "stock.read" {
		t.Errorf("code for %q, declined %q", got, code.Grant.Declined)
	}
	again := r.CodeOf(ada.Arrive(r.Request(r.App, "scope", "orders.read stock.read")))
	if got := again.Binding.Scopes.String(); got != "orders.read" {
		t.Errorf("the second time: %q", got)
	}
}

func TestRFC6749_4_1_2_1_DecliningEverythingIsNo(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.SignIn(ada.Arrive(r.Request(r.App, "scope", "stock.read")))
	back, err := ada.Follow(ada.Post("/consent", withFormR(page.Text, map[string][]string{"decision": {"allow"}})), nil)
	r.Must(err)
	if q := r.Back(back); q.Get("error") != oauth.CodeAccessDenied {
		t.Errorf("back with %v", q)
	}
}

func TestRFC6749_4_1_2_1_DenyThenBackAndAllow(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.SignIn(ada.Arrive(r.Request(r.App)))
	q := r.Back(ada.Press(page, "deny"))
	if q.Get("error") != oauth.CodeAccessDenied || q.Get("state") != "af0ifjsldkj" || q.Get("iss") != servertest.Site || q.Has("code") {
		t.Errorf("back with %v", q)
	}
	if tokentest.Count(r.Events(), store.EventGrantDenied) != 1 {
		t.Error("the refusal is not in the audit log")
	}
	r.CodeOf(ada.Press(page, "allow")) // they pressed Back and changed their mind
}

func TestBackAfterAllow(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.SignIn(ada.Arrive(r.Request(r.App)))
	first := ada.Press(page, "allow")
	if again := ada.Press(page, "allow"); again.Location.String() != first.Location.String() {
		t.Error("an unused code was replaced by another")
	}
	if again := ada.Arrive(page.URL.String()); again.Location == nil || again.Location.String() != first.Location.String() {
		t.Error("Back to the consent page does not lead on with the same code")
	}
	if no := ada.Press(page, "deny"); no.Location != nil || !strings.Contains(no.Text, `href="/connected"`) {
		t.Errorf("a no after the yes goes to the app as a yes: %d %v", no.Status, no.Location)
	}
	code := r.CodeOf(first)
	r.Tx(func(tx *store.Tx) error {
		return tx.RedeemCode(code.Hash, store.Family{ID: code.FamilyID, Issuer: "acme", ClientID: code.ClientID, Grant: code.Grant, ExpiresAt: r.Store.Now() + 1})
	})
	for _, late := range []string{"allow", "deny"} {
		answered := ada.Press(page, late)
		if answered.Location != nil || answered.Status != http.StatusOK || !strings.Contains(answered.Text, "https://shop.example/") {
			t.Errorf("%s after the code was used: %d %v", late, answered.Status, answered.Location)
		}
	}
	if tokentest.Count(r.Events(), store.EventGrantDenied)+tokentest.Count(r.Events(), store.EventGrantChanged) != 0 {
		t.Error("answering again changed something")
	}
}

func TestBackAfterItWasDisconnectedDoesNotSayConnected(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.SignIn(ada.Arrive(r.Request(r.App)))
	code := r.CodeOf(ada.Press(page, "allow"))
	r.Tx(func(tx *store.Tx) error {
		_, err := tx.RevokeGrant("acme", code.Grant.ID, oauth.ReasonRevokedByUser)
		return err
	})
	if again := ada.Press(page, "allow"); again.Status != http.StatusOK || says(again, "is connected to") || says(again, "You already connected") || !says(again, "it was disconnected since") {
		t.Errorf("%d\n%s", again.Status, again.Text)
	}
}

func TestAllowPressedManyTimesAtOnceIsOneGrantAndOneCode(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.SignIn(ada.Arrive(r.Request(r.App)))
	browser := ada.Browser()
	locations := make([]string, 8)
	var clicks sync.WaitGroup
	for i := range locations {
		clicks.Go(func() {
			finger := r.Ada()
			finger.Use(browser)
			locations[i] = finger.PressOnly(page, "allow").Location.String()
		})
	}
	clicks.Wait()
	for _, location := range locations {
		if location != locations[0] {
			t.Errorf("two answers: %s and %s", locations[0], location)
		}
	}
	if events := r.Events(); tokentest.Count(events, store.EventGrantCreated) != 1 || tokentest.Count(events, store.EventGrantChanged) != 0 {
		t.Errorf("events = %v", events)
	}
}

func TestTwoTabsStandAlone(t *testing.T) {
	r := servertest.New(t)
	other := r.Fixture.App()
	ada := r.Ada()
	one := ada.Arrive(r.Request(r.App))
	two := ada.Arrive(r.Request(other, "state", "second"))
	two = r.At(ada.SignIn(two), "/consent")
	one = r.At(ada.Arrive(one.URL.String()), "/consent") // reloaded: the other tab signed in
	if q := r.Back(ada.Press(one, "deny")); q.Get("state") != "af0ifjsldkj" {
		t.Errorf("first tab back with %v", q)
	}
	back := ada.Press(two, "allow")
	if q := r.Back(back); q.Get("state") != "second" || r.CodeOf(back).ClientID != other.ID {
		t.Errorf("second tab back with %v", q)
	}
}

func TestATabWhoseConnectionChangedMeanwhileAsksAgain(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	stale := ada.SignIn(ada.Arrive(r.Request(r.App, "scope", "orders.read orders.write")))
	r.CodeOf(ada.Press(ada.Arrive(r.Request(r.App, "scope", "orders.read")), "allow"))
	page := r.At(ada.Press(stale, "allow"), "/consent")
	if !says(page, "New: Change your orders") {
		t.Error("what was allowed in the other tab is asked again, or nothing is")
	}
}

func TestANoIsANoThoughAnotherTabAllowedAsMuch(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	stale := r.At(ada.SignIn(ada.Arrive(r.Request(r.App, "scope", "orders.read"))), "/consent")
	r.CodeOf(ada.Press(ada.Arrive(r.Request(r.App, "scope", "orders.read")), "allow"))
	if q := r.Back(ada.Press(stale, "deny")); q.Get("error") != oauth.CodeAccessDenied || q.Has("code") {
		t.Errorf("back with %v", q)
	}
}

// What an Allow gives is what the page asked for.
func TestARoleThatRoseWhileThePageWasOpenAsksAgain(t *testing.T) {
	r := servertest.New(t, func(is *issuer.Issuer) { is.Policy.RoleScopes = true })
	r.NewUser("bob", "bob@example.org")
	r.Join(r.Account.ID, "bob", issuer.RoleMember)
	bob := r.Browser("bob@example.org")
	stale := r.At(bob.SignIn(bob.Arrive(r.Request(r.App, "scope", "orders.read orders.write"))), "/consent")
	if says(stale, "Change your orders") {
		t.Fatal("a member is asked for what only admins may give")
	}
	r.Tx(func(tx *store.Tx) error { return tx.SetRole("acme", r.Account.ID, "bob", issuer.RoleAdmin) })
	page := r.At(bob.Press(stale, "allow"), "/consent")
	if !says(page, "Change your orders") || tokentest.Count(r.Events(), store.EventGrantCreated) != 0 {
		t.Error("Bob gave what he was not asked for")
	}
}

// The page says "Signed in as Ada". Whoever signed in meanwhile, in another tab, has not been asked.
func TestATabWhosePersonChangedMeanwhileAsksAgain(t *testing.T) {
	r := servertest.New(t)
	bob := r.NewUser("bob", "bob@example.org")
	r.Join(r.Account.ID, bob.ID, issuer.RoleAdmin)
	shared := r.Ada()
	stale := r.At(shared.SignIn(shared.Arrive(r.Request(r.App, "scope", "orders.read"))), "/consent")
	_ = shared.PressOnly(shared.Arrive("/sign-out"), "sign-out")
	shared.Email = bob.Email
	_ = shared.SignIn(shared.Arrive("/sign-in"))
	page := r.At(shared.Press(stale, "allow"), "/consent")
	if !strings.Contains(page.Text, bob.Email) || tokentest.Count(r.Events(), store.EventGrantCreated) != 0 {
		t.Error("Bob gave what Ada was asked for")
	}
	if code := r.CodeOf(shared.Press(page, "allow")); code.Grant.UserID != bob.ID {
		t.Errorf("%s is connected", code.Grant.UserID)
	}
}

func TestAnExpiredFlowSaysThatNothingWasConnected(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.Arrive(r.Request(r.App))
	r.Advance(r.Issuer.Lifetimes.Interaction)
	late := ada.SignIn(page)
	if late.Status != http.StatusGone || late.Fault() != "expired" || !strings.Contains(late.Text, "https://shop.example/") {
		t.Errorf("%d %s", late.Status, late.Text)
	}
	if tokentest.Count(r.Events(), store.EventGrantCreated)+tokentest.Count(r.Events(), store.EventUserSignedIn) != 0 {
		t.Error("something happened all the same")
	}
}

func TestAnExpiredPageOfAFlowThatWasAllowedDoesNotSayNothing(t *testing.T) {
	r := servertest.New(t, func(is *issuer.Issuer) { is.Lifetimes.Session = 24 * time.Hour })
	ada := r.Ada()
	page := ada.SignIn(ada.Arrive(r.Request(r.App)))
	r.CodeOf(ada.Press(page, "allow"))
	r.Advance(r.Issuer.Lifetimes.Interaction)
	if late := ada.Press(page, "allow"); late.Fault() == "expired" || late.Status != http.StatusOK {
		t.Errorf("%d %s", late.Status, late.Fault())
	}
}

func TestGarbageInPlaceOfTheFlow(t *testing.T) {
	r := servertest.New(t)
	for _, path := range []string{"/sign-in", "/sign-up", "/choose-account", "/new-account", "/consent", "/reset-password", "/oauth/authorize/continue"} {
		page := r.Ada().Arrive(path + "?r=AQIDBAUGBwg")
		if page.Status != http.StatusBadRequest || page.Fault() != oauth.CodeInvalidRequest {
			t.Errorf("%s: %d %q", path, page.Status, page.Fault())
		}
	}
}

func TestOpenIDConnectCore_3_1_2_1_AnAuthorizationRequestByPostKeepsTheSession(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	r.CodeOf(ada.Press(ada.SignIn(ada.Arrive(r.Request(r.App))), "allow"))
	answer := ada.PostFrom("https://shop.example", "/oauth/authorize", r.Parameters(r.App))
	if answer.Status != http.StatusSeeOther || answer.Location.Path != "/oauth/authorize/continue" {
		t.Fatalf("%d %v", answer.Status, answer.Location)
	}
	page, err := ada.Follow(answer, nil)
	r.Must(err)
	r.CodeOf(page)
}

func TestAFormFromAnotherSiteIsRefused(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.SignIn(ada.Arrive(r.Request(r.App)))
	forged := ada.PostFrom("https://evil.example", "/consent", withFormR(page.Text, map[string][]string{"decision": {"allow"}}))
	if forged.Status != http.StatusForbidden || tokentest.Count(r.Events(), store.EventGrantCreated) != 0 {
		t.Errorf("%d", forged.Status)
	}
}

func TestSeveralAccountsAreAChoice(t *testing.T) {
	r := servertest.New(t)
	r.NewAccount("acc_second", "Second shop", r.User.ID)
	ada := r.Ada()
	page := r.At(ada.SignIn(ada.Arrive(r.Request(r.App))), "/choose-account")
	page = r.At(ada.Press(page, "account-acc_second"), "/consent")
	page = r.At(ada.Arrive("/choose-account?r="+page.URL.Query().Get("r")), "/choose-account") // "choose another account"
	page = r.At(ada.Press(page, "account-acc_shop"), "/consent")
	if code := r.CodeOf(ada.Press(page, "allow")); code.Grant.AccountID != "acc_shop" {
		t.Errorf("connected %s", code.Grant.AccountID)
	}
}

func TestAnAccountOfSomebodyElseCannotBeChosen(t *testing.T) {
	r := servertest.New(t)
	r.NewAccount("acc_second", "Second shop", r.User.ID)
	ada := r.Ada()
	page := ada.SignIn(ada.Arrive(r.Request(r.App)))
	back, err := ada.Follow(ada.Post("/choose-account", withFormR(page.Text, map[string][]string{"account": {"acc_robot"}})), nil)
	r.Must(err)
	r.At(back, "/choose-account")
}

func TestWithoutAnAccountOneCanBeMade(t *testing.T) {
	r := servertest.New(t)
	r.NewUser("bob", "bob@example.org")
	bob := r.Browser("bob@example.org")
	page := r.At(bob.SignIn(bob.Arrive(r.Request(r.App))), "/choose-account")
	page = r.At(bob.Arrive("/new-account?r="+page.URL.Query().Get("r")), "/new-account")
	if again := bob.Press(page, "create-account", "account_name", " "); again.Status != http.StatusUnprocessableEntity {
		t.Errorf("an empty name: %d", again.Status)
	}
	page = r.At(bob.Press(page, "create-account", "account_name", "Bob’s boats"), "/consent")
	if code := r.CodeOf(bob.Press(page, "allow")); code.Grant.UserID != "bob" {
		t.Errorf("grant = %+v", code.Grant)
	}
}

func TestARoleThatMayNotAllowIt(t *testing.T) {
	r := servertest.New(t)
	r.NewUser("bob", "bob@example.org")
	r.Join(r.Account.ID, "bob", issuer.RoleMember)
	bob := r.Browser("bob@example.org")
	page := bob.SignIn(bob.Arrive(r.Request(r.App, "scope", "orders.read orders.write")))
	if page.Status != http.StatusForbidden || page.Fault() != "not_allowed_by_role" || !strings.Contains(page.Text, "error=access_denied") {
		t.Errorf("%d %s", page.Status, page.Text)
	}
	// What is optional is left out for whoever may not give it.
	page = bob.Arrive(r.Request(r.App, "scope", "orders.read staff.read"))
	if says(page, "See your staff") {
		t.Error("a member is asked for what only managers may give")
	}
	if code := r.CodeOf(bob.Press(page, "allow")); code.Binding.Scopes.String() != "orders.read" {
		t.Errorf("scopes %v", code.Binding.Scopes)
	}
}

func TestARoleThatWasLostWhileThePageWasOpen(t *testing.T) {
	r := servertest.New(t)
	r.NewUser("bob", "bob@example.org")
	r.Join(r.Account.ID, "bob", issuer.RoleAdmin)
	bob := r.Browser("bob@example.org")
	page := r.At(bob.SignIn(bob.Arrive(r.Request(r.App, "scope", "orders.write"))), "/consent")
	r.Tx(func(tx *store.Tx) error { return tx.SetRole("acme", r.Account.ID, "bob", issuer.RoleMember) })
	if late := bob.Press(page, "allow"); late.Fault() != "not_allowed_by_role" {
		t.Errorf("%d %s", late.Status, late.Fault())
	}
}

func TestAnAppInTestingIsForItsOwnPeople(t *testing.T) {
	r := servertest.New(t)
	r.Tx(func(tx *store.Tx) error { return tx.SetClientStatus("acme", r.App.ID, store.ClientTesting) })
	r.Clients.Forget()
	r.Must(r.Store.PollChanges(t.Context()))
	ada := r.Ada()
	if page := ada.SignIn(ada.Arrive(r.Request(r.App))); page.Status != http.StatusForbidden || page.Fault() != "app_in_testing" {
		t.Errorf("a stranger: %d %s", page.Status, page.Fault())
	}
	dev := r.Browser("dev@robot.example")
	r.CodeOf(dev.Press(r.At(dev.SignIn(dev.Arrive(r.Request(r.App))), "/consent"), "allow"))
}

func TestAnAppSuspendedMeanwhile(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.SignIn(ada.Arrive(r.Request(r.App)))
	r.Tx(func(tx *store.Tx) error { return tx.SetClientStatus("acme", r.App.ID, store.ClientSuspended) })
	r.Must(r.Store.PollChanges(t.Context()))
	if late := ada.Press(page, "allow"); late.Status != http.StatusForbidden || late.Fault() != "app_suspended" {
		t.Errorf("%d %s", late.Status, late.Fault())
	}
	if fresh := ada.Arrive(r.Request(r.App)); fresh.Fault() != "app_suspended" {
		t.Errorf("at the endpoint: %s", fresh.Fault())
	}
}

func TestPagesSpeakTheLanguageThatTheAppAsksFor(t *testing.T) {
	r := servertest.New(t)
	page := r.Ada().Arrive(r.Request(r.App, "ui_locales", "xx ar"))
	if !strings.Contains(page.Text, `lang="ar"`) || !strings.Contains(page.Text, `dir="rtl"`) {
		t.Error("the page is not in Arabic")
	}
}

func TestPagesMailsAndMetadataKeepToTheIssuersLanguages(t *testing.T) {
	r := servertest.New(t, func(is *issuer.Issuer) { is.Languages = []string{"fr", "vi"} })
	ada := r.Ada()
	page := ada.Arrive(r.Request(r.App, "ui_locales", "ar en"))
	if !strings.Contains(page.Text, `<html lang="fr"`) || strings.Contains(page.Text, `lang="ar"`) {
		t.Errorf("the page is in another language, or offers one:\n%s", page.Text)
	}
	r.CodeOf(ada.Press(ada.SignIn(page), "allow"))
	for _, sent := range r.Mails(r.User.Email) { // whose own language is English
		if !strings.Contains(sent.HTML, `<html lang="fr"`) {
			t.Errorf("%q is in another language", sent.Subject)
		}
	}
	if metadata := ada.Arrive("/.well-known/openid-configuration"); !strings.Contains(metadata.Text, `"ui_locales_supported":["fr","vi"]`) {
		t.Errorf("metadata: %s", metadata.Text)
	}
}

func TestDatabaseTroubleIsAPageToTryAgain(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.SignIn(ada.Arrive(r.Request(r.App)))
	r.Unavailable()
	if late := ada.PressOnly(page, "allow"); late.Status != http.StatusServiceUnavailable || late.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", late.Status, late.Header)
	}
}
