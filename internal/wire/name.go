package wire

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// LongestName bounds the names of people and accounts, in characters.
const LongestName = 120

// Name reads what a person typed as a name: one line, without the direction characters that could make it read as something else
// in a page or a mail (UTR 36 §2.3). A name of which nothing can be seen is none.
func Name(typed string) string {
	name := strings.Join(strings.Fields(strings.Map(dropDirection, typed)), " ")
	if !strings.ContainsFunc(name, visible) {
		return ""
	}
	return name
}

// Misleading is a character that could make a name read as something else: of control or direction, or none at all.
func Misleading(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError
}

func dropDirection(r rune) rune {
	if unicode.Is(unicode.Bidi_Control, r) {
		return -1
	}
	return r
}

func visible(r rune) bool { return r != ' ' && unicode.IsPrint(r) }
