package dialect

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/yamlfile"
)

// treacherous is right on every example, and goes wrong on what some requests bring.
const treacherous = `name: corner
hosts: {api: {answers: json, needs_headers: [x-app]}, door: {answers: pages}}
errors:
  body: 'if .reason == "trap" then error("no object") else {fault: .error, words: .error_description, status, reason} end'
routes:
  - route: POST api /token
    operation: token
    body: [json, form]
    request: |
      if .body.code == "loop" then def f: f; f
      elif .body.code == "twice" then {}, {}
      elif .body.code == "none" then empty
      elif .body.code == "list" then []
      elif .body.code == "text" then "secret-in-the-request"
      elif .body.code == "unknown" then {("cod" + .body.code): 1}
      elif .body.code == "iterate" then [.body.client_secret | .[]] | {code: .[0]}
      elif .body.code == "thrown" then error(.body.client_secret)
      elif .body.code == "deep" then def f: [f]; f
      elif .body.code == "refused" then refuse("invalid_target"; "not here"; 418)
      else {code: (.body.code // .body.ticket), client_secret: .body.client_secret, resource: .body.resource, scope: .bearer} end
    response: |
      if .scope == "loop" then def f: f; f
      elif .scope == "large" then {a: ("x" * 300000)}
      elif .scope == "refuse" then refuse("invalid_scope"; "too late")
      else {token: .access_token, at: .expires_at, none: .id_token} end
    headers: 'if .scope == "header" then {a: [1]} else {"X-Kind": .token_type} end'
  - {route: PUT api /whoami, operation: whoami, request: '{}'}
`

// corner is a face whose operations do what the test says.
type corner struct {
	*testing.T

	face   *Face
	record *reqlog.Record
	do     Function
	calls  int
}

