package wire

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"strings"
	"sync"

	"latchkey.dev/internal/oauth"
)

const (
	typeForm = "application/x-www-form-urlencoded"
	typeJSON = "application/json"
)

// Form reads the parameters of a POST body. Only those named repeatable may
// come more than once. The query is not read: a secret there would be in
// every log on the way (RFC 6749 §2.3.1). Another method is 405, another
// content type 415, and a larger body than 64 KiB 413.
func Form(r *http.Request, repeatable ...string) (Params, error) {
	if r.Method != http.MethodPost {
		return Params{}, oauth.InvalidRequest("use POST here").WithStatus(http.StatusMethodNotAllowed)
	}
	if err := checkContentType(r, typeForm); err != nil {
		return Params{}, err
	}
	buffer := bodyBuffers.Get().(*bytes.Buffer)
	defer bodyBuffers.Put(buffer)
	if err := readBody(r, buffer); err != nil {
		return Params{}, err
	}
	return parseParams(buffer.String(), repeatable)
}

// bodyBuffers saves the token endpoint one growing buffer a request. Its
// members never grow beyond maxBody and what they held is copied out.
var bodyBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func readBody(r *http.Request, into *bytes.Buffer) error {
	into.Reset()
	if r.ContentLength > maxBody {
		return tooLarge()
	}
	if r.Body == nil {
		return nil
	}
	_, err := into.ReadFrom(http.MaxBytesReader(nil, r.Body, maxBody))
	if tooMany := (*http.MaxBytesError)(nil); errors.As(err, &tooMany) {
		return tooLarge()
	}
	if meant := (*oauth.Error)(nil); errors.As(err, &meant) { // the server's, while it waited for the body
		return meant
	}
	if err != nil { // the client stopped sending, or said it would send more
		return oauth.InvalidRequest("the body could not be read to its end; send it again")
	}
	return nil
}

func tooLarge() error {
	return oauth.InvalidRequest("the body is larger than %d bytes", maxBody).
		WithStatus(http.StatusRequestEntityTooLarge)
}

// checkContentType wants exactly one Content-Type, of the given media type,
// in UTF-8, and no Content-Encoding: what two parsers could read differently
// is not read at all.
func checkContentType(r *http.Request, want string) error {
	given := r.Header["Content-Type"]
	if len(given) != 1 || given[0] != want && !sameMediaType(given[0], want) || r.Header["Content-Encoding"] != nil {
		return oauth.InvalidRequest("send the body as Content-Type: %s", want).WithStatus(http.StatusUnsupportedMediaType)
	}
	return nil
}

func sameMediaType(given, want string) bool {
	mediaType, parameters, err := mime.ParseMediaType(given)
	charset, hasCharset := parameters["charset"]
	return err == nil && mediaType == want && (!hasCharset || strings.EqualFold(charset, "utf-8"))
}
