package clients

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// A person at a browser without JavaScript: follows redirects, keeps cookies, fills in forms by their stable ids.
type person struct {
	email, password string
	client          *http.Client
}

func newPerson(transport http.RoundTripper, email, password string) *person {
	jar, _ := cookiejar.New(nil) // has no way to fail
	return &person{email: email, password: password, client: &http.Client{
		Transport:     transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// allow signs in, chooses the first account and allows; it returns the URL at which the client is called back.
func (p *person) allow(authorizationURL, redirectURI string) (*url.URL, error) {
	page, err := p.open(authorizationURL)
	for range 12 {
		if err != nil {
			return nil, err
		}
		switch {
		case page.location != nil && strings.HasPrefix(page.location.String(), redirectURI):
			return page.location, nil
		case page.location != nil:
			page, err = p.open(page.location.String())
		case page.formWith("allow") != nil:
			page, err = p.press(page, "allow", nil)
		case page.formWith("sign-in") != nil:
			page, err = p.press(page, "sign-in", map[string]string{"email": p.email, "password": p.password})
		case page.formWith("create-account") != nil:
			page, err = p.press(page, "create-account", map[string]string{"account_name": "Noura’s Shop"})
		case page.account() != "":
			page, err = p.press(page, page.account(), nil)
		default:
			return nil, fmt.Errorf("no way on from %s (%d):\n%.2000s", page.url, page.status, page.text)
		}
	}
	return nil, fmt.Errorf("still on the way after 12 pages, at %s", page.url)
}

func (p *person) open(target string) (*page, error) {
	request, err := http.NewRequest(http.MethodGet, target, http.NoBody)
	if err != nil {
		return nil, err
	}
	return p.send(request)
}

// press sends the form that holds the control with this id, with values filled in by the ids of its fields.
func (p *person) press(from *page, id string, values map[string]string) (*page, error) {
	form := from.formWith(id)
	fields := form.entries(id, values)
	target, err := from.url.Parse(form.action)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(form.method, http.MethodPost) {
		target.RawQuery = fields.Encode()
		return p.open(target.String())
	}
	request, err := http.NewRequest(http.MethodPost, target.String(), strings.NewReader(fields.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", target.Scheme+"://"+target.Host)
	return p.send(request)
}

func (p *person) send(request *http.Request) (*page, error) {
	response, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	page := &page{url: request.URL, status: response.StatusCode, text: string(text), forms: forms(string(text))}
	if response.StatusCode/100 == 3 {
		page.location, err = response.Location()
	}
	return page, err
}

type page struct {
	url, location *url.URL
	status        int
	text          string
	forms         []form
}

type form struct {
	action, method string
	controls       []control
}

type control struct{ tag, id, name, value, kind, checked string }

func (p *page) formWith(id string) *form {
	for i := range p.forms {
		for _, control := range p.forms[i].controls {
			if control.id == id {
				return &p.forms[i]
			}
		}
	}
	return nil
}

// account is the id of the first account that can be chosen, "" where this is not the page for it.
func (p *page) account() string {
	for _, form := range p.forms {
		for _, control := range form.controls {
			if strings.HasPrefix(control.id, "account-") {
				return control.id
			}
		}
	}
	return ""
}

// entries is what a browser sends: the button that was pressed, boxes that are ticked, and every other field.
func (f *form) entries(pressed string, values map[string]string) url.Values {
	fields := url.Values{}
	for _, control := range f.controls {
		button := control.tag == "button" || control.kind == "submit"
		box := control.kind == "radio" || control.kind == "checkbox"
		if control.name == "" || (button && control.id != pressed) || (box && control.checked == "" && control.id != pressed) {
			continue
		}
		value, filled := values[control.id]
		if !filled {
			value = control.value
		}
		fields.Add(control.name, value)
	}
	return fields
}

func forms(text string) []form {
	var found []form
	for tokens := html.NewTokenizer(strings.NewReader(text)); ; {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return found
		}
		token := tokens.Token()
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		switch token.Data {
		case "form":
			found = append(found, form{action: attribute(token, "action"), method: attribute(token, "method")})
		case "input", "button", "select", "textarea":
			if len(found) > 0 {
				last := &found[len(found)-1]
				last.controls = append(last.controls, controlOf(token))
			}
		}
	}
}

func controlOf(token html.Token) control {
	c := control{
		tag: token.Data, id: attribute(token, "id"), name: attribute(token, "name"),
		value: attribute(token, "value"), kind: attribute(token, "type"),
	}
	for _, a := range token.Attr {
		if a.Key == "checked" {
			c.checked = "checked"
		}
	}
	return c
}

func attribute(token html.Token, name string) string {
	for _, a := range token.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
