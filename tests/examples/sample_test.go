package examples

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// The samples of the platforms' own documents, sent as they are printed: only hosts and credentials are replaced.

// answer is what came back.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
	object map[string]any
}

// TestTheManifestHasEveryLogicalHost, by the names of the platforms' contracts.
func TestTheManifestHasEveryLogicalHost(t *testing.T) {
	for platform, hosts := range map[string]map[string]string{
		"noon": {"oauth": "oauth.noon", "gateway": "gateway.noon"}, "noorle": {"console": "console.noorle", "api": "api.noorle"},
		"nomba": {"api": "api.nomba", "sandbox": "sandbox.nomba"}, "nomba-sandbox": {"api": "sandbox.nomba", "sandbox": "sandbox.nomba"},
		"noonlight": {
			"account": "account.noonlight", "api": "api.noonlight", "account-sandbox": "account-sandbox.noonlight", "api-sandbox": "api-sandbox.noonlight",
		},
		"noonlight-sandbox": {"account-sandbox": "account-sandbox.noonlight", "api-sandbox": "api-sandbox.noonlight"}, "tiki": {"api": "api.tiki"},
	} {
		for name, host := range hosts {
			if got, want := dev.Platforms[platform].Hosts[name], dev.URL(host+".localhost", ""); got != want {
				t.Errorf("%s: %s is at %q, want %s", platform, name, got, want)
			}
		}
	}
}

// TestThePlatformsNameLeadsToItsPages, whatever the hosts of its contract are called.
func TestThePlatformsNameLeadsToItsPages(t *testing.T) {
	for name, platform := range dev.Platforms {
		page := open(t, noura(t, name), dev.URL(name+".localhost", "/"))
		if page.Location == nil || page.Location.String() != platform.Issuer+"/connected" {
			t.Errorf("%s: %d %v", name, page.Status, page.Location)
		}
	}
}

// raw sends a request that is printed as HTTP, to one of dev mode's hosts. replace is old, new, old, new …
func raw(t *testing.T, base, printed string, replace ...string) answer {
	t.Helper()
	text := strings.NewReplacer(replace...).Replace(printed)
	head, body, _ := strings.Cut(text, "\n\n")
	if !strings.Contains(head, "\nHost:") {
		line, rest, _ := strings.Cut(head, "\n")
		head = line + "\nHost: x\n" + rest
	}
	head = strings.TrimRight(head, "\n") + fmt.Sprintf("\nContent-Length: %d", len(body))
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body)))
	if err != nil {
		t.Fatal(err)
	}
	return send(t, base, request)
}

// curl sends what a printed curl command would.
func curl(t *testing.T, base, printed string, replace ...string) answer {
	t.Helper()
	words := shellWords(strings.NewReplacer(replace...).Replace(printed))
	method, body, address, form, header := http.MethodGet, "", "", []string{}, http.Header{}
	for i := 1; i < len(words); i++ {
		next := func() string { i++; return words[i] }
		switch words[i] {
		case "-X", "--request":
			method = next()
		case "-H", "--header":
			name, value, _ := strings.Cut(next(), ":")
			header.Set(name, strings.TrimSpace(value))
		case "-d":
			body = next()
		case "--data-urlencode":
			name, value, _ := strings.Cut(next(), "=")
			form = append(form, name+"="+url.QueryEscape(value))
		case "--location":
		default:
			address = words[i]
		}
	}
	if len(form) > 0 {
		body = strings.Join(form, "&")
	}
	request, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	return send(t, base, request)
}

