package wire_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/wire"
)

type embedded struct {
	Contacts []string `json:"contacts"`
}

type document struct {
	embedded
	Name     string              `json:"client_name"`
	URIs     []string            `json:"redirect_uris"`
	MaxAge   *int64              `json:"default_max_age"`
	Strict   bool                `json:"strict"`
	Software struct{ ID string } `json:"software"`
	Keys     []struct {
		KTY string `json:"kty"`
	} `json:"keys"`
	Labels map[string]string `json:"labels"`
	Raw    json.RawMessage   `json:"raw"`
	Hidden string            `json:"-"`
}

func TestDecodeJSON(t *testing.T) {
	var d document
	err := wire.DecodeJSON([]byte(`
		{"client_name": "Caf\u00e9 \ud83d\ude00", "redirect_uris": ["https://a.example", "b"], "default_max_age": 3600, "strict": true,
		 "software": {"ID": "x"}, "keys": [{"kty": "EC"}, {"kty": "RSA"}], "labels": {"A": "1", "a": "2"}, "contacts": ["c"],
		 "raw": {"KTY": [1, null]}, "unknown": {"deep": ["x", {}]}, "Hidden": "\u0000"} `), &d)
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "Café 😀" || len(d.URIs) != 2 || *d.MaxAge != 3600 || !d.Strict || d.Software.ID != "x" ||
		d.Keys[1].KTY != "RSA" || d.Labels["a"] != "2" || d.Contacts[0] != "c" || string(d.Raw) != `{"KTY": [1, null]}` || d.Hidden != "" {
		t.Errorf("decoded %+v", d)
	}
}

func TestDecodeJSONRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"x":`, n) + "1" + strings.Repeat("}", n) }
	cases := []struct{ section, in, says string }{
		{"RFC 7493 §2.3 duplicate", `{"client_name":"a","client_name":"b"}`, "client_name"},
		{"RFC 7493 §2.3 duplicate, escaped", `{"client_name":"a","client\u005fname":"b"}`, "client_name"},
		{"RFC 7493 §2.3 duplicate, deep", `{"unknown":[{"a":{"b":1,"b":2}}]}`, "unknown.a.b"},
		{"RFC 7493 §2.3 duplicate, unknown", `{"x":1,"x":1}`, "x"},
		{"RFC 8259 §8.3 case", `{"Client_Name":"a"}`, "client_name"},
		{"RFC 8259 §8.3 case, folded", `{"\u017foftware":{}}`, "software"},
		{"RFC 8259 §8.3 case, nested", `{"keys":[{"KTY":"EC"}]}`, "kty"},
		{"RFC 8259 §8.3 case, embedded", `{"Contacts":[]}`, "contacts"},
		{"RFC 8259 §8.1 UTF-8", "{\"client_name\":\"\xff\"}", "UTF-8"},
		{"RFC 7493 §2.1 surrogate", `{"client_name":"\ud800"}`, "surrogate"},
		{"RFC 7493 §2.1 surrogate", `{"x":"\udc00\ud800"}`, "surrogate"},
		{"RFC 7493 §2.1 surrogate beside U+FFFD", "{\"x\":\"\uFFFD\\uD800\"}", "surrogate"},
		{"RFC 7493 §2.1 surrogate beside an escaped escape", `{"x":"\\ufffd\ud800"}`, "surrogate"},
		{"RFC 7493 §2.1 surrogate, then another character", `{"x":"\ud800\u0041"}`, "surrogate"},
		{"RFC 7493 §2.1 surrogate in a name", `{"x\udfff":1}`, "surrogate"},
		{"control character", `{"client_name":"a\u0000"}`, "client_name"},
		{"control character", `{"redirect_uris":["a\nb"]}`, "redirect_uris"},
		{"control character in a map", `{"labels":{"a":"\u001b"}}`, "labels.a"},
		{"control character in a name", `{"labels":{"a\u0000":"x"}}`, "control characters"},
		{"depth", deep(17), "16 levels"},
		{"depth", strings.Repeat("[", 20000), "well-formed"},
		{"trailing data", `{} {}`, "one well-formed"},
		{"trailing data", `{}x`, "one well-formed"},
		{"empty", ``, "one well-formed"},
		{"comments", `{/**/}`, "one well-formed"},
		{"not an object", `[]`, "an object"},
		{"not an object", `"x"`, "an object"},
		{"not an object", `null`, "an object"},
		{"not an object", ` null `, "an object"},
		{"wrong type", `{"client_name":1}`, "client_name must be a string"},
		{"wrong type", `{"redirect_uris":"x"}`, "redirect_uris must be an array"},
		{"wrong type", `{"redirect_uris":[1]}`, "redirect_uris must be a string"},
		{"wrong type", `{"default_max_age":"x"}`, "default_max_age must be a number"},
		{"wrong type", `{"default_max_age":1.5}`, "default_max_age"},
		{"wrong type", `{"default_max_age":1e999}`, "default_max_age"},
		{"wrong type", `{"strict":"true"}`, "strict must be true or false"},
		{"wrong type", `{"software":[]}`, "software must be an object"},
	}
	for _, c := range cases {
		var d document
		err := wire.DecodeJSON([]byte(c.in), &d)
		if err == nil {
			t.Errorf("%s: %.60s is accepted", c.section, c.in)
			continue
		}
		e := refusal(t, err)
		if e.Code != oauth.CodeInvalidRequest || !strings.Contains(e.Description, c.says) {
			t.Errorf("%s: %.60s: %v, want it to say %q", c.section, c.in, e, c.says)
		}
	}
	if err := wire.DecodeJSON([]byte(deep(16)), &document{}); err != nil {
		t.Errorf("16 levels: %v", err)
	}
}

func TestDecodeJSONAcceptsEveryUFFFD(t *testing.T) {
	var d document
	if err := wire.DecodeJSON([]byte("{\"client_name\":\"\uFFFD\\ufffd\\uFFFD\\\\ud800\"}"), &d); err != nil || d.Name != "\uFFFD\uFFFD\uFFFD\\ud800" {
		t.Errorf("%q, %v", d.Name, err)
	}
}

func TestJSONBodies(t *testing.T) {
	var d document
	if err := wire.JSON(post("application/json; charset=utf-8", `{"client_name":"x"}`), &d); err != nil || d.Name != "x" {
		t.Errorf("%q, %v", d.Name, err)
	}
	cases := []struct {
		request *http.Request
		status  int
	}{
		{post(formType, `{}`), 415},
		{post("text/plain", `{}`), 415},
		{post("application/json", `{"x":"`+strings.Repeat("x", 64<<10)+`"}`), 413},
		{post("application/json", ``), 400},
	}
	for i, c := range cases {
		if e := refusal(t, wire.JSON(c.request, &d)); e.HTTPStatus() != c.status {
			t.Errorf("case %d: %v, want %d", i, e, c.status)
		}
	}
}

// Decoded values must not point into the pooled buffer that the next request fills.
func TestJSONKeepsNothingOfTheBuffer(t *testing.T) {
	var first, second document
	if err := wire.JSON(post("application/json", `{"client_name":"first","raw":"first"}`), &first); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := wire.JSON(post("application/json", `{"client_name":"other","raw":"other"}`), &second); err != nil {
			t.Fatal(err)
		}
	}
	if first.Name != "first" || string(first.Raw) != `"first"` {
		t.Errorf("first became %s %s", first.Name, first.Raw)
	}
}

// The most that 64 KiB can ask of the reader.
func TestHostileJSONIsReadInTime(t *testing.T) {
	var names strings.Builder
	for i := range 7000 {
		fmt.Fprintf(&names, `"%x":1,`, i)
	}
	attacks := map[string]string{
		"many members":  "{" + names.String() + `"end":1}`,
		"many elements": `{"redirect_uris":[` + strings.Repeat(`"",`, 20000) + `""]}`,
		"many objects":  `{"keys":[` + strings.Repeat(`{},`, 20000) + `{}]}`,
		"many escapes":  `{"client_name":"` + strings.Repeat(`\u00e9`, 10000) + `"}`,
		"deep":          strings.Repeat(`[`, 60000),
	}
	for name, attack := range attacks {
		took := quickest(func() { _ = wire.DecodeJSON([]byte(attack), &document{}) }) // refused or not: only the time matters
		if took > 50*time.Millisecond {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// quickest is the least that it takes: on a machine with other work, anything may take long once.
func quickest(do func()) time.Duration {
	least := time.Hour
	for range 7 {
		started := time.Now()
		do()
		least = min(least, time.Since(started))
	}
	return least
}

func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"client_name":"a"}`, `{"client_name":"a","client_name":"b"}`, `{"CLIENT_NAME":1}`, `{"keys":[{"kty":"a"}]}`,
		`{"labels":{"a":"\ud800"}}`, `{"x":"\\\""}`, `{"x":[1,-2.5e3,true,false,null,"",{}]}`, ` { } `, `{"x":"\u0000"}`, "{\"\uFFFD\":1}",
		strings.Repeat("[", 20), `{"raw":{"a":1,"a":2}}`, `1`, `"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var strict, loose document
		if err := wire.DecodeJSON(data, &strict); err != nil {
			refusal(t, err)
			return
		}
		if err := json.Unmarshal(data, &loose); err != nil || !reflect.DeepEqual(strict, loose) {
			t.Errorf("accepted %q as %+v, the standard library reads %+v, %v", data, strict, loose, err)
		}
		var generic any
		if err := wire.DecodeJSON(data, &generic); err != nil && !strings.Contains(fmt.Sprint(err), "control characters") {
			t.Errorf("%q is fine for a struct, but not for any: %v", data, err)
		}
	})
}

func BenchmarkDecodeJSON(b *testing.B) {
	data := []byte(`{"client_name":"Example","redirect_uris":["https://app.example/cb","https://app.example/cb2"],"default_max_age":3600,
		"software":{"ID":"x"},"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}],"contacts":["a@b.example"]}`)
	b.ReportAllocs()
	for b.Loop() {
		var d document
		if err := wire.DecodeJSON(data, &d); err != nil {
			b.Fatal(err)
		}
	}
}
