package web

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// check compares the last answer with one expectation.
func (r *run) check(text string) error {
	words, err := split(text)
	if err != nil || len(words) == 0 {
		return fmt.Errorf("cannot read %q: %w", text, err)
	}
	if status, err := strconv.Atoi(words[0]); err == nil {
		if r.last.Status != status {
			return fmt.Errorf("the status is %d", r.last.Status)
		}
		return nil
	}
	kind, place, rest := words[0], "", words[1:]
	switch kind {
	case "fault":
		return compare(r.last.Fault(), true, append([]string{"is"}, rest...))
	case "location", "body":
	default:
		if len(rest) == 0 {
			return fmt.Errorf("%s of what?", kind)
		}
		place, rest = rest[0], rest[1:]
	}
	value, found, err := r.look(kind, place)
	if err != nil {
		return err
	}
	return compare(value, found, rest)
}

// look finds a value in the last answer, or in a token that was kept.
func (r *run) look(kind, place string) (value string, found bool, err error) {
	switch kind {
	case "body":
		return r.last.Text, true, nil
	case "header":
		values := r.last.Header.Values(place)
		return strings.Join(values, ", "), len(values) > 0, nil
	case "json":
		value, found = jsonAt(r.last.Text, place)
		return value, found, nil
	case "location":
		if r.last.Location == nil {
			return "", false, nil
		}
		return r.last.Location.String(), true, nil
	case "callback":
		if r.last.Location == nil {
			return "", false, nil
		}
		query := r.last.Location.Query()
		return query.Get(place), query.Has(place), nil
	case "jwt":
		return r.lookInToken(place)
	}
	return "", false, fmt.Errorf("nothing is called %q", kind)
}

// lookInToken reads TOKEN.header.NAME or TOKEN.NAME. Signatures are the business of the packages that make and check them.
func (r *run) lookInToken(place string) (value string, found bool, err error) {
	name, path, _ := strings.Cut(place, ".")
	parts := strings.Split(r.names[name], ".")
	if len(parts) != 3 {
		return "", false, fmt.Errorf("{%s} is no JWT: %q", name, r.names[name])
	}
	part := parts[1]
	if inHeader, ok := strings.CutPrefix(path, "header."); ok {
		part, path = parts[0], inHeader
	}
	text, err := base64.RawURLEncoding.DecodeString(part)
	value, found = jsonAt(string(text), path)
	return value, found, err
}

// jsonAt finds a value by a path with dots. Objects and arrays come back as JSON.
func jsonAt(text, path string) (string, bool) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return "", false
	}
	for _, name := range strings.Split(path, ".") {
		switch container := value.(type) {
		case map[string]any:
			inner, ok := container[name]
			if !ok {
				return "", false
			}
			value = inner
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(container) {
				return "", false
			}
			value = container[i]
		default:
			return "", false
		}
	}
	switch value := value.(type) {
	case string:
		return value, true
	case map[string]any, []any:
		whole, err := json.Marshal(value)
		return string(whole), err == nil
	default:
		return fmt.Sprint(value), true
	}
}

func compare(value string, found bool, words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("no operator")
	}
	want := strings.Join(words[1:], " ")
	holds, known := false, true
	switch words[0] {
	case "present":
		holds = found
	case "absent":
		holds = !found
	case "is":
		holds = found && value == want
	case "isnt":
		holds = value != want
	case "contains":
		holds = found && strings.Contains(value, want)
	case "lacks":
		holds = !strings.Contains(value, want)
	case "begins":
		holds = found && strings.HasPrefix(value, want)
	case "matches":
		pattern, err := regexp.Compile(want)
		if err != nil {
			return err
		}
		holds = found && pattern.MatchString(value)
	default:
		known = false
	}
	switch {
	case !known:
		return fmt.Errorf("there is no operator %q", words[0])
	case !found && !holds:
		return fmt.Errorf("it is not there")
	case !holds:
		return fmt.Errorf("it is %.500q", value)
	}
	return nil
}
