// Package reqlog carries one record through a request. Whoever learns
// something writes it down there, and the server's middleware writes the whole
// as a single log line at the end. It has no RFC: it is how "every refusal is
// explained once" is kept.
package reqlog

import "context"

// Record is what one request's log line says. It never holds a secret, a
// token, a name or an e-mail address: User is an id, and Address is the
// network's. One goroutine serves a request, so it needs no lock.
type Record struct {
	RequestID string // also in error answers, so that support can find the line
	Issuer    string // issuer name
	Route     string // the pattern that matched, never the raw path
	Client    string // client_id
	User      string // user id
	Grant     string // grant id
	Outcome   string // "ok" or a registered error code
	Reason    string // stable reason beneath the code
	Address   string // IP address that the request came from; the audit log keeps it too
	Err       error  // our own failure, for the log only; with an answer that is none, a warning
}

type contextKey struct{}

// With returns a context that carries the record.
func With(ctx context.Context, r *Record) context.Context {
	return context.WithValue(ctx, contextKey{}, r)
}

// From returns the request's record. It is never nil: outside a request it is
// an empty one that nobody will write.
func From(ctx context.Context) *Record {
	if r, ok := ctx.Value(contextKey{}).(*Record); ok && r != nil {
		return r
	}
	return &Record{}
}
