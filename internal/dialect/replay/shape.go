package replay

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// compare tells where an answer has another shape than the one recorded.
func compare(recorded, now Answer) (differences []string) {
	if recorded.Status != now.Status {
		differences = append(differences, fmt.Sprintf("status: %d in the recording, %d now", recorded.Status, now.Status))
	}
	differences = append(differences, compareHeaders(recorded.Header, now.Header)...)
	old, oldIsJSON := decode(recorded.Body)
	current, currentIsJSON := decode(now.Body)
	switch {
	case oldIsJSON && currentIsJSON:
		differences = append(differences, compareValues("body", old, current)...)
	case oldIsJSON:
		differences = append(differences, "body: JSON in the recording, something else now")
	case currentIsJSON && recorded.Body != "":
		differences = append(differences, "body: something else in the recording, JSON now")
	}
	return differences
}

func decode(body string) (value any, ok bool) {
	return value, json.Unmarshal([]byte(body), &value) == nil
}

// tellingHeaders are those that clients act on; every header that begins with X- is one too.
var tellingHeaders = []string{"Content-Type", "Cache-Control", "Pragma", "Www-Authenticate", "Retry-After", "Allow"}

func compareHeaders(recorded, now http.Header) (differences []string) {
	for _, name := range slices.Sorted(maps.Keys(recorded)) {
		if !slices.Contains(tellingHeaders, name) && !strings.HasPrefix(name, "X-") {
			continue
		}
		switch was, is := recorded.Get(name), now.Get(name); {
		case is == "":
			differences = append(differences, fmt.Sprintf("header %s: %q in the recording, not there now", name, was))
		case name == "Content-Type" && mediaType(was) != mediaType(is):
			differences = append(differences, fmt.Sprintf("header %s: %q in the recording, %q now", name, was, is))
		}
	}
	if was, is := cookieNames(recorded), cookieNames(now); !slices.Equal(was, is) {
		differences = append(differences, fmt.Sprintf("cookies: %v in the recording, %v now", was, is))
	}
	if was, is := locationShape(recorded), locationShape(now); was != is {
		differences = append(differences, fmt.Sprintf("header Location: %s in the recording, %s now", was, is))
	}
	return differences
}

func mediaType(text string) string {
	text, _, _ = strings.Cut(text, ";")
	return strings.ToLower(strings.TrimSpace(text))
}

func cookieNames(header http.Header) (names []string) {
	for _, cookie := range (&http.Response{Header: header}).Cookies() {
		names = append(names, cookie.Name)
	}
	slices.Sort(names)
	return names
}

// locationShape is where a redirect leads, with the names of its parameters.
func locationShape(header http.Header) string {
	at, err := url.Parse(header.Get("Location"))
	if err != nil || header.Get("Location") == "" {
		return "none"
	}
	return at.Host + at.Path + "?" + strings.Join(slices.Sorted(maps.Keys(at.Query())), "&")
}

// compareValues goes through two JSON values side by side.
func compareValues(path string, recorded, now any) (differences []string) {
	if kind(recorded) != kind(now) {
		return []string{fmt.Sprintf("%s: %s in the recording, %s now", path, kind(recorded), kind(now))}
	}
	switch recorded := recorded.(type) {
	case map[string]any:
		return compareObjects(path, recorded, now.(map[string]any))
	case []any:
		if list := now.([]any); len(recorded) > 0 && len(list) > 0 {
			return compareValues(path+"[0]", recorded[0], list[0])
		}
	case string:
		if was, is := textShape(recorded), textShape(now.(string)); was != is {
			return []string{fmt.Sprintf("%s: %s in the recording, %s now", path, was, is)}
		}
	case float64:
		if number := now.(float64); farApart(recorded, number) {
			return []string{fmt.Sprintf("%s: %v in the recording, %v now", path, recorded, number)}
		}
	}
	return nil
}

func compareObjects(path string, recorded, now map[string]any) (differences []string) {
	for _, name := range slices.Sorted(maps.Keys(recorded)) {
		value, there := now[name]
		if !there {
			differences = append(differences, fmt.Sprintf("%s.%s: %s in the recording, not there now", path, name, kind(recorded[name])))
			continue
		}
		differences = append(differences, compareValues(path+"."+name, recorded[name], value)...)
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if _, there := recorded[name]; !there {
			differences = append(differences, fmt.Sprintf("%s.%s: not in the recording, %s now", path, name, kind(now[name])))
		}
	}
	return differences
}

func kind(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case float64:
		return "a number"
	case string:
		return "text"
	case []any:
		return "a list"
	default:
		return "an object"
	}
}

// farApart: a lifetime of another order of magnitude is another promise.
func farApart(a, b float64) bool {
	if a == b {
		return false
	}
	if a <= 0 || b <= 0 {
		return true
	}
	return max(a, b)/min(a, b) >= 10
}

// shapes of text that clients may rely on, the more particular first. What has none of them is told as plain text; one word, such as
// "bearer", is told as it is, because clients compare those.
var shapes = []struct {
	name    string
	pattern *regexp.Regexp
}{
	{"a JWT", regexp.MustCompile(`^eyJ[\w-]*\.[\w-]*\.[\w-]*$`)},
	{"a UUID", regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)},
	{"a time with a zone", regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$`)},
	{"a time with fractions and a zone", regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)$`)},
	{"a private key in PEM", regexp.MustCompile(`^-----BEGIN [A-Z ]*PRIVATE KEY-----\n`)},
	{"an address", regexp.MustCompile(`^https?://`)},
	{"digits", regexp.MustCompile(`^\d+$`)},
	{"digits with a unit", regexp.MustCompile(`^\d+[a-z]+$`)},
	{"nothing", regexp.MustCompile(`^$`)},
}

var oneWord = regexp.MustCompile(`^[A-Za-z][A-Za-z_]{0,31}$`)

func textShape(text string) string {
	for _, shape := range shapes {
		if shape.pattern.MatchString(text) {
			return shape.name
		}
	}
	if oneWord.MatchString(text) {
		return `"` + text + `"`
	}
	return "text"
}
