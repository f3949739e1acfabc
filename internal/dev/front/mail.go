package front

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// mailView is a mail with its number, and what people look for in it.
type mailView struct {
	Number      int
	To, Subject string
	At          time.Time
	Ago         string
	Code        string // the first six-digit code; empty without one
	Pieces      []piece
}

// piece is a stretch of a mail's text: plain, or a link.
type piece struct{ Text, URL string }

type mailsView struct {
	Title  string
	Latest string // the newest code of all
	Mails  []mailView
}

// mails lists the newest first, and no more than a person would look through.
func (f *front) mails(w http.ResponseWriter, _ *http.Request) {
	const shown = 100
	view := mailsView{Title: "Mail"}
	all := f.cfg.Mailbox.Mails()
	for n := len(all); n > 0 && len(view.Mails) < shown; n-- {
		mail := f.view(all[n-1], n)
		if view.Latest == "" {
			view.Latest = mail.Code
		}
		view.Mails = append(view.Mails, mail)
	}
	f.render(w, http.StatusOK, "mails", view)
}

func (f *front) mail(w http.ResponseWriter, r *http.Request) {
	all := f.cfg.Mailbox.Mails()
	n, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || n < 1 || n > len(all) {
		f.missing(w, r)
		return
	}
	f.render(w, http.StatusOK, "mail", struct {
		Title string
		Mail  mailView
	}{all[n-1].Subject, f.view(all[n-1], n)})
}

var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

func (f *front) view(mail Mail, number int) mailView {
	return mailView{
		Number:  number,
		To:      mail.To,
		Subject: mail.Subject,
		At:      mail.At,
		Ago:     ago(f.cfg.Now().Sub(mail.At)),
		Code:    codeOf(mail.Text),
		Pieces:  pieces(mail.Text),
	}
}

// codeOf finds the code outside of links, whose tokens may hold six digits too.
func codeOf(text string) string {
	for _, part := range pieces(text) {
		if part.URL != "" {
			continue
		}
		if code := sixDigits.FindString(part.Text); code != "" {
			return code
		}
	}
	return ""
}

var link = regexp.MustCompile(`https?://[^\s<>"]+`)

// pieces splits a text at its links. Only http and https become links, so no text can make another kind.
func pieces(text string) []piece {
	var parts []piece
	for text != "" {
		at := link.FindStringIndex(text)
		if at == nil {
			return append(parts, piece{Text: text})
		}
		address := strings.TrimRight(text[at[0]:at[1]], ".,;:!?)'")
		if at[0] > 0 {
			parts = append(parts, piece{Text: text[:at[0]]})
		}
		parts = append(parts, piece{Text: address, URL: address})
		text = text[at[0]+len(address):]
	}
	return parts
}

func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < 2*time.Minute:
		return "a minute ago"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " minutes ago"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " hours ago"
	}
	return strconv.Itoa(int(d.Hours()/24)) + " days ago"
}
