package web

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"
	"time"
)

// Mail is one mail, ready to be written. Only the mails of this package implement it.
type Mail interface {
	mail() letter
}

// letter is a mail in parts that both its text and its HTML are made from.
type letter struct {
	issuer  string
	subject text
	hello   string // name of the reader; empty: no name
	body    []text // paragraphs
	code    string // shown large
	button  text   // words of the button
	url     string // where it leads
	closing []text // small paragraphs below
}

// VerifyMail carries the six-digit code that proves an address. It has no name of the reader: anybody can type any address and
// any name into the sign-up form, and would have the platform write their words to whomever they like.
type VerifyMail struct {
	Issuer  string // name of a Brand in Config.Brands
	Code    string
	URL     string // brings the code along, in the browser where the person signed up; empty: no link
	Minutes int    // how long the code holds
}

func (m VerifyMail) mail() letter {
	return letter{
		issuer: m.Issuer, code: m.Code, subject: say("mail.verify.subject"),
		body: []text{say("mail.verify.body")}, button: say("mail.verify.button"), url: m.URL,
		closing: []text{say("mail.verify.expires", "n", m.Minutes), say("mail.verify.not_you")},
	}
}

// AlreadyRegisteredMail tells someone with a user that their address was used to sign up again.
type AlreadyRegisteredMail struct {
	Issuer    string
	Name      string
	SignInURL string
	ResetURL  string
}

func (m AlreadyRegisteredMail) mail() letter {
	return letter{
		issuer: m.Issuer, hello: m.Name, subject: say("mail.registered.subject"), body: []text{say("mail.registered.body")},
		button: say("mail.registered.button"), url: m.SignInURL,
		closing: []text{say("mail.registered.reset", "url", m.ResetURL), say("mail.registered.not_you")},
	}
}

// ResetMail carries the link to choose a new password.
type ResetMail struct {
	Issuer  string
	Name    string
	URL     string
	Minutes int // how long the link holds
}

func (m ResetMail) mail() letter {
	return letter{
		issuer: m.Issuer, hello: m.Name, subject: say("mail.reset.subject"), body: []text{say("mail.reset.body")},
		button: say("mail.reset.button"), url: m.URL,
		closing: []text{say("mail.reset.expires", "n", m.Minutes), say("mail.reset.not_you")},
	}
}

// PasswordChangedMail tells that the password was changed.
type PasswordChangedMail struct {
	Issuer   string
	Name     string
	At       time.Time
	Device   string // User-Agent
	ResetURL string
}

func (m PasswordChangedMail) mail() letter {
	return letter{
		issuer: m.Issuer, hello: m.Name, subject: say("mail.password.subject"),
		body:   []text{say("mail.password.body", "at", m.At, "device", agent(m.Device)), say("mail.password.not_you")},
		button: say("mail.password.button"), url: m.ResetURL,
	}
}

// InvitationMail invites someone to an account.
type InvitationMail struct {
	Issuer    string
	Inviter   string
	Account   string
	Role      string
	URL       string
	ExpiresAt time.Time
}

func (m InvitationMail) mail() letter {
	return letter{
		issuer: m.Issuer, subject: say("mail.invitation.subject", "inviter", m.Inviter, "account", m.Account),
		body:   []text{say("mail.invitation.body", "inviter", m.Inviter, "account", m.Account, "role", roleName(m.Role))},
		button: say("mail.invitation.button"), url: m.URL,
		closing: []text{say("mail.invitation.expires", "at", m.ExpiresAt), say("mail.invitation.not_you")},
	}
}

// NewSignInMail tells of a sign-in from a browser that was not seen before.
type NewSignInMail struct {
	Issuer      string
	Name        string
	At          time.Time
	Device      string // User-Agent
	Address     string
	SecurityURL string
}

func (m NewSignInMail) mail() letter {
	return letter{
		issuer: m.Issuer, hello: m.Name, subject: say("mail.new_sign_in.subject"),
		body: []text{
			say("mail.new_sign_in.body", "at", m.At, "device", agent(m.Device), "address", m.Address), say("mail.new_sign_in.you"), say("mail.new_sign_in.not_you"),
		},
		button: say("mail.new_sign_in.button"), url: m.SecurityURL,
	}
}

