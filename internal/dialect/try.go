package dialect

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"regexp"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/yamlfile"
)

// try runs every mapping on examples, so that what would fail for a client is told to whom writes the dialect.
func (l *loader) try(d *Dialect) {
	l.see("errors.status", d.refusal.status, errorSample())
	l.see("errors.body", d.refusal.body, errorSample())
	l.tryErrors(&d.refusal)
	for i, route := range d.routes {
		key := yamlfile.Item("routes", i)
		l.see(yamlfile.Child(key, "request"), route.request, requestNames)
		l.see(yamlfile.Child(key, "refusal"), route.refused, refusalSample())
		if !route.operation.Open {
			l.see(yamlfile.Child(key, "response"), route.response, route.answerSample())
			l.see(yamlfile.Child(key, "headers"), route.headers, route.answerSample())
		}
		l.tryRequest(yamlfile.Child(key, "request"), route)
		l.tryResponse(yamlfile.Child(key, "response"), route)
		if route.refused != nil {
			_, err := route.refused.redirect(refusalSample())
			l.tried(yamlfile.Child(key, "refusal"), route.refused, "an error", err)
		}
		if route.headers != nil {
			_, err := route.headers.texts(context.Background(), route.name, route.answerSample())
			l.tried(yamlfile.Child(key, "headers"), route.headers, "the operation's answer", err)
		}
	}
}

// tried notes what came of an example. A refusal that the mapping asks for is as it should be.
func (l *loader) tried(key string, p *program, on string, err error) bool {
	failed := (*failure)(nil)
	if !errors.As(err, &failed) {
		return true
	}
	why := failed.detail
	if why == "" {
		why = failed.what
	}
	line, column := p.source.At(0)
	l.AddAt(line, column, key, "fails on %s: %s", on, why)
	return false
}

var bodyMember = regexp.MustCompile(`\.body\.([A-Za-z_][A-Za-z_0-9]*)`)

// tryRequest: a request may lack anything, and its JSON may hold anything.
func (l *loader) tryRequest(key string, r *route) {
	input := func() map[string]any {
		return map[string]any{
			"method": r.method, "path": r.path, "query": map[string]any{}, "header": map[string]any{}, "cookie": map[string]any{}, "body": map[string]any{},
		}
	}
	if !l.tried(key, r.request, "an empty request (write `.x // \"\"` where x may be missing)", r.tryRequest(input())) {
		return
	}
	for _, match := range bodyMember.FindAllStringSubmatch(r.request.source.Text, -1) {
		for _, odd := range []any{7, true, map[string]any{"a": "b"}, []any{"a"}} {
			given := input()
			given["body"] = map[string]any{match[1]: odd}
			if !l.tried(key, r.request, "a request whose body has something else than text in "+match[1]+" (hand it on as it is: the operation checks it)", r.tryRequest(given)) {
				return
			}
		}
	}
}

func (r *route) tryRequest(input map[string]any) error {
	mapped, err := r.request.object(context.Background(), r.name, input)
	if err != nil {
		return err
	}
	_, err = r.take(mapped, input["body"])
	return err
}

// tryResponse: some members are not always there.
func (l *loader) tryResponse(key string, r *route) {
	run := func(on string, members map[string]any) bool {
		if r.operation.Page {
			_, err := r.response.redirect(members)
			return l.tried(key, r.response, on, err)
		}
		mapped, err := r.response.object(context.Background(), r.name, members)
		if err == nil {
			_, err = r.response.encode(r.name, mapped)
		}
		return l.tried(key, r.response, on, err)
	}
	if !run("the operation's answer", r.answerSample()) {
		return
	}
	for _, name := range r.operation.Optional {
		sample := r.answerSample()
		delete(sample, name)
		if !run("an answer without "+name+", which is not always there", sample) {
			return
		}
	}
}

// answerSample is the operation's, with what the face adds.
func (r *route) answerSample() map[string]any {
	sample := maps.Clone(r.operation.Answer)
	if r.limit.requests > 0 {
		sample["rate"] = allowance{limit: r.limit}.members()
	}
	return sample
}

// tryErrors goes through every status that a client can meet.
func (l *loader) tryErrors(m *errorMapping) {
	statuses := []int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusConflict, http.StatusGone,
		http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusUnsupportedMediaType, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable,
	}
	codes := []string{
		oauth.CodeInvalidRequest, oauth.CodeInvalidClient, oauth.CodeInvalidGrant, oauth.CodeUnauthorizedClient, oauth.CodeUnsupportedGrantType,
		oauth.CodeInvalidScope, oauth.CodeInvalidToken, oauth.CodeInsufficientScope, oauth.CodeServerError, oauth.CodeTemporarilyUnavailable,
	}
	for _, status := range statuses {
		for _, code := range codes {
			sample := errorSample()
			sample["status"], sample["error"] = status, code
			if status%2 == 0 {
				sample["reason"] = ""
			}
			if !l.tryError(m, sample) {
				return
			}
		}
	}
}

func (l *loader) tryError(m *errorMapping, sample map[string]any) bool {
	status, err := m.statusOf(context.Background(), "errors", sample)
	if m.status != nil && !l.tried("errors.status", m.status, "an error", err) {
		return false
	}
	sample["status"] = status
	object, err := m.body.object(context.Background(), "errors", sample)
	if err == nil {
		_, err = m.body.encode("errors", object)
	}
	return l.tried("errors.body", m.body, "an error", err)
}
