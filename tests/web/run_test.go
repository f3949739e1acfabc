package web

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/tokentest"
	"latchkey.dev/tests/person"
)

func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(path, ".txt"), func(t *testing.T) {
			s := readScript(t, path)
			w := newWorld(t, s.settings)
			for _, c := range s.cases {
				t.Run(c.name, func(t *testing.T) { w.runCase(t, path, c) })
			}
		})
	}
}

// run is one case while it runs.
type run struct {
	*world

	ada      *person.Person
	names    map[string]string
	last     *person.Page
	redirect string // where the last authorization request asked to be answered
}

func (w *world) runCase(t *testing.T, path string, c testCase) {
	r := &run{world: w, names: w.names(), ada: person.New(w.Rig, w.User.Email, w.names()["password"])}
	if w.browser != nil {
		r.ada.Use(*w.browser)
	}
	defer func() { browser := r.ada.Browser(); w.browser = &browser }()
	r.ada.Account = w.account
	if !w.broken {
		w.disconnect()
	}
	for _, s := range c.steps {
		if err := r.do(s); err != nil {
			t.Fatalf("%s:%d: %v", path, s.line, err)
		}
		for _, e := range s.expect {
			if err := r.check(expand(e.text, r.names)); err != nil {
				t.Errorf("%s:%d: %s: %v\nafter %s\n%s", path, e.line, e.text, err, strings.Join(s.words, " "), describe(r.last))
			}
		}
		if err := r.whole(s); err != nil {
			t.Errorf("%s:%d: %v", path, s.line, err)
		}
	}
}

func describe(page *person.Page) string {
	if page == nil {
		return "no answer"
	}
	return fmt.Sprintf("%d Location: %v\n%.1500s", page.Status, page.Location, page.Text)
}

// do takes one step.
func (r *run) do(s step) error {
	words := make([]string, len(s.words))
	for i, word := range s.words {
		words[i] = expand(word, r.names)
	}
	if known, ok := steps[words[0]]; ok {
		return known(r, words[1:])
	}
	if words[0] != strings.ToUpper(words[0]) || len(words) != 2 {
		return fmt.Errorf("there is no step %q", strings.Join(s.words, " "))
	}
	return r.request(words[0], words[1], s.details)
}

// steps are the words that a step may begin with; everything else is an HTTP method.
var steps map[string]func(*run, []string) error

func init() { //nolint:gochecknoinits // the table and its entries name each other
	steps = map[string]func(*run, []string) error{
		"authorize":  (*run).authorize,
		"allow":      func(r *run, words []string) error { return r.answer(words, (*person.Person).Allow) },
		"deny":       func(r *run, words []string) error { return r.answer(words, (*person.Person).Deny) },
		"connect":    (*run).connect,
		"redeem":     (*run).redeem,
		"refresh":    (*run).refresh,
		"machine":    (*run).machine,
		"introspect": (*run).introspect,
		"revoke":     (*run).revoke,
		"userinfo":   (*run).userinfo,
		"open":       (*run).open,
		"press":      (*run).press,
		"keep":       (*run).keep,
		"sign":       func(r *run, _ []string) error { return r.signIn() },
		"new":        func(r *run, _ []string) error { r.ada.Forget(); return nil },
		"advance":    (*run).advance,
		"agree":      (*run).agree,
		"decline":    (*run).decline,
		"visit":      (*run).visit,
		"assert":     (*run).assert,
		"login":      (*run).login,
		"database":   (*run).fail,
		"disconnect": func(r *run, _ []string) error { r.disconnect(); return nil },
		"suspend":    func(r *run, words []string) error { r.suspend(words[0]); return nil },
		"rotate":     (*run).rotate,
	}
}

// take keeps an answer, and the tokens in it.
func (r *run) take(page *person.Page, err error) error {
	if err != nil {
		return err
	}
	r.last = page
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		for _, place := range []string{name, "data." + name} {
			if value, ok := jsonAt(page.Text, place); ok {
				r.names[name] = value
			}
		}
	}
	for _, cookie := range (&http.Response{Header: page.Header}).Cookies() {
		r.names["cookie."+cookie.Name] = cookie.Value
	}
	if page.Location != nil && page.Location.Query().Get("code") != "" {
		r.names["code"] = page.Location.Query().Get("code")
	}
	return nil
}

