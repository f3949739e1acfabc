package observe

import (
	"io"
	"log/slog"
)

// NewLogger writes one JSON line an entry to w, from level on.
func NewLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}
