package standin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"latchkey.dev/bearer"
	"latchkey.dev/internal/wire"
)

// refusal is why a stand-in says no, before its platform's own words for it.
type refusal struct {
	status      int
	code        string // of RFC 6750 §3.1, or what the platform has in its place
	description string
}

func (r *refusal) Error() string { return r.code + ": " + r.description }

// shape makes the platform's error body.
type shape func(refusal) any

// endpoint is one thing that a stand-in does.
type endpoint struct {
	pattern string
	scopes  []string
	answer  func(r *http.Request) (status int, body any, err error)
}

// guarded is a platform's stand-in API, behind bearer, with errors in the platform's shape on every path.
func guarded(ctx context.Context, cfg Config, shape shape, endpoints []endpoint) (http.Handler, error) {
	guard, err := bearer.New(ctx, bearer.Config{
		Issuer: cfg.Issuer, Audience: cfg.Resource, ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret, Name: cfg.Name,
		HTTPClient: cfg.HTTPClient, Logger: cfg.Logger, Now: cfg.Now,
		Refuse: func(w http.ResponseWriter, r *http.Request, why *bearer.Refusal) {
			code := why.Code
			if code == "" {
				code = "unauthorized"
			}
			answer(w, r, why.Status, shape(refusal{why.Status, code, why.Description}))
		},
	})
	if err != nil {
		return nil, fmt.Errorf("standin: %w", err)
	}
	api := routes(shape, endpoints, func(e endpoint, handle http.Handler) http.Handler { return guard.Require(e.scopes...)(handle) })
	metadata, at := guard.Metadata(), guard.MetadataPath()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == at && r.Method == http.MethodGet { // where every 401 points to (RFC 9728 §5.1)
			metadata.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	}), nil
}

// routes serves the endpoints behind a protection, and refuses every other path and method in the platform's shape.
func routes(shape shape, endpoints []endpoint, protect func(endpoint, http.Handler) http.Handler) http.Handler {
	mux := http.NewServeMux()
	allowed := map[string][]string{}
	for _, e := range endpoints {
		mux.Handle(e.pattern, protect(e, shape.handler(e)))
		method, at, _ := strings.Cut(e.pattern, " ")
		allowed[at] = append(allowed[at], method)
	}
	for at, methods := range allowed {
		slices.Sort(methods)
		mux.HandleFunc(at, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			answer(w, r, http.StatusMethodNotAllowed, shape(refusal{http.StatusMethodNotAllowed, "method_not_allowed", "this address answers " + strings.Join(methods, " and ") + " only"}))
		})
	}
	missing := func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, http.StatusNotFound, shape(refusal{http.StatusNotFound, "not_found", "there is nothing at this address"}))
	}
	mux.HandleFunc("/", missing)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path.Clean(r.URL.Path) != r.URL.Path { // the mux would redirect, and say so in HTML
			missing(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// handler answers with what the endpoint says. What a client did wrong goes back in the platform's shape.
func (s shape) handler(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body, err := e.answer(r)
		var why *refusal
		if err != nil && !errors.As(err, &why) {
			meant := wire.Note(r.Context(), err)
			why = &refusal{meant.HTTPStatus(), meant.Code, meant.Description}
		}
		if why != nil {
			status, body = why.status, s(*why)
		}
		answer(w, r, status, body)
	})
}
