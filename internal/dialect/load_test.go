package dialect

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/yamlfile"
)

// good is a small dialect in which everything is right.
const good = `name: corner
hosts:
  api: {answers: json, limit: 10 per 1s}
  door: {answers: pages}
definitions: |
  def both: {a: .access_token, b: .expires_in};
errors:
  status: 'if .error == "invalid_grant" then 401 else .status end'
  body: '{fault: .error, words: .error_description, status}'
routes:
  - route: POST api /token
    operation: token
    request: '.body | {grant_type, code}'
    response: both
    headers: '{"X-Left": (.rate.remaining | tostring)}'
  - route: GET door /in
    operation: authorize
    request: |
      .query
      | {client_id: .app, state}
    response: '{code, state}'
policy:
  lifetimes: {code: 5m}
  min_state: 8
`

func mistakes(t testing.TB, text string) []string {
	t.Helper()
	_, err := Load([]byte(text), "corner.yaml")
	if err == nil {
		return nil
	}
	var told *yamlfile.Error
	if !errors.As(err, &told) {
		t.Fatalf("%T: %v", err, err)
	}
	return strings.Split(told.Error(), "\n")
}

func TestGoodDialectLoads(t *testing.T) {
	if told := mistakes(t, good); told != nil {
		t.Error(told)
	}
}

