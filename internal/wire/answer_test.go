package wire_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/wire"
)

func TestRFC6749_5_1_WriteJSON(t *testing.T) {
	w := httptest.NewRecorder()
	if err := wire.WriteJSON(w, http.StatusCreated, map[string]string{"uri": "https://a.example/?a=1&b=<2>"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}
	for name, value := range want {
		if got := w.Header().Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if w.Code != 201 || strings.TrimSpace(w.Body.String()) != `{"uri":"https://a.example/?a=1&b=<2>"}` {
		t.Errorf("answer is %d %s", w.Code, w.Body)
	}
}

func TestWriteJSONLeavesAFailureToOthers(t *testing.T) {
	w := httptest.NewRecorder()
	if err := wire.WriteJSON(w, http.StatusOK, math.Inf(1)); err == nil {
		t.Error("infinity is JSON now")
	}
	if w.Body.Len() != 0 || len(w.Header()) != 0 {
		t.Errorf("something was written: %v %s", w.Header(), w.Body)
	}
	if err := wire.WriteJSON(w, http.StatusOK, 1); err != nil || strings.TrimSpace(w.Body.String()) != "1" {
		t.Errorf("the next answer is %s, %v", w.Body, err)
	}
}

// away is an error like the store's.
type away struct{}

func (away) Error() string     { return "dial tcp 10.0.0.7:5432: password hunter2 refused" }
func (away) Unavailable() bool { return true }

// answer runs WriteError and returns what the client and the log see.
func answer(t *testing.T, r *http.Request, err error) (*httptest.ResponseRecorder, map[string]string, *reqlog.Record) {
	t.Helper()
	record := &reqlog.Record{RequestID: "req_1", Issuer: "acme"}
	w := httptest.NewRecorder()
	wire.WriteError(w, r.WithContext(reqlog.With(r.Context(), record)), err)
	var members map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &members); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return w, members, record
}

func TestRFC6749_5_2_WriteError(t *testing.T) {
	meant := oauth.InvalidGrant("the refresh token was revoked; connect again").With(oauth.ReasonRevokedByUser)
	w, members, record := answer(t, get(""), meant)
	want := `{"error":"invalid_grant","error_description":"the refresh token was revoked; connect again","reason":"revoked_by_user","request_id":"req_1"}`
	if w.Code != 400 || strings.TrimSpace(w.Body.String()) != want || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("answer is %d %s %v", w.Code, w.Body, members)
	}
	if record.Outcome != "invalid_grant" || record.Reason != "revoked_by_user" || record.Err != nil {
		t.Errorf("record is %+v", record)
	}
}

func TestWriteErrorOmitsWhatIsEmpty(t *testing.T) {
	w := httptest.NewRecorder()
	wire.WriteError(w, get(""), &oauth.Error{Code: "invalid_request", URI: "https://docs.example"})
	if got := strings.TrimSpace(w.Body.String()); got != `{"error":"invalid_request","error_uri":"https://docs.example"}` {
		t.Errorf("answer is %s", got)
	}
}

func TestOurFailuresAreNeverTheClients(t *testing.T) {
	cases := []struct {
		name       string
		err        error
		status     int
		code       string
		retryAfter string
	}{
		{"a bug", errors.New("pq: password hunter2"), 500, "server_error", ""},
		{"storage away", away{}, 503, "temporarily_unavailable", "2"},
		{"storage away, wrapped", fmt.Errorf("load the grant: %w", away{}), 503, "temporarily_unavailable", "2"},
		{"deadline", fmt.Errorf("q: %w", context.DeadlineExceeded), 503, "temporarily_unavailable", "2"},
		{"stopped", context.Canceled, 503, "temporarily_unavailable", "2"},
	}
	for _, c := range cases {
		w, members, record := answer(t, get(""), c.err)
		if w.Code != c.status || members["error"] != c.code || w.Header().Get("Retry-After") != c.retryAfter {
			t.Errorf("%s: answer is %d %s, Retry-After %q", c.name, w.Code, w.Body, w.Header().Get("Retry-After"))
		}
		if strings.Contains(w.Body.String(), "hunter2") || fmt.Sprint(record.Err) != fmt.Sprint(c.err) || record.Outcome != c.code {
			t.Errorf("%s: answer %s, record %+v", c.name, w.Body, record)
		}
	}
}

