package oauth_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"latchkey.dev/internal/oauth"
)

func scopes(t testing.TB, s string) oauth.ScopeSet {
	t.Helper()
	set, err := oauth.ParseScope(s)
	if err != nil {
		t.Fatalf("ParseScope(%q): %v", s, err)
	}
	return set
}

func TestRFC6749_3_3_ParseScope(t *testing.T) {
	cases := map[string]string{
		"":                           "",
		" ":                          "",
		"openid":                     "openid",
		"b a b c a":                  "b a c", // first mention decides
		"  a   b ":                   "a b",
		"READ read":                  "READ read", // case-sensitive
		"https://api.example/x!#[]~": "https://api.example/x!#[]~",
	}
	for in, want := range cases {
		if got := scopes(t, in).String(); got != want {
			t.Errorf("ParseScope(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestRFC6749_3_3_ParseScopeRefuses(t *testing.T) {
	var many strings.Builder
	for i := range 101 {
		fmt.Fprintf(&many, "s%d ", i)
	}
	cases := map[string]string{
		"quote": `a"b`, "backslash": `a\b`, "tab": "a\tb", "line end": "a\nb", "NUL": "a\x00",
		"DEL": "a\x7f", "not ASCII": "café", "too long": strings.Repeat("a", 4097), "too many": many.String(),
	}
	for name, in := range cases {
		_, err := oauth.ParseScope(in)
		if meant := (*oauth.Error)(nil); !errors.As(err, &meant) || meant.Code != oauth.CodeInvalidScope {
			t.Errorf("%s: err is %v, want invalid_scope", name, err)
		}
	}
}

func TestScopeSetOperations(t *testing.T) {
	a, b := scopes(t, "openid email read"), scopes(t, "read write openid")
	results := map[string][2]string{
		"intersect": {a.Intersect(b).String(), "openid read"},
		"minus":     {a.Minus(b).String(), "email"},
		"union":     {a.Union(b).String(), "openid email read write"},
		"unchanged": {a.String(), "openid email read"},
	}
	for name, r := range results {
		if r[0] != r[1] {
			t.Errorf("%s is %q, want %q", name, r[0], r[1])
		}
	}
	if !a.Contains(scopes(t, "read email")) || a.Contains(b) || !a.Contains(nil) || a.Has("rea") {
		t.Error("Contains or Has is wrong")
	}
}

func TestUnionNeverSharesMemory(t *testing.T) {
	base := make(oauth.ScopeSet, 1, 8)
	base[0] = "a"
	first := base.Union(oauth.ScopeSet{"b"})
	second := base.Union(oauth.ScopeSet{"c"})
	if first.String() != "a b" || second.String() != "a c" {
		t.Errorf("unions are %q and %q", first, second)
	}
}

func FuzzParseScope(f *testing.F) {
	for _, seed := range []string{"", "openid profile", "  a  b a", "a\"b", "\x00", "é", strings.Repeat("a ", 200)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		set, err := oauth.ParseScope(s)
		if err != nil {
			return
		}
		again, err := oauth.ParseScope(set.String())
		if err != nil || again.String() != set.String() || len(again) != len(set) {
			t.Errorf("%q does not survive its own wire form: %q, %v", s, again, err)
		}
		for i, scope := range set {
			if set[:i].Has(scope) {
				t.Errorf("%q holds %q twice", s, scope)
			}
		}
	})
}

func BenchmarkParseScope(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := oauth.ParseScope("openid profile email offline_access payments:read payments:write"); err != nil {
			b.Fatal(err)
		}
	}
}
