package sampleapp

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

func parsePages() (map[string]*template.Template, error) {
	pages := map[string]*template.Template{}
	for _, name := range []string{"home", "connection", "problem", "proposal"} {
		t, err := template.ParseFS(files, "templates/layout.html", "templates/trouble.html", "templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("sampleapp: %w", err)
		}
		pages[name] = t
	}
	return pages, nil
}

// render executes the whole page before it writes anything.
func (a *App) render(w http.ResponseWriter, status int, name string, view any) {
	var b bytes.Buffer
	if err := a.pages[name].ExecuteTemplate(&b, "layout", view); err != nil {
		http.Error(w, "Parcel Robot stumbled. Try again.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // The reader has gone; nobody is left to tell.
}

// layout is what every page says of itself.
type layout struct {
	Title string
}

type homeView struct {
	layout
	Notice    string
	Platforms []platformView
}

// proposalView is the app's own page before the platform's.
type proposalView struct {
	layout
	Name             string
	Asks             []string
	AuthorizationURL string
}

type platformView struct {
	ID, Name, Summary, Host string
	Proposes                bool // on a page of its own first
	Connected, Ended        bool
	Who                     string
}

func (a *App) home(w http.ResponseWriter, r *http.Request) {
	s := a.sessions.of(r, a.now())
	view := homeView{layout: layout{"Parcel Robot"}, Notice: s.takeNotice()}
	for _, p := range a.platforms {
		one := platformView{ID: p.ID, Name: p.Name, Summary: p.Summary, Host: hostOf(p.Issuer), Proposes: len(p.Proposal) > 0}
		if c := s.connection(p.ID); c != nil {
			one.Connected, one.Ended, one.Who = true, c.over(), c.identity.name()
		}
		view.Platforms = append(view.Platforms, one)
	}
	a.render(w, http.StatusOK, "home", view)
}

type connectionView struct {
	layout
	Heading   string
	Platform  platformView
	Account   string
	Since     time.Time
	Scopes    []scopeView
	Claims    []claimView
	Tokens    tokenView
	CanLogOut bool
	Result    *result
}

type scopeView struct {
	Name    string
	Granted bool
}

type claimView struct{ Name, Value string }

type tokenView struct {
	Access, Refresh string // last characters only
	Ends            string
}

func (a *App) connection(w http.ResponseWriter, _ *http.Request, c *connection) {
	c.mu.Lock()
	token, granted, outcome := c.token, c.granted, c.result
	c.mu.Unlock()
	p := c.platform
	title := p.Name + " is connected"
	if c.over() {
		title = p.Name + " has ended the connection"
	}
	a.render(w, http.StatusOK, "connection", connectionView{
		layout:    layout{title + " – Parcel Robot"},
		Heading:   title,
		Platform:  platformView{ID: p.ID, Name: p.Name, Host: hostOf(p.Issuer), Who: c.identity.name()},
		Account:   cmp.Or(c.identity.claim("account_id"), c.account),
		Since:     c.connected,
		Scopes:    scopeViews(c.asked, granted),
		Claims:    c.identity.list(),
		Tokens:    a.tokenView(token),
		CanLogOut: c.found.EndSessionEndpoint != "",
		Result:    outcome,
	})
}

// scopeViews lists what was granted, then what was asked and left out.
func scopeViews(asked, granted []string) []scopeView {
	var views []scopeView
	for _, name := range granted {
		views = append(views, scopeView{name, true})
	}
	for _, name := range asked {
		if !slices.Contains(granted, name) {
			views = append(views, scopeView{name, false})
		}
	}
	return views
}

func (a *App) tokenView(token *oauth2.Token) tokenView {
	view := tokenView{Access: tail(token.AccessToken), Refresh: tail(token.RefreshToken), Ends: "not said"}
	left := token.Expiry.Sub(a.now()).Round(time.Second)
	switch {
	case token.Expiry.IsZero():
	case left <= 0:
		view.Ends = "over: the next call will be refused until you refresh"
	default:
		view.Ends = fmt.Sprintf("in %d min %d s", int(left.Minutes()), int(left.Seconds())%60)
	}
	return view
}

// tail is as much of a token as helps to tell two apart, and no use to anybody else.
func tail(token string) string {
	if len(token) < 16 {
		return ""
	}
	return "…" + token[len(token)-4:]
}

// name is how the page calls the person.
func (i *identity) name() string {
	name, email := i.claim("name"), i.claim("email")
	switch {
	case i == nil:
		return ""
	case name != "" && email != "":
		return name + " (" + email + ")"
	case name+email != "":
		return name + email
	}
	return i.subject
}

func (i *identity) claim(name string) string {
	if i == nil {
		return ""
	}
	text, _ := i.claims[name].(string)
	return text
}

// protocolClaims say something of the sign-in and nothing of the person.
var protocolClaims = []string{"iss", "aud", "exp", "iat", "nonce", "at_hash", "azp", "amr", "sid", "c_hash", "jti"}

func (i *identity) list() []claimView {
	if i == nil {
		return nil
	}
	var views []claimView
	for name, value := range i.claims {
		if !slices.Contains(protocolClaims, name) {
			views = append(views, claimView{name, claimText(name, value)})
		}
	}
	slices.SortFunc(views, func(x, y claimView) int { return strings.Compare(x.Name, y.Name) })
	return views
}

func claimText(name string, value any) string {
	switch value := value.(type) {
	case string:
		return value
	case float64:
		if name == "auth_time" || name == "updated_at" { // Seconds since 1970 (OpenID Connect Core §2, §5.1).
			return time.Unix(int64(value), 0).UTC().Format("2 January 2006, 15:04 UTC")
		}
	}
	text, err := json.Marshal(value)
	if err != nil { // It came from JSON.
		return ""
	}
	return string(text)
}

func hostOf(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil { // Checked when the app was made.
		return issuer
	}
	return u.Host
}

type problemView struct {
	layout
	Platform *platformView // to try again with; nil when there is none
	Trouble  *trouble
}

func (a *App) fail(w http.ResponseWriter, _ *http.Request, p *platform, t *trouble) {
	status := t.Status
	if t.Code != "" && status >= http.StatusBadRequest { // The platform's refusal, not one of this app.
		status = http.StatusBadGateway
	}
	view := problemView{layout: layout{t.Title + " – Parcel Robot"}, Trouble: t}
	if p != nil {
		view.Platform = &platformView{ID: p.ID, Name: p.Name, Host: hostOf(p.Issuer)}
	}
	a.render(w, status, "problem", view)
}

func (a *App) notFound(w http.ResponseWriter, r *http.Request) {
	a.fail(w, r, nil, &trouble{
		Title:  "There is no such page",
		Advice: "The first page shows everything that Parcel Robot can do.",
		Status: http.StatusNotFound,
	})
}

func (a *App) foreign(w http.ResponseWriter, r *http.Request) {
	a.fail(w, r, nil, &trouble{
		Title:  "That form came from another site",
		Advice: "Nothing was done. Use the buttons on Parcel Robot's own pages.",
		Status: http.StatusForbidden,
	})
}
