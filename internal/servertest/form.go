package servertest

import (
	"net/http"
	"net/url"
	"strings"

	"latchkey.dev/internal/store"
	"latchkey.dev/tests/person"
)

func (r *Rig) formPost(origin, target string, form url.Values) *http.Request {
	r.Helper()
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, r.absolute(target), strings.NewReader(form.Encode()))
	r.Must(err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", origin)
	return request
}

// Back is the query that an app was called back with; it ends the test when the page is no redirect to an app.
func (r *Rig) Back(page *person.Page) url.Values {
	r.Helper()
	if page.Location == nil || page.Location.Host == page.URL.Host {
		r.Fatalf("not back at the app but at %s: %d\n%.3000s", page.URL, page.Status, page.Text)
	}
	return page.Location.Query()
}

// CodeOf is the code that an app was called back with.
func (r *Rig) CodeOf(page *person.Page) store.Code {
	r.Helper()
	q := r.Back(page)
	if q.Get("code") == "" || q.Get("error") != "" {
		r.Fatalf("no code but %v", q)
	}
	code, err := r.Store.Code(r.Context(), "acme", store.CodeHash(q.Get("code")))
	r.Must(err)
	return code
}

// At ends the test unless the browser is at a path.
func (r *Rig) At(page *person.Page, path string) *person.Page {
	r.Helper()
	if page.Location != nil || page.URL.Path != path {
		r.Fatalf("at %s (%d, Location %v), want %s\n%.3000s", page.URL.Path, page.Status, page.Location, path, page.Text)
	}
	return page
}
