package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/reqlog"
)

func get(t *testing.T, handler http.Handler, path string) (int, string) {
	t.Helper()
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	return answer.Code, answer.Body.String()
}

func TestMetricsCountRequests(t *testing.T) {
	metrics := NewMetrics("1.2.3")
	record := &reqlog.Record{Issuer: "acme", Route: "/oauth/token", Outcome: "invalid_grant", Client: "app-1", User: "user-1"}
	metrics.Request(record, 400, 3*time.Millisecond)
	metrics.Request(record, 400, 3*time.Millisecond)
	metrics.Counter("store_commits_total", "Commits.", func() float64 { return 7 })
	metrics.Gauge("password_hashes_waiting", "Waiting.", func() float64 { return 2 })
	status, text := get(t, Admin(AdminConfig{Metrics: metrics}), "/metrics")
	for _, want := range []string{
		`latchkey_requests_total{issuer="acme",outcome="invalid_grant",route="/oauth/token",status="400"} 2`,
		`latchkey_request_seconds_bucket{issuer="acme",route="/oauth/token",le="0.005"} 2`,
		`latchkey_request_seconds_bucket{issuer="acme",route="/oauth/token",le="0.0025"} 0`,
		`latchkey_store_commits_total 7`, `latchkey_password_hashes_waiting 2`, `latchkey_build_info{version="1.2.3"} 1`,
		`go_goroutines`, `process_resident_memory_bytes`,
	} {
		if status != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("status %d, and the metrics lack %s", status, want)
		}
	}
	if strings.Contains(text, "app-1") || strings.Contains(text, "user-1") {
		t.Error("a metric names a client or a user: its number of series would grow with them")
	}
}

func TestMetricsAllocateNothing(t *testing.T) {
	metrics := NewMetrics("")
	record := &reqlog.Record{Issuer: "acme", Route: "/oauth/token", Outcome: "ok"}
	metrics.Request(record, 200, time.Millisecond)
	if allocations := testing.AllocsPerRun(100, func() { metrics.Request(record, 200, time.Millisecond) }); allocations > 0 {
		t.Errorf("%v allocations a request", allocations)
	}
	var none *Metrics
	none.Request(record, 200, time.Millisecond)
}

func TestAdmin(t *testing.T) {
	var trouble error
	handler := Admin(AdminConfig{Metrics: NewMetrics(""), Ready: func(context.Context) error { return trouble }})
	for _, path := range []string{"/healthz", "/readyz", "/debug/pprof/", "/debug/pprof/goroutine", "/debug/pprof/cmdline"} {
		if status, _ := get(t, handler, path); status != http.StatusOK {
			t.Errorf("%s answers %d", path, status)
		}
	}
	trouble = errors.New("stopping")
	if status, text := get(t, handler, "/readyz"); status != http.StatusServiceUnavailable || text != "not ready: stopping\n" {
		t.Errorf("/readyz answers %d %q", status, text)
	}
	if status, _ := get(t, handler, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz answers %d while stopping: the process would be killed in the middle of it", status)
	}
	if status, _ := get(t, handler, "/"); status != http.StatusNotFound {
		t.Errorf("/ answers %d", status)
	}
}

// TestReadyIsBounded: a database that hangs must not hang the probe.
func TestReadyIsBounded(t *testing.T) {
	handler := Admin(AdminConfig{Metrics: NewMetrics(""), Ready: func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("the database does not answer")
	}})
	started := time.Now()
	status, text := get(t, handler, "/readyz")
	if status != http.StatusServiceUnavailable || !strings.Contains(text, "the database does not answer") || time.Since(started) > 5*time.Second {
		t.Errorf("/readyz answers %d %q after %v", status, text, time.Since(started))
	}
}

func TestLoggerWritesOneJSONLine(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out, slog.LevelWarn)
	log.Info("not this")
	log.Warn("this\nand that", "request_id", "r1")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || strings.Count(out.String(), "\n") != 1 || line["request_id"] != "r1" {
		t.Errorf("log %q, %v", out.String(), err)
	}
}

// collector takes what an OpenTelemetry collector would.
type collector struct {
	*httptest.Server
	bodies chan []byte
}

