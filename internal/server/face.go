package server

import (
	"errors"
	"net/http"
	"strconv"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/web"
	"latchkey.dev/internal/wire"
)

// handler answers a request, or returns why it cannot. The face of its route turns the error into an answer.
type handler = func(http.ResponseWriter, *http.Request) error

// face is how a route's refusals look, and what surrounds its handler.
type face func(s *site, handle handler) http.Handler

// jsonFace is for machines: errors are RFC 6749 §5.2.
func jsonFace(_ *site, handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setMachineHeaders(w.Header())
		if err := handle(w, r); err != nil {
			wire.WriteError(w, r, err)
		}
	})
}

// appFace is for machines in browsers too, such as agents: any origin may read the answer. That the session of a service account is a
// cookie is no danger: a browser shows no page the answer to a request with cookies where this header is an asterisk.
func appFace(s *site, handle handler) http.Handler {
	return jsonFace(s, func(w http.ResponseWriter, r *http.Request) error {
		wire.AllowAnyOrigin(w.Header())
		return handle(w, r)
	})
}

// preflight answers what a browser asks before a page of another origin may send JSON or an Authorization header.
func preflight(methods string) handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		wire.AnswerPreflight(w, methods)
		return nil
	}
}

// documentFace is for machines in browsers too: any origin may read what everybody may know (Fetch §3.2). Documents are
// asked for more often than all else and link to nothing that a browser follows, so they go without Referrer-Policy.
func documentFace(_ *site, handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Content-Type-Options"] = nosniff
		wire.AllowAnyOrigin(h)
		if err := handle(w, r); err != nil {
			wire.WriteError(w, r, err)
		}
	})
}

// pageFace is for people: the issuer's brand and language around every page, and forms from our own pages only.
func pageFace(s *site, handle handler) http.Handler {
	return s.sameOrigin(s.chrome(s.pageErrors(handle, ourPage)))
}

// openPageFace is for pages that other sites may post to: an authorization request and a logout request (OpenID Connect
// Core §3.1.2.1, RP-Initiated Logout §2). They change nothing without a further page of ours.
func openPageFace(s *site, handle handler) http.Handler {
	return s.chrome(s.pageErrors(handle, appsPage))
}

// Who sent a person to a page: another page of ours, or an app, which then learns what is wrong with its request.
const (
	ourPage  = true
	appsPage = false
)

// pageErrors shows errors as pages.
func (s *site) pageErrors(handle handler, ours bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			s.writePageError(w, r, err, ours)
		}
	})
}

func (s *site) writePageError(w http.ResponseWriter, r *http.Request, err error, ours bool) {
	meant := wire.Note(r.Context(), err)
	status, page := errorPage(r, meant, ours)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, meant.RetryAfterSeconds())))
	}
	if renderErr := s.pages.Render(w, r, status, page); renderErr != nil {
		reqlog.From(r.Context()).Err = errors.Join(err, renderErr)
		http.Error(w, "Something went wrong. Nothing was changed. Try again in a moment.", http.StatusInternalServerError)
	}
}

func errorPage(r *http.Request, meant *oauth.Error, ours bool) (int, web.Page) {
	status := meant.HTTPStatus()
	switch status {
	case http.StatusServiceUnavailable:
		return status, web.ServerBusy{RetryAfter: meant.RetryAfter, RetryURL: retryURL(r)}
	case http.StatusTooManyRequests:
		return status, web.TooManyRequests{}
	case http.StatusNotFound:
		return status, web.NotFound{}
	case http.StatusMethodNotAllowed:
		return status, web.MethodNotAllowed{}
	}
	page := web.Error{Code: meant.Code, Ours: ours}
	if !ours {
		page.Detail = meant.Description
	}
	return status, page
}

// retryURL offers "try again" for what may be asked again: this page by its query alone, since a path that begins with // would be another host's.
func retryURL(r *http.Request) string {
	if r.Method != http.MethodGet {
		return ""
	}
	return "?" + r.URL.RawQuery
}

// setMachineHeaders: an answer for machines must never run as a document (OWASP REST security).
func setMachineHeaders(h http.Header) {
	h["X-Content-Type-Options"] = nosniff
	h["Referrer-Policy"] = noReferrer
}

var (
	nosniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
)
