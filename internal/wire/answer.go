package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"latchkey.dev/internal/jsonappend"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
)

// WriteJSON answers with v. It marshals before it writes, so a failure leaves
// the response untouched for WriteError. Nothing of ours may be cached
// (RFC 6749 §5.1).
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	out := jsonWriters.Get().(*jsonWriter)
	defer jsonWriters.Put(out)
	out.buffer.Reset()
	if own, ok := v.(jsonappend.Appender); ok {
		out.buffer.Write(append(own.AppendJSON(out.buffer.AvailableBuffer()), '\n'))
	} else if err := out.encoder.Encode(v); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["Pragma"] = contentTypeJSON, noStore, noCache
	w.WriteHeader(status)
	_, err := w.Write(out.buffer.Bytes())
	if err != nil {
		return fmt.Errorf("send the answer: %w", err)
	}
	return nil
}

// Header values that every answer shares; net/http only reads them.
var (
	contentTypeJSON = []string{typeJSON}
	noStore         = []string{"no-store"}
	noCache         = []string{"no-cache"}
	anyOrigin       = []string{"*"}
)

// AllowAnyOrigin lets every site read an answer (Fetch §3.2): one that holds nothing secret, or that no cookie opened.
func AllowAnyOrigin(h http.Header) { h["Access-Control-Allow-Origin"] = anyOrigin }

// AnswerPreflight tells a browser that a page of any site may send requests of these methods, with JSON or an Authorization header
// (Fetch §4.9). MCP's clients send the version that they speak along with everything.
func AnswerPreflight(w http.ResponseWriter, methods string) {
	h := w.Header()
	AllowAnyOrigin(h)
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, MCP-Protocol-Version")
	h.Set("Access-Control-Max-Age", "3600")
	w.WriteHeader(http.StatusNoContent)
}

type jsonWriter struct {
	buffer  bytes.Buffer
	encoder *json.Encoder
}

// jsonWriters keep their buffers between answers. They do not escape &, < and
// >: the answer is JSON by its content type and nosniff, and a URL in it
// should read as it is.
var jsonWriters = sync.Pool{New: func() any {
	w := &jsonWriter{}
	w.encoder = json.NewEncoder(&w.buffer)
	w.encoder.SetEscapeHTML(false)
	return w
}}

// unavailable is what storage errors answer that another try may cure.
type unavailable interface{ Unavailable() bool }

// retryWhenUnavailable is long enough for a database to fail over, and short
// enough that nobody gives up.
const retryWhenUnavailable = 2 * time.Second

// AsOAuth returns what a client may see of err. An *oauth.Error is itself;
// storage that is away and a deadline that passed are
// temporarily_unavailable; anything else is server_error without detail.
func AsOAuth(err error) *oauth.Error {
	if meant := (*oauth.Error)(nil); errors.As(err, &meant) {
		return meant
	}
	away := unavailable(nil)
	if errors.As(err, &away) && away.Unavailable() ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) { // too slow, or shutting down
		return oauth.TemporarilyUnavailable("the server cannot reach its storage; try the same request again shortly").
			WithRetryAfter(retryWhenUnavailable)
	}
	return oauth.ServerError("something went wrong on our side; try again, and quote the request id if it stays")
}

// Note writes an error's outcome down in the request's record, for every face
// that answers errors, and returns what the client may see of it.
func Note(ctx context.Context, err error) *oauth.Error {
	meant := AsOAuth(err)
	record := reqlog.From(ctx)
	record.Outcome, record.Reason = meant.Code, meant.Reason
	if error(meant) != err { //nolint:errorlint // identity is the question: did err say more than the client may see?
		record.Err = err
	}
	return meant
}

// errorAnswer is RFC 6749 §5.2, with our reason and the request's id.
type errorAnswer struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
	URI         string `json:"error_uri,omitempty"`
	Reason      string `json:"reason,omitempty"`
	RequestID   string `json:"request_id,omitempty"`
}

// WriteError answers err as JSON (RFC 6749 §5.2) and notes it in the request's
// record, which the middleware logs once.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	meant := Note(r.Context(), err)
	record := reqlog.From(r.Context())
	SetErrorHeaders(w.Header(), r, meant)
	answer := errorAnswer{meant.Code, meant.Description, meant.URI, meant.Reason, record.RequestID}
	if sendErr := WriteJSON(w, meant.HTTPStatus(), answer); sendErr != nil && record.Err == nil {
		record.Err = sendErr
	}
}

// SetErrorHeaders sets what an error says in headers: Retry-After, Allow and
// WWW-Authenticate.
func SetErrorHeaders(h http.Header, r *http.Request, e *oauth.Error) {
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(e.RetryAfterSeconds()))
	}
	if e.HTTPStatus() == http.StatusMethodNotAllowed && h.Get("Allow") == "" { // RFC 9110 §15.5.6
		h.Set("Allow", http.MethodPost)
	}
	if challenge := challengeFor(r, e); challenge != "" {
		h.Set("WWW-Authenticate", challenge)
	}
}

// challengeFor is the WWW-Authenticate of an error. A client that failed with
// Basic is asked for Basic (RFC 6749 §5.2); one that sent its secret in the
// body is not, lest a browser opens a password dialog. A resource says Bearer
// (RFC 6750 §3), without an error code when no token came (§3.1).
func challengeFor(r *http.Request, e *oauth.Error) string {
	realm := `realm="` + realmOf(r) + `"`
	switch e.Code {
	case oauth.CodeInvalidClient:
		if _, tried := credentials(r, "Basic"); tried {
			return "Basic " + realm + `, charset="UTF-8"`
		}
	case oauth.CodeInvalidToken:
		if e.Reason == oauth.ReasonMissing {
			return "Bearer " + realm
		}
		return bearerChallenge(realm, e)
	case oauth.CodeInsufficientScope:
		return bearerChallenge(realm, e)
	}
	return ""
}

// ChallengeMalformed sets the challenge that a protected resource owes also to a request that it cannot read (RFC 6750 §3.1).
// The other refusals of a token have theirs by their code.
func ChallengeMalformed(h http.Header, r *http.Request, err error) {
	if meant := AsOAuth(err); meant.Code == oauth.CodeInvalidRequest {
		h.Set("WWW-Authenticate", bearerChallenge(`realm="`+realmOf(r)+`"`, meant))
	}
}

func bearerChallenge(realm string, e *oauth.Error) string {
	challenge := "Bearer " + realm + `, error="` + e.Code + `", error_description="` + e.Description + `"`
	if e.Scope != "" {
		challenge += `, scope="` + e.Scope + `"`
	}
	return challenge
}

// realmOf names the issuer, or the product when the request reached none.
func realmOf(r *http.Request) string {
	if name := reqlog.From(r.Context()).Issuer; name != "" && !strings.ContainsAny(name, `"\`) {
		return name
	}
	return "latchkey"
}