// request sends what the script spells out.
func (r *run) request(method, target string, details []string) error {
	form, body := []string{}, ""
	request, err := http.NewRequest(method, r.absolute(target), http.NoBody)
	if err != nil {
		return err
	}
	sender := person.New(r.Rig, "", "")
	for _, line := range details {
		kind, rest, _ := strings.Cut(line, " ")
		rest = expand(rest, r.names)
		switch kind {
		case "header":
			name, value, _ := strings.Cut(rest, ": ")
			request.Header.Add(name, value)
		case "form":
			name, value, _ := strings.Cut(rest, "=")
			form = append(form, url.QueryEscape(name)+"="+url.QueryEscape(value))
		case "body":
			if body, err = strconv.Unquote(`"` + rest + `"`); err != nil {
				return fmt.Errorf("body %q: %w", rest, err)
			}
		case "json":
			body = rest
			request.Header.Set("Content-Type", "application/json")
		case "auth":
			request.SetBasicAuth(r.apps[rest].ID, r.apps[rest].Secret)
		case "as":
			sender = r.ada
		default:
			return fmt.Errorf("there is no detail %q", kind)
		}
	}
	if len(form) > 0 {
		body = strings.Join(form, "&")
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if body != "" {
		setBody(request, body)
	}
	return r.take(sender.Send(request))
}

func setBody(request *http.Request, body string) {
	request.Body, request.ContentLength = http.NoBody, int64(len(body))
	if body != "" {
		request.Body = readCloser{bytes.NewReader([]byte(body))}
	}
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

func (r *run) absolute(target string) string {
	if strings.HasPrefix(target, "/") {
		return r.Issuer.URL + target
	}
	return target
}

// parameters are the defaults as the step's words change them. Words with @ are for the step itself.
func (r *run) parameters(defaults url.Values, words []string) (values, special url.Values) {
	values, special = maps.Clone(defaults), url.Values{}
	changed := map[string]bool{}
	for _, word := range words {
		name, value, given := strings.Cut(word, "=")
		switch {
		case strings.HasPrefix(word, "@"):
			special.Set(name[1:], value)
		case strings.HasPrefix(word, "-"):
			values.Del(word[1:])
		case !given:
			values.Set(name, "")
		case changed[name]:
			values.Add(name, value)
		default:
			values[name] = []string{value}
			changed[name] = true
		}
	}
	return values, special
}

func (r *run) app(words []string) (tokentest.App, []string, error) {
	if len(words) == 0 || r.apps[words[0]].Client == nil {
		return tokentest.App{}, nil, fmt.Errorf("which app? %q", words)
	}
	return r.apps[words[0]], words[1:], nil
}

// authorizationURL is an authorization request with PKCE and state, as the words change it.
func (r *run) authorizationURL(words []string) (string, error) {
	app, words, err := r.app(words)
	if err != nil {
		return "", err
	}
	values, _ := r.parameters(url.Values{
		"response_type": {"code"}, "client_id": {app.ID}, "redirect_uri": {first(app.Metadata.RedirectURIs)}, "state": {"af0ifjsldkj"},
		"scope": {"openid offline_access orders.read"}, "code_challenge": {tokentest.Challenge}, "code_challenge_method": {"S256"},
	}, words)
	r.redirect = values.Get("redirect_uri")
	if r.redirect == "" {
		r.redirect = first(app.Metadata.RedirectURIs)
	}
	return r.absolute("/oauth/authorize?" + values.Encode()), nil
}

// first is the redirect URI that an app uses by itself; programs have none.
func first(registered []string) string {
	if len(registered) == 0 {
		return ""
	}
	return registered[0]
}

func (r *run) authorize(words []string) error {
	target, err := r.authorizationURL(words)
	if err != nil {
		return err
	}
	return r.take(r.ada.Open(target))
}

func (r *run) answer(words []string, decide func(*person.Person, string, string) (*url.URL, error)) error {
	target, err := r.authorizationURL(words)
	if err != nil {
		return err
	}
	base, _, _ := strings.Cut(r.redirect, "?")
	location, err := decide(r.ada, target, base)
	if err != nil {
		return err
	}
	return r.take(&person.Page{Status: http.StatusFound, Location: location, Header: http.Header{"Location": {location.String()}}}, nil)
}

func (r *run) connect(words []string) error {
	if err := r.answer(words, (*person.Person).Allow); err != nil {
		return err
	}
	if err := r.redeem(words[:1]); err != nil {
		return err
	}
	if r.last.Status != http.StatusOK {
		return errors.New(describe(r.last))
	}
	return nil
}

func (r *run) redeem(words []string) error {
	return r.post("/oauth/token", words, url.Values{
		"grant_type": {"authorization_code"}, "code": {r.names["code"]}, "redirect_uri": {r.redirect}, "code_verifier": {tokentest.Verifier},
	})
}

func (r *run) refresh(words []string) error {
	return r.post("/oauth/token", words, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {r.names["refresh_token"]}})
}

func (r *run) machine(words []string) error {
	return r.post("/oauth/token", words, url.Values{"grant_type": {"client_credentials"}})
}

func (r *run) introspect(words []string) error {
	return r.post("/oauth/introspect", words, url.Values{"token": {r.names["access_token"]}})
}

func (r *run) revoke(words []string) error {
	return r.post("/oauth/revoke", words, url.Values{"token": {r.names["refresh_token"]}})
}

// post sends a form as the client authenticates, or as @auth and @secret say.
func (r *run) post(path string, words []string, defaults url.Values) error {
	app, words, err := r.app(words)
	if err != nil {
		return err
	}
	defaults = maps.Clone(defaults)
	values, special := r.parameters(defaults, words)
	method, secret := app.Metadata.TokenEndpointAuthMethod, app.Secret
	if special.Has("auth") {
		method = map[string]string{"basic": "client_secret_basic", "post": "client_secret_post", "none": "none", "nobody": ""}[special.Get("auth")]
	}
	if special.Has("secret") {
		secret = special.Get("secret")
	}
	if (method == "none" || method == "client_secret_post") && !values.Has("client_id") {
		values.Set("client_id", app.ID)
	}
	if method == "client_secret_post" {
		values.Set("client_secret", secret)
	}
	request, err := http.NewRequest(http.MethodPost, r.absolute(path), http.NoBody)
	if err != nil {
		return err
	}
	setBody(request, values.Encode())
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if method == "client_secret_basic" {
		request.SetBasicAuth(url.QueryEscape(app.ID), url.QueryEscape(secret))
	}
	return r.take(person.New(r.Rig, "", "").Send(request))
}

func (r *run) userinfo(words []string) error {
	return r.request(http.MethodGet, "/oauth/userinfo", []string{"header Authorization: Bearer " + words[0]})
}

func (r *run) open(words []string) error { return r.take(r.ada.Arrive(r.absolute(words[0]))) }

func (r *run) press(words []string) error {
	fields := map[string]string{}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		fields[name] = value
	}
	return r.take(r.ada.Follow(r.ada.Press(r.last, words[0], fields)))
}

