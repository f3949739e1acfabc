package server

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/wire"
)

// ServeHTTP is the public listener's way in: it limits how many requests are handled at once, finds the issuer by host,
// and writes one log line when the answer is done.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	address, ignored := s.proxies.clientAddress(r)
	if ignored {
		s.adviseOnProxies(address)
	}
	v := &visit{record: reqlog.Record{RequestID: s.requestIDs.next(), Address: address}, answer: recorder{ResponseWriter: w}, started: s.clock()}
	record, answer := &v.record, &v.answer
	r = r.WithContext(reqlog.With(r.Context(), record))
	end := func(*reqlog.Record, int) {}
	if s.tracer != nil {
		r, end = s.tracer.Start(r, s.proxies.trusted(peer(r)))
	}
	defer func() {
		if caught := recover(); caught != nil {
			s.recoverFrom(answer, r, caught)
		}
		s.observe(r, v)
		end(record, answer.statusCode())
	}()
	if s.draining.Load() {
		w.Header().Set("Connection", "close") // the client's next request goes to another node
	}
	if !s.gate.enter() {
		s.refuse(answer, r, overloaded())
		return
	}
	v.body = gatedBody{ReadCloser: r.Body, gate: s.gate, inside: true}
	defer v.body.leave()
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &v.body
	}
	s.byHost(r).ServeHTTP(answer, r)
}

// recoverFrom answers a panic as our failure. http.ErrAbortHandler keeps its meaning.
func (s *Server) recoverFrom(answer *recorder, r *http.Request, caught any) {
	if err, ok := caught.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(caught)
	}
	err := fmt.Errorf("panic: %v\n%s", caught, debug.Stack())
	if answer.status == 0 {
		s.refuse(answer, r, err)
		return
	}
	_ = wire.Note(r.Context(), err) // an answer has begun: only the log hears
}

// refuse answers what no route answers, in the words of the address that was asked.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if spoken, ok := s.byHost(r).(speaker); ok {
		spoken.refuse(w, r, err)
		return
	}
	setMachineHeaders(w.Header())
	wire.WriteError(w, r, err)
}

// byHost finds who answers. A host that is none of ours is refused before anything looks at the request, so that no answer
// can be made to carry a name that somebody else chose (RFC 9110 §7.4).
func (s *Server) byHost(r *http.Request) http.Handler {
	if handler, ok := s.hosts[strings.ToLower(r.Host)]; ok {
		return handler
	}
	return misdirected
}

var misdirected = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	err := oauth.InvalidRequest("no issuer answers at this host; check the host name and the `hosts` of the configuration")
	err.Status = http.StatusMisdirectedRequest
	setMachineHeaders(w.Header())
	wire.WriteError(w, r, err)
})

// requestIDs makes 64 random bits for each request: enough to find one line in a log, short enough to read aloud. It takes those of many
// requests at a time from its source.
type requestIDs struct {
	mu     sync.Mutex
	source *bufio.Reader
}

func (r *requestIDs) next() string {
	var id [8]byte
	r.mu.Lock()
	_, err := io.ReadFull(r.source, id[:])
	r.mu.Unlock()
	if err != nil {
		return ""
	}
	return hex.EncodeToString(id[:])
}

// visit is what surrounds one request, in one allocation.
type visit struct {
	record  reqlog.Record
	answer  recorder
	body    gatedBody
	started time.Time
	line    requestLine
}

// observe writes the request's one log line and counts it.
func (s *Server) observe(r *http.Request, v *visit) {
	record, status := &v.record, v.answer.statusCode()
	if record.Outcome == "" {
		record.Outcome = "ok"
	}
	ended := s.clock()
	took := ended.Sub(v.started)
	s.metrics.Request(record, status, took)
	level := slog.LevelInfo
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case record.Err != nil: // served all the same
		level = slog.LevelWarn
	}
	log := s.log.Handler()
	if !log.Enabled(r.Context(), level) {
		return
	}
	line := slog.NewRecord(ended, level, "request", 0) // Logger would look for the caller, which is always this line
	v.line = requestLine{method: r.Method, record: record, status: status, took: took}
	line.AddAttrs(slog.Any("", &v.line))
	_ = log.Handle(r.Context(), line) // as Logger: who could be told?
}

// requestLine is a request's attributes, written one by one as they are walked: slog would first copy them all.
type requestLine struct {
	method string
	record *reqlog.Record
	status int
	took   time.Duration
}

// LogValue is slog.LogValuer.
func (l *requestLine) LogValue() slog.Value { return slog.GroupValue(slices.Collect(l.Attrs)...) }

// Attrs never yields the query, the body or a header: they carry codes, tokens and what people typed.
func (l *requestLine) Attrs(yield func(slog.Attr) bool) {
	record := l.record
	more := yield(slog.String("request_id", record.RequestID)) && yield(slog.String("issuer", record.Issuer)) &&
		yield(slog.String("method", l.method)) && yield(slog.String("route", record.Route)) &&
		yield(slog.Int("status", l.status)) && yield(slog.String("outcome", record.Outcome)) &&
		yield(slog.Int64("micros", l.took.Microseconds())) && yield(slog.String("address", record.Address))
	for _, known := range [...]struct{ name, value string }{
		{"reason", record.Reason}, {"client", record.Client}, {"user", record.User}, {"grant", record.Grant},
	} {
		more = more && (known.value == "" || yield(slog.String(known.name, known.value)))
	}
	if more && record.Err != nil {
		yield(slog.String("error", record.Err.Error()))
	}
}

// recorder remembers the status for the log.
type recorder struct {
	http.ResponseWriter
	status int
}

func (a *recorder) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *recorder) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

func (a *recorder) statusCode() int {
	if a.status == 0 {
		return http.StatusOK
	}
	return a.status
}

// Unwrap lets http.ResponseController reach the connection.
func (a *recorder) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// gate bounds how many requests are handled at once; the rest hear so quickly, instead of waiting until nobody listens.
type gate chan struct{}

func (g gate) enter() bool {
	select {
	case g <- struct{}{}:
		return true
	default:
		return false
	}
}

func (g gate) leave() { <-g }

// gatedBody leaves the gate to others while its sender is waited for: a thousand connections that send a byte a second must not
// keep everybody else out.
type gatedBody struct {
	io.ReadCloser

	gate   gate
	inside bool
}

func (b *gatedBody) Read(p []byte) (int, error) {
	b.leave()
	n, err := b.ReadCloser.Read(p)
	if err == nil {
		return n, nil
	}
	if b.inside = b.gate.enter(); !b.inside { // all of it is there, and the work would begin
		return n, overloaded()
	}
	return n, err
}

func (b *gatedBody) leave() {
	if b.inside {
		b.gate.leave()
		b.inside = false
	}
}

func overloaded() error {
	return oauth.TemporarilyUnavailable("too many requests at once; try again in a second").With(oauth.ReasonOverloaded).WithRetryAfter(time.Second)
}
