package observe

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"latchkey.dev/internal/jsonappend"
)

// NewLogger writes one JSON line an entry to w, from level on.
func NewLogger(w io.Writer, level slog.Level) *slog.Logger {
	out := &lockedWriter{w: w}
	return slog.New(&lineHandler{Handler: slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level}), out: out})
}

// lineHandler writes entries of plain text and whole numbers, as every request's is, in a third of the time that slog's own handler
// takes, and byte for byte the same. Whatever else an entry holds, slog's writes.
type lineHandler struct {
	slog.Handler

	out    io.Writer
	second atomic.Pointer[second]
	lines  sync.Pool // of *line
}

// Handle is slog.Handler.
func (h *lineHandler) Handle(ctx context.Context, entry slog.Record) error {
	l, _ := h.lines.Get().(*line)
	if l == nil {
		l = newLine()
	}
	defer h.lines.Put(l)
	if l.plain = !entry.Time.IsZero(); l.plain {
		l.text = h.appendTime(append(l.text[:0], `{"time":"`...), entry.Time)
		l.text = append(append(append(l.text, `","level":"`...), entry.Level.String()...), '"')
		if l.member(slog.String(slog.MessageKey, entry.Message)) {
			entry.Attrs(l.each)
		}
	}
	if !l.plain {
		return h.Handler.Handle(ctx, entry)
	}
	l.text = append(l.text, '}', '\n')
	_, err := h.out.Write(l.text)
	return err
}

// line is an entry while it is written. Its functions are kept with it, because each costs an allocation.
type line struct {
	text       []byte
	plain      bool // so far
	each, more func(slog.Attr) bool
}

func newLine() *line {
	l := &line{}
	l.each, l.more = l.attr, l.member
	return l
}

// walker is a group of attributes without a name that can be walked without being copied first.
type walker interface {
	slog.LogValuer
	Attrs(yield func(slog.Attr) bool)
}

// attr appends an attribute, or each of a group's. It reports whether all of the line is plain.
func (l *line) attr(attr slog.Attr) bool {
	if attr.Key != "" || attr.Value.Kind() != slog.KindLogValuer {
		return l.member(attr)
	}
	group, ok := attr.Value.LogValuer().(walker)
	if l.plain = ok; ok {
		group.Attrs(l.more)
	}
	return l.plain
}

// member appends an attribute behind a comma, if it is plain.
func (l *line) member(attr slog.Attr) bool {
	if l.plain = attr.Key != "" && jsonappend.Plain(attr.Key); !l.plain {
		return false
	}
	l.text = append(append(append(l.text, `,"`...), attr.Key...), `":`...)
	switch attr.Value.Kind() {
	case slog.KindString:
		text := attr.Value.String()
		l.text = append(append(append(l.text, '"'), text...), '"')
		l.plain = jsonappend.Plain(text)
	case slog.KindInt64:
		l.text = strconv.AppendInt(l.text, attr.Value.Int64(), 10)
	default:
		l.plain = false
	}
	return l.plain
}

// second is one second of a clock, formatted once for all the entries that fall into it.
type second struct {
	unix       int64
	zone       *time.Location
	date, rest string // before and after the fraction
}

// appendTime is RFC3339Nano.
func (h *lineHandler) appendTime(b []byte, t time.Time) []byte {
	now := h.second.Load()
	if now == nil || now.unix != t.Unix() || now.zone != t.Location() {
		now = &second{unix: t.Unix(), zone: t.Location(), date: t.Format("2006-01-02T15:04:05"), rest: t.Format("Z07:00")}
		h.second.Store(now)
	}
	b = append(b, now.date...)
	if fraction := t.Nanosecond(); fraction > 0 {
		whole := len(b)
		b = strconv.AppendInt(b, int64(time.Second)+int64(fraction), 10) // a 1 and nine digits
		b[whole] = '.'
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return append(b, now.rest...)
}

// lockedWriter keeps the lines of both handlers apart.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(line)
}
