package server

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/wire"
)

// route is one line of an issuer's table: what is asked for, how its answers look, and who gives them.
type route struct {
	method, path string
	face         face
	handle       handler
}

// methods are the handlers of one path.
type methods struct {
	path    string
	byName  map[string]http.Handler
	refused http.Handler // for every other method, in the path's own face
}

// newMux builds the routes. A path that is known with another method answers 405 and names the right ones; an unknown path
// answers 404; both in the face that its callers understand.
func newMux(s *site, routes []route, unknown http.Handler) http.Handler {
	paths := map[string]*methods{}
	for _, route := range routes {
		entry := paths[route.path]
		if entry == nil {
			entry = &methods{path: route.path, byName: map[string]http.Handler{}}
			paths[route.path] = entry
			entry.refused = route.face(s, entry.refuse)
		}
		entry.byName[route.method] = route.face(s, route.handle)
	}
	mux := http.NewServeMux()
	for path, entry := range paths {
		mux.Handle(path, entry)
	}
	if _, taken := paths["/"]; !taken {
		mux.Handle("/", unknown)
	}
	maps.DeleteFunc(paths, func(path string, _ *methods) bool { return strings.Contains(path, "{") })
	return &router{paths, mux}
}

// router finds a path that is written exactly as in the table at once, without the copies that a ServeMux makes; whatever has
// wildcards, escapes or dots is for the mux.
type router struct {
	exact map[string]*methods
	mux   *http.ServeMux
}

func (t *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if entry, ok := t.exact[r.URL.Path]; ok && r.URL.RawPath == "" {
		entry.ServeHTTP(w, r)
		return
	}
	t.mux.ServeHTTP(w, r)
}

func (m *methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reqlog.From(r.Context()).Route = m.path
	name := r.Method
	if name == http.MethodHead {
		name = http.MethodGet
	}
	if handler, ok := m.byName[name]; ok {
		handler.ServeHTTP(w, r)
		return
	}
	m.refused.ServeHTTP(w, r)
}

// refuse answers a method that the path does not know (RFC 9110 §15.5.6).
func (m *methods) refuse(w http.ResponseWriter, _ *http.Request) error {
	allowed := make([]string, 0, len(m.byName)+1)
	for name := range m.byName {
		allowed = append(allowed, name)
	}
	slices.Sort(allowed)
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	err := oauth.InvalidRequest("this address answers %s only", strings.Join(allowed, " and "))
	err.Status = http.StatusMethodNotAllowed
	return err
}

// home is for who types the issuer's name and nothing after it.
func home(w http.ResponseWriter, r *http.Request) error {
	wire.Redirect(w, r, "/connected")
	return nil
}

func notFound(http.ResponseWriter, *http.Request) error {
	err := oauth.InvalidRequest("there is nothing at this address; the metadata document lists every endpoint")
	err.Status = http.StatusNotFound
	return err
}
