package dialect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/wire"
)

// FaceConfig is what one of the platform's addresses works with.
type FaceConfig struct {
	// Hosts are the dialect's names for the address; usually one.
	Hosts []string
	// Operations and Pages do what routes ask for, by the operation's name.
	Operations map[string]Function
	Pages      map[string]PageFunction
	// PageFace puts the issuer's page around a handler that may return an error.
	PageFace func(func(http.ResponseWriter, *http.Request) error) http.Handler
	// Site answers what the dialect says nothing about, where the address is the issuer's own. Rest does where it is not, such as
	// an API behind the same address. Without either, what is not there is 404.
	Site, Rest http.Handler
	// Static finds what serves one of the pages' stylesheets by its path; nil where there is none.
	Static func(path string) http.Handler
	Clock  func() time.Time
}

// Face answers at one address in the platform's words. It is safe for concurrent use.
type Face struct {
	FaceConfig

	dialect *Dialect
	needs   []string
	pages   bool // what is not found is a page
	static  bool
	paths   map[string]*endpoint
}

// endpoint is one path with its methods.
type endpoint struct {
	methods map[string]http.Handler
	routes  []*route
	refused http.Handler // of every other method
}

// NewFace makes the handler of an address. The error says which operation is not served.
func (d *Dialect) NewFace(config FaceConfig) (*Face, error) {
	f := &Face{FaceConfig: config, dialect: d, paths: map[string]*endpoint{}}
	for _, name := range config.Hosts {
		at := d.host(name)
		if at == nil {
			return nil, fmt.Errorf("the dialect %s has no host %q: it has %s", d.Name, name, strings.Join(d.Hosts(), ", "))
		}
		f.needs = append(f.needs, at.needs...)
		f.pages = f.pages || at.pages
	}
	f.static = f.pages
	for _, route := range d.routes {
		if !slices.ContainsFunc(config.Hosts, route.at) {
			continue
		}
		if err := f.add(route); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *Face) add(r *route) error {
	handler, err := f.handler(r)
	if err != nil {
		return err
	}
	at := f.paths[r.path]
	if at == nil {
		at = &endpoint{methods: map[string]http.Handler{}}
		at.refused = f.refusing(r, at.refuse)
		f.paths[r.path] = at
	}
	at.methods[r.method] = handler
	at.routes = append(at.routes, r)
	f.static = f.static || r.operation.Page
	return nil
}

func (f *Face) handler(r *route) (http.Handler, error) {
	if r.operation.Page {
		page, bound := f.Pages[r.operation.Name]
		if !bound {
			return nil, fmt.Errorf("the dialect %s: route %s: the operation %s is not served", f.dialect.Name, r.name, r.operation.Name)
		}
		return f.PageFace(func(w http.ResponseWriter, request *http.Request) error { return f.page(w, request, r, page) }), nil
	}
	do, bound := f.Operations[r.operation.Name]
	if !bound {
		return nil, fmt.Errorf("the dialect %s: route %s: the operation %s is not served", f.dialect.Name, r.name, r.operation.Name)
	}
	served := &served{route: r, face: f, do: do}
	if r.limit.requests > 0 {
		served.counter = &counter{limit: r.limit, clock: f.Clock}
	}
	return served, nil
}

// refusing answers errors at a route's address as the host does: who sends another method to where a browser belongs is none.
func (f *Face) refusing(r *route, handle func(http.ResponseWriter, *http.Request) error) http.Handler {
	if f.pages {
		return f.PageFace(handle)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if err := handle(w, request); err != nil {
			f.writeError(w, request, r.name, err)
		}
	})
}

const staticPath = "/static/"

// ServeHTTP finds the route.
func (f *Face) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := f.paths[r.URL.Path]
	if at == nil {
		f.otherwise(w, r)
		return
	}
	handler := at.methods[methodOf(r)]
	if handler == nil && f.Site != nil && r.Method != http.MethodOptions {
		f.Site.ServeHTTP(w, r)
		return
	}
	reqlog.From(r.Context()).Route = r.URL.Path
	switch {
	case handler != nil:
		handler.ServeHTTP(w, r)
	case r.Method == http.MethodOptions && at.forBrowsers():
		at.preflight(w)
	default:
		at.refused.ServeHTTP(w, r)
	}
}

// methodOf: HEAD is GET without the body, which net/http leaves out.
func methodOf(r *http.Request) string {
	if r.Method == http.MethodHead {
		return http.MethodGet
	}
	return r.Method
}