// AppConnectedMail tells that an app was connected.
type AppConnectedMail struct {
	Issuer       string
	Name         string
	App          string
	Account      string
	At           time.Time
	ConnectedURL string
}

func (m AppConnectedMail) mail() letter {
	return letter{
		issuer: m.Issuer, hello: m.Name, subject: say("mail.connected.subject", "app", m.App, "account", m.Account),
		body:   []text{say("mail.connected.body", "app", m.App, "account", m.Account, "at", m.At), say("mail.connected.not_you")},
		button: say("mail.connected.button"), url: m.ConnectedURL,
	}
}

// Values that are put into words in the reader's language.
type (
	agent    string // User-Agent
	roleName string
)

// letterWords is a letter in the reader's language.
type letterWords struct {
	Lang, Dir, Subject, Hello, Code, Button, URL, From string
	Body, Closing                                      []string
	Brand                                              brandLook
}

// Mail writes a mail in the one of its issuer's languages that is nearest to lang, a BCP 47 tag.
func (re *Renderer) Mail(lang string, m Mail) (subject, text, html string, err error) {
	l := m.mail()
	for _, each := range re.Languages(l.issuer) { // before the first: how long a mail takes must not tell whose language it is in
		re.speakers[each]()
	}
	sp := re.speakers[Preference{UserLocale: lang}.Pick(re.Languages(l.issuer))]()
	words := sp.letter(l, re.brand)
	var page bytes.Buffer
	if err := sp.templates.ExecuteTemplate(&page, "mail", words); err != nil {
		return "", "", "", fmt.Errorf("web: mail %T in %s: %w", m, sp.lang, err)
	}
	return words.Subject, words.text(), page.String(), nil
}

func (sp *speaker) letter(l letter, brand func(string) brandLook) letterWords {
	look := brand(l.issuer)
	w := letterWords{
		Lang: sp.lang, Dir: sp.dir(), Subject: oneLine(sp.sayPlain(l.subject, look.Title)), Code: l.code, URL: l.url, Brand: look,
		Hello: sp.plain("mail.hello"), From: sp.plain("mail.from", "brand", look.Title),
	}
	if l.hello != "" {
		w.Hello = sp.plain("mail.hello_name", "name", l.hello)
	}
	if l.button.key != "" {
		w.Button = sp.sayPlain(l.button, look.Title)
	}
	for _, t := range l.body {
		w.Body = append(w.Body, sp.sayPlain(t, look.Title))
	}
	for _, t := range l.closing {
		w.Closing = append(w.Closing, sp.sayPlain(t, look.Title))
	}
	return w
}

// sayPlain says t with the values of a mail put into words; {brand} can be used in every sentence.
func (sp *speaker) sayPlain(t text, brand string) string {
	args := []any{"brand", brand}
	for i := 0; i+1 < len(t.args); i += 2 {
		args = append(args, t.args[i], sp.mailWord(t.args[i+1]))
	}
	return sp.plain(t.key, args...)
}

func (sp *speaker) mailWord(v any) any {
	switch v := v.(type) {
	case time.Time:
		return sp.dateTime(v) // a mail is read later: nothing in it is relative
	case agent:
		return sp.device(string(v))
	case roleName:
		return sp.role(string(v))
	}
	return v
}

// oneLine keeps a name from adding a header to the mail (RFC 5322 §2.2).
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// text is the mail without HTML.
func (w letterWords) text() string {
	parts := append([]string{w.Hello}, w.Body...)
	if w.Code != "" {
		parts = append(parts, "    "+w.Code)
	}
	if w.URL != "" {
		parts = append(parts, w.Button+":\n"+w.URL)
	}
	parts = append(parts, w.Closing...)
	parts = append(parts, "-- \n"+w.From)
	return strings.Join(parts, "\n\n") + "\n"
}

// Link is the button's address as it stands: it was made by us, never by the reader.
func (w letterWords) Link() template.URL { return template.URL(w.URL) }
