package web

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

//go:embed templates
var templateFiles embed.FS

// speaker is a language together with the templates that speak it.
type speaker struct {
	*tongue
	clock     func() time.Time
	static    *staticFiles
	templates *template.Template
}

// loadSpeakers makes the speaker of English now, so that what is wrong with a template shows at the start, and the others when somebody first
// reads their language, or the first mail is written: each has a megabyte of templates, which the garbage collector walks through.
func loadSpeakers(clock func() time.Time, static *staticFiles) (map[string]func() *speaker, error) {
	first := languages()[0]
	english, err := newSpeaker(first, nil, clock, static)
	if err != nil {
		return nil, err
	}
	speakers := map[string]func() *speaker{first: func() *speaker { return english }}
	for _, lang := range languages()[1:] {
		speakers[lang] = sync.OnceValue(func() *speaker {
			sp, err := newSpeaker(lang, english.messages, clock, static)
			if err != nil {
				panic(err) // the files are in the binary, and were tested with it
			}
			return sp
		})
	}
	return speakers, nil
}

func newSpeaker(lang string, fallback map[string]message, clock func() time.Time, static *staticFiles) (*speaker, error) {
	words, err := loadTongue(lang, fallback)
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	sp := &speaker{tongue: words, clock: clock, static: static}
	sp.templates, err = template.New("").Funcs(sp.words()).Funcs(sp.parts()).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("web: templates: %w", err)
	}
	if err := sp.templates.ExecuteTemplate(io.Discard, "mail", letterWords{}); err != nil { // the first time a template is escaped, which takes longer
		return nil, fmt.Errorf("web: mail: %w", err)
	}
	return sp, nil
}

// words are the functions that say something in the reader's language.
func (sp *speaker) words() template.FuncMap {
	return template.FuncMap{
		"t":       sp.rich,  // a message as HTML
		"plain":   sp.plain, // a message as text, for attributes
		"number":  sp.number,
		"when":    func(at time.Time) template.HTML { return sp.timeElement(at, sp.clock(), sp.date) },   // a moment that stands by itself
		"at":      func(at time.Time) template.HTML { return sp.timeElement(at, sp.clock(), sp.onDate) }, // one within a sentence
		"until":   sp.until,
		"role":    sp.role,
		"roles":   sp.roles,
		"device":  sp.device,
		"problem": sp.problem,
		"event":   sp.event,
		"scope":   sp.scope,
	}
}

// parts are the functions that make pieces of a page.
func (sp *speaker) parts() template.FuncMap {
	return template.FuncMap{
		"asset":   sp.static.url,
		"icon":    sp.static.icon,
		"input":   sp.input,
		"logo":    newLogo,
		"link":    link,
		"gravity": gravity,

		"navicon":     navIcon,
		"navlabel":    func(s Section) string { return "nav." + string(s) },
		"filterlabel": filterLabel,
		"eventicon":   eventIcon,
		"stepicon":    stepIcon,
		"reasonkey":   reasonKey,
	}
}

// until says when something can be tried again.
func (sp *speaker) until(at time.Time) template.HTML {
	if at.IsZero() {
		return template.HTML(template.HTMLEscapeString(sp.plain("ahead.while")))
	}
	return sp.timeElement(at, sp.clock(), sp.onDate)
}

// role is a role in words; one that has none is shown as it is written.
func (sp *speaker) role(name string) string {
	if key := "role." + name; sp.has(key) {
		return sp.plain(key)
	}
	return name
}

// roles lists roles in words: "owner, admin".
func (sp *speaker) roles(names []string) string {
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = sp.role(name)
	}
	return strings.Join(words, sp.plain("list.separator"))
}

func (sp *speaker) problem(e FieldError) template.HTML {
	return sp.rich("problem."+string(e.Problem), "n", e.N)
}

// event is what happened in a sentence; brand is the platform's name.
func (sp *speaker) event(e Event, brand string) template.HTML {
	key := "event." + string(e.Kind)
	if !sp.has(key) {
		return sp.rich("event.other", "kind", string(e.Kind))
	}
	return sp.rich(key, "brand", brand, "app", e.App.Name, "account", e.Account.Name, "person", e.Person, "role", sp.role(e.Role))
}

// device names a browser in words.
func (sp *speaker) device(userAgent string) string {
	browser, system := describeBrowser(userAgent)
	if browser == "" || system == "" {
		if known := browser + system; known != "" {
			return known
		}
		return sp.plain("device.unknown")
	}
	return sp.plain("device.on", "browser", browser, "system", system)
}

// scope returns the permission with words: the catalogue's, or ours for the scopes of OpenID Connect Core §5.4 and §11.
func (sp *speaker) scope(p Permission) Permission {
	if p.Title != "" {
		return p
	}
	if key := "scope." + p.Scope + ".title"; sp.has(key) {
		p.Title, p.Consequence, p.Lang = sp.plain(key), sp.plain("scope."+p.Scope+".consequence"), ""
		return p
	}
	p.Title, p.Lang = p.Scope, ""
	return p
}

// logo is what stands for an app, an account or an issuer.
type logo struct {
	URL     string
	Initial string
	Tint    int // 0–7, made from the id so that it stays
}

func newLogo(url, name, id string) logo {
	tint := 0
	for _, b := range []byte(id) {
		tint = (tint*31 + int(b)) % 8
	}
	return logo{URL: url, Initial: initial(name), Tint: tint}
}

func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return strings.ToUpper(string(r))
		}
	}
	r, _ := utf8.DecodeRuneInString("·")
	return string(r)
}

// link is a path that carries the flow along.
func link(path, r string) string {
	if r == "" {
		return path
	}
	return path + "?" + url.Values{"r": {r}}.Encode()
}

// gravity names a permission's look: what is new or sensitive stands out.
func gravity(p Permission) string {
	switch {
	case p.Sensitive:
		return "sensitive"
	case p.New:
		return "new"
	}
	return "usual"
}