// otherwise answers where the dialect has no route.
func (f *Face) otherwise(w http.ResponseWriter, r *http.Request) {
	switch {
	case f.Site != nil:
		f.Site.ServeHTTP(w, r)
	case f.stylesheet(r) != nil:
		reqlog.From(r.Context()).Route = staticPath
		f.stylesheet(r).ServeHTTP(w, r)
	case f.Rest != nil:
		f.Rest.ServeHTTP(w, r)
	case f.pages:
		f.PageFace(notFound).ServeHTTP(w, r)
	default:
		f.writeError(w, r, "", notFound(w, r))
	}
}

// stylesheet serves what the host's pages need, and nothing else: whatever is not there is refused in the platform's words.
func (f *Face) stylesheet(r *http.Request) http.Handler {
	if !f.static || f.Static == nil || methodOf(r) != http.MethodGet || !strings.HasPrefix(r.URL.Path, staticPath) {
		return nil
	}
	return f.Static(r.URL.Path)
}

func notFound(http.ResponseWriter, *http.Request) error {
	return oauth.InvalidRequest("there is nothing at this address").WithStatus(http.StatusNotFound).With(reasonNotFound)
}

const (
	reasonNotFound = "not_found"
	reasonMethod   = "method_not_allowed"
)

// refuse answers a method that the path does not know (RFC 9110 §15.5.6).
func (at *endpoint) refuse(w http.ResponseWriter, _ *http.Request) error {
	allowed := at.allowed()
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return oauth.InvalidRequest("this address answers %s only", strings.Join(allowed, " and ")).WithStatus(http.StatusMethodNotAllowed).With(reasonMethod)
}

func (at *endpoint) allowed() (methods []string) {
	for name := range at.methods {
		methods = append(methods, name)
	}
	slices.Sort(methods)
	return methods
}

func (at *endpoint) forBrowsers() bool {
	return slices.ContainsFunc(at.routes, func(r *route) bool { return r.cors })
}

// preflight lets apps in a browser send JSON and an Authorization header (Fetch §3.2.2). No cookie is ever let along.
func (at *endpoint) preflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", strings.Join(at.allowed(), ", "))
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", "3600")
	w.WriteHeader(http.StatusNoContent)
}

// Refuse answers an error that came before any route was found, such as too many requests at once.
func (f *Face) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	f.writeError(w, r, "", err)
}

// writeError answers in the platform's words. Where the error mapping itself fails, the standard's words are better than none.
func (f *Face) writeError(w http.ResponseWriter, r *http.Request, routeName string, err error) {
	meant := wire.Note(r.Context(), err)
	record := reqlog.From(r.Context())
	members := map[string]any{
		"status": meant.HTTPStatus(), "error": meant.Code, "error_description": meant.Description, "reason": meant.Reason, "scope": meant.Scope,
		"retry_after": meant.RetryAfterSeconds(), "request_id": record.RequestID, "route": routeName,
	}
	status, body, failed := f.dialect.refusal.answer(context.WithoutCancel(r.Context()), routeName, members)
	if failed != nil {
		wire.WriteError(w, r, errors.Join(failed, record.Err))
		return
	}
	wire.SetErrorHeaders(w.Header(), r, meant)
	if sendErr := send(w, status, body); sendErr != nil && record.Err == nil {
		record.Err = sendErr
	}
}

// answer maps an error to status and body.
func (m *errorMapping) answer(ctx context.Context, routeName string, members map[string]any) (int, []byte, error) {
	status, err := m.statusOf(ctx, routeName, members)
	if err != nil {
		return 0, nil, err
	}
	members["status"] = status
	object, err := m.body.object(ctx, routeName, members)
	if err != nil {
		return 0, nil, notRefusing(routeName, m.body, err)
	}
	body, err := m.body.encode(routeName, object)
	return status, body, err
}

func (m *errorMapping) statusOf(ctx context.Context, routeName string, members map[string]any) (int, error) {
	if m.status == nil {
		status, _ := whole(members["status"])
		return status, nil
	}
	made, err := m.status.run(ctx, routeName, members)
	if err != nil {
		return 0, notRefusing(routeName, m.status, err)
	}
	status, ok := whole(made)
	if !ok || status < 400 || status > 599 {
		return 0, &failure{route: routeName, mapping: m.status.name, what: "it does not make a status from 400 to 599"}
	}
	return status, nil
}

// notRefusing: what answers an error cannot refuse it.
func notRefusing(routeName string, p *program, err error) error {
	if refused := (*oauth.Error)(nil); !errors.As(err, &refused) {
		return err
	}
	return &failure{route: routeName, mapping: p.name, what: "it refuses what it should answer"}
}

func asFailure(err error, into **failure) bool { return errors.As(err, into) }

// send writes an answer whole. Nothing of ours may be cached (RFC 6749 §5.1).
func send(w http.ResponseWriter, status int, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff") // an answer for machines must never run as a document
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}