// shellWords splits a command as a shell does, as far as the samples need: single and double quotes, lines continued with a backslash.
func shellWords(command string) (words []string) {
	var word strings.Builder
	quote, begun := rune(0), false
	flush := func() {
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	for _, c := range strings.ReplaceAll(command, "\\ \n", "\\\n") {
		switch {
		case quote == 0 && (c == '\'' || c == '"'):
			quote, begun = c, true
		case c == quote:
			quote = 0
		case quote == 0 && (c == ' ' || c == '\n' || c == '\\'):
			flush()
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	flush()
	return words
}

// send brings a printed request to dev mode: its path and query at the host that base names.
func send(t *testing.T, base string, request *http.Request) answer {
	t.Helper()
	at := mustParse(t, base)
	target := *at
	target.Path, target.RawQuery = request.URL.Path, request.URL.RawQuery
	request.URL, request.Host, request.RequestURI = &target, at.Host, ""
	transport := dev.Transport("")
	t.Cleanup(transport.CloseIdleConnections)
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := answer{t: t, status: response.StatusCode, header: response.Header, body: string(text)}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(text, &got.object); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	return got
}

// shows holds an answer to the one that the document shows: the same members, each of the same type, and no others. Values of want
// that begin with "=" must be equal; the rest is an example of the type.
func (a answer) shows(status int, want string) {
	a.t.Helper()
	var expected any
	if err := json.Unmarshal([]byte(want), &expected); err != nil {
		a.t.Fatal(err)
	}
	if a.status != status || a.header.Get("Content-Type") != "application/json" {
		a.t.Fatalf("%d %s\n%s", a.status, a.header.Get("Content-Type"), a.body)
	}
	if where := differs("", a.object, expected); where != "" {
		a.t.Errorf("%s\nthe document shows\n%s\nand this came\n%.1000s", where, want, a.body)
	}
	for _, name := range []string{"Cache-Control", "Pragma"} {
		if want := map[string]string{"Cache-Control": "no-store", "Pragma": "no-cache"}[name]; a.header.Get(name) != want {
			a.t.Errorf("%s: %s", name, a.header.Get(name))
		}
	}
}

func differs(place string, got, want any) string {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return place + " is no object"
		}
		for name := range object {
			if _, known := want[name]; !known {
				return place + "." + name + " is too much"
			}
		}
		for name := range want {
			if where := differs(place+"."+name, object[name], want[name]); where != "" {
				return where
			}
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return place + " is another list"
		}
		for i := range want {
			if where := differs(fmt.Sprintf("%s[%d]", place, i), list[i], want[i]); where != "" {
				return where
			}
		}
	case string:
		text, ok := got.(string)
		exact, isExact := strings.CutPrefix(want, "=")
		if !ok || text == "" || isExact && text != exact {
			return fmt.Sprintf("%s is %v", place, got)
		}
	case float64:
		if number, ok := got.(float64); !ok || number != want {
			return fmt.Sprintf("%s is %v", place, got)
		}
	default:
		if got != want {
			return fmt.Sprintf("%s is %v", place, got)
		}
	}
	return ""
}

func (a answer) text(path ...string) string {
	a.t.Helper()
	var value any = a.object
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	text, ok := value.(string)
	if !ok {
		a.t.Fatalf("no %v in %d %s", path, a.status, a.body)
	}
	return text
}

// allowed sends Noura through a printed authorization request, and returns what the redirect carries.
func allowed(t *testing.T, platform, base, printed, redirectURI string, replace ...string) url.Values {
	t.Helper()
	text := strings.NewReplacer(replace...).Replace(strings.Join(strings.Fields(strings.TrimPrefix(printed, "GET ")), ""))
	asked := mustParse(t, text)
	at := mustParse(t, base)
	asked.Scheme, asked.Host = at.Scheme, at.Host
	location, err := noura(t, platform).Allow(asked.String(), redirectURI)
	if err != nil {
		t.Fatal(err)
	}
	return location.Query()
}

// carries holds a redirect's parameters to exactly these names.
func carries(t *testing.T, got url.Values, names ...string) {
	t.Helper()
	var found []string
	for name := range got {
		found = append(found, name)
	}
	slices.Sort(found)
	slices.Sort(names)
	if !slices.Equal(found, names) {
		t.Errorf("the redirect carries %v, the document shows %v", found, names)
	}
}
