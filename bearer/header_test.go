package bearer

import (
	"strings"
	"testing"
)

// FuzzParseAuthorization holds the parser to RFC 6750 §2.1: what it lets through is one b64token, taken from the header
// as it stands; what it refuses is told without repeating it.
func FuzzParseAuthorization(f *testing.F) {
	for _, seed := range []string{
		"", "Bearer", "Bearer ", "bearer abc", "BEARER  abc==", "Bearer a=b", "Bearer a b", "Bearer a,b", "Basic YTpi",
		"Bearer\tabc", "Bearer abc\n", "Bearer abc ", "Bearer =", "Bearer \x00", "Bearer é", "Bearer" + strings.Repeat(" ", 99) + "x",
		"Bearer eyJhbGciOiJub25lIn0.e30.", "DPoP abc",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		token, err := parseAuthorization(value)
		if err != nil {
			if rest, ok := strings.CutPrefix(value, "Bearer "); ok && len(rest) > 12 && strings.Contains(err.Error(), rest) {
				t.Error("the refusal repeats the credentials")
			}
			return
		}
		if token == "" || len(token) > maxToken || strings.ContainsAny(token, " ,\"\\\t\r\n\x00") || !strings.HasSuffix(value, token) {
			t.Errorf("%q gave %q", value, token)
		}
		if !strings.EqualFold(value[:7], "Bearer ") {
			t.Errorf("%q is no bearer credential", value)
		}
	})
}

func TestWellKnown(t *testing.T) { // RFC 8414 §3.1
	cases := map[string]string{
		"https://a.test":     "https://a.test/.well-known/x",
		"https://a.test/":    "https://a.test/.well-known/x",
		"https://a.test/t/1": "https://a.test/.well-known/x/t/1",
	}
	for identifier, want := range cases {
		if got := wellKnown(identifier, "x"); got != want {
			t.Errorf("%s gave %s, want %s", identifier, got, want)
		}
	}
}
