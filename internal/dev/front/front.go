// Package front is the first page of `latchkey dev`, which explains what is running and where to click, and the mail page,
// which shows what a real server would have sent.
package front

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

//go:embed templates static
var files embed.FS

// Config is what the pages tell.
type Config struct {
	SampleApp string           // URL of the sample app
	Gallery   string           // URL of the page gallery; empty leaves it out
	Manifest  string           // path of dev.json, for people's own automation
	Database  string           // the folder with the database, or its URL without a password
	Temporary bool             // whether the folder goes when the server stops
	Platforms []Platform       // in the order shown
	Mailbox   Mailbox          // what would have been sent
	Now       func() time.Time // the clock
}

// Platform is one issuer with its people.
type Platform struct {
	ID        string // names its elements' ids
	Name      string
	Summary   string // one sentence on what kind of platform it is; may be empty
	Issuer    string
	Connected string // URL of the Connected apps page
	Hosts     []Link // its addresses, by the platform's own names for them
	Links     []Link // everything else worth opening: sign-up, accounts, the API, metadata documents
	Users     []User
}

// Link is a page or a document with a few words on it.
type Link struct{ Title, URL, Note string }

// User is a sample person who can sign in.
type User struct{ Name, Email, Password, Note string }

// Mailbox gives the captured mails, oldest first: a mail's place in the list is its number, so the list only grows.
type Mailbox interface{ Mails() []Mail }

// Mail is one captured message.
type Mail struct {
	To, Subject, Text string
	At                time.Time
}

type front struct {
	cfg   Config
	pages map[string]*template.Template
}

// New makes the pages' handler: /, /dev/mail, /dev/mail/{n} and /dev/static/. Whatever else is under /dev/ may be mounted
// before it.
func New(cfg Config) (http.Handler, error) {
	f := &front{cfg: cfg, pages: map[string]*template.Template{}}
	for _, name := range []string{"home", "mails", "mail", "missing"} {
		t, err := template.ParseFS(files, "templates/layout.html", "templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("front: %w", err)
		}
		f.pages[name] = t
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", f.home)
	mux.HandleFunc("GET /dev/mail", f.mails)
	mux.HandleFunc("GET /dev/mail/{number}", f.mail)
	mux.Handle("GET /dev/static/", http.StripPrefix("/dev/", http.FileServerFS(files)))
	mux.HandleFunc("/", f.missing)
	return withHeaders(mux), nil
}

const policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		if !strings.HasPrefix(r.URL.Path, "/dev/static/") {
			header.Set("Cache-Control", "no-store") // Mails hold codes and links that sign people in.
		}
		next.ServeHTTP(w, r)
	})
}

func (f *front) render(w http.ResponseWriter, status int, name string, view any) {
	var b bytes.Buffer
	if err := f.pages[name].ExecuteTemplate(&b, "layout", view); err != nil {
		http.Error(w, "This page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // The reader has gone; nobody is left to tell.
}

type homeView struct {
	Title string
	Config
	Mails int
}

func (f *front) home(w http.ResponseWriter, _ *http.Request) {
	f.render(w, http.StatusOK, "home", homeView{"Latchkey is running", f.cfg, len(f.cfg.Mailbox.Mails())})
}

func (f *front) missing(w http.ResponseWriter, _ *http.Request) {
	f.render(w, http.StatusNotFound, "missing", struct{ Title string }{"There is no such page"})
}

// Host is what a platform is called where its whole URL would be too long.
func (p Platform) Host() string {
	u, err := url.Parse(p.Issuer)
	if err != nil {
		return p.Issuer
	}
	return u.Host
}
