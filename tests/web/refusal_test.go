package web

import (
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// The platforms' tables tell a refusal whole: its status, its body and its headers. Here is what keeps them so.

// carries takes the lines `refusals carry NAME: VALUE` and `pages carry NAME: VALUE` before a platform's first case.
func (w *world) carries(settings []string) error {
	w.refusals, w.refusalPages = http.Header{}, http.Header{}
	for _, line := range settings {
		whose, carried, found := strings.Cut(line, " carry ")
		name, value, named := strings.Cut(carried, ": ")
		header, known := map[string]http.Header{"refusals": w.refusals, "pages": w.refusalPages}[whose]
		if !found || !named || !known {
			return fmt.Errorf("there is no setting %q", line)
		}
		header.Set(name, value)
	}
	return nil
}

// whole tells what a platform's table leaves out of a refusal; a standard's script may leave out what it is not about.
func (r *run) whole(s step) error {
	if r.refusals == nil || r.last == nil || len(s.expect) == 0 {
		return nil
	}
	byRedirect := r.last.Location != nil && r.last.Location.Query().Has("error")
	switch {
	case byRedirect && !s.expects("location is "):
		return fmt.Errorf("write where a refusal leads:\n> location is %s", r.last.Location)
	case byRedirect || r.last.Status < http.StatusBadRequest:
		return nil
	case !s.expects(fmt.Sprint(r.last.Status)):
		return fmt.Errorf("write the status of a refusal:\n> %d", r.last.Status)
	case r.last.Fault() != "" && !s.expects("fault "):
		return fmt.Errorf("write which fault a page tells of:\n> fault %s", r.last.Fault())
	case r.last.Fault() != "":
		return r.wholeHeader(s, r.refusalPages)
	case !s.expects("says "):
		return fmt.Errorf("write a refusal's whole body:\n> says %s", r.last.Text)
	}
	return r.wholeHeader(s, r.refusals)
}

// wholeHeader: what every refusal of the platform carries, and what the case says; no less and no more. … stands for a nonce.
func (r *run) wholeHeader(s step, carried http.Header) error {
	for name, values := range r.last.Header {
		if carried.Get(name) == "" && !s.expects("header "+name+" ") {
			return fmt.Errorf("a header that nobody speaks of:\n> header %s is %s", name, strings.Join(values, ", "))
		}
	}
	for name := range carried {
		got, before, after := r.last.Header.Values(name), carried.Get(name), ""
		if begins, ends, open := strings.Cut(before, "…"); open {
			before, after = begins, ends
		}
		if len(got) != 1 || !strings.HasPrefix(got[0], before) || !strings.HasSuffix(got[0], after) || after == "" && got[0] != before {
			return fmt.Errorf("%s is %q, and every refusal carries %q", name, got, carried.Get(name))
		}
	}
	return nil
}

// expects tells whether one of the step's expectations begins so; headers' names are compared as HTTP does.
func (s step) expects(beginning string) bool {
	return slices.ContainsFunc(s.expect, func(e expectation) bool {
		text := e.text
		if name, rest, isHeader := strings.Cut(strings.TrimPrefix(text, "header "), " "); isHeader && strings.HasPrefix(text, "header ") {
			text = "header " + textproto.CanonicalMIMEHeaderKey(name) + " " + rest
		}
		return strings.HasPrefix(text+" ", beginning)
	})
}
