package browser

import (
	"fmt"
	"testing"
	"time"
)

func TestForgottenPassword(t *testing.T) {
	eachWay(t, func(b *tab) {
		email := emailOf(b.t)
		b.newConnection()
		b.open(at("acme.localhost", "/sign-out"))
		b.press("#sign-out")

		b.open(at("acme.localhost", "/reset-password"))
		b.fill("#email", email)
		b.press("#send-link")
		b.open(b.linkFor(email))
		b.fill("#new_password", "another long passphrase")
		b.press("#save-password")
		b.open(at("acme.localhost", "/sign-in"))
		if b.has("#sign-in") {
			b.fill("#email", email)
			b.fill("#password", "another long passphrase")
			b.press("#sign-in")
		}
		b.open(at("acme.localhost", "/connected"))
		b.expectText("h1", "Connected apps")
	})
}

// linkFor reads the link out of the newest mail to an address that holds one and no code.
func (b *tab) linkFor(email string) string {
	b.t.Helper()
	mail := b.beside()
	const row = `[...document.querySelectorAll('.mails li')].find(li => li.innerText.includes(%s) && !li.querySelector('code'))`
	for range 50 { // the mail is sent after the answer
		mail.open(at("localhost", "/dev/mail"))
		if address := evaluate[string](mail, fmt.Sprintf(row, quoted(email))+`?.querySelector('a').href ?? ''`); address != "" {
			mail.open(address)
			return evaluate[string](mail, `document.querySelector('#text a').href`)
		}
		time.Sleep(100 * time.Millisecond)
	}
	mail.fail("no mail with a link for %s", email)
	return ""
}

// Whether an address is known is told to nobody: the page after asking is the same.
func TestResetTellsNothing(t *testing.T) {
	b := newTab(t, settings{})
	var said []string
	for _, email := range []string{site.Acme.Users[0].Email, "nobody@example.com"} {
		b.open(at("acme.localhost", "/reset-password"))
		b.fill("#email", email)
		b.press("#send-link")
		said = append(said, b.text("h1"))
	}
	if said[0] != said[1] {
		t.Errorf("a known address reads %q, an unknown one %q", said[0], said[1])
	}
}

func TestWrongPassword(t *testing.T) {
	b := newTab(t, settings{})
	b.open(at("acme.localhost", "/sign-in"))
	b.fill("#email", "nobody@example.com")
	b.fill("#password", "wrong")
	b.press("#sign-in")
	b.expect(`[role="alert"]`)
	b.expect("#sign-in")
	b.accessible("wrong password")
}
