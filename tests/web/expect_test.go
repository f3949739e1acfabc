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
	kind, rest, _ := strings.Cut(text, " ")
	if status, err := strconv.Atoi(kind); err == nil {
		if r.last.Status != status {
			return fmt.Errorf("the status is %d", r.last.Status)
		}
		return nil
	}
	if kind == "says" {
		return says(r.last.Text, rest)
	}
	if kind == "fault" {
		return compare(r.last.Fault(), true, "is "+rest)
	}
	place := ""
	if kind != "location" && kind != "body" {
		place, rest, _ = strings.Cut(rest, " ")
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
	for name := range strings.SplitSeq(path, ".") {
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

// compare holds a value against an operator and what stands behind it, to the end of the line; quotes around all of it are left out.
func compare(value string, found bool, text string) error {
	operator, want, _ := strings.Cut(text, " ")
	if inner := strings.Trim(want, `"`); len(inner) == len(want)-2 && !strings.Contains(inner, `"`) {
		want = inner
	}
	holds, err := holds(value, found, operator, want)
	switch {
	case err != nil || holds:
		return err
	case !found:
		return fmt.Errorf("it is not there")
	default:
		return fmt.Errorf("it is %.500q", value)
	}
}

func holds(value string, found bool, operator, want string) (bool, error) {
	switch operator {
	case "present":
		return found, nil
	case "absent":
		return !found, nil
	case "is":
		return found && value == want, nil
	case "isnt":
		return value != want, nil
	case "contains":
		return found && strings.Contains(value, want), nil
	case "lacks":
		return !strings.Contains(value, want), nil
	case "begins":
		return found && strings.HasPrefix(value, want), nil
	case "matches":
		pattern, err := regexp.Compile(want)
		return err == nil && found && pattern.MatchString(value), err
	}
	return false, fmt.Errorf("there is no operator %q", operator)
}
