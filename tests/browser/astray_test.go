package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The ways in which people leave the straight path; each ends where a person would expect.

func TestDoubleClickOnAllow(t *testing.T) {
	eachWay(t, func(b *tab) {
		b.newConnection()
		b.do(chromedp.DoubleClick(chromedp.CSS("#allow"), chromedp.NodeVisible))
		b.connected()
	})
}

func TestBackAfterAllow(t *testing.T) {
	eachWay(t, func(b *tab) {
		b.newConnection()
		b.press("#allow")
		b.expect("#call-api")
		b.lead("history.back()", "location.pathname === '/consent'")
		// The browser may show the page as it was left: then a second Allow says that all is done.
		if b.has("#allow") {
			b.lead("document.querySelector('#allow').click()", "!document.querySelector('#allow')")
		}
		b.expectText("h1", "You already connected Parcel Robot")
		b.picture(b.t.Name())
		b.open(at("app.localhost", "/connection/acme"))
		b.connected()
	})
}

func TestTwoTabs(t *testing.T) {
	eachWay(t, func(b *tab) {
		b.newConnection()
		second := b.beside()
		second.connect()
		if second.has(`button[id^="account-"]`) {
			second.press(`button[id^="account-"]`)
		}
		second.expect("#allow")
		b.press("#allow")
		b.connected()
		second.press("#allow")
		second.connected()
	})
}

// Signed in meanwhile in another tab: the first tab's sign-in page still leads on.
func TestSignInPageLeftOpen(t *testing.T) {
	b := newTab(t, settings{})
	b.newConnection()
	b.open(at("acme.localhost", "/sign-out"))
	b.press("#sign-out")
	b.connect()
	b.expect("#sign-in")
	second := b.beside()
	second.connect()
	second.signIn(emailOf(b.t))
	b.signIn(emailOf(b.t))
	if b.has(`button[id^="account-"]`) {
		b.press(`button[id^="account-"]`)
	}
	b.press("#allow")
	b.connected()
}

// The session ended while the consent page was open: sign in again, and go on where one was.
func TestConsentPageOutlivesTheSession(t *testing.T) {
	b := newTab(t, settings{})
	b.newConnection()
	second := b.beside()
	second.open(at("acme.localhost", "/sign-out"))
	second.press("#sign-out")
	b.press("#allow")
	b.expect("#sign-in")
	b.signIn(emailOf(b.t))
	if b.has(`button[id^="account-"]`) {
		b.press(`button[id^="account-"]`)
	}
	b.press("#allow")
	b.connected()
}

// A page from long ago, or a link that was cut off: said plainly, with a way on.
func TestPageFromLongAgo(t *testing.T) {
	eachWay(t, func(b *tab) {
		b.newConnection()
		address := b.address()
		before, _, found := strings.Cut(address, "r=")
		if !found {
			address = at("acme.localhost", "/consent?r=cut-off")
		} else {
			address = before + "r=cut-off"
		}
		if status := b.open(address); status >= 500 || status < 400 {
			b.fail("status %d for a page that cannot be read", status)
		}
		b.expect("main#error")
	})
}

// An app that is not known, or a redirect URI that is not its own: a page, and never a redirect.
func TestUnknownAppIsShownNotRedirected(t *testing.T) {
	b := newTab(t, settings{})
	b.open(at("acme.localhost", "/oauth/authorize?response_type=code&client_id=nobody&redirect_uri=https%3A%2F%2Fevil.example%2F"))
	b.expect("main#error")
	if !strings.HasPrefix(b.address(), at("acme.localhost", "/")) {
		t.Errorf("RFC 6749 §4.1.2.1: the browser was sent to %s", b.address())
	}
	b.accessible("unknown app")
}