func newCorner(t *testing.T) *corner {
	t.Helper()
	loaded, err := Load([]byte(treacherous), "corner.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := &corner{T: t}
	c.do = func(_ context.Context, call Call) (Answer, error) {
		return Answer{Members: map[string]any{"access_token": call.Text("code"), "scope": call.Text("scope"), "token_type": "kind", "expires_at": 7}}, nil
	}
	operation := func(ctx context.Context, call Call) (Answer, error) {
		c.calls++
		return c.do(ctx, call)
	}
	c.face, err = loaded.NewFace(FaceConfig{
		Hosts: []string{"api"}, Operations: map[string]Function{"token": operation, "whoami": operation}, Clock: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *corner) post(body string, header ...string) *httptest.ResponseRecorder {
	c.Helper()
	return c.send(http.MethodPost, "/token", body, header...)
}

func (c *corner) send(method, path, body string, header ...string) *httptest.ResponseRecorder {
	c.Helper()
	c.record = &reqlog.Record{RequestID: "r1"}
	r := httptest.NewRequestWithContext(reqlog.With(c.Context(), c.record), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-App", "1")
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	answer := httptest.NewRecorder()
	c.face.ServeHTTP(answer, r)
	return answer
}

func (c *corner) is(got *httptest.ResponseRecorder, status int, body string) {
	c.Helper()
	if text, _ := io.ReadAll(got.Body); got.Code != status || strings.TrimSpace(string(text)) != body || got.Header().Get("Content-Type") != "application/json" {
		c.Errorf("%d %s\nwant %d %s", got.Code, text, status, body)
	}
}

func TestMappingsMapBothWays(t *testing.T) {
	c := newCorner(t)
	got := c.post(`{"code":"c1","resource":["https://a.example"]}`, "Authorization", "Bearer token-1")
	c.is(got, 200, `{"at":7,"none":null,"token":"c1"}`)
	if got.Header().Get("X-Kind") != "kind" || got.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%v", got.Header())
	}
	c.is(c.post("code=c2", "Content-Type", "application/x-www-form-urlencoded"), 200, `{"at":7,"none":null,"token":"c2"}`)
	if c.record.Route != "/token" {
		t.Errorf("route %q", c.record.Route)
	}
}

// TestMappingThatFailsIsOurs: 500 with nothing of the mapping's, and a log that names route and mapping and holds no value.
func TestMappingThatFailsIsOurs(t *testing.T) {
	for body, said := range map[string]string{
		`{"code":"loop"}`:    "the mapping request failed: it does not end",
		`{"code":"deep"}`:    "the mapping request failed: it does not end",
		`{"code":"twice"}`:   "the mapping request failed: it makes more than one value",
		`{"code":"none"}`:    "the mapping request failed: it makes nothing",
		`{"code":"list"}`:    "the mapping request failed: it makes array instead of an object",
		`{"code":"text"}`:    "the mapping request failed: it makes string instead of an object",
		`{"code":"unknown"}`: "the mapping request failed: it makes codunknown, which the operation token does not know",
		`{"code":"iterate","client_secret":"hush-hush"}`: "the mapping request failed: cannot iterate over",
		`{"code":"thrown","client_secret":"hush-hush"}`:  "the mapping request failed: it calls error without an object",
	} {
		c := newCorner(t)
		started := time.Now()
		c.is(c.post(body), 500, `{"fault":"server_error","reason":"","status":500,"words":"something went wrong on our side; try again, and quote the request id if it stays"}`)
		if err := c.record.Err; err == nil || !strings.Contains(err.Error(), "route POST api /token: "+said) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: the log says %v", body, err)
		}
		if c.calls != 0 || time.Since(started) > 5*time.Second {
			t.Errorf("%s: %d calls, %v", body, c.calls, time.Since(started))
		}
	}
}

func TestAnswerThatFailsIsNeverHalf(t *testing.T) {
	for scope, said := range map[string]string{
		"loop": "the mapping response failed: it does not end", "large": "the mapping response failed: what it makes is too large",
		"refuse": "the mapping response failed: it refuses what it should answer", "header": "the mapping headers failed: a is not text",
	} {
		c := newCorner(t)
		got := c.post(`{"code":"c1"}`, "Authorization", "Bearer "+scope)
		c.is(got, 500, `{"fault":"server_error","reason":"","status":500,"words":"something went wrong on our side; try again, and quote the request id if it stays"}`)
		if c.record.Err == nil || !strings.Contains(c.record.Err.Error(), said) || got.Header().Get("X-Kind") != "" {
			t.Errorf("%s: the log says %v, headers %v", scope, c.record.Err, got.Header())
		}
	}
}

func TestRefusals(t *testing.T) {
	c := newCorner(t)
	member := func(body, path string) string {
		var members map[string]any
		if err := json.Unmarshal([]byte(body), &members); err != nil {
			t.Fatal(err)
		}
		text, _ := members[path].(string)
		return text
	}
	for name, r := range map[string]struct {
		method, path, body string
		header             []string
		status             int
		words              string
	}{
		"mapping":             {"POST", "/token", `{"code":"refused"}`, nil, 418, "not here"},
		"wrong kind":          {"POST", "/token", `{"code":7}`, nil, 400, "code must be a text"},
		"wrong kind, as sent": {"POST", "/token", `{"ticket":7}`, nil, 400, "ticket must be a text"},
		"wrong kind, twice":   {"POST", "/token", `{"ticket":7,"door":7}`, nil, 400, "code must be a text"},
		"wrong kind, list":    {"POST", "/token", `{"code":"c","resource":"x"}`, nil, 400, "resource must be a list of texts"},
		"member twice":        {"POST", "/token", `{"code":"a","code":"b"}`, nil, 400, "the member code is given more than once"},
		"query twice":         {"POST", "/token?a=1&a=2", `{"code":"a"}`, nil, 400, "a is given more than once"},
		"header missing":      {"POST", "/token", `{"code":"a"}`, []string{"X-App", ""}, 400, "the header X-App is missing"},
		"no type":             {"POST", "/token", `{"code":"a"}`, []string{"Content-Type", ""}, 415, "application/json"},
		"another type":        {"POST", "/token", `<a/>`, []string{"Content-Type", "text/xml"}, 415, "application/json"},
		"another path":        {"POST", "/", `{}`, nil, 404, "nothing at this address"},
		"another method":      {"GET", "/token", ``, nil, 405, "this address answers POST only"},
		"too large":           {"POST", "/token", `{"code":"` + strings.Repeat("a", 70_000) + `"}`, nil, 413, "larger than"},
		"static":              {"GET", "/static/style.css", ``, nil, 404, "nothing at this address"},
	} {
		got := c.send(r.method, r.path, r.body, r.header...)
		if text := got.Body.String(); got.Code != r.status || !strings.Contains(member(text, "words"), r.words) {
			t.Errorf("%s: %d %s", name, got.Code, text)
		}
	}
	if c.calls != 0 {
		t.Errorf("%d calls", c.calls)
	}
}

type away struct{}

func (away) Error() string     { return "the disk is gone" }
func (away) Unavailable() bool { return true }

func TestTroubleInThePlatformsWords(t *testing.T) {
	c := newCorner(t)
	c.do = func(context.Context, Call) (Answer, error) { return Answer{}, away{} }
	got := c.post(`{"code":"c1"}`)
	if got.Code != 503 || got.Header().Get("Retry-After") == "" || !strings.Contains(got.Body.String(), `"fault":"temporarily_unavailable"`) || strings.Contains(got.Body.String(), "disk") {
		t.Errorf("%d %v %s", got.Code, got.Header(), got.Body)
	}
	c.do = func(context.Context, Call) (Answer, error) { return Answer{}, oauth.InvalidGrant("no").With("trap") }
	got = c.post(`{"code":"c1"}`) // the error mapping itself fails: the standard's words, and our fault
	if got.Code != 500 || !strings.Contains(got.Body.String(), `"error":"server_error"`) || c.record.Err == nil || !strings.Contains(c.record.Err.Error(), "the mapping body failed") {
		t.Errorf("%d %s, %v", got.Code, got.Body, c.record.Err)
	}
}

func TestUnboundOperationStopsTheStart(t *testing.T) {
	loaded, err := Load([]byte(good), "corner.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loaded.NewFace(FaceConfig{Hosts: []string{"api"}}); err == nil || !strings.Contains(err.Error(), "the operation token is not served") {
		t.Errorf("%v", err)
	}
	if _, err := loaded.NewFace(FaceConfig{Hosts: []string{"nowhere"}}); err == nil || !strings.Contains(err.Error(), `has no host "nowhere"`) {
		t.Errorf("%v", err)
	}
}

func TestLimitCountsByClientAndWindow(t *testing.T) {
	now := time.Unix(1000, 0)
	c := counter{limit: limit{2, time.Second}, clock: func() time.Time { return now }}
	for i, want := range []int{1, 0, -1} {
		left, err := c.take("a")
		if left.remaining != want || (err != nil) != (want < 0) {
			t.Errorf("request %d: %+v, %v", i, left, err)
		}
	}
	if left, err := c.take("b"); err != nil || left.remaining != 1 {
		t.Errorf("another client: %+v, %v", left, err)
	}
	now = now.Add(time.Second)
	if left, err := c.take("a"); err != nil || left.remaining != 1 {
		t.Errorf("the next window: %+v, %v", left, err)
	}
	for i := range 2 * counted {
		if _, err := c.take(string(rune(i))); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.counts) > counted+1 {
		t.Errorf("%d clients are kept", len(c.counts))
	}
}

func TestRefusalOfAMappingIsTheClients(t *testing.T) {
	err := refusal(map[string]any{"error": "slow_down", "error_description": "later", "status": 429.0, "reason": "busy"})
	var refused *oauth.Error
	if !errors.As(err, &refused) || refused.Code != "slow_down" || refused.Status != 429 || refused.Reason != "busy" || refused.Description != "later" {
		t.Errorf("%+v", refused)
	}
}

// What bounds a mapping is how much it does, not how long that takes on a machine that has other work.
func TestAMappingIsBoundedByStepsNotByTime(t *testing.T) {
	counted := func(text string) (made any, steps int, err error) {
		p, err := compile("request", yamlfile.Source{Text: text}, nil)
		if err != nil {
			t.Fatal(err)
		}
		used := &fuel{Context: t.Context(), steps: mappingSteps}
		first, _ := p.code.RunWithContext(used, nil).Next()
		if failed, ok := first.(error); ok {
			err = failed
		}
		return first, mappingSteps - used.steps, err
	}
	for range 2 { // the same, however fast the machine is
		if _, steps, err := counted("[range(1000000000)]"); !errors.Is(err, errSpent) || steps != mappingSteps+1 {
			t.Errorf("an endless one ends with %v after %d steps", err, steps)
		}
		if made, steps, err := counted("[range(50000)] | map(. + 1) | length"); made != 50000 || steps > mappingSteps/2 || err != nil {
			t.Errorf("a long list makes %v in %d steps, %v", made, steps, err)
		}
	}
}