func (r *run) signIn() error {
	page, err := r.ada.Arrive(r.absolute("/sign-in"))
	if err != nil || !page.Has("sign-in") {
		return err
	}
	page, err = r.ada.Press(page, "sign-in", map[string]string{"email": r.ada.Email, "password": r.ada.Password})
	if err == nil && page.Status != http.StatusSeeOther {
		err = errors.New(describe(page))
	}
	return r.take(page, err)
}

func (r *run) advance(words []string) error {
	d, err := time.ParseDuration(words[0])
	if err != nil {
		return err
	}
	r.Advance(d)
	return nil
}

func (r *run) rotate([]string) error {
	for _, alg := range []jwk.Alg{jwk.RS256, jwk.ES256, jwk.EdDSA} {
		if _, err := r.Keys.Rotate(r.Context(), alg); err != nil {
			return err
		}
	}
	return r.Store.PollChanges(r.Context())
}

// keep remembers a value under a name: `keep NAME = VALUE` or `keep NAME json|callback|header PLACE`.
func (r *run) keep(words []string) error {
	if len(words) != 3 {
		return fmt.Errorf("keep what? %q", words)
	}
	if words[1] == "=" {
		r.names[words[0]] = words[2]
		return nil
	}
	value, found, err := r.look(words[1], words[2])
	if err == nil && !found {
		err = fmt.Errorf("there is no %s %s to keep in %s", words[1], words[2], describe(r.last))
	}
	r.names[words[0]] = value
	return err
}
