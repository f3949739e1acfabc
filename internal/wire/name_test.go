package wire_test

import (
	"testing"

	"latchkey.dev/internal/wire"
)

func TestANameIsWhatCanBeSeenOfIt(t *testing.T) {
	for typed, want := range map[string]string{
		"Noura":                    "Noura",
		"  Noura \u2028 Haddad ":   "Noura Haddad",
		"Acme \u202eknaB\u202c":    "Acme knaB",
		"\u200fنورة\u200f":         "نورة",
		"می\u200cخواهم":            "می\u200cخواهم", // joins letters, and is no direction character
		"":                         "",
		"\u2066\u2069\u200b\ufeff": "",
		"\u200d \u2060":            "",
	} {
		if got := wire.Name(typed); got != want {
			t.Errorf("%+q is %+q, want %+q", typed, got, want)
		}
	}
}
