package destination

import (
	"errors"
	"net/url"
	"testing"

	"latchkey.dev/internal/oauth"
)

func TestRFC6749_3_1_2_3_OnlyARegisteredURIIsProven(t *testing.T) {
	one := []string{"https://app.example/cb"}
	two := append([]string{"https://app.example/other"}, one...)
	for name, c := range map[string]struct {
		registered []string
		requested  string
		want       string // "" is refused
	}{
		"equal":                            {two, "https://app.example/cb", "https://app.example/cb"},
		"omitted, one registered":          {one, "", "https://app.example/cb"},
		"omitted, two registered":          {two, "", ""},
		"omitted, none registered":         {nil, "", ""},
		"another path":                     {one, "https://app.example/cb/", ""},
		"a longer one":                     {one, "https://app.example/cb?x=1", ""},
		"another case":                     {one, "https://app.example/CB", ""},
		"another host":                     {one, "https://app.example.evil.example/cb", ""},
		"RFC8252_7_3 any port of loopback": {[]string{"http://127.0.0.1/cb"}, "http://127.0.0.1:51004/cb", "http://127.0.0.1:51004/cb"},
		"loopback with another path":       {[]string{"http://127.0.0.1/cb"}, "http://127.0.0.1:51004/other", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Prove(c.registered, c.requested)
			if got.URI() != c.want || (err != nil) != (c.want == "") {
				t.Errorf("Prove = %q, %v; want %q", got.URI(), err, c.want)
			}
		})
	}
}

func TestRFC6749_4_1_2_AnswersKeepTheURIsOwnQuery(t *testing.T) {
	for _, c := range []struct{ registered, want string }{
		{"https://app.example/cb", "https://app.example/cb?code=c%2B1&state=s+%26t&iss=https%3A%2F%2Fas.example"},
		{"https://app.example/cb?tenant=7", "https://app.example/cb?tenant=7&code=c%2B1&state=s+%26t&iss=https%3A%2F%2Fas.example"},
		{"https://app.example/cb?", "https://app.example/cb?&code=c%2B1&state=s+%26t&iss=https%3A%2F%2Fas.example"},
		{"com.example.app:/cb", "com.example.app:/cb?code=c%2B1&state=s+%26t&iss=https%3A%2F%2Fas.example"},
	} {
		d, err := Prove([]string{c.registered}, "")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Carrying("s &t", "https://as.example").WithCode("c+1", nil); got != c.want || err != nil {
			t.Errorf("location = %s, %v\nwant       %s", got, err, c.want)
		}
	}
}

func TestRFC9207_2_ErrorsCarryIss(t *testing.T) {
	d, _ := Prove([]string{"https://app.example/cb"}, "")
	refusal := d.Carrying("", "https://as.example").Refuse(oauth.AccessDenied("no & thanks"))
	location, failed := refusal.Location()
	u, err := url.Parse(location)
	if failed != nil {
		t.Fatal(failed)
	}
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("error") != "access_denied" || q.Get("error_description") != "no & thanks" || q.Get("iss") != "https://as.example" || q.Has("state") {
		t.Errorf("query = %v", q)
	}
	if meant := (*oauth.Error)(nil); !errors.As(error(refusal), &meant) || meant.Code != oauth.CodeAccessDenied {
		t.Error("the refusal does not unwrap to its oauth error")
	}
}

// TestShapeSpeaksForThePlatform: what an app's own parameters are made of is the standard's, and they stand where the standard's
// would.
func TestShapeSpeaksForThePlatform(t *testing.T) {
	d, _ := Prove([]string{"https://app.example/cb?tenant=7"}, "")
	d = d.Carrying("s1", "https://as.example").In(func(standard map[string]string) (url.Values, error) {
		return url.Values{"auth_code": {standard["code"]}, "fault": {standard["error"]}, "because": {standard["reason"]}, "state": {standard["state"]}, "may": {standard["scope"]}}, nil
	})
	got, err := d.WithCode("c1", oauth.ScopeSet{"a", "b"})
	if want := "https://app.example/cb?tenant=7&auth_code=c1&because=&fault=&may=a+b&state=s1"; got != want || err != nil {
		t.Errorf("location = %s, %v\nwant       %s", got, err, want)
	}
	got, err = d.Refuse(oauth.AccessDenied("no").With("asked")).Location()
	if want := "https://app.example/cb?tenant=7&auth_code=&because=asked&fault=access_denied&may=&state=s1"; got != want || err != nil {
		t.Errorf("location = %s, %v\nwant       %s", got, err, want)
	}
}

func TestShapeThatFailsLeadsNowhere(t *testing.T) {
	d, _ := Prove([]string{"https://app.example/cb"}, "")
	failure := errors.New("the mapping is wrong")
	d = d.In(func(map[string]string) (url.Values, error) { return nil, failure })
	if location, err := d.WithCode("c1", nil); location != "" || !errors.Is(err, failure) {
		t.Errorf("with a code: %q, %v", location, err)
	}
	if location, err := d.Refuse(oauth.AccessDenied("no")).Location(); location != "" || !errors.Is(err, failure) {
		t.Errorf("refused: %q, %v", location, err)
	}
}