// TestMistakes changes one thing of a good dialect and expects one problem, where it stands and saying what to write.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"name: corner", "name: Corner Shop", `corner.yaml:1:1: name: "Corner Shop" is not a name`},
		{"name: corner", "nam: corner", `corner.yaml:1:1: nam: is not a key here: did you mean "name"?`},
		{"operation: token", "operation: tokens", `corner.yaml:12:5: routes[0].operation: "tokens" is not an operation: did you mean "token"?`},
		{"operation: token", "operation: fly", `corner.yaml:12:5: routes[0].operation: "fly" is not an operation: they are register, authorize`},
		{"POST api /token", "POST /token", `corner.yaml:11:5: routes[0].route: "POST /token" is not a route`},
		{"POST api /token", "POST back /token", `corner.yaml:11:5: routes[0].route: "back" is not one of the hosts: they are api, door`},
		{"GET door /in", "POST door /in", `corner.yaml:16:5: routes[1].route: authorize is where a browser comes to: write GET`},
		{"GET door /in", "GET door /in?x", `corner.yaml:16:5: routes[1].route: "GET door /in?x" is not a route`},
		{"{grant_type, code}'", "{grant_type, coed}'", `corner.yaml:13:36: routes[0].request: coed is not a member of the operation token: did you mean "code"?`},
		{"{grant_type, code}'", "{grant_type, code'", `corner.yaml:13:40: routes[0].request: this is not jq: unexpected EOF`},
		{"{client_id: .app, state}", "{client_id: .app, state", `corner.yaml:20:32: routes[1].request: this is not jq: unexpected EOF`},
		{"{client_id: .app, state}", "{client_id: .app,, state}", `corner.yaml:20:26: routes[1].request: this is not jq: unexpected token ","`},
		{"response: both", "response: boht", `corner.yaml:14:15: routes[0].response: function not defined: boht/0`},
		{"def both: {a", "def both: $x | {a", `corner.yaml:6:13: definitions: variable not defined: $x`},
		{"{grant_type, code}'", "{grant_type, code: env.HOME}'", `corner.yaml:13:42: routes[0].request: env is not there: a mapping sees the request and nothing else`},
		{"{grant_type, code}'", "{grant_type, code: $ENV.HOME}'", `routes[0].request: $ENV is not there`},
		{"{grant_type, code}'", "{grant_type, code: (now | tostring)}'", `now is not there`},
		{"{grant_type, code}'", "{grant_type, code: input}'", `input is not there`},
		{"def both:", `import "a" as a; def both:`, `definitions: modules are not read here`},
		{"{grant_type, code}'", "[.grant_type]'", `corner.yaml:13:15: routes[0].request: fails on an empty request`},
		{"{grant_type, code}'", "{grant_type, code: (.code | ascii_downcase)}'", `routes[0].request: fails on an empty request`},
		{"{grant_type, code}'", "{grant_type, code: 7}'", ``}, // the client is told that it must be text
		{"'.body | {grant_type, code}'", `'{code: (.body.code // "" | ascii_downcase)}'`, `fails on a request whose body has something else than text in code`},
		{"{grant_type, code}'", "{grant_type, code}, {}'", `it makes more than one value`},
		{"{grant_type, code}'", "empty'", `it makes nothing`},
		{"response: both", "response: '.refresh_token | {a: ascii_upcase}'", `fails on an answer without refresh_token, which is not always there`},
		{"request: '.body |", "request: '.bdoy |", `corner.yaml:13:16: routes[0].request: bdoy is not there: did you mean "body"?`},
		{".query\n", ".qery\n", `corner.yaml:19:8: routes[1].request: qery is not there: did you mean "query"?`},
		{"{grant_type, code}'", "{grant_type, code: $x}'", `variable not defined: $x`},
		{"{grant_type, code}'", "{grant_type, code: .anything.at.all}'", ``},
		{"'.body | {grant_type, code}'", `'{grant_type: "x", code: (.headers.api_key // "")}'`, `corner.yaml:13:41: routes[0].request: headers is not there: did you mean "header"?`},
		{"response: both", "response: '{acces_token: .acces_token}'", `corner.yaml:14:31: routes[0].response: acces_token is not there: did you mean "access_token"?`},
		{"response: both", `response: 'if .acces_token then {} else {} end'`, `acces_token is not there`},
		{"response: both", `response: '{"Bearer": "Bearer \(.acces_token)"}'`, `acces_token is not there`},
		{"response: both", `response: '. as $all | {a: [.acces_token]}'`, `acces_token is not there`},
		{"response: both", `response: '. | {a: (.["acces_token"] | tostring)}'`, `acces_token is not there`},
		{"response: both", `response: '{a: {"x": 1}[.acces_token]}'`, `acces_token is not there`},
		{"response: both", `response: '{flies}'`, `flies is not there: it has access_token, account_id, client_id`},
		{"response: both", `response: '.mine = .access_token | {mine}'`, ``},
		{"response: both", `response: '("mine") as $name | {a: .[$name], b: (.scopes | map(.x?)), c: (with_entries(.key |= "x_" + .) | .x_scope)}'`, ``},
		{".rate.remaining", ".rate.remainin", `routes[0].headers: remainin is not there: did you mean "remaining"?`},
		{"{code, state}'", "{auth_code: .cod}'", `corner.yaml:21:29: routes[1].response: cod is not there: did you mean "code"?`},
		{"{fault: .error,", "{fault: .eror,", `corner.yaml:9:19: errors.body: eror is not there: did you mean "error"?`},
		{`if .error == "invalid_grant"`, `if .errors == "invalid_grant"`, `errors.status: errors is not there: did you mean "error"?`},
		{"operation: token\n    request: '.body | {grant_type, code}'\n    response: both", "operation: register\n    request: '{metadata: .body}'\n    response: '{logo_uri}'", ``},
		{"{answers: pages}", "{answers: pages, needs_headers: [api_key, x-app2]}", ``},
		{"{answers: pages}", "{answers: pages, needs_headers: [Api-Key]}", `"Api-Key" is not a header's name in small letters`},
		{"operation: token\n    request: '.body | {grant_type, code}'\n    response: both", "operation: userinfo\n    request: '{token: .header.key}'\n    response: '{sub}'",
			`routes[0].request: token is not a member of the operation userinfo, which takes none: write '{}'`},
		{"response: both", "response: '[.]'", `it makes array instead of an object`},
		{"response: both", "response: 'def f: f; f'", `it does not end`},
		{"(.rate.remaining | tostring)", ".rate.remaining", `corner.yaml:15:15: routes[0].headers: fails on the operation's answer: X-Left is not text`},
		{"response: '{code, state}'", "response: '{code: 7, state}'", `code is not text`},
		{"401 else .status", "200 else .status", `corner.yaml:8:12: errors.status: fails on an error: it does not make a status from 400 to 599`},
		{"{fault: .error,", "{fault: (.reason | if . == \"\" then error else . end),", `errors.body: fails on an error`},
		{"limit: 10 per 1s", "limit: 10/s", `corner.yaml:3:24: hosts.api.limit: "10/s" is not a limit: write it as "1500 per 60s"`},
		{"answers: json", "answers: xml", `corner.yaml:3:9: hosts.api.answers: "xml" is not known`},
		{"code: 5m", "code: 11m", `policy.lifetimes.code: 11m is not from 1s to 10m`},
		{"min_state: 8", "min_state: 800", `policy.min_state: 800 is not from 0 to 64`},
		{"min_state: 8", "min_states: 8", `policy.min_states: is not a key here: did you mean "min_state"?`},
		{"min_state: 8", "client_secrets: {digits: 8}", `policy.client_secrets.digits: is for identifiers`},
		{"min_state: 8", "access_token: {format: paper}", `policy.access_token.format: "paper" is not known: write opaque or jwt`},
		{"GET door /in\n    operation: authorize", "POST api /token\n    operation: revoke", `routes[1].route: POST api /token stands at routes[0].route too`},
		{"response: both", "status: 404\n    response: both", `routes[0].status: 404 is not the status of a success`},
		{"response: both", "body: [xml]\n    response: both", `routes[0].body[0]: "xml" is not known: write json or form`},
		{"response: both", "refusal: '{}'\n    response: both", `routes[0].refusal: is for authorize only`},
	} {
		if !strings.Contains(good, c.from) {
			t.Fatalf("%q is not in the good dialect", c.from)
		}
		told := mistakes(t, strings.Replace(good, c.from, c.to, 1))
		if c.want == "" && told != nil {
			t.Errorf("%q for %q: %q", c.to, c.from, told)
			continue
		}
		if c.want != "" && !slices.ContainsFunc(told, func(line string) bool { return strings.Contains(line, c.want) }) {
			t.Errorf("%q for %q: %q\nwant %s", c.to, c.from, told, c.want)
		}
	}
}

