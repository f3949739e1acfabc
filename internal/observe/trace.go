package observe

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"latchkey.dev/internal/reqlog"
)

// TracerConfig says where traces go.
type TracerConfig struct {
	// Endpoint is the collector's OTLP/HTTP address, without /v1/traces.
	Endpoint string
	// SampleRatio is the share of requests traced when no trusted proxy has decided.
	SampleRatio float64
	// Version is this program's.
	Version string
	// Client sends the spans.
	Client *http.Client
	// Log hears of spans that could not be sent.
	Log *slog.Logger
}

// Tracer makes a span of each request. A nil *Tracer makes none and costs nothing.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// NewTracer returns nil when no endpoint is configured.
func NewTracer(config TracerConfig) *Tracer {
	if config.Endpoint == "" {
		return nil
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&otlpExporter{url: config.Endpoint + "/v1/traces", client: config.Client, log: config.Log}),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(config.SampleRatio))),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "latchkey"), attribute.String("service.version", config.Version))),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer("latchkey.dev/internal/server")}
}

// Start begins the request's span. One from a trusted proxy may continue a trace of the proxy's (W3C Trace Context). Anybody else's header is
// ignored: it would let outsiders choose what is traced. The returned function ends it with what the record and the status say; it must be called.
func (t *Tracer) Start(r *http.Request, trusted bool) (traced *http.Request, end func(*reqlog.Record, int)) {
	if t == nil {
		return r, func(*reqlog.Record, int) {}
	}
	ctx := r.Context()
	if trusted {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	ctx, span := t.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer)) //nolint:spancheck // ended by the function returned
	return r.WithContext(ctx), func(record *reqlog.Record, status int) { endSpan(span, r.Method, record, status) }
}

// endSpan names the span by the route's pattern: a raw path or query can hold codes and what people typed.
func endSpan(span trace.Span, method string, record *reqlog.Record, status int) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	span.SetName(method + " " + record.Route)
	span.SetAttributes(
		attribute.String("http.request.method", method), attribute.String("http.route", record.Route),
		attribute.Int("http.response.status_code", status), attribute.String("latchkey.request_id", record.RequestID),
		attribute.String("latchkey.issuer", record.Issuer), attribute.String("latchkey.client", record.Client),
		attribute.String("latchkey.outcome", record.Outcome), attribute.String("latchkey.reason", record.Reason),
	)
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, record.Outcome)
	}
}

// shutdownTimeout bounds how long a collector that does not answer can hold the stop up.
const shutdownTimeout = 3 * time.Second

// Shutdown sends the spans that wait.
func (t *Tracer) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	return t.provider.Shutdown(ctx)
}
