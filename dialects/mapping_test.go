package dialects_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey.dev/dialects"
	"latchkey.dev/internal/dialect"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/servertest"
)

// faces are a dialect's hosts in front of operations that answer with their examples.
func faces(t testing.TB, name string) map[string]*dialect.Face {
	t.Helper()
	spoken := servertest.Dialect(t, name)
	operations := map[string]dialect.Function{}
	for _, operation := range dialect.Operations {
		operations[operation.Name] = func(context.Context, dialect.Call) (dialect.Answer, error) {
			return dialect.Answer{Members: maps.Clone(operation.Answer)}, nil
		}
	}
	made := map[string]*dialect.Face{}
	for _, host := range spoken.Hosts() {
		face, err := spoken.NewFace(dialect.FaceConfig{
			Hosts: []string{host}, Operations: operations, Clock: time.Now,
			Pages:    map[string]dialect.PageFunction{dialect.Authorize: func(http.ResponseWriter, *http.Request, dialect.Call) error { return nil }},
			PageFace: func(handle func(http.ResponseWriter, *http.Request) error) http.Handler { return pageStub(handle) },
		})
		if err != nil {
			t.Fatal(err)
		}
		made[host] = face
	}
	return made
}

type pageStub func(http.ResponseWriter, *http.Request) error

func (p pageStub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := p(w, r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// FuzzRequests: whatever comes in, no mapping of ours fails. One that did would be our fault, and a 500.
func FuzzRequests(f *testing.F) {
	bodies := []string{
		`{}`, `[]`, `null`, `{"grant_type":1,"code":{},"client_id":[]}`, `{"scope":{"a":1},"access_token":[1],"whitelisted_ips":"x","expires_at":7}`, "a=b&c=d",
		`{"token":{"a":"b"},"default_project_code":[],"public_jwk":7}`, `{"clientId":true,"access_token":1e309}`, `{"accountId":"x","auth_code":[]}`,
	}
	for _, body := range bodies {
		for _, kind := range []string{"application/json", "application/x-www-form-urlencoded", ""} {
			f.Add(body, "scope=offline+%20&state=", kind, "Bearer a.b.c")
		}
	}
	spoken, routes := map[string]map[string]*dialect.Face{}, map[string][]dialect.Route{}
	for _, name := range dialects.Names() {
		spoken[name], routes[name] = faces(f, name), servertest.Dialect(f, name).Routes()
	}
	asked := 0 // from another address each time: no limit is to keep a mapping from being tried
	f.Fuzz(func(t *testing.T, body, query, kind, authorization string) {
		asked++
		if strings.ContainsAny(query, " \x00\r\n#") {
			return
		}
		for name, hosts := range spoken {
			for _, route := range routes[name] {
				r := httptest.NewRequestWithContext(t.Context(), route.Method, route.Path, strings.NewReader(body))
				r.URL.RawQuery, r.RemoteAddr = query, fmt.Sprintf("[2001:db8::%x]:1", asked&0xffff)
				r.Header = http.Header{"Content-Type": {kind}, "Authorization": {authorization}, "User-Agent": {"x"}, "Accountid": {body}}
				record := &reqlog.Record{}
				answer := httptest.NewRecorder()
				hosts[route.Hosts[0]].ServeHTTP(answer, r.WithContext(reqlog.With(r.Context(), record)))
				if answer.Code >= 500 && answer.Code != 503 {
					t.Errorf("%s %s %s: %d, %v", name, route.Method, route.Path, answer.Code, record.Err)
				}
			}
		}
	})
}

// tokenRequests are a platform's own token requests, as its clients send them.
var tokenRequests = map[string]struct{ host, path, kind, body string }{
	"noon":      {"gateway", noonCreate, "application/json", `{"grant_type":"authorization_code","code":"AUTH_CODE_HERE","client_id":"your_client_id","client_secret":"your_client_secret"}`},
	"noorle":    {"api", noorleToken, "application/json", `{"grant_type":"refresh_token","refresh_token":"refresh_x","client_id":"app_x","client_secret":"secret_x"}`},
	"nomba":     {"api", nombaIssue, "application/json", `{"grant_type":"client_credentials","client_id":"6c4f9f0e-3b52-4a3a-8a57-52bd3c1f0b01","client_secret":"x"}`},
	"noonlight": {"api", noonlightToken, "application/json", `{"grant_type":"refresh_token","client_id":"x","client_secret":"y","refresh_token":"z"}`},
	"tiki":      {"api", tikiToken, "application/x-www-form-urlencoded", "grant_type=authorization_code&code=wwxdZmftI2r0Xn5gbwX&redirect_uri=https%3A%2F%2Fexample.com%2Fauth%2Ftiki%2Fcallback&client_id=7590139168389961"},
}

// BenchmarkMapping is all that a dialect costs a token request: reading it, mapping it, mapping and writing the answer. The bar is
// 40 µs at the median.
func BenchmarkMapping(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(tokenRequests)) {
		b.Run(name, func(b *testing.B) {
			sent := tokenRequests[name]
			face := faces(b, name)[sent.host]
			took := make([]time.Duration, 0, b.N)
			for i := range b.N {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, sent.path, strings.NewReader(sent.body))
				r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", i>>16&255, i>>8&255, i&255)
				r.Header = http.Header{"Content-Type": {sent.kind}, "User-Agent": {"YourApp/1.0"}, "Accept": {"*/*"}, "Accountid": {"1f0a9a3c"}, "Accept-Encoding": {"gzip"}}
				answer := httptest.NewRecorder()
				started := time.Now()
				face.ServeHTTP(answer, r)
				took = append(took, time.Since(started))
				if answer.Code != http.StatusOK {
					b.Fatalf("%d %s", answer.Code, answer.Body)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, "µs-median")
		})
	}
}

// BenchmarkEveryRoute is what each route of each platform costs beside its operation: reading, mapping and writing an empty request
// with the operation's example for an answer. The bar is 40 µs at the median.
func BenchmarkEveryRoute(b *testing.B) {
	for _, name := range dialects.Names() {
		hosts := faces(b, name)
		for _, route := range servertest.Dialect(b, name).Routes() {
			if route.Page {
				continue
			}
			b.Run(name+"/"+route.Path, func(b *testing.B) {
				took := make([]time.Duration, 0, b.N)
				for i := range b.N {
					r := httptest.NewRequestWithContext(b.Context(), route.Method, route.Path, strings.NewReader("{}"))
					r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", i>>16&255, i>>8&255, i&255)
					r.Header = http.Header{"Content-Type": {"application/json"}, "User-Agent": {"YourApp/1.0"}}
					if len(route.Body) > 0 && route.Body[0] == "form" {
						r = httptest.NewRequestWithContext(b.Context(), route.Method, route.Path, strings.NewReader("a=b"))
						r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
					}
					answer := httptest.NewRecorder()
					started := time.Now()
					hosts[route.Hosts[0]].ServeHTTP(answer, r)
					took = append(took, time.Since(started))
					if answer.Code >= http.StatusMultipleChoices {
						b.Fatalf("%d %s", answer.Code, answer.Body)
					}
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, "µs-median")
			})
		}
	}
}

// BenchmarkTokenEndpoint is the whole endpoint, the standard's beside the dialect's, turn by turn, with the same client on the same
// server and without a network, which would only hide the difference. The bar is 0.6 of the standard's throughput.
func BenchmarkTokenEndpoint(b *testing.B) {
	p := speaking(b, "tiki", issuer.Catalogue{{Name: "product", Machine: true}})
	app := p.app("acc_robot", by(oauth.AuthMethodPost, "product", oauth.GrantClientCredentials))
	form := "grant_type=client_credentials&client_id=" + app.ID + "&client_secret=" + app.Secret
	took := map[string][]time.Duration{}
	standard, spoken := "https://acme.example/oauth/token", "https://api.acme.example"+tikiToken
	b.ResetTimer()
	for range b.N {
		for _, at := range []string{standard, spoken} {
			r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, at, strings.NewReader(form))
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			started := time.Now()
			if answer, err := p.RoundTrip(r); err != nil || answer.StatusCode != http.StatusOK {
				b.Fatalf("%v %v", answer, err)
			}
			took[at] = append(took[at], time.Since(started))
		}
	}
	median := func(at string) float64 {
		slices.Sort(took[at])
		return float64(took[at][b.N/2].Nanoseconds()) / 1000
	}
	b.ReportMetric(median(standard), "µs-standard")
	b.ReportMetric(median(spoken), "µs-dialect")
	b.ReportMetric(median(standard)/median(spoken), "ratio")
}

