package observe

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"
)

// TestLinesAreAsSlogWritesThem: whoever parses our log sees no difference.
func TestLinesAreAsSlogWritesThem(t *testing.T) {
	moment := time.Date(2026, 3, 1, 23, 59, 59, 120_000_000, time.UTC)
	entries := []slog.Record{
		slog.NewRecord(moment, slog.LevelInfo, "request", 0),
		slog.NewRecord(moment.Add(880*time.Millisecond), slog.LevelError, "say \"no\"\n", 0),
		slog.NewRecord(moment.Add(time.Nanosecond).In(time.FixedZone("", -5400)), slog.LevelInfo+1, "ünï", 0),
		slog.NewRecord(time.Time{}, slog.LevelInfo, "no time", 0),
	}
	attrs := [][]slog.Attr{
		nil,
		{slog.String("issuer", "acme"), slog.Int("status", 200), slog.Int64("micros", -1), slog.String("empty", "")},
		{slog.String("path", `a\b`), slog.String("html", "<a href='x'>&amp;"), slog.String("del", "\x7f")},
		{slog.String("bad", "\xff\u2028"), slog.Duration("took", time.Second), slog.Bool("ok", true), slog.Float64("f", .5)},
		{slog.Any("error", errors.New("broken")), slog.Group("g", slog.Int("n", 1)), slog.Group("", slog.Int("m", 2)), {}, slog.String("", "x")},
		{slog.String(`"`, "key"), slog.Any("nothing", nil), slog.Time("at", moment)},
		{slog.Any("", walked{}), slog.Int("n", 1)},
		{slog.Any("", walked{slog.String("a", "b"), slog.Int("n", 1)}), slog.String("c", "d")},
		{slog.Any("", walked{slog.String("a", "b"), slog.String("odd", "\n")})},
		{slog.Any("named", walked{slog.String("a", "b")})},
		{slog.Any("", unwalked{})},
	}
	for _, entry := range entries {
		for _, more := range attrs {
			var ours, theirs bytes.Buffer
			entry := entry.Clone()
			entry.AddAttrs(more...)
			handlers := []slog.Handler{NewLogger(&ours, slog.LevelInfo).Handler(), slog.NewJSONHandler(&theirs, nil)}
			for _, handler := range handlers {
				if err := errors.Join(handler.Handle(t.Context(), entry), handler.WithAttrs(more).WithGroup("w").Handle(t.Context(), entry)); err != nil {
					t.Fatal(err)
				}
			}
			if ours.String() != theirs.String() {
				t.Errorf("%s, and slog writes\n%s", &ours, &theirs)
			}
		}
	}
}

// walked is a group that can be walked, unwalked one that cannot.
type (
	walked   []slog.Attr
	unwalked struct{}
)

func (w walked) LogValue() slog.Value { return slog.GroupValue(w...) }

func (w walked) Attrs(yield func(slog.Attr) bool) {
	for _, attr := range w {
		if !yield(attr) {
			return
		}
	}
}

func (unwalked) LogValue() slog.Value { return slog.GroupValue(slog.String("a", "b")) }

func TestManyWriteWholeLines(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out, slog.LevelInfo)
	var writing sync.WaitGroup
	for range 8 {
		writing.Go(func() {
			for range 100 {
				log.Info("plain", "a", "b")
				log.Info("not plain", "a", 1.5)
			}
		})
	}
	writing.Wait()
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	for _, line := range lines {
		if line[0] != '{' || line[len(line)-1] != '}' || bytes.Count(line, []byte(`"time"`)) != 1 {
			t.Fatalf("%s", line)
		}
	}
	if len(lines) != 1600 {
		t.Errorf("%d lines", len(lines))
	}
}

func benchmarkLine(b *testing.B, log *slog.Logger) {
	b.ReportAllocs()
	for b.Loop() {
		log.LogAttrs(b.Context(), slog.LevelInfo, "request", slog.String("request_id", "0123456789abcdef"), slog.String("issuer", "acme"),
			slog.String("method", "POST"), slog.String("route", "/oauth/token"), slog.Int("status", 200), slog.String("outcome", "ok"), slog.Int64("micros", 77))
	}
}

func BenchmarkLine(b *testing.B) { benchmarkLine(b, NewLogger(io.Discard, slog.LevelInfo)) }

func BenchmarkLineOfSlog(b *testing.B) {
	benchmarkLine(b, slog.New(slog.NewJSONHandler(struct{ io.Writer }{io.Discard}, nil)))
}
