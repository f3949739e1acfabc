package replay

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"latchkey.dev/internal/dialect"
)

func TestShapesThatDiffer(t *testing.T) {
	answer := func(body string, header ...string) Answer {
		a := Answer{Status: 200, Header: http.Header{}, Body: body}
		for i := 0; i < len(header); i += 2 {
			a.Header.Add(header[i], header[i+1])
		}
		return a
	}
	for _, c := range []struct {
		name          string
		recorded, now Answer
		want          []string
	}{
		{"same, other values", answer(`{"a":"xyz 1","n":3600,"l":[{"b":1}]}`), answer(`{"a":"zyx 22","n":1800,"l":[{"b":2},{"b":3}]}`), nil},
		{"status", Answer{Status: 400}, Answer{Status: 401}, []string{"status: 400 in the recording, 401 now"}},
		{"member gone", answer(`{"a":1,"b":"x"}`), answer(`{"a":1}`), []string{"body.b: text in the recording, not there now"}},
		{"member more", answer(`{"a":1}`), answer(`{"a":1,"b":null}`), []string{"body.b: not in the recording, null now"}},
		{"type", answer(`{"a":{"b":"7"}}`), answer(`{"a":{"b":7}}`), []string{"body.a.b: text in the recording, a number now"}},
		{"type in a list", answer(`[{"b":"x"}]`), answer(`[{"b":[]}]`), []string{"body[0].b: text in the recording, a list now"}},
		{"an empty list says nothing", answer(`{"a":[]}`), answer(`{"a":[1]}`), nil},
		{"a word that clients compare", answer(`{"t":"bearer"}`), answer(`{"t":"Bearer"}`), []string{`body.t: "bearer" in the recording, "Bearer" now`}},
		{"a sentence", answer(`{"t":"It has gone."}`), answer(`{"t":"this code has expired"}`), nil},
		{"form of a time", answer(`{"t":"2026-01-01T00:00:00Z"}`), answer(`{"t":"2026-01-01T00:00:00.5Z"}`), []string{"body.t: a time with a zone in the recording, a time with fractions and a zone now"}},
		{"UUID", answer(`{"t":"f47ac10b-58cc-4372-a567-0e02b2c3d479"}`), answer(`{"t":"f47ac10b"}`), []string{"body.t: a UUID in the recording, text now"}},
		{"a unit", answer(`{"t":"3600s"}`), answer(`{"t":"3600"}`), []string{"body.t: digits with a unit in the recording, digits now"}},
		{"order of magnitude", answer(`{"n":3600}`), answer(`{"n":36000}`), []string{"body.n: 3600 in the recording, 36000 now"}},
		{"no JSON any more", answer(`{}`), answer(`<html>`), []string{"body: JSON in the recording, something else now"}},
		{"a header gone", answer(`{}`, "Cache-Control", "no-store", "X-Rate", "1", "Date", "x"), answer(`{}`), []string{`header Cache-Control: "no-store" in the recording, not there now`, `header X-Rate: "1" in the recording, not there now`}},
		{"media type", answer(`{}`, "Content-Type", "application/json; charset=utf-8"), answer(`{}`, "Content-Type", "Application/JSON"), nil},
		{"another media type", answer(`x`, "Content-Type", "text/html"), answer(`x`, "Content-Type", "text/plain"), []string{`header Content-Type: "text/html" in the recording, "text/plain" now`}},
		{"cookies", answer(`{}`, "Set-Cookie", "a=1", "Set-Cookie", "b=2"), answer(`{}`, "Set-Cookie", "b=3"), []string{"cookies: [a b] in the recording, [b] now"}},
		{"where to", answer("", "Location", "https://a.example/cb?code=1&state=2"), answer("", "Location", "https://a.example/cb?code=3"), []string{"header Location: a.example/cb?code&state in the recording, a.example/cb?code now"}},
	} {
		if got := compare(c.recorded, c.now); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q\nwant %q", c.name, got, c.want)
		}
	}
}

const spoken = `name: corner
hosts: {api: {answers: json}, door: {answers: pages}}
errors: {body: '{error}'}
routes:
  - {route: POST api /token, operation: token, request: '.body | {grant_type}', response: '{access_token}'}
  - {route: GET door /in, operation: authorize, request: '{client_id: .query.app}', response: '{code}'}
`

