package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"latchkey.dev/internal/oauth"
)

// maxDepth bounds how deep arrays and objects may nest.
const maxDepth = 16

// JSON reads a JSON body into a struct or map. It refuses what JSON parsers
// disagree on (RFC 7493): duplicate members at any depth, member names in
// another case, invalid UTF-8, data behind the value. The error is
// invalid_request and names the member. Unknown members are ignored
// (RFC 7591 §2). Another content type is 415, and more than 64 KiB is 413.
func JSON(r *http.Request, into any) error {
	if err := checkContentType(r, typeJSON); err != nil {
		return err
	}
	return readJSON(r, into)
}

// UntypedJSON reads like JSON, and takes a body that came without a Content-Type for JSON too: clients of home-grown servers
// post it that way.
func UntypedJSON(r *http.Request, into any) error {
	if r.Header["Content-Type"] == nil && r.Header["Content-Encoding"] == nil {
		return readJSON(r, into)
	}
	return JSON(r, into)
}

func readJSON(r *http.Request, into any) error {
	buffer := bodyBuffers.Get().(*bytes.Buffer)
	defer bodyBuffers.Put(buffer)
	if err := readBody(r, buffer); err != nil {
		return err
	}
	return DecodeJSON(buffer.Bytes(), into)
}

// DecodeJSON reads data as JSON does a body. Nothing in into refers to data
// afterwards.
func DecodeJSON(data []byte, into any) error {
	if !utf8.Valid(data) {
		return oauth.InvalidRequest("the JSON is not UTF-8")
	}
	if !json.Valid(data) {
		return oauth.InvalidRequest("the body is not one well-formed JSON value")
	}
	reader := strictReader{data: data, types: map[reflect.Type]members{}}
	if err := reader.value("", reflect.TypeOf(into)); err != nil {
		return err
	}
	return explainDecoding(json.Unmarshal(data, into))
}

// explainDecoding turns what encoding/json says into what the client should do.
func explainDecoding(err error) error {
	wrong := (*json.UnmarshalTypeError)(nil)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field != "":
		return oauth.InvalidRequest("%s must be %s, not %s", nameForPeople(wrong.Field), kindForPeople(wrong.Type), wrong.Value)
	case errors.As(err, &wrong):
		return oauth.InvalidRequest("the body must be %s, not %s", kindForPeople(wrong.Type), wrong.Value)
	}
	// An UnmarshalJSON of ours refused a member's value; its text is written for the client.
	return oauth.InvalidRequest("%s", err.Error())
}

func kindForPeople(t reflect.Type) string {
	t = pointee(t)
	if t == nil {
		return "a value"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Interface:
		return "a value"
	}
	return "a number"
}

// strictReader walks data that is known to be valid JSON, beside the type it
// will be decoded into, and finds what encoding/json would let pass.
type strictReader struct {
	data  []byte
	at    int
	depth int
	types map[reflect.Type]members // looked at once each: an array may hold thousands of objects
}

// value reads one value at path, which will be decoded into t; t is nil where
// nothing of ours will look.
func (s *strictReader) value(path string, t reflect.Type) error {
	s.skipSpace()
	switch s.data[s.at] {
	case '{':
		return s.nested(func() error { return s.object(path, s.membersOf(t)) })
	case '[':
		return s.nested(func() error { return s.array(path, t) })
	case '"':
		return s.text(path, t)
	}
	return s.scalar(t)
}

func (s *strictReader) membersOf(t reflect.Type) members {
	known, ok := s.types[t]
	if !ok {
		known = membersOf(t)
		s.types[t] = known
	}
	return known
}

func (s *strictReader) nested(read func() error) error {
	if s.depth++; s.depth > maxDepth {
		return oauth.InvalidRequest("the JSON is nested deeper than %d levels", maxDepth)
	}
	s.at++ // the opening bracket
	err := read()
	s.at++ // the closing one
	s.depth--
	return err
}

