package wire_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/wire"
)

const formType = "application/x-www-form-urlencoded"

func post(contentType, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

func get(query string) *http.Request {
	return &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/", RawQuery: query}, Header: http.Header{}}
}

// refusal returns the *oauth.Error in err, and fails when there is none.
func refusal(t *testing.T, err error) *oauth.Error {
	t.Helper()
	meant := (*oauth.Error)(nil)
	if !errors.As(err, &meant) {
		t.Fatalf("err is %v, want an *oauth.Error", err)
	}
	return meant
}

func TestRFC6749_AppendixB_FormDecoding(t *testing.T) {
	p, err := wire.Form(post(formType, "a=1&b=+x%2B%26%3D&c=%C3%A9%e2%82%ac&d&e=&f=a=b&&g;h=%20;&%69=j"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "1", "b": " x+&=", "c": "é€", "d": "", "e": "", "f": "a=b", "g;h": " ;", "i": "j", "z": ""}
	for name, value := range want {
		if got := p.Get(name); got != value || p.Has(name) != (value != "") {
			t.Errorf("%s is %q, has %v; want %q", name, got, p.Has(name), value)
		}
	}
}

func TestRFC6749_3_1_RepeatedParametersAreRefused(t *testing.T) {
	for _, raw := range []string{"scope=a&scope=a", "scope=a&scope=b", "scope=&scope=a", "scope&x=1&sc%6fpe=b"} {
		_, formErr := wire.Form(post(formType, raw))
		_, queryErr := wire.Query(get(raw))
		for _, err := range []error{formErr, queryErr} {
			if e := refusal(t, err); e.Code != oauth.CodeInvalidRequest || e.HTTPStatus() != 400 || !strings.Contains(e.Description, "scope") {
				t.Errorf("%q: %v", raw, e)
			}
		}
	}
}

func TestRFC8707_2_RepeatableParameters(t *testing.T) {
	p, err := wire.Query(get("resource=https://a.example&x=1&resource=https://b.example&resource="), "resource")
	if err != nil {
		t.Fatal(err)
	}
	if got := p.List("resource"); !slices.Equal(got, []string{"https://a.example", "https://b.example"}) {
		t.Errorf("resources are %q", got)
	}
	if p.Get("resource") != "https://a.example" || p.List("y") != nil {
		t.Error("Get is not the first, or List is not nil")
	}
}

func TestMalformedFieldsAreRefused(t *testing.T) {
	for _, raw := range []string{
		"a=%", "a=%4", "a=%zz", "%=1", "%zz=1", // escapes
		"a=%FF", "a=\xff", "\xc3=1", "a=%C3%28", // UTF-8
		"a=%00", "a=x%0Ay", "a=x%0dy", "a=%09", "a=%7f", "a=\x01", "%00=1", "a=%C2%85", // control characters
	} {
		_, formErr := wire.Form(post(formType, raw))
		_, queryErr := wire.Query(get(raw))
		for _, err := range []error{formErr, queryErr} {
			if e := refusal(t, err); e.Code != oauth.CodeInvalidRequest || e.HTTPStatus() != 400 {
				t.Errorf("%q: %v", raw, e)
			}
		}
	}
}

func TestErrorTextsNeverEchoValues(t *testing.T) {
	for _, raw := range []string{"client_secret=hunter2%00", "client_secret=hunter2&client_secret=hunter2", "client_secret=hunter2%zz"} {
		_, err := wire.Form(post(formType, raw))
		if e := refusal(t, err); strings.Contains(e.Error(), "hunter2") || !strings.Contains(e.Error(), "client_secret") {
			t.Errorf("%q: %v", raw, e)
		}
	}
}

func TestFormRefusesOtherRequests(t *testing.T) {
	get := post(formType, "a=1")
	get.Method = http.MethodGet
	twice := post(formType, "a=1")
	twice.Header.Add("Content-Type", formType)
	compressed := post(formType, "a=1")
	compressed.Header.Set("Content-Encoding", "gzip")
	cases := []struct {
		name    string
		request *http.Request
		status  int
	}{
		{"GET", get, 405},
		{"no content type", post("", "a=1"), 415},
		{"JSON", post("application/json", "{}"), 415},
		{"multipart", post("multipart/form-data; boundary=x", ""), 415},
		{"a prefix", post(formType+"x", "a=1"), 415},
		{"another charset", post(formType+"; charset=utf-16", "a=1"), 415},
		{"two content types", twice, 415},
		{"compressed", compressed, 415},
	}
	for _, c := range cases {
		if _, err := wire.Form(c.request); refusal(t, err).HTTPStatus() != c.status {
			t.Errorf("%s: %v, want %d", c.name, err, c.status)
		}
	}
	for _, contentType := range []string{formType + "; charset=UTF-8", formType + ";charset=utf-8", "Application/X-WWW-Form-URLEncoded"} {
		if p, err := wire.Form(post(contentType, "a=1")); err != nil || p.Get("a") != "1" {
			t.Errorf("%s: %v", contentType, err)
		}
	}
}

// endless is a body without a length that never stops.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "&a=1"[(e.read+i)%4]
	}
	e.read += len(p)
	return len(p), nil
}

