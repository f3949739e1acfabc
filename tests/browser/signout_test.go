package browser

import (
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
)

// An app that sends no ID Token has its users asked, and gets them back after that (RP-Initiated Logout §2, §3). Chromium holds
// the redirect after the form to form-action too.
func TestSigningOutForAnAppEndsThere(t *testing.T) {
	eachWay(t, func(b *tab) {
		b.newConnection()
		back := at("app.localhost", "/")
		b.open(at("acme.localhost", "/oauth/logout?"+url.Values{
			"client_id": {site.Acme.Clients[0].ID}, "post_logout_redirect_uri": {back}, "state": {"s1"},
		}.Encode()))
		b.press("#sign-out")
		b.do(chromedp.WaitVisible(chromedp.CSS("#connect-acme")))
		if got := b.address(); got != back+"?state=s1" {
			b.fail("ended at %s", got)
		}
	})
}
