package dialect

import (
	"cmp"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/wire"
)

// The bodies that a route may read.
const (
	bodyJSON = "json"
	bodyForm = "form"
)

// inputOf is what a request mapping sees: {method, path, query, header, cookie, body, bearer}. Everything in it was read strictly:
// what was given twice is refused, and a member without a value is left out.
func (r *route) inputOf(request *http.Request) (map[string]any, error) {
	query, err := wire.Query(request)
	if err != nil {
		return nil, err
	}
	body, err := r.bodyOf(request)
	if err != nil {
		return nil, err
	}
	input := map[string]any{
		"method": request.Method, "path": request.URL.Path, "query": object(query), "header": headersOf(request), "cookie": cookiesOf(request), "body": body,
	}
	if token, err := wire.BearerToken(request); err == nil {
		input["bearer"] = token
	}
	return input, nil
}

func object(params wire.Params) map[string]any {
	members := map[string]any{}
	for name, value := range params.All() {
		members[name] = value
	}
	return members
}

// headersOf joins what came several times as HTTP does (RFC 9110 §5.2), so that two account ids are never one of them.
func headersOf(request *http.Request) map[string]any {
	headers := make(map[string]any, len(request.Header))
	for name, values := range request.Header {
		value := values[0]
		if len(values) > 1 {
			value = strings.Join(values, ", ")
		}
		if value != "" && utf8.ValidString(value) {
			headers[strings.ToLower(name)] = value
		}
	}
	return headers
}

// cookiesOf leaves out a name that came twice: another host under the same domain may have planted one (RFC 6265 §8.6).
func cookiesOf(request *http.Request) map[string]any {
	cookies, twice := map[string]any{}, []string(nil)
	for _, cookie := range request.Cookies() {
		if _, seen := cookies[cookie.Name]; seen {
			twice = append(twice, cookie.Name)
		}
		cookies[cookie.Name] = cookie.Value
	}
	for _, name := range twice {
		delete(cookies, name)
	}
	return cookies
}

func (r *route) bodyOf(request *http.Request) (body map[string]any, err error) {
	switch {
	case len(r.bodies) == 0 || request.Method == http.MethodGet || request.Method == http.MethodHead:
		return map[string]any{}, nil
	case r.reads(bodyForm) && (!r.reads(bodyJSON) || isForm(request)):
		form, err := wire.Form(request)
		return object(form), err
	case r.untyped:
		err = wire.UntypedJSON(request, &body)
	default:
		err = wire.JSON(request, &body)
	}
	return body, err
}

func (r *route) reads(kind string) bool { return slices.Contains(r.bodies, kind) }

func isForm(request *http.Request) bool {
	return strings.HasPrefix(strings.ToLower(request.Header.Get("Content-Type")), "application/x-www-form-urlencoded")
}

// take checks what a request mapping made against what the operation can be told. A member that there is not is the mapping's
// mistake; one of the wrong kind is the client's, since a mapping hands on what it was sent: the body that came is asked for its name.
func (r *route) take(mapped map[string]any, sent any) (map[string]any, error) {
	members := make(map[string]any, len(mapped)) // what a mapping made may be a constant of its program, which all requests share
	for name, value := range mapped {
		member, known := r.operation.member(name)
		if !known {
			return nil, &failure{route: r.name, mapping: r.request.name, what: "it makes " + name + ", which the operation " + r.operation.Name + " does not know"}
		}
		if value == nil || value == "" {
			continue
		}
		taken, ok := member.Kind.take(value)
		if !ok {
			return nil, oauth.InvalidRequest("%s must be a %s", sentAs(name, value, sent), member.Kind)
		}
		members[name] = taken
	}
	return members, nil
}

// sentAs is what the client itself calls a member of its body; the operation's own name where that is not plain.
func sentAs(name string, value, sent any) string {
	body, _ := sent.(map[string]any)
	own := ""
	for called, candidate := range body {
		if reflect.DeepEqual(candidate, value) {
			if own != "" || called == name {
				return name
			}
			own = called
		}
	}
	return cmp.Or(own, name)
}

func (k Kind) take(value any) (any, bool) {
	switch k {
	case Text:
		text, ok := value.(string)
		return text, ok
	case Texts:
		return takeTexts(value)
	default:
		return value, true
	}
}

func takeTexts(value any) ([]string, bool) {
	list, ok := value.([]any)
	if !ok {
		return nil, false
	}
	texts := make([]string, len(list))
	for i, entry := range list {
		if texts[i], ok = entry.(string); !ok {
			return nil, false
		}
	}
	return texts, true
}
