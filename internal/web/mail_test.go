package web

import (
	"strings"
	"testing"
)

func TestEveryMailInEveryLanguage(t *testing.T) {
	re := newRenderer(t)
	for _, e := range galleryEntries(midday(), "en") {
		if e.Mail == nil {
			continue
		}
		subjects := map[string]bool{}
		for _, lang := range languages() {
			subject, text, html, err := re.Mail(lang, e.Mail)
			if err != nil {
				t.Fatal(err)
			}
			if subject == "" || strings.ContainsAny(subject, "\r\n") || subjects[subject] {
				t.Errorf("%s in %s: subject %q is empty, broken or not translated", e.Name, lang, subject)
			}
			subjects[subject] = true
			checkWords(t, text)
			if l := e.Mail.mail(); l.url != "" && (!strings.Contains(text, l.url) || !strings.Contains(html, l.url)) {
				t.Errorf("%s in %s does not hold its link", e.Name, lang)
			}
		}
	}
}

func TestTheCodeStandsAloneAndNotInTheSubject(t *testing.T) {
	subject, text, html, err := newRenderer(t).Mail("ar", VerifyMail{Issuer: "acme", Code: "402913", Minutes: 15})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(subject, "402913") || !strings.Contains(text, "\n    402913\n") || !strings.Contains(html, ">402913<") {
		t.Errorf("subject %q\ntext %s", subject, text)
	}
}

func TestANameCannotAddAHeaderOrHTMLToAMail(t *testing.T) {
	subject, _, html, err := newRenderer(t).Mail("en", InvitationMail{Issuer: "acme", Inviter: "Eve\r\nBcc: all@example.com", Account: "<img src=x>", Role: RoleMember, ExpiresAt: midday()})
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(subject, "\r\n") || strings.Contains(html, "<img") {
		t.Errorf("subject %q\n%s", subject, html)
	}
}

func TestAnUnknownLanguageGetsEnglish(t *testing.T) {
	subject, _, _, err := newRenderer(t).Mail("xx", VerifyMail{Issuer: "acme", Code: "1"})
	if err != nil || subject != "Your code for Acme" {
		t.Errorf("%q, %v", subject, err)
	}
}