// TestPlayLearns: what the old server gave out is sent as what the new one gave out in its place, in body, query, header and cookie.
// TestReadSaysWhere a file stops being a recording.
func TestReadSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"{\n\"log\": {\n\"entries\": [5]}}":       "line 3: this is not a HAR file: log.entries holds a number: ",
		"{\n\"log\": {\n\"entries\" [5]}}":        "line 3: this is not a HAR file: invalid character '[' ",
		"{\n\"log\": ":                            "line 2: this is not a HAR file: unexpected end ",
		`{"log": {"entries": []}}`:                "this HAR file has no entries",
		"\ufeff" + `{"log": {"entries": []}}`:     "this HAR file has no entries",
		`{"log": {"entries": [{"request": {}}]}}`: "entry 1 has no address",
	} {
		if _, err := Read([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPlayLearns(t *testing.T) {
	loaded, err := dialect.Load([]byte(spoken), "corner.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Host+" "+r.URL.RawQuery+" "+r.Header.Get("Authorization")+" "+r.Header.Get("Cookie")+" "+string(body))
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "new-session-value"})
		_, _ = io.WriteString(w, `{"key":"new key/with=signs","list":["new-list-value-1"]}`)
	}))
	defer server.Close()
	entry := func(method, path, query, body string, header http.Header) Entry {
		return Entry{
			Method: method, URL: &url.URL{Scheme: "https", Host: "api.old.example", Path: path, RawQuery: query}, Body: body, Header: header,
			Answer: Answer{Status: 200, Header: http.Header{"Set-Cookie": {"sid=old-session-value"}}, Body: `{"key":"old \"key\"/value","list":["old-list-value-1"]}`},
		}
	}
	recording := &Recording{Entries: []Entry{
		entry("GET", "/in", "app=x", "", nil),
		entry("POST", "/token", "", `{"secret":"old-secret"}`, http.Header{"Host": {"x"}, "Accept-Encoding": {"br"}}),
		entry("POST", "/token", "t="+url.QueryEscape(`old "key"/value`), `{"k":"old \"key\"/value"}`, http.Header{"Authorization": {"Bearer old-list-value-1"}, "Cookie": {"sid=old-session-value"}}),
		entry("PUT", "/token", "", "", nil),
	}}
	results, err := Play(t.Context(), recording, Config{
		Dialect: loaded, Targets: map[string]string{"api": server.URL}, Replace: map[string]string{"old-secret": "new-secret"}, Client: server.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if results[0].Skipped == "" || results[3].Differences[0] != "the dialect has no route for this" || len(results[1].Differences) != 0 {
		t.Errorf("%+v", results)
	}
	want := []string{
		`api.old.example    {"secret":"new-secret"}`,
		`api.old.example t=new+key%2Fwith%3Dsigns Bearer new-list-value-1 sid=new-session-value {"k":"new key/with=signs"}`,
	}
	if !slices.Equal(seen, want) {
		t.Errorf("%q\nwant %q", seen, want)
	}
	if _, err := Play(t.Context(), recording, Config{Dialect: loaded, Targets: map[string]string{"door": server.URL}}); err == nil || !strings.Contains(err.Error(), "answers at api: say where that is") {
		t.Errorf("%v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{
		"", "{}", `{"log":{"entries":[]}}`, `{"log":{"entries":[{"request":{"method":"POST","url":"https://a.example/x","headers":[{"name":":path","value":"/"},{"name":"A","value":"b"}],"postData":{"params":[{"name":"a","value":"b"}]}},"response":{"status":200,"content":{"text":"e30=","encoding":"base64"}}}]}}`,
		`{"log":{"entries":[{"request":{"url":"::"}}]}}`, `{"log":{"entries":[{"request":{"url":"https://a.example"},"response":{"content":{"text":"?","encoding":"base64"}}}]}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		recording, err := Read(data)
		if err == nil && len(recording.Entries) == 0 {
			t.Error("accepted without entries")
		}
		if err != nil {
			return
		}
		for _, entry := range recording.Entries {
			if entry.URL.Host == "" {
				t.Errorf("an entry without an address: %+v", entry)
			}
			if differences := compare(entry.Answer, entry.Answer); len(differences) > 0 {
				t.Errorf("an answer differs from itself: %q", differences)
			}
		}
	})
}
