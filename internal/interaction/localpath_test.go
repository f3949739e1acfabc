package interaction

import (
	"net/url"
	"strings"
	"testing"
)

func TestLocalPathNeverLeavesTheHost(t *testing.T) {
	for _, good := range []string{"/", "/connected", "/accounts/acc_1/", "/connected/app?tab=a%20b", "/invitations/AbC-_1"} {
		if got := LocalPath(good); got != good {
			t.Errorf("LocalPath(%q) = %q", good, got)
		}
	}
	for _, bad := range []string{
		"", "connected", "https://evil.example", "//evil.example", "///evil.example", `/\evil.example`, `\/evil.example`, "/\t/evil.example",
		"/\n/evil.example", "/%2f/evil.example", "/./evil", "/../evil", "/a//b", "javascript:alert(1)", "/a#b", "/a b", "/é", "http:/evil", "/" + strings.Repeat("a", longestPath),
	} {
		if got := LocalPath(bad); got != home {
			t.Errorf("LocalPath(%q) = %q", bad, got)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/connected", "//evil.example", `/\evil.example`, "/\t/evil.example", "https://evil.example", "/a?b=c"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://acme.example/sign-in")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, next string) {
		// A browser takes backslashes for slashes and drops tabs and line ends (URL Standard §4.4).
		as := strings.NewReplacer(`\`, "/", "\t", "", "\n", "", "\r", "").Replace(LocalPath(next))
		u, err := base.Parse(as)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || u.User != nil {
			t.Errorf("LocalPath(%q) = %q leads to %v, %v", next, LocalPath(next), u, err)
		}
	})
}