// TestMappingsAreQuick holds the bar with room for a machine that does other things too.
func TestMappingsAreQuick(t *testing.T) {
	const bar, requests = 40 * time.Microsecond, 400
	for name, sent := range tokenRequests {
		face := faces(t, name)[sent.host]
		took := make([]time.Duration, requests)
		for i := range took {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, sent.path, strings.NewReader(sent.body))
			r.RemoteAddr = fmt.Sprintf("10.0.%d.%d:1", i>>8, i&255)
			r.Header = http.Header{"Content-Type": {sent.kind}, "User-Agent": {"YourApp/1.0"}, "Accountid": {"1f0a9a3c"}}
			answer := httptest.NewRecorder()
			started := time.Now()
			face.ServeHTTP(answer, r)
			took[i] = time.Since(started)
		}
		slices.Sort(took)
		if median := took[requests/2]; median > 4*bar {
			t.Errorf("%s: %v at the median, four times the bar", name, median)
		}
	}
}

// TestDialectsAreShort: somebody who knows the platform reads a file in one sitting.
func TestDialectsAreShort(t *testing.T) {
	for _, name := range dialects.Names() {
		text, err := dialects.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(string(text), "\n"); lines > 150 {
			t.Errorf("%s has %d lines", name, lines)
		}
	}
}