func newCollector(t *testing.T, status int) *collector {
	c := &collector{bodies: make(chan []byte, 10)}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s with %q", r.URL, r.Header.Get("Content-Type"))
		}
		w.WriteHeader(status)
		c.bodies <- body
	}))
	t.Cleanup(c.Close)
	return c
}

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func traceOne(t *testing.T, config TracerConfig, trusted bool, status int) {
	t.Helper()
	tracer := NewTracer(config)
	r := httptest.NewRequest(http.MethodGet, "/oauth/authorize?code_challenge=sekrit", nil)
	r.Header.Set("Traceparent", traceparent)
	_, end := tracer.Start(r, trusted)
	end(&reqlog.Record{RequestID: "r1", Issuer: "acme", Route: "/oauth/authorize", Client: "app-1", Outcome: "server_error"}, status)
	if err := tracer.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestTraceIsOTLPJSON holds the bytes on the wire to the protocol's JSON form.
func TestTraceIsOTLPJSON(t *testing.T) {
	c := newCollector(t, http.StatusOK)
	traceOne(t, TracerConfig{Endpoint: c.URL, SampleRatio: 1, Version: "1.2.3", Client: c.Client(), Log: slog.New(slog.DiscardHandler)}, false, 500)
	body := <-c.bodies
	if bytes.Contains(body, []byte("sekrit")) {
		t.Errorf("the query is in the trace: %s", body)
	}
	if bytes.Contains(body, []byte("4bf92f3577b34da6a3ce929d0e0e4736")) {
		t.Error("an outsider's trace is continued")
	}
	var sent otlpRequest
	if err := json.Unmarshal(body, &sent); err != nil {
		t.Fatal(err)
	}
	span := sent.ResourceSpans[0].ScopeSpans[0].Spans[0]
	if span.Name != "GET /oauth/authorize" || span.Kind != 2 || len(span.TraceID) != 32 || len(span.SpanID) != 16 || span.Status.Code != 2 {
		t.Errorf("span %+v", span)
	}
	if len(span.Start) != 19 || span.End < span.Start {
		t.Errorf("from %s to %s", span.Start, span.End)
	}
	for _, want := range []string{`{"key":"service.name","value":{"stringValue":"latchkey"}}`, `{"key":"latchkey.client","value":{"stringValue":"app-1"}}`,
		`{"key":"http.response.status_code","value":{"intValue":"500"}}`} {
		if !bytes.Contains(body, []byte(want)) {
			t.Errorf("%s\nlacks %s", body, want)
		}
	}
}

func TestTraceOfATrustedProxyIsContinued(t *testing.T) {
	c := newCollector(t, http.StatusOK)
	traceOne(t, TracerConfig{Endpoint: c.URL, SampleRatio: 0, Client: c.Client(), Log: slog.New(slog.DiscardHandler)}, true, 200)
	if body := <-c.bodies; !bytes.Contains(body, []byte(`"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"`)) ||
		!bytes.Contains(body, []byte(`"parentSpanId":"00f067aa0ba902b7"`)) || bytes.Contains(body, []byte(`"status"`)) {
		t.Errorf("trace %s", body)
	}
}

func TestCollectorInTroubleIsLogged(t *testing.T) {
	c := newCollector(t, http.StatusBadGateway)
	var out bytes.Buffer
	traceOne(t, TracerConfig{Endpoint: c.URL, SampleRatio: 1, Client: c.Client(), Log: NewLogger(&out, slog.LevelInfo)}, false, 200)
	if !strings.Contains(out.String(), "502 Bad Gateway") || !strings.Contains(out.String(), `"spans":1`) {
		t.Errorf("log %q", out.String())
	}
}

func TestNoTracer(t *testing.T) {
	tracer := NewTracer(TracerConfig{})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	same, end := tracer.Start(r, false)
	end(&reqlog.Record{}, 200)
	if err := tracer.Shutdown(context.Background()); err != nil || same != r {
		t.Errorf("a tracer that is off does something: %v", err)
	}
}

func BenchmarkMetricsRequest(b *testing.B) {
	metrics := NewMetrics("")
	record := &reqlog.Record{Issuer: "acme", Route: "/oauth/token", Outcome: "ok"}
	for b.Loop() {
		metrics.Request(record, 200, time.Millisecond)
	}
}
