package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// The README shows the consent page as a seeded user really sees it; docs/images/consent.png is a copy of this picture.
func TestPictureForTheReadme(t *testing.T) {
	b := newTab(t, settings{})
	b.do(chromedp.EmulateViewport(480, 900, chromedp.EmulateScale(2)))
	b.connect()
	user := site.Acme.Users[0]
	b.fill("#email", user.Email)
	b.fill("#password", user.Password)
	b.press("#sign-in")
	b.press(`button[id^="account-"]`)
	b.expectText("h1", "Parcel Robot")
	b.expect("#allow")
	b.picture("consent-for-the-readme")
}
