package web

import (
	"embed"
	"fmt"
	"html"
	"html/template"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	textmessage "golang.org/x/text/message"
)

//go:embed messages/*.yaml
var messageFiles embed.FS

// message is one sentence. forms has one entry, "other", unless the sentence counts something ({n}).
// Sentences hold {placeholders} and **strong** words.
type message struct {
	forms map[string]string
}

// parseMessages reads a message file: a flat mapping of keys to sentences, or to plural forms.
func parseMessages(data []byte) (map[string]message, error) {
	var raw map[string]any
	if err := yaml.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	messages := make(map[string]message, len(raw))
	for key, value := range raw {
		forms, err := parseForms(value)
		if err != nil {
			return nil, fmt.Errorf("message %s: %w", key, err)
		}
		messages[key] = message{forms: forms}
	}
	return messages, nil
}

func parseForms(value any) (map[string]string, error) {
	switch v := value.(type) {
	case string:
		return map[string]string{"other": v}, nil
	case map[string]any:
		forms := make(map[string]string, len(v))
		for name, sentence := range v {
			s, ok := sentence.(string)
			if !ok {
				return nil, fmt.Errorf("form %s is not text", name)
			}
			forms[name] = s
		}
		return forms, nil
	}
	return nil, fmt.Errorf("is %T, not text or plural forms", value)
}

// tongue is one language's words, numbers and direction.
type tongue struct {
	lang     string
	tag      language.Tag
	messages map[string]message
	fallback map[string]message
	numbers  *textmessage.Printer
}

func loadTongue(lang string, fallback map[string]message) (*tongue, error) {
	data, err := messageFiles.ReadFile("messages/" + lang + ".yaml")
	if err != nil {
		return nil, err
	}
	messages, err := parseMessages(data)
	if err != nil {
		return nil, fmt.Errorf("messages/%s.yaml: %w", lang, err)
	}
	tag := language.Make(lang)
	// Latin digits in Arabic too: the codes that people type and the addresses they compare are written in them.
	numbers := textmessage.NewPrinter(language.Make(lang + "-u-nu-latn"))
	return &tongue{lang: lang, tag: tag, messages: messages, fallback: fallback, numbers: numbers}, nil
}

func (t *tongue) dir() string {
	if t.lang == "ar" {
		return "rtl"
	}
	return "ltr"
}

// number writes n with the language's separators.
func (t *tongue) number(n int) string { return t.numbers.Sprintf("%d", n) }

// has tells whether there are words for key.
func (t *tongue) has(key string) bool { return len(t.messages[key].forms) > 0 }

// sentence finds the words for key in the right plural form. A missing key shows itself: no page breaks for it, and a test
// fails on it.
func (t *tongue) sentence(key string, args []any) string {
	m, ok := t.messages[key]
	if !ok {
		m, ok = t.fallback[key]
	}
	if !ok {
		return key
	}
	if len(m.forms) > 1 {
		if s, ok := m.forms[t.pluralForm(count(args))]; ok {
			return s
		}
	}
	return m.forms["other"]
}

func count(args []any) int {
	value, _ := argument(args, "n")
	n, _ := value.(int)
	return n
}

func (t *tongue) pluralForm(n int) string {
	form := plural.Cardinal.MatchPlural(t.tag, n, 0, 0, 0, 0)
	return map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}[form]
}

// plain says a message as text, for titles, attributes and mails. Names of another direction are isolated (UAX #9 FSI, PDI).
func (t *tongue) plain(key string, args ...any) string {
	s := strings.ReplaceAll(t.sentence(key, args), "**", "")
	return t.fill(s, args, func(v any) string {
		word := t.word(v)
		if t.dir() == "rtl" || hasRTL(word) {
			return "\u2068" + word + "\u2069"
		}
		return word
	})
}

// rich says a message as HTML: **strong** words, and each name isolated in <bdi>.
func (t *tongue) rich(key string, args ...any) template.HTML {
	s := strong(html.EscapeString(t.sentence(key, args)))
	return template.HTML(t.fill(s, args, func(v any) string {
		if safe, ok := v.(template.HTML); ok {
			return string(safe)
		}
		if _, ok := v.(int); ok {
			return t.word(v)
		}
		return "<bdi>" + html.EscapeString(t.word(v)) + "</bdi>"
	}))
}

// strong turns **words** into <strong>words</strong>.
func strong(s string) string {
	parts := strings.Split(s, "**")
	for i := 1; i < len(parts); i += 2 {
		parts[i] = "<strong>" + parts[i] + "</strong>"
	}
	return strings.Join(parts, "")
}

// fill writes a value for each {name} of a sentence that args name, and never looks for names in what it has written.
func (t *tongue) fill(s string, args []any, write func(any) string) string {
	var filled strings.Builder
	for {
		before, rest, found := strings.Cut(s, "{")
		filled.WriteString(before)
		if !found {
			return filled.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		if value, known := argument(args, name); known && closed {
			filled.WriteString(write(value))
			s = after
			continue
		}
		filled.WriteByte('{')
		s = rest
	}
}

// argument finds a value among names and values that alternate.
func argument(args []any, name string) (value any, known bool) {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == any(name) {
			return args[i+1], true
		}
	}
	return nil, false
}

func (t *tongue) word(v any) string {
	if n, ok := v.(int); ok {
		return t.number(n)
	}
	return fmt.Sprint(v)
}

func hasRTL(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.In(r, unicode.Arabic, unicode.Hebrew) })
}
