package wire

import (
	"iter"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"latchkey.dev/internal/oauth"
)

// Bounds of a request. The largest honest one is a few kilobytes.
const (
	maxQuery  = 8 << 10  // bytes of raw query, RFC 9110 §4.1 asks for at least 8000
	maxBody   = 64 << 10 // bytes of body
	maxFields = 200
)

// Params are the decoded parameters of one request: a short list searched in
// order, which for a dozen fields costs less than a map. A parameter without a
// value counts as omitted (RFC 6749 §3.1).
type Params struct {
	fields   []field
	repeated []string
}

// AnyParameter, named repeatable, lets every parameter come more than once, for who has an answer of their own to that: see Repeated.
const AnyParameter = "*"

// Repeated names the parameters that came more than once and should not have.
func (p Params) Repeated() []string { return p.repeated }

// RepeatedParameter refuses one of them (RFC 6749 §3.1).
func RepeatedParameter(name string) *oauth.Error {
	return oauth.InvalidRequest("the parameter %s is given more than once; send it once (RFC 6749 section 3.1)", nameForPeople(name))
}

type field struct{ name, value string }

// Get returns the parameter's value, or "" when it was omitted.
func (p Params) Get(name string) string {
	for i := range p.fields {
		if p.fields[i].name == name {
			return p.fields[i].value
		}
	}
	return ""
}

// Has reports whether the parameter was given with a value.
func (p Params) Has(name string) bool { return p.Get(name) != "" }

// All yields every parameter that was given with a value, in order.
func (p Params) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for _, f := range p.fields {
			if f.value != "" && !yield(f.name, f.value) {
				return
			}
		}
	}
}

// List returns every value of a repeatable parameter, in order.
func (p Params) List(name string) []string {
	var values []string
	for _, f := range p.fields {
		if f.name == name {
			values = append(values, f.value)
		}
	}
	return values
}

// Query reads the parameters of the request's query. Only those named
// repeatable may come more than once. A longer query than 8 KiB is 414.
func Query(r *http.Request, repeatable ...string) (Params, error) {
	raw := r.URL.RawQuery
	if len(raw) > maxQuery {
		return Params{}, oauth.InvalidRequest("the query is longer than %d bytes; send fewer or shorter parameters", maxQuery).
			WithStatus(http.StatusRequestURITooLong)
	}
	return parseParams(raw, repeatable)
}

// parseParams decodes application/x-www-form-urlencoded (RFC 6749 appendix B)
// and stops at the first thing that is wrong.
func parseParams(raw string, repeatable []string) (Params, error) {
	if raw == "" {
		return Params{}, nil
	}
	p := Params{fields: make([]field, 0, min(strings.Count(raw, "&")+1, maxFields))}
	seen := 0
	for pair := range strings.SplitSeq(raw, "&") {
		if seen++; seen > maxFields {
			return Params{}, oauth.InvalidRequest("the request has more than %d parameters; send only those documented", maxFields)
		}
		if pair == "" {
			continue
		}
		f, err := parseField(pair)
		if err != nil {
			return Params{}, err
		}
		if p.repeats(f.name) && !slices.Contains(repeatable, f.name) {
			if !slices.Contains(repeatable, AnyParameter) {
				return Params{}, RepeatedParameter(f.name)
			}
			p.repeated = append(p.repeated, f.name)
		}
		p.fields = append(p.fields, f)
	}
	p.fields = slices.DeleteFunc(p.fields, func(f field) bool { return f.value == "" })
	return p, nil
}

func (p Params) repeats(name string) bool {
	for i := range p.fields {
		if p.fields[i].name == name {
			return true
		}
	}
	return false
}

func parseField(pair string) (field, error) {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	name, ok := decodeForm(rawName)
	if !ok || !isText(name) {
		return field{}, oauth.InvalidRequest("a parameter name is not correctly encoded; use application/x-www-form-urlencoded with UTF-8")
	}
	value, ok := decodeForm(rawValue)
	if !ok {
		return field{}, oauth.InvalidRequest("the parameter %s is not correctly encoded; write %% as %%25", nameForPeople(name))
	}
	if !isText(value) {
		return field{}, oauth.InvalidRequest("the parameter %s holds control characters or is not UTF-8", nameForPeople(name))
	}
	return field{name, value}, nil
}

// decodeForm undoes form encoding. What needs no decoding is not copied.
func decodeForm(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 {
		if strings.IndexByte(s, '+') < 0 {
			return s, true
		}
		return strings.ReplaceAll(s, "+", " "), true
	}
	decoded := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '+':
			decoded = append(decoded, ' ')
		case '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", false
			}
			decoded = append(decoded, fromHex(s[i+1])<<4|fromHex(s[i+2]))
			i += 2
		default:
			decoded = append(decoded, c)
		}
	}
	return string(decoded), true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func fromHex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// isText reports whether s is UTF-8 without control characters: those have no
// place in any parameter, and would forge log lines and headers further on.
func isText(s string) bool {
	for i := range len(s) {
		if s[i]-' ' > '~'-' ' { // a control character, or part of a longer one
			return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
		}
	}
	return true
}

// nameForPeople shortens a name that the client chose, for an error text.
func nameForPeople(name string) string {
	const enough = 64
	if len(name) > enough {
		return name[:enough] + "..."
	}
	return name
}
