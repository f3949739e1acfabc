package mail

import (
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	for typed, want := range map[string]string{
		" Ann@Example.ORG ":                "ann@example.org",
		"jose\u0301@example.org":           "josé@example.org",
		"ann+tag@example.org":              "ann+tag@example.org",
		"":                                 "",
		"ann":                              "",
		"ann@":                             "",
		"Ann <ann@example.org>":            "",
		"<ann@example.org>":                "",
		"ann@example.org, bob@example.org": "",
		"ann@example.org\r\nBcc: eve@example.org": "",
		`"a b"@example.org`:                       "",
		strings.Repeat("a", 250) + "@example.org": "",
	} {
		if got, ok := Address(typed); got != want || ok != (want != "") {
			t.Errorf("Address(%q) = %q, %v; want %q", typed, got, ok, want)
		}
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("ann@example.org")
	f.Add("Ann <ann@example.org>\n")
	f.Fuzz(func(t *testing.T, typed string) {
		address, ok := Address(typed)
		if !ok {
			return
		}
		if strings.ContainsAny(address, "\r\n<>, ") || len(address) > longestAddress {
			t.Errorf("Address(%q) = %q", typed, address)
		}
		if again, ok := Address(address); !ok || again != address {
			t.Errorf("Address(%q) = %q, and that is %q, %v", typed, address, again, ok)
		}
	})
}
