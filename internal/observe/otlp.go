package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// otlpExporter sends spans as OTLP/HTTP with JSON (OpenTelemetry Protocol 1.x, "JSON Protobuf Encoding"). The library's own
// exporter would add gRPC: docs/adr/0007 has the figures.
type otlpExporter struct {
	url    string
	client *http.Client
	log    *slog.Logger
}

// ExportSpans sends a batch. A batch that cannot be sent is dropped, and the log says so: traces must never cost memory or requests.
func (e *otlpExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.post(ctx, spans); err != nil {
		e.log.LogAttrs(ctx, slog.LevelWarn, "traces dropped", slog.Int("spans", len(spans)), slog.String("error", err.Error()))
	}
	return nil
}

// Shutdown is sdktrace.SpanExporter; nothing is kept.
func (e *otlpExporter) Shutdown(context.Context) error { return nil }

func (e *otlpExporter) post(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	body, err := json.Marshal(otlpRequestOf(spans))
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := e.client.Do(request)
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // so that the connection can be used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answered %s", answer.Status)
	}
	return nil
}

// The members of ExportTraceServiceRequest that we fill, named as the protocol's JSON form names them.
type (
	otlpRequest struct {
		ResourceSpans []otlpResourceSpans `json:"resourceSpans"`
	}
	otlpResourceSpans struct {
		Resource   otlpResource     `json:"resource"`
		ScopeSpans []otlpScopeSpans `json:"scopeSpans"`
	}
	otlpResource struct {
		Attributes []otlpAttribute `json:"attributes"`
	}
	otlpScopeSpans struct {
		Scope otlpScope  `json:"scope"`
		Spans []otlpSpan `json:"spans"`
	}
	otlpScope struct {
		Name string `json:"name"`
	}
	otlpSpan struct {
		TraceID      string          `json:"traceId"` // hexadecimal, unlike other bytes in this encoding
		SpanID       string          `json:"spanId"`
		ParentSpanID string          `json:"parentSpanId,omitempty"`
		Name         string          `json:"name"`
		Kind         int             `json:"kind"`
		Start        string          `json:"startTimeUnixNano"` // 64-bit integers are strings
		End          string          `json:"endTimeUnixNano"`
		Attributes   []otlpAttribute `json:"attributes,omitempty"`
		Status       *otlpStatus     `json:"status,omitempty"`
	}
	otlpStatus struct {
		Code    int    `json:"code"`
		Message string `json:"message,omitempty"`
	}
	otlpAttribute struct {
		Key   string    `json:"key"`
		Value otlpValue `json:"value"`
	}
	otlpValue struct {
		String *string `json:"stringValue,omitempty"`
		Int    string  `json:"intValue,omitempty"`
	}
)

func otlpRequestOf(spans []sdktrace.ReadOnlySpan) otlpRequest {
	scope := otlpScopeSpans{Scope: otlpScope{Name: spans[0].InstrumentationScope().Name}}
	for _, span := range spans {
		scope.Spans = append(scope.Spans, otlpSpanOf(span))
	}
	return otlpRequest{ResourceSpans: []otlpResourceSpans{{
		Resource:   otlpResource{Attributes: otlpAttributes(spans[0].Resource().Attributes())},
		ScopeSpans: []otlpScopeSpans{scope},
	}}}
}

func otlpSpanOf(span sdktrace.ReadOnlySpan) otlpSpan {
	made := otlpSpan{
		TraceID: span.SpanContext().TraceID().String(), SpanID: span.SpanContext().SpanID().String(), Name: span.Name(),
		Kind: otlpKind(span.SpanKind()), Start: nanos(span.StartTime()), End: nanos(span.EndTime()), Attributes: otlpAttributes(span.Attributes()),
	}
	if parent := span.Parent().SpanID(); parent.IsValid() {
		made.ParentSpanID = parent.String()
	}
	if status := span.Status(); status.Code == codes.Error {
		made.Status = &otlpStatus{Code: 2, Message: status.Description} // STATUS_CODE_ERROR
	}
	return made
}

// otlpKind: the protocol counts SPAN_KIND_INTERNAL 1, SERVER 2, CLIENT 3.
func otlpKind(kind trace.SpanKind) int {
	switch kind {
	case trace.SpanKindServer:
		return 2
	case trace.SpanKindClient:
		return 3
	default:
		return 1
	}
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

// otlpAttributes leaves empty texts out.
func otlpAttributes(attributes []attribute.KeyValue) []otlpAttribute {
	made := make([]otlpAttribute, 0, len(attributes))
	for _, a := range attributes {
		value := otlpValue{}
		if a.Value.Type() == attribute.INT64 {
			value.Int = strconv.FormatInt(a.Value.AsInt64(), 10)
		} else {
			text := a.Value.String()
			if text == "" {
				continue
			}
			value.String = &text
		}
		made = append(made, otlpAttribute{Key: string(a.Key), Value: value})
	}
	return made
}