func (s *strictReader) object(path string, known members) error {
	seen := map[string]bool{}
	for s.more('}') {
		name, err := s.string()
		if err != nil {
			return err
		}
		memberPath := join(path, name)
		if !isText(name) {
			return oauth.InvalidRequest("the member name %s holds control characters", nameForPeople(memberPath))
		}
		if seen[name] {
			return oauth.InvalidRequest("the member %s is given more than once; send it once", nameForPeople(memberPath))
		}
		seen[name] = true
		memberType, similar := known.find(name)
		if similar != "" {
			return oauth.InvalidRequest("member names are case-sensitive: write %s, not %s", similar, nameForPeople(name))
		}
		s.skipSpace()
		s.at++ // the colon
		if err := s.value(memberPath, memberType); err != nil {
			return err
		}
	}
	return nil
}

func (s *strictReader) array(path string, t reflect.Type) error {
	element := elementOf(t)
	for s.more(']') {
		if err := s.value(path, element); err != nil {
			return err
		}
	}
	return nil
}

// more steps over space and commas, and reports whether another member follows.
func (s *strictReader) more(closing byte) bool {
	s.skipSpace()
	if s.data[s.at] == ',' {
		s.at++
		s.skipSpace()
	}
	return s.data[s.at] != closing
}

// text refuses control characters in strings that will be used; a member that
// nobody looks at may hold what it likes.
func (s *strictReader) text(path string, t reflect.Type) error {
	value, err := s.string()
	if err != nil {
		return err
	}
	if t != nil && !isText(value) {
		return oauth.InvalidRequest("%s holds control characters", nameForPeople(path))
	}
	return nil
}

// scalar steps over a number, true, false or null. At the top there has to be
// a value: encoding/json would take null for "leave everything as it is".
func (s *strictReader) scalar(t reflect.Type) error {
	start := s.at
	for s.at < len(s.data) && !strings.ContainsRune(",]} \t\r\n", rune(s.data[s.at])) {
		s.at++
	}
	if s.depth == 0 && string(s.data[start:s.at]) == "null" {
		return oauth.InvalidRequest("the body must be %s, not null", kindForPeople(t))
	}
	return nil
}

// string reads a string and its escapes.
func (s *strictReader) string() (string, error) {
	start, escaped := s.at, false
	for s.at++; s.data[s.at] != '"'; s.at++ {
		if s.data[s.at] == '\\' {
			escaped = true
			s.at++
		}
	}
	s.at++
	raw := s.data[start:s.at]
	if !escaped {
		return string(raw[1 : len(raw)-1]), nil
	}
	if hasLoneSurrogate(raw) {
		return "", oauth.InvalidRequest("the JSON holds half a surrogate pair; escape characters correctly")
	}
	var value string
	if err := json.Unmarshal(raw, &value); err != nil {
		return "", oauth.InvalidRequest("the JSON holds a malformed string")
	}
	return value, nil
}

// hasLoneSurrogate finds a \u escape that is half a pair. encoding/json puts
// U+FFFD in its place, and then two different strings would be one (RFC 7493
// §2.1). The string is known to be valid JSON otherwise.
func hasLoneSurrogate(raw []byte) bool {
	const escape = len(`\u0000`)
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		if i++; raw[i] != 'u' {
			continue
		}
		unit := codeUnit(raw[i+1:])
		i += escape - 2 // at the last digit
		if !utf16.IsSurrogate(unit) {
			continue
		}
		rest := raw[i+1:]
		if len(rest) < escape || rest[0] != '\\' || rest[1] != 'u' || utf16.DecodeRune(unit, codeUnit(rest[2:])) == utf8.RuneError {
			return true
		}
		i += escape
	}
	return false
}

// codeUnit reads the four digits of a \u escape.
func codeUnit(digits []byte) rune {
	return rune(fromHex(digits[0]))<<12 | rune(fromHex(digits[1]))<<8 | rune(fromHex(digits[2]))<<4 | rune(fromHex(digits[3]))
}

func (s *strictReader) skipSpace() {
	for s.at < len(s.data) && strings.IndexByte(" \t\r\n", s.data[s.at]) >= 0 {
		s.at++
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
