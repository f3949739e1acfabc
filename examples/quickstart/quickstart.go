// Package quickstart is what the programs in examples/ share and an integrator's own web framework has already: a browser's session,
// a page, a random value. It also lets them run against `latchkey dev` with nothing set up.
package quickstart

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// Environment takes what the environment lacks from `latchkey dev`, for trying the example. In production everything is set already.
func Environment(example string) {
	dev := os.Getenv("LATCHKEY_DEV")
	if dev == "" {
		dev = "http://localhost:8080"
	}
	response, err := Client().Get(dev + "/dev/env/" + example)
	if err != nil {
		return // Env says what is missing
	}
	defer func() { _ = response.Body.Close() }()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, value, found := strings.Cut(lines.Text(), "=")
		if _, set := os.LookupEnv(name); found && !set {
			_ = os.Setenv(name, value) // a malformed name is not set, and Env says so
		}
	}
}

// Env is a variable that the program cannot do without.
func Env(name string) string {
	value := os.Getenv(name)
	if value == "" {
		fmt.Fprintf(os.Stderr, "%s is not set. Start `latchkey dev`, or set it yourself.\n", name)
		os.Exit(1)
	}
	return value
}

// Client is an HTTP client with a time limit. It finds *.localhost, which not every resolver knows (RFC 6761 §6.3), on this machine.
func Client() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return dialer.DialContext(ctx, network, address)
	}}
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// Send sends a request and reads the answer, within bounds.
func Send(client *http.Client, request *http.Request) (status int, answer string, err error) {
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, string(text), err
}

// Random is 256 bits that nobody can guess.
func Random() string {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails (Go 1.24)
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// Session is what the server keeps of one browser, never the browser itself.
type Session[T any] struct {
	sync.Mutex

	State    string // of the authorization under way; empty when there is none
	Verifier string // of its PKCE, where the platform has that
	Held     *T     // the connection; nil before there is one
}

// Sessions are every browser's.
type Sessions[T any] struct {
	mu   sync.Mutex
	byID map[string]*Session[T]
}

const cookieName = "quickstart"

// Of is the browser's session, begun when it has none.
func (s *Sessions[T]) Of(w http.ResponseWriter, r *http.Request) *Session[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cookie, err := r.Cookie(cookieName); err == nil && s.byID[cookie.Value] != nil {
		return s.byID[cookie.Value]
	}
	if s.byID == nil || len(s.byID) > 1000 {
		s.byID = map[string]*Session[T]{}
	}
	id, fresh := Random(), &Session[T]{}
	s.byID[id] = fresh
	http.SetCookie(w, &http.Cookie{ // Secure in production: https only. The quickstart runs on loopback.
		Name: cookieName, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return fresh
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}}</title>
<style>body{font:1rem/1.5 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}pre{background:#f3f4f6;color:#111;padding:1rem;overflow:auto}</style></head>
<body><main id="{{.ID}}"><h1>{{.Title}}</h1><p>{{.Text}}</p>{{with .Answer}}<pre>{{.}}</pre>{{end}}
<ul>{{range .Links}}<li><a id="{{.ID}}" href="{{.Path}}">{{.Text}}</a></li>{{end}}</ul></main></body></html>
`))

// Link is something to click.
type Link struct{ ID, Path, Text string }

// Page is a page of the quickstart.
type Page struct {
	ID, Title, Text, Answer string
	Links                   []Link
}

// Show writes a page.
func Show(w http.ResponseWriter, status int, p Page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer") // the callback's address holds a code
	w.WriteHeader(status)
	_ = page.Execute(w, p) // the reader may have gone
}

// Fail says what went wrong, to the person and in the log. err must hold no token and no secret.
func Fail(w http.ResponseWriter, status int, title string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", title, err)
	Show(w, status, Page{ID: "failed", Title: title, Text: err.Error(), Links: []Link{{"again", "/connect", "Connect again"}}})
}

// Serve listens where the redirect URI leads, until Ctrl-C.
func Serve(redirectURI string, handler http.Handler) {
	u, err := url.Parse(redirectURI)
	if err != nil || u.Host == "" {
		fmt.Fprintf(os.Stderr, "%q is no redirect URI\n", redirectURI)
		os.Exit(1)
	}
	server := &http.Server{Addr: u.Host, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	fmt.Printf("Open http://%s/\n", u.Host)
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1)
}
