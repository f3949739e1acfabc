package interaction_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/servertest"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/tests/person"
)

// alike is a page without what differs at every look: the nonce, the flow, the reference and the address that was typed.
func alike(page *person.Page, typed string) string {
	varying := regexp.MustCompile(`nonce="[^"]*"|name="r" value="[^"]*"|r=[A-Za-z0-9_-]+|<code[^>]*id="reference">[^<]*</code>`)
	return strings.ReplaceAll(varying.ReplaceAllString(page.Text, "…"), typed, "(typed)")
}

func TestAWrongPasswordAndAnUnknownAddressAreOneAnswer(t *testing.T) {
	r := servertest.New(t)
	r.NewUser("sus", "sus@example.org")
	r.Tx(func(tx *store.Tx) error { return tx.SuspendUser("acme", "sus", true) })
	answers := map[string]string{}
	for who, attempt := range map[string][2]string{
		"wrong password": {"ada@shop.example", "not the one at all"}, "unknown": {"eve@example.org", servertest.Password},
		"suspended": {"sus@example.org", servertest.Password},
	} {
		browser := r.Browser(attempt[0])
		page := browser.Press(browser.Arrive("/sign-in"), "sign-in", "email", attempt[0], "password", attempt[1])
		if page.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", who, page.Status)
		}
		answers[alike(page, attempt[0])] = who
	}
	if len(answers) != 1 {
		t.Errorf("the answers differ: %d kinds", len(answers))
	}
}

func TestSignInMistakesAreSaidAtTheirFields(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.Press(ada.Arrive("/sign-in"), "sign-in", "email", "not an address", "password", "")
	if page.Status != http.StatusUnprocessableEntity || !page.HasElement("email-error") || !page.HasElement("password-error") {
		t.Errorf("%d %s", page.Status, page.Text)
	}
}

func TestTheAddressIsTakenHoweverItIsWritten(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	page := ada.PressOnly(ada.Arrive("/sign-in"), "sign-in", "email", "  ADA@Shop.Example ", "password", servertest.Password)
	if page.Location == nil || page.Location.Path != "/connected" {
		t.Errorf("%d", page.Status)
	}
}

