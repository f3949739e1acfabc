package discovery

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oauth"
)

// The headers that every document has.
var (
	// maxAge is how old a cached document may be. A next key is published long before it signs, so this only bounds how soon a
	// change of settings is seen.
	maxAge      = []string{"public, max-age=300"}
	contentType = []string{"application/json"}
)

// document is a body with what HTTP says about it, in the form that an http.Header takes without copying.
type document struct {
	body         []byte
	etag, length []string
}

func newDocument(body []byte) document {
	digest := sha256.Sum256(body)
	etag := `"` + base64.RawURLEncoding.EncodeToString(digest[:16]) + `"`
	return document{body: body, etag: []string{etag}, length: []string{strconv.Itoa(len(body))}}
}

// latestKeys remembers the document of the key set that was served last, until the keys change.
type latestKeys struct{ last atomic.Pointer[keysDocument] }

type keysDocument struct {
	document

	set *jwk.Set
}

func (l *latestKeys) of(set *jwk.Set) document {
	if last := l.last.Load(); last != nil && last.set == set {
		return last.document
	}
	made := &keysDocument{newDocument(set.JWKS()), set}
	l.last.Store(made)
	return made.document
}

// ServeMetadata is GET /.well-known/openid-configuration and /.well-known/oauth-authorization-server.
func (h *Handler) ServeMetadata(w http.ResponseWriter, r *http.Request) error {
	return serve(w, r, h.metadata)
}

// ServeJWKS is GET /.well-known/jwks.json. Its media type is the one that every client accepts; RFC 7517 §8.5.2 has a narrower one.
func (h *Handler) ServeJWKS(w http.ResponseWriter, r *http.Request) error {
	set, err := h.Keys.Set(r.Context())
	if err != nil {
		return err
	}
	return serve(w, r, h.keys.of(set))
}

func serve(w http.ResponseWriter, r *http.Request, d document) error {
	header := w.Header()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		return oauth.InvalidRequest("use GET here").WithStatus(http.StatusMethodNotAllowed)
	}
	header["Cache-Control"] = maxAge
	header["Etag"] = d.etag
	if known(r.Header.Get("If-None-Match"), d.etag[0]) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	header["Content-Type"] = contentType
	header["Content-Length"] = d.length
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(d.body)
	return err
}

// known is the weak comparison of RFC 9110 §13.1.2.
func known(ifNoneMatch, etag string) bool {
	for candidate := range strings.SplitSeq(ifNoneMatch, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
			return true
		}
	}
	return false
}
