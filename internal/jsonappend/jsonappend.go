// Package jsonappend writes a JSON object member by member, byte for byte as encoding/json does without HTML escapes. What is written
// with every request is written this way, because encoding/json's reflection takes a twentieth of a whole request; everything else is
// encoding/json's.
//
// Begin the object with '{', and end it with '}'.
//
//	b = append(b, '{')
//	b = jsonappend.Text(b, "iss", claims.Issuer)
//	b = jsonappend.OptNumber(b, "auth_time", claims.AuthTime)
//	b = append(b, '}')
package jsonappend

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Appender writes itself.
type Appender interface{ AppendJSON(b []byte) []byte }

// Text appends a member that is a string. The name must need no escape.
func Text(b []byte, name, text string) []byte { return appendText(member(b, name), text) }

// OptText appends nothing when the text is empty, as omitempty does.
func OptText(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	return Text(b, name, text)
}

// Number appends a member that is a whole number.
func Number(b []byte, name string, n int64) []byte { return strconv.AppendInt(member(b, name), n, 10) }

// OptNumber appends nothing when the number is 0, as omitempty does.
func OptNumber(b []byte, name string, n int64) []byte {
	if n == 0 {
		return b
	}
	return Number(b, name, n)
}

// Bool appends a member that is true or false.
func Bool(b []byte, name string, value bool) []byte {
	return strconv.AppendBool(member(b, name), value)
}

// OptBool appends nothing when there is no value, as omitempty does.
func OptBool(b []byte, name string, value *bool) []byte {
	if value == nil {
		return b
	}
	return Bool(b, name, *value)
}

// Texts appends a member that is an array of strings, null when there is none.
func Texts(b []byte, name string, texts []string) []byte {
	return appendMarshaled(member(b, name), texts)
}

// OptTexts appends nothing when the array is empty, as omitempty does.
func OptTexts(b []byte, name string, texts []string) []byte {
	if len(texts) == 0 {
		return b
	}
	return Texts(b, name, texts)
}

// TextOrTexts appends one text as a string and several as an array, as JWT has it for aud (RFC 7519 §4.1.3).
func TextOrTexts(b []byte, name string, texts []string) []byte {
	if len(texts) == 1 {
		return Text(b, name, texts[0])
	}
	return Texts(b, name, texts)
}

// OptTextOrTexts appends nothing when there is no text, as omitempty does.
func OptTextOrTexts(b []byte, name string, texts []string) []byte {
	if len(texts) == 0 {
		return b
	}
	return TextOrTexts(b, name, texts)
}

func member(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), name...), '"', ':')
}

// appendText leaves to encoding/json what needs an escape, or could.
func appendText(b []byte, text string) []byte {
	if !Plain(text) {
		return appendMarshaled(b, text)
	}
	return append(append(append(b, '"'), text...), '"')
}

// Plain tells whether JSON spells a text as it is.
func Plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func appendMarshaled[T string | []string](b []byte, value T) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("jsonappend: " + err.Error()) // encoding/json never refuses a text
	}
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}
