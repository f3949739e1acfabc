package person

import (
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Page is what came: a page with its forms and links, or a redirect.
type Page struct {
	URL      *url.URL // asked for
	Location *url.URL // where a redirect leads; nil when this is none
	Status   int
	Header   http.Header
	Text     string

	forms []form
	links []link
	ids   map[string]bool
	fault string
}

type link struct{ id, href string }

type form struct {
	action, method string
	controls       []control
}

type control struct {
	tag, id, name, value, kind string
	checked                    bool
}

// Has tells whether a form of the page has a control with this id.
func (p *Page) Has(id string) bool { return p.formWith(id) != nil }

// HasElement tells whether anything on the page has this id.
func (p *Page) HasElement(id string) bool { return p.ids[id] }

// Fault is the code that an error page carries (data-error), "" on any other.
func (p *Page) Fault() string { return p.fault }

func (p *Page) formWith(id string) *form {
	for i := range p.forms {
		for _, control := range p.forms[i].controls {
			if control.id == id {
				return &p.forms[i]
			}
		}
	}
	return nil
}

func (p *Page) idWithPrefix(prefix string) string {
	for _, form := range p.forms {
		for _, control := range form.controls {
			if strings.HasPrefix(control.id, prefix) {
				return control.id
			}
		}
	}
	return ""
}

// Link is the absolute address that the link with this id leads to, "" without one.
func (p *Page) Link(id string) string {
	return p.firstLink(func(l link, _ *url.URL) bool { return l.id == id })
}

// linkTo is the absolute address of the first link to a path, "" without one.
func (p *Page) linkTo(path string) string {
	return p.firstLink(func(_ link, target *url.URL) bool { return target.Path == path })
}

func (p *Page) firstLink(fits func(link, *url.URL) bool) string {
	for _, link := range p.links {
		if target, err := p.URL.Parse(link.href); err == nil && fits(link, target) {
			return target.String()
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
		if control.name == "" || (button && control.id != pressed) || (box && !control.checked && control.id != pressed) {
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

// read finds the page's forms, links and ids.
func (p *Page) read() {
	p.ids = map[string]bool{}
	for tokens := html.NewTokenizer(strings.NewReader(p.Text)); ; {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return
		}
		if kind == html.StartTagToken || kind == html.SelfClosingTagToken {
			p.readElement(tokens.Token())
		}
	}
}

func (p *Page) readElement(element html.Token) {
	if id := attribute(element, "id"); id != "" {
		p.ids[id] = true
	}
	switch element.Data {
	case "main":
		p.fault = attribute(element, "data-error")
	case "a":
		p.links = append(p.links, link{attribute(element, "id"), attribute(element, "href")})
	case "form":
		p.forms = append(p.forms, form{action: attribute(element, "action"), method: attribute(element, "method")})
	case "input", "button", "select", "textarea":
		if len(p.forms) > 0 {
			last := &p.forms[len(p.forms)-1]
			last.controls = append(last.controls, controlOf(element))
		}
	}
}

func controlOf(element html.Token) control {
	c := control{
		tag: element.Data, id: attribute(element, "id"), name: attribute(element, "name"),
		value: attribute(element, "value"), kind: attribute(element, "type"),
	}
	for _, a := range element.Attr {
		c.checked = c.checked || a.Key == "checked"
	}
	return c
}

func attribute(element html.Token, name string) string {
	for _, a := range element.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
