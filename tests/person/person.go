// Package person is a person at a browser without JavaScript, for tests of the running server: it follows redirects, keeps cookies and
// fills in forms by the stable ids of their controls.
package person

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// Person signs in, chooses and allows. It is used by one goroutine at a time.
type Person struct {
	Email, Password string
	// Account is the id of the account to act for; empty takes the first that is offered.
	Account string

	client *http.Client
}

// New returns a person with a fresh browser, which sends its requests through the transport.
func New(transport http.RoundTripper, email, password string) *Person {
	p := &Person{Email: email, Password: password, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	p.Forget()
	return p
}

// Forget takes a fresh browser: nobody is signed in there, and no server knows it.
func (p *Person) Forget() {
	p.client.Jar, _ = cookiejar.New(nil) // has no way to fail
}

// Browser is the browser's cookies, to set it aside and take it up again.
type Browser struct{ jar http.CookieJar }

// Browser returns the browser that the person uses now.
func (p *Person) Browser() Browser { return Browser{p.client.Jar} }

// Copy is a browser with the same cookies for a site, as a thief's would be.
func (b Browser) Copy(site string) Browser {
	jar, _ := cookiejar.New(nil) // has no way to fail
	if u, err := url.Parse(site); err == nil {
		jar.SetCookies(u, b.jar.Cookies(u))
	}
	return Browser{jar}
}

// Use takes up a browser that was set aside.
func (p *Person) Use(browser Browser) { p.client.Jar = browser.jar }

// Allow answers an authorization request: signs in, chooses the account, allows. It returns the URL at which the client is called back,
// with a code or with an error.
func (p *Person) Allow(authorizationURL, redirectURI string) (*url.URL, error) {
	return p.decide(authorizationURL, redirectURI, "allow")
}

// Deny answers an authorization request with No.
func (p *Person) Deny(authorizationURL, redirectURI string) (*url.URL, error) {
	return p.decide(authorizationURL, redirectURI, "deny")
}

// AllowDevice enters the code that a device shows, signs in, chooses the account and allows.
func (p *Person) AllowDevice(verificationURI, userCode string) error {
	page, err := p.Arrive(verificationURI)
	if err == nil {
		page, err = p.Press(page, "continue", map[string]string{"user_code": userCode})
	}
	for range 12 {
		if err != nil || page.HasElement("device-allowed") {
			return err
		}
		page, err = p.stepOn(page, "allow")
	}
	return fmt.Errorf("still on the way after 12 pages from %s", verificationURI)
}

func (p *Person) decide(target, redirectURI, decision string) (*url.URL, error) {
	page, err := p.Open(target)
	for range 12 {
		if err != nil {
			return nil, err
		}
		if page.Location != nil && strings.HasPrefix(page.Location.String(), redirectURI) {
			return page.Location, nil
		}
		if page, err = p.stepOn(page, decision); page == nil && err == nil {
			return nil, fmt.Errorf("no way on from %s", target)
		}
	}
	return nil, fmt.Errorf("still on the way after 12 pages from %s", target)
}

// stepOn does the one thing that a page asks for.
func (p *Person) stepOn(page *Page, decision string) (*Page, error) {
	switch {
	case page.Location != nil:
		return p.Open(page.Location.String())
	case page.Has(decision):
		return p.Press(page, decision, nil)
	case page.Has("sign-in"):
		return p.Press(page, "sign-in", map[string]string{"email": p.Email, "password": p.Password})
	case page.Has("create-account"):
		return p.Press(page, "create-account", map[string]string{"account_name": "Noura’s Shop"})
	case p.accountOn(page) != "":
		return p.Press(page, p.accountOn(page), nil)
	case page.linkTo("/new-account") != "":
		return p.Open(page.linkTo("/new-account"))
	}
	return nil, fmt.Errorf("no way on from %s (%d):\n%.2000s", page.URL, page.Status, page.Text)
}

// accountOn is the id of the control that chooses the person's account, "" where the page offers none.
func (p *Person) accountOn(page *Page) string {
	if p.Account != "" && page.Has("account-"+p.Account) {
		return "account-" + p.Account
	}
	return page.idWithPrefix("account-")
}

// Open asks for a page.
func (p *Person) Open(target string) (*Page, error) {
	request, err := http.NewRequest(http.MethodGet, target, http.NoBody)
	if err != nil {
		return nil, err
	}
	return p.Send(request)
}

// Arrive opens a page and follows redirects as long as they stay on its host.
func (p *Person) Arrive(target string) (*Page, error) {
	page, err := p.Open(target)
	return p.Follow(page, err)
}

// Follow follows redirects as long as they stay on the page's host.
func (p *Person) Follow(page *Page, err error) (*Page, error) {
	for range 12 {
		if err != nil || page.Location == nil || page.Location.Host != page.URL.Host {
			return page, err
		}
		page, err = p.Open(page.Location.String())
	}
	return nil, fmt.Errorf("redirected without end, at %s", page.URL)
}

// Press sends the form that holds the control with this id, with values filled in by the ids of its fields.
func (p *Person) Press(from *Page, id string, values map[string]string) (*Page, error) {
	form := from.formWith(id)
	if form == nil {
		return nil, fmt.Errorf("there is no #%s to press on %s (%d):\n%.2000s", id, from.URL, from.Status, from.Text)
	}
	fields := form.entries(id, values)
	target, err := from.URL.Parse(form.action)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(form.method, http.MethodPost) {
		target.RawQuery = fields.Encode()
		return p.Open(target.String())
	}
	request, err := http.NewRequest(http.MethodPost, target.String(), strings.NewReader(fields.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", target.Scheme+"://"+target.Host)
	return p.Send(request)
}

// Send sends any request with the browser's cookies.
func (p *Person) Send(request *http.Request) (*Page, error) {
	response, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	page := &Page{URL: request.URL, Status: response.StatusCode, Header: response.Header, Text: string(text)}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
		page.read()
	}
	if response.StatusCode/100 == 3 {
		page.Location, err = response.Location()
	}
	return page, err
}