func TestSignInEndsWhereItBeganOnThisHostOnly(t *testing.T) {
	r := servertest.New(t)
	for next, want := range map[string]string{
		"/security": "/security", "//evil.example": "/connected", "https://evil.example": "/connected", `/\evil.example`: "/connected",
	} {
		ada := r.Ada()
		page := ada.PressOnly(ada.Arrive("/sign-in?next="+strings.ReplaceAll(next, `\`, "%5C")), "sign-in", "email", ada.Email, "password", ada.Password)
		if page.Location == nil || page.Location.String() != servertest.Site+want {
			t.Errorf("next=%s ends at %v", next, page.Location)
		}
	}
}

func TestWhoIsSignedInIsNotAskedAgain(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	_ = ada.PressOnly(ada.Arrive("/sign-in"), "sign-in", "email", ada.Email, "password", ada.Password)
	if page, _ := ada.Open(servertest.Site + "/sign-in?next=/security"); page.Location == nil || page.Location.Path != "/security" {
		t.Errorf("asked again: %d", page.Status)
	}
}

func TestASignInFromANewBrowserIsToldByMailOnce(t *testing.T) {
	r := servertest.New(t)
	ada := r.Ada()
	for range 2 {
		_ = ada.PressOnly(ada.Arrive("/sign-in"), "sign-in", "email", ada.Email, "password", ada.Password)
		_ = ada.PressOnly(ada.Arrive("/sign-out"), "sign-out")
	}
	if mails := r.Mails(ada.Email); len(mails) != 1 || !strings.Contains(mails[0].Text, "192.0.2.1") {
		t.Errorf("%d mails", len(mails))
	}
}

// guess tries a wrong password and returns the status.
func guess(browser *servertest.Browser, email string) int {
	page := browser.Arrive("/sign-in")
	return browser.PressOnly(page, "sign-in", "email", email, "password", "wrong "+email).Status
}

func TestSignInIsLimitedPerAccountWithoutLockingOutAKnownBrowser(t *testing.T) {
	r := servertest.New(t)
	ada, thief := r.Ada(), r.Browser("eve@example.org")
	_ = ada.PressOnly(ada.Arrive("/sign-in"), "sign-in", "email", ada.Email, "password", ada.Password)
	_ = ada.PressOnly(ada.Arrive("/sign-out"), "sign-out")
	for i := range 10 {
		if status := guess(thief, ada.Email); status != http.StatusUnprocessableEntity {
			t.Fatalf("guess %d: %d", i+1, status)
		}
	}
	limited := thief.PressOnly(thief.Arrive("/sign-in"), "sign-in", "email", ada.Email, "password", servertest.Password)
	if limited.Status != http.StatusTooManyRequests || limited.Header.Get("Retry-After") == "" {
		t.Fatalf("the right password after too many guesses: %d", limited.Status)
	}
	if page := ada.PressOnly(ada.Arrive("/sign-in"), "sign-in", "email", ada.Email, "password", ada.Password); page.Location == nil {
		t.Errorf("the owner's own browser is locked out: %d", page.Status)
	}
	r.Advance(15 * time.Minute)
	if page := thief.PressOnly(thief.Arrive("/sign-in"), "sign-in", "email", ada.Email, "password", servertest.Password); page.Location == nil {
		t.Errorf("after the window: %d", page.Status)
	}
}

func TestTheLimitTellsNotWhetherAnAccountExists(t *testing.T) {
	r := servertest.New(t)
	pages := map[string]bool{}
	for _, email := range []string{"ada@shop.example", "eve@example.org"} {
		thief := r.Browser(email)
		for range 10 {
			guess(thief, email)
		}
		page := thief.PressOnly(thief.Arrive("/sign-in"), "sign-in", "email", email, "password", "x")
		if page.Status != http.StatusTooManyRequests {
			t.Errorf("%s: %d", email, page.Status)
		}
		pages[regexp.MustCompile(`<time.*?</time>`).ReplaceAllString(alike(page, email), "")] = true
	}
	if len(pages) != 1 {
		t.Error("the answers differ")
	}
}

func TestSignInIsLimitedPerAddress(t *testing.T) {
	r := servertest.New(t)
	thief := r.BrowserFrom("2001:db8::1", "eve@example.org")
	for i := range 100 {
		if status := guess(thief, strings.Repeat("a", i%26+1)+string(rune('a'+i/26))+"@example.org"); status != http.StatusUnprocessableEntity {
			t.Fatalf("guess %d: %d", i+1, status)
		}
	}
	neighbour := r.BrowserFrom("2001:db8::ffff", "eve@example.org") // the same customer's network
	if status := guess(neighbour, "somebody@example.org"); status != http.StatusTooManyRequests {
		t.Errorf("from the same /64: %d", status)
	}
	if status := guess(r.BrowserFrom("2001:db8:0:1::1", "eve@example.org"), "somebody@example.org"); status != http.StatusUnprocessableEntity {
		t.Errorf("from another network: %d", status)
	}
}

// sixDigits finds the code in a mail.
func sixDigits(t *testing.T, sent mail.Mail) string {
	t.Helper()
	code := regexp.MustCompile(`\b\d{6}\b`).FindString(sent.Text)
	if code == "" {
		t.Fatalf("no code in %s", sent.Text)
	}
	return code
}

// signUp fills in the form and returns the page that asks for the code.
func signUp(r *servertest.Rig, browser *servertest.Browser, page *person.Page) *person.Page {
	r.Helper()
	return r.At(browser.Press(page, "sign-up", "name", "Bob Boatman", "email", browser.Email, "password", browser.Password), "/verify")
}

func TestSignUpInsideAFlowEndsAtTheApp(t *testing.T) {
	r := servertest.New(t)
	bob := r.Browser("Bob@Example.org")
	page := bob.Arrive(r.Request(r.App))
	page = r.At(bob.Arrive("/sign-up?r="+page.URL.Query().Get("r")), "/sign-up")
	page = signUp(r, bob, page)
	mails := r.Mails("bob@example.org")
	if len(mails) != 1 {
		t.Fatalf("%d mails", len(mails))
	}
	wrong := bob.Press(page, "verify", "code", "000000")
	if wrong.Status != http.StatusUnprocessableEntity && sixDigits(t, mails[0]) != "000000" {
		t.Errorf("a wrong code: %d", wrong.Status)
	}
	code := sixDigits(t, mails[0])
	page = r.At(bob.Press(page, "verify", "code", code[:3]+" "+code[3:]), "/consent")
	if !says(page, "Bob Boatman") {
		t.Error("the person's own account is not there")
	}
	made := r.CodeOf(bob.Press(page, "allow"))
	user, err := r.Store.User(t.Context(), "acme", made.Grant.UserID)
	if err != nil || user.Email != "bob@example.org" || user.EmailVerifiedAt.Never() || user.Name != "Bob Boatman" {
		t.Errorf("user = %+v, %v", user, err)
	}
}

func TestACodeIsReadInArabicAndPersianDigits(t *testing.T) {
	for _, zero := range []rune{'٠', '۰'} {
		r := servertest.New(t)
		bob := r.Browser("bob@example.org")
		page := signUp(r, bob, bob.Arrive("/sign-up"))
		typed := strings.Map(func(digit rune) rune { return zero + digit - '0' }, sixDigits(t, r.Mails("bob@example.org")[0]))
		r.At(bob.Press(page, "verify", "code", typed), "/connected")
	}
}

func TestTheLinkInTheMailWorksInTheBrowserThatAskedForIt(t *testing.T) {
	r := servertest.New(t)
	bob := r.Browser("bob@example.org")
	page := bob.Arrive(r.Request(r.App))
	_ = signUp(r, bob, bob.Arrive("/sign-up?r="+page.URL.Query().Get("r")))
	link := regexp.MustCompile(`https://acme.example(/verify\S*)`).FindStringSubmatch(r.Mails("bob@example.org")[0].Text)[1]
	stranger := r.Browser("bob@example.org")
	if page := stranger.Arrive(link); !says(page, "Enter the code where you began") {
		t.Errorf("in another browser it says %s", page.Text)
	}
	r.At(bob.Arrive(link), "/consent")
}

func TestSignUpWithATakenAddressLooksTheSame(t *testing.T) {
	r := servertest.New(t)
	pages := map[string]bool{}
	for _, email := range []string{"ada@shop.example", "new@example.org"} {
		browser := r.Browser(email)
		page := signUp(r, browser, browser.Arrive("/sign-up"))
		text := alike(page, email)
		for range 5 {
			page = browser.Press(page, "verify", "code", "999999")
			text += alike(page, email)
		}
		if page := browser.Press(page, "verify", "code", "999999"); !page.Has("resend") || page.Has("verify") {
			t.Errorf("%s: after five wrong codes another is judged", email)
		}
		pages[text] = true
	}
	if len(pages) != 1 {
		t.Error("the pages differ")
	}
	mails := r.Mails("ada@shop.example")
	if len(mails) != 1 || regexp.MustCompile(`\b\d{6}\b`).MatchString(mails[0].Text) {
		t.Errorf("the owner got %+v", mails)
	}
}

func TestACodeIsVoidAfterFiveTries(t *testing.T) {
	r := servertest.New(t)
	bob := r.Browser("bob@example.org")
	page := signUp(r, bob, bob.Arrive("/sign-up"))
	code := sixDigits(t, r.Mails(bob.Email)[0])
	wrong := "111111"
	if code == wrong {
		wrong = "222222"
	}
	for range 5 {
		_ = bob.Press(page, "verify", "code", wrong)
	}
	last := bob.Press(page, "verify", "code", code)
	if last.Location != nil || last.Has("verify") {
		t.Fatal("the sixth try, with the right code, was taken")
	}
	page = r.At(bob.Press(last, "resend"), "/verify")
	fresh := sixDigits(t, r.Mails(bob.Email)[1])
	if again := bob.PressOnly(page, "verify", "code", fresh); again.Location == nil {
		t.Errorf("the new code: %d", again.Status)
	}
}

func TestANewCodeVoidsTheOneBefore(t *testing.T) {
	r := servertest.New(t)
	bob := r.Browser("bob@example.org")
	sent := bob.PressOnly(bob.Arrive("/sign-up"), "sign-up", "name", "Bob Boatman", "email", bob.Email, "password", bob.Password)
	page := r.At(bob.Press(r.At(bob.Arrive("/verify"), "/verify"), "resend"), "/verify")
	mails := r.Mails(bob.Email)
	first := sixDigits(t, mails[0])
	if before := bob.Press(page, "verify", "code", first); before.Status != http.StatusUnprocessableEntity && first != sixDigits(t, mails[1]) {
		t.Errorf("the first code: %d", before.Status)
	}
	kept := httptest.NewRequestWithContext(t.Context(), http.MethodGet, servertest.Site+"/verify?code="+first, http.NoBody)
	for _, cookie := range (&http.Response{Header: sent.Header}).Cookies() {
		kept.AddCookie(cookie)
	}
	answer, err := r.RoundTrip(kept)
	r.Must(err)
	r.Must(answer.Body.Close())
	if answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("the first code, with the cookie that it came with: %d", answer.StatusCode)
	}
}

// The end of a code must tell nothing to who asked for it, and never sign them in.
func TestACodeThatEndedIsJudgedNoMore(t *testing.T) {
	r := servertest.New(t)
	bob, eve := r.Browser("bob@example.org"), r.Browser("bob@example.org")
	hers := signUp(r, eve, eve.Arrive("/sign-up"))
	r.Tx(func(tx *store.Tx) error { return tx.EndChallenges("acme", store.PurposeSignUp, bob.Email) })
	his := signUp(r, bob, bob.Arrive("/sign-up"))
	mails := r.Mails(bob.Email)
	first, second := sixDigits(t, mails[0]), sixDigits(t, mails[1])
	judge := func(when string) {
		t.Helper()
		right, wrong := eve.PressOnly(hers, "verify", "code", first), eve.PressOnly(hers, "verify", "code", "111111")
		if right.Location != nil || right.Status != http.StatusUnprocessableEntity || right.Has("verify") || alike(right, bob.Email) != alike(wrong, bob.Email) {
			t.Errorf("%s: the right code is answered with %d, a wrong one with %d", when, right.Status, wrong.Status)
		}
	}
	judge("before he verified")
	if answer := bob.PressOnly(his, "verify", "code", second); answer.Location == nil {
		t.Fatalf("%d", answer.Status)
	}
	judge("after")
}

// Anybody may ask for a code to the address of a person who signs up. It neither ends that person's nor signs in beside them.
func TestACodeOutlivesThoseOfOtherBrowsers(t *testing.T) {
	r := servertest.New(t)
	bob, eve := r.Browser("bob@example.org"), r.Browser("bob@example.org")
	his := signUp(r, bob, bob.Arrive("/sign-up"))
	hers := signUp(r, eve, eve.Arrive("/sign-up"))
	mails := r.Mails(bob.Email)
	if answer := bob.PressOnly(his, "verify", "code", sixDigits(t, mails[0])); answer.Location == nil || answer.Location.Path != "/connected" {
		t.Fatalf("his own code, in his own browser: %d", answer.Status)
	}
	for range 2 {
		_ = eve.PressOnly(hers, "verify", "code", sixDigits(t, mails[1]))
	}
	user, err := r.Store.UserByEmail(t.Context(), "acme", bob.Email)
	r.Must(err)
	if sessions, err := r.Store.Sessions(t.Context(), "acme", user.ID); err != nil || len(sessions) != 1 {
		t.Errorf("signed in: %d, %v", len(sessions), err)
	}
}

// However many browsers guess: an address gets five codes an hour, and each is guessed at five times.
func TestGuessesAtAnAddressAreBounded(t *testing.T) {
	r := servertest.New(t)
	judged := 0
	for i := range 8 {
		eve := r.BrowserFrom("198.51.100."+strconv.Itoa(i+1), "bob@example.org")
		page := eve.Press(eve.Arrive("/sign-up"), "sign-up", "name", "Eve", "email", eve.Email, "password", eve.Password)
		for range 8 {
			if !page.Has("verify") {
				break
			}
			page = eve.Press(page, "verify", "code", "no code")
			judged++
		}
	}
	if want := 5 * 6; judged != want { // the sixth of each is told that it is one too many
		t.Errorf("%d guesses were answered, want %d", judged, want)
	}
}

func TestACodeExpires(t *testing.T) {
	r := servertest.New(t)
	bob := r.Browser("bob@example.org")
	page := signUp(r, bob, bob.Arrive("/sign-up"))
	code := sixDigits(t, r.Mails(bob.Email)[0])
	r.Advance(r.Issuer.Lifetimes.EmailCode)
	if late := bob.Press(page, "verify", "code", code); late.Location != nil || late.Has("verify") || !late.Has("resend") {
		t.Errorf("%d", late.Status)
	}
}

func TestMailsToAnAddressAreLimited(t *testing.T) {
	r := servertest.New(t)
	bob := r.Browser("bob@example.org")
	page := signUp(r, bob, bob.Arrive("/sign-up"))
	status := 0
	for range 5 {
		page = bob.Press(page, "resend")
		status = page.Status
	}
	if status != http.StatusTooManyRequests || len(r.Mails(bob.Email)) != 5 {
		t.Errorf("status %d after %d mails", status, len(r.Mails(bob.Email)))
	}
	r.Advance(time.Hour)
	if page := bob.Arrive("/sign-up"); signUp(r, bob, page) == nil || len(r.Mails(bob.Email)) != 6 {
		t.Error("still limited after the window")
	}
}

func TestTheCodeClickedTwiceSignsInAndIsNotExpired(t *testing.T) {
	r := servertest.New(t)
	bob := r.Browser("bob@example.org")
	page := signUp(r, bob, bob.Arrive("/sign-up"))
	code := sixDigits(t, r.Mails(bob.Email)[0])
	for range 2 {
		if answer := bob.PressOnly(page, "verify", "code", code); answer.Location == nil || answer.Location.Path != "/connected" {
			t.Errorf("%d", answer.Status)
		}
	}
	user, err := r.Store.UserByEmail(t.Context(), "acme", bob.Email)
	r.Must(err)
	events, err := r.Store.EventsOfUser(t.Context(), "acme", user.ID, store.LastEvent, 50)
	r.Must(err)
	if signedIn := tokentest.Count(events, store.EventUserSignedIn); signedIn != 2 {
		t.Errorf("%d sign-ins are recorded, of two", signedIn)
	}
	r.Advance(2 * time.Minute)
	if late := bob.PressOnly(page, "verify", "code", code); late.Location != nil {
		t.Error("a used code signs in for ever")
	}
}

// A neighbouring subdomain could plant a cookie without the prefix, and have a person signed in as somebody else.
func TestRFC6265bis_4_1_3_2_TheCookieOfASignUpIsThisHostsOwn(t *testing.T) {
	r := servertest.New(t)
	bob := r.Browser("bob@example.org")
	sent := bob.PressOnly(bob.Arrive("/sign-up"), "sign-up", "name", "Bob Boatman", "email", bob.Email, "password", bob.Password)
	cookies := strings.Join(sent.Header.Values("Set-Cookie"), "\n")
	if !regexp.MustCompile(`(?m)^__Host-lk_verify=[^;]+; Path=/;.* HttpOnly; Secure; SameSite=Lax$`).MatchString(cookies) || strings.Contains(cookies, "Domain=") {
		t.Errorf("%q", cookies)
	}
}

func TestSignUpCanBeClosed(t *testing.T) {
	r := servertest.New(t, func(is *issuer.Issuer) { is.SignUp = false })
	eve := r.Browser("eve@example.org")
	if page := eve.Arrive("/sign-up"); page.Has("sign-up") {
		t.Error("the form is there")
	}
	if answer := eve.Post("/sign-up", map[string][]string{"name": {"Eve"}, "email": {"eve@example.org"}, "password": {servertest.Password}}); answer.Status != http.StatusForbidden {
		t.Errorf("%d", answer.Status)
	}
	if page := eve.Arrive("/sign-in"); strings.Contains(page.Text, "/sign-up") {
		t.Error("the sign-in page offers it")
	}
}

func TestSignUpRefusesWeakPasswordsAndEmptyNames(t *testing.T) {
	r := servertest.New(t)
	bob := r.Browser("bob@example.org")
	page := bob.Press(bob.Arrive("/sign-up"), "sign-up", "name", " ", "email", "bob@", "password", "password123")
	if page.Status != http.StatusUnprocessableEntity || !page.HasElement("name-error") || !page.HasElement("email-error") || !page.HasElement("password-error") {
		t.Errorf("%d", page.Status)
	}
	if strings.Contains(page.Text, "password123") {
		t.Error("the password comes back in the page")
	}
}
