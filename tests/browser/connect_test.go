package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// The main job: sign up, choose, read, untick, allow; use and refresh; look, disconnect; and the app is told why.
func TestConnectUseAndDisconnect(t *testing.T) {
	eachWay(t, func(b *tab) {
		b.newConnection()
		b.expectText("h1", "Parcel Robot")
		b.picture(b.t.Name() + "-consent")
		b.do(chromedp.Click(chromedp.CSS(`input[name="scope"][value="orders:write"]`)))
		b.press("#allow")

		b.expect(`.scopes [data-scope="orders:write"][data-granted="false"]`)
		b.expect(`.scopes [data-scope="orders:read"][data-granted="true"]`)
		b.connected()
		b.press("#refresh")
		b.expect(`#result[data-action="refresh"][data-error=""]`)
		b.connected()

		b.open(at("acme.localhost", "/connected"))
		b.expectText("main", "Parcel Robot")
		b.picture(b.t.Name() + "-connected-apps")
		b.press(`a[id^="disconnect-"]`)
		b.press(`button[id^="disconnect-"]`)
		b.expectText("h1", "Parcel Robot")

		b.open(at("app.localhost", "/connection/acme"))
		b.press("#call-api")
		b.expect(`#result[data-status="401"]`)
		b.press("#refresh")
		b.expect(`#result[data-error="invalid_grant"][data-reason="revoked_by_user"]`)
		b.picture(b.t.Name() + "-after-disconnect")
	})
}

// The pages of the journey as they really are, not as the gallery shows them.
func TestPagesOnTheWayAreAccessible(t *testing.T) {
	b := newTab(t, settings{})
	b.open(at("localhost", "/"))
	b.accessible("front page")
	b.open(at("app.localhost", "/"))
	b.accessible("sample app")
	b.press("#connect-acme")
	b.accessible("sign in")
	b.signUp(emailOf(b.t))
	b.accessible("consent")
	b.press("#allow")
	b.accessible("sample app, connected")
	for _, path := range []string{"/connected", "/activity", "/security", "/accounts", "/sign-out", "/no-such-page"} {
		b.open(at("acme.localhost", path))
		b.accessible(path)
	}
	b.open(at("localhost", "/dev/mail"))
	b.accessible("mail")
}

func TestDeny(t *testing.T) {
	eachWay(t, func(b *tab) {
		b.newConnection()
		b.press("#deny")
		b.expect(`#denied[data-error="access_denied"]`)
		// Nothing was remembered against the app: asking again asks again.
		b.press("#connect-acme")
		b.expect("#allow")
	})
}

// The person who has said yes once is not asked again for the same.
func TestConnectAgain(t *testing.T) {
	b := newTab(t, settings{})
	b.newConnection()
	b.press("#allow")
	b.connected()
	b.connect()
	if b.has(`button[id^="account-"]`) {
		b.press(`button[id^="account-"]`)
	}
	if b.has("#allow") {
		b.press("#allow")
	}
	b.connected()
}
