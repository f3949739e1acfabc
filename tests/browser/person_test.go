package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// eachWay is how a journey is walked: everything must also work without JavaScript.
func eachWay(t *testing.T, journey func(b *tab)) {
	t.Helper()
	t.Run("with JavaScript", func(t *testing.T) { journey(newTab(t, settings{})) })
	t.Run("without JavaScript", func(t *testing.T) { journey(newTab(t, settings{plain: true, width: 360})) })
}

const password = "a long enough passphrase"

// emailOf is an address that only this test uses.
func emailOf(t *testing.T) string {
	t.Helper()
	name := strings.NewReplacer("/", ".", "_", ".").Replace(t.Name())
	return strings.ToLower(name) + "@example.com"
}

// connect presses Connect in the sample app.
func (b *tab) connect() {
	b.t.Helper()
	b.open(at("app.localhost", "/"))
	b.press("#connect-acme")
}

// signUp makes a user, who gets an account of the same name, on the way to consent.
func (b *tab) signUp(email string) {
	b.t.Helper()
	b.press(`a[href^="/sign-up"]`)
	b.fill("#name", "Noura Haddad")
	b.fill("#email", email)
	b.fill("#password", password)
	b.press("#sign-up")
	b.expect("#verify")
	b.fill("#code", b.codeFor(email))
	b.press("#verify")
}

// codeFor reads the code out of the mail that dev shows instead of sending.
func (b *tab) codeFor(email string) string {
	b.t.Helper()
	code, err := site.CodeFor(site.Transport(""), email)
	if err != nil {
		b.fail("%v", err)
	}
	return code
}

func (b *tab) signIn(email string) {
	b.t.Helper()
	b.fill("#email", email)
	b.fill("#password", password)
	b.press("#sign-in")
}

// newConnection signs up and stops at the consent page.
func (b *tab) newConnection() {
	b.t.Helper()
	b.connect()
	b.signUp(emailOf(b.t))
	b.expect("#allow")
}

// connected is what a journey ends with when all went well: the sample app holds tokens that work.
func (b *tab) connected() {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS("#call-api")))
	b.press("#call-api")
	b.expect(`#result[data-status="200"]`)
}