// TestNoHosts: one mistake is told once, and not again at every route.
func TestNoHosts(t *testing.T) {
	_, err := Load([]byte("name: x\nabout: x\nerrors: {body: '{error}'}\nroutes:\n- {route: POST api /, operation: userinfo, request: '{}', response: '{}'}\n"), "bare.yaml")
	if err == nil || err.Error() != "bare.yaml: hosts: is missing: name the platform's addresses, such as `hosts: {api: {answers: json}}`" {
		t.Error(err)
	}
}

func TestEmptyFile(t *testing.T) {
	if told := mistakes(t, ""); len(told) != 1 || !strings.Contains(told[0], "the file is empty") {
		t.Error(told)
	}
}

// TestSettingsAreAllApplied: every key of the section has its line in settings.
func TestSettingsAreAllApplied(t *testing.T) {
	known := map[string]bool{}
	for _, setting := range settings {
		known[setting.key] = true
	}
	var visit func(section reflect.Type, prefix string)
	visit = func(section reflect.Type, prefix string) {
		for field := range section.Fields() {
			key := yamlfile.Child(prefix, field.Tag.Get("yaml"))
			switch {
			case known[key]:
				delete(known, key)
			case field.Type.Kind() == reflect.Struct:
				visit(field.Type, key)
			default:
				t.Errorf("policy.%s is read, and nothing comes of it", key)
			}
		}
	}
	visit(reflect.TypeFor[policySection](), "")
	for key := range known {
		t.Errorf("policy.%s is applied, and cannot be written", key)
	}
}

func TestApplyLeavesWhatTheIssuerSetItself(t *testing.T) {
	loaded, err := Load([]byte(good), "corner.yaml")
	if err != nil {
		t.Fatal(err)
	}
	is := &issuer.Issuer{Lifetimes: issuer.DefaultLifetimes()}
	was := is.Lifetimes
	loaded.Apply(is, func(key string) bool { return key == "lifetimes.code" })
	if is.Lifetimes != was || is.Policy.MinState != 8 || is.Dialect != "corner" {
		t.Errorf("%+v", is)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(good))
	for _, text := range []string{
		"", "name: x", "routes: [{route: GET a /}]", "hosts: {a: {}}\nroutes: [{route: POST a /, operation: token, request: '.'}]\nerrors: {body: '.'}",
		"errors: {body: 'def f: f; f'}", "definitions: 'def a: 1;'", "definitions: |\n\n  def", "errors: {status: |\n  .\n}", "errors:\n  body: >\n    .a\n    .b", "policy: {lifetimes: {}}",
		"errors:\n  body: |2\n     x", "errors: {body: \"\\u0000\"}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		loaded, err := Load(data, "fuzz.yaml")
		var told *yamlfile.Error
		switch {
		case err == nil && (len(loaded.routes) == 0 || len(loaded.hosts) == 0):
			t.Error("accepted without routes or hosts")
		case err != nil && (!errors.As(err, &told) || len(told.Problems) == 0):
			t.Errorf("error of the wrong kind: %v", err)
		}
	})
}
