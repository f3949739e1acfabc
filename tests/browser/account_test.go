package browser

import "testing"

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
		b.expectText("body", email)
	})
}

// linkFor reads the link out of the newest mail to an address.
func (b *tab) linkFor(email string) string {
	b.t.Helper()
	mail := b.beside()
	mail.open(at("localhost", "/dev/mail"))
	mail.open(evaluate[string](mail, `[...document.querySelectorAll('.mails li')].find(li => li.innerText.includes(`+quoted(email)+`)).querySelector('a').href`))
	return evaluate[string](mail, `document.querySelector('#text a').href`)
}

// Whether an address is known is told to nobody: the page after asking is the same.
func TestResetTellsNothing(t *testing.T) {
	b := newTab(t, settings{})
	var said []string
	for _, email := range []string{site.dev.Issuers["acme"].Users[0].Email, "nobody@example.com"} {
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