func TestWrappedErrorIsAnsweredAsMeantAndLoggedWhole(t *testing.T) {
	wrapped := fmt.Errorf("redeem code of grant g1: %w", oauth.InvalidGrant("the code is used"))
	w, members, record := answer(t, get(""), wrapped)
	if members["error_description"] != "the code is used" || strings.Contains(w.Body.String(), "g1") || fmt.Sprint(record.Err) != wrapped.Error() {
		t.Errorf("answer %s, record %+v", w.Body, record)
	}
}

func TestRetryAfterIsRoundedUp(t *testing.T) {
	w, _, _ := answer(t, get(""), oauth.TemporarilyUnavailable("x").WithRetryAfter(1200*time.Millisecond))
	if got := w.Header().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After is %q", got)
	}
}

func TestRFC9110_15_5_6_AllowOn405(t *testing.T) {
	_, err := wire.Form(get("a=1"))
	if w, _, _ := answer(t, get(""), err); w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("answer is %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestWWWAuthenticate(t *testing.T) {
	with := func(authorization string) *http.Request {
		r := get("")
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		return r
	}
	_, missing := wire.BearerToken(get(""))
	cases := []struct {
		section string
		request *http.Request
		err     error
		want    string
	}{
		{"RFC 6749 §5.2 Basic was tried", with("basic eDp5"), oauth.InvalidClient("x"), `Basic realm="acme", charset="UTF-8"`},
		{"RFC 6749 §5.2 Basic was not tried", with(""), oauth.InvalidClient("x"), ""},
		{"RFC 6750 §3.1 no token", with(""), missing, `Bearer realm="acme"`},
		{"RFC 6750 §3 invalid token", with("Bearer x"), oauth.InvalidToken("it has expired"),
			`Bearer realm="acme", error="invalid_token", error_description="it has expired"`},
		{"RFC 6750 §3 more scope", with("Bearer x"), oauth.InsufficientScope("ask for more").WithScope(oauth.ScopeSet{"a", "b"}),
			`Bearer realm="acme", error="insufficient_scope", error_description="ask for more", scope="a b"`},
		{"RFC 6749 §5.2 others", with("Basic eDp5"), oauth.InvalidGrant("x"), ""},
	}
	for _, c := range cases {
		w, _, _ := answer(t, c.request, c.err)
		if got := w.Header().Get("WWW-Authenticate"); got != c.want {
			t.Errorf("%s: %q, want %q", c.section, got, c.want)
		}
	}
}

func TestRealmCannotBeForged(t *testing.T) {
	w := httptest.NewRecorder()
	r := get("").WithContext(reqlog.With(context.Background(), &reqlog.Record{Issuer: `a", x="`}))
	wire.WriteError(w, r, oauth.InvalidToken("x").With(oauth.ReasonMissing))
	if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="latchkey"` {
		t.Errorf("challenge is %s", got)
	}
}

func BenchmarkWriteJSON(b *testing.B) {
	answer := struct {
		AccessToken  string `json:"access_token"`
		TokenType    string `json:"token_type"`
		ExpiresIn    int64  `json:"expires_in"`
		RefreshToken string `json:"refresh_token"`
		Scope        string `json:"scope"`
	}{strings.Repeat("a", 400), "Bearer", 900, strings.Repeat("r", 80), "openid payments:read"}
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		if err := wire.WriteJSON(w, http.StatusOK, &answer); err != nil {
			b.Fatal(err)
		}
	}
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}