func TestLargeBodiesAre413(t *testing.T) {
	announced := post(formType, "")
	announced.ContentLength = 1 << 40
	body := &endless{}
	chunked := httptest.NewRequest(http.MethodPost, "/", body)
	chunked.Header.Set("Content-Type", formType)
	chunked.ContentLength = -1
	cases := map[string]*http.Request{
		"announced": announced, "chunked": chunked,
		"one byte too many": post(formType, "a="+strings.Repeat("x", 64<<10-1)),
	}
	for name, r := range cases {
		if _, err := wire.Form(r); refusal(t, err).HTTPStatus() != 413 {
			t.Errorf("%s: %v, want 413", name, err)
		}
	}
	if body.read > 256<<10 {
		t.Errorf("%d bytes of an endless body were read", body.read)
	}
	if _, err := wire.Form(post(formType, "a="+strings.Repeat("x", 64<<10-2))); err != nil {
		t.Errorf("64 KiB: %v", err)
	}
}

func TestLongQueriesAre414(t *testing.T) {
	if _, err := wire.Query(get("a=" + strings.Repeat("x", 8<<10-1))); refusal(t, err).HTTPStatus() != 414 {
		t.Errorf("8 KiB and one byte: %v", err)
	}
	if _, err := wire.Query(get("a=" + strings.Repeat("x", 8<<10-2))); err != nil {
		t.Errorf("8 KiB: %v", err)
	}
}

// A field costs its attacker two bytes; it must not cost us more than to look.
func TestManyFieldsAreRefusedAtOnce(t *testing.T) {
	bodies := map[string]string{
		"distinct": strings.Repeat("a=1&b=2&c=3&", 5000), "empty": strings.Repeat("&", 60000),
		"201": fields(201), "201 of a repeatable": strings.Repeat("r=1&", 201),
	}
	for name, body := range bodies {
		var err error
		took := quickest(func() { _, err = wire.Form(post(formType, body), "a", "b", "c", "r") })
		if e := refusal(t, err); e.Code != oauth.CodeInvalidRequest || took > 50*time.Millisecond {
			t.Errorf("%s: %v after %v", name, e, took)
		}
	}
	if _, err := wire.Form(post(formType, fields(200))); err != nil {
		t.Errorf("200 fields: %v", err)
	}
}

// fields returns n differently named fields.
func fields(n int) string {
	var list []string
	for i := range n {
		list = append(list, "f"+strings.Repeat("x", i)+"=1")
	}
	return strings.Join(list, "&")
}

func TestHundredThousandFieldsAllocateLittle(t *testing.T) {
	body := strings.Repeat("a=1&", 100_000)
	allocated := testing.AllocsPerRun(10, func() {
		if _, err := wire.Form(post(formType, body)); err == nil {
			t.Fatal("accepted")
		}
	})
	if allocated > 50 {
		t.Errorf("%v allocations", allocated)
	}
}

// What we accept, the standard library reads alike: two readers of one
// request must not disagree.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"", "a=1&b=2", "a=%41+b", "a=1&a=2", "&&", "=x", "a=%", "a=%zz", "a=%00", "a=\xff", "a;b=1", "%61=1&a=2",
		strings.Repeat("a=1&", 300), "grant_type=authorization_code&code=x&redirect_uri=https%3A%2F%2Fapp.example%2Fcb",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		p, err := wire.Form(post(formType, body), "r")
		if err != nil {
			refusal(t, err)
			return
		}
		theirs, err := url.ParseQuery(strings.ReplaceAll(body, ";", "%3B"))
		if err != nil {
			t.Fatalf("accepted %q, the standard library says %v", body, err)
		}
		for name := range theirs {
			if p.Get(name) != theirs.Get(name) && name != "r" {
				t.Errorf("%q: %s is %q here, %q there", body, name, p.Get(name), theirs.Get(name))
			}
		}
	})
}

const tokenRequest = "grant_type=authorization_code&code=AGlM3pS0o2ijXIzcF7jyxR2xZlGz3cWmXyzqcjbGh6k" +
	"&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&client_id=cli_0123456789abcdef" +
	"&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

func BenchmarkForm(b *testing.B) {
	r := post(formType, "")
	body := strings.NewReader("")
	r.ContentLength = int64(len(tokenRequest))
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(tokenRequest)
		r.Body = readCloser{body}
		if _, err := wire.Form(r); err != nil {
			b.Fatal(err)
		}
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// BenchmarkStandardLibrary is what BenchmarkForm is held beside.
func BenchmarkStandardLibrary(b *testing.B) {
	r := post(formType, "")
	body := strings.NewReader("")
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(tokenRequest)
		r.Body, r.Form, r.PostForm = readCloser{body}, nil, nil
		if err := r.ParseForm(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFormOf64KiBFields(b *testing.B) {
	attack := strings.Repeat("a=1&", 16<<10-1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.Form(post(formType, attack), "a"); err == nil {
			b.Fatal("accepted")
		}
	}
}
