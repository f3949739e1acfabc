package dialect

import (
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/itchyny/gojq"

	"latchkey.dev/internal/yamlfile"
)

// Load reads a dialect and finds everything that is wrong with it. The error is a *yamlfile.Error with a line for each mistake.
func Load(data []byte, name string) (*Dialect, error) {
	l := loader{Problems: yamlfile.NewProblems()}
	var written file
	yamlfile.Read(data, &written, l.Problems, "start from the example in docs/guides/replace-your-oauth-server.md")
	if err := l.Err(name); err != nil {
		return nil, err // what follows would only repeat it
	}
	loaded := l.dialect(&written)
	loaded.File = name
	if l.Any() {
		return nil, l.Err(name)
	}
	l.try(loaded)
	if err := l.Err(name); err != nil {
		return nil, err
	}
	return loaded, nil
}

var (
	dialectName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	routeLine   = regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE) ([a-z][a-z0-9-]*(?:,[a-z][a-z0-9-]*)*) (/[^ ?#{}]*)$`)
	headerName  = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`) // of RFC 9110 §5.6.2, what is in use
)

// loader turns what was written into what runs, and tells everything that is wrong with it.
type loader struct {
	*yamlfile.Problems

	definitions []*gojq.FuncDef
}

func (l *loader) dialect(f *file) *Dialect {
	l.Require(dialectName.MatchString(f.Name), "name", "%q is not a name: write up to 32 small letters, digits and hyphens, a letter first", f.Name)
	var err error
	if l.definitions, err = definitions(f.Definitions); err != nil {
		l.misplaced("definitions", f.Definitions, err)
	}
	made := &Dialect{Name: f.Name, About: f.About, hosts: l.hosts(f.Hosts), policy: f.Policy, written: l.Has, functions: f.Definitions.Text}
	made.refusal = errorMapping{
		status: l.optional("errors.status", f.Errors.Status), body: l.mapping("errors.body", f.Errors.Body, "error and error_description as RFC 6749 §5.2 has them"),
	}
	l.Require(len(f.Routes) > 0, "routes", "is missing: write at least one, such as `- route: POST api /token`")
	for i := range f.Routes {
		made.routes = append(made.routes, l.route(yamlfile.Item("routes", i), &f.Routes[i], made))
	}
	l.unique(made)
	l.policy(&f.Policy)
	return made
}

// misplaced notes a mistake in a program where it stands in the file.
func (l *loader) misplaced(key string, source yamlfile.Source, err error) {
	placed := (*placedError)(nil)
	if !errors.As(err, &placed) || placed.offset < 0 {
		l.Add(key, "%v", err)
		return
	}
	line, column := source.At(placed.offset)
	l.AddAt(line, column, key, "%v", err)
}

func (l *loader) hosts(sections map[string]hostSection) []*host {
	l.Require(len(sections) > 0, "hosts", "is missing: name the platform's addresses, such as `hosts: {api: {answers: json}}`")
	var hosts []*host
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		key, s := yamlfile.Child("hosts", name), sections[name]
		l.Require(dialectName.MatchString(name), key, "%q is not a name: write small letters, digits and hyphens", name)
		l.Require(s.Answers == bodyJSON || s.Answers == "pages", yamlfile.Child(key, "answers"), "%q is not known: write json, or pages where people come in a browser", s.Answers)
		l.Require(s.UntypedBody == "" || s.UntypedBody == bodyJSON, yamlfile.Child(key, "untyped_body"), "%q is not known: write json, or leave it out to refuse a body without Content-Type", s.UntypedBody)
		for i, header := range s.Needs {
			l.Require(headerName.MatchString(header), yamlfile.Item(yamlfile.Child(key, "needs_headers"), i), "%q is not a header's name in small letters", header)
		}
		hosts = append(hosts, &host{
			name: name, pages: s.Answers == "pages", needs: s.Needs, untyped: s.UntypedBody == bodyJSON, limit: l.limit(yamlfile.Child(key, "limit"), s.Limit),
		})
	}
	return hosts
}

func (l *loader) limit(key, written string) limit {
	read, ok := parseLimit(written)
	l.Require(ok, key, `%q is not a limit: write it as "1500 per 60s"`, written)
	return read
}

func (l *loader) route(key string, s *routeSection, d *Dialect) *route {
	made := &route{name: s.Route, bodies: s.Body, status: s.Status, cors: s.Browsers, limit: l.limit(yamlfile.Child(key, "limit"), s.Limit)}
	l.address(yamlfile.Child(key, "route"), s.Route, made, d)
	if made.operation = operationNamed(s.Operation); made.operation == nil {
		l.unknownOperation(yamlfile.Child(key, "operation"), s.Operation)
		return made
	}
	l.Require(s.Status >= 200 && s.Status < 300, yamlfile.Child(key, "status"), "%d is not the status of a success: write 200 or 201", s.Status)
	for i, kind := range s.Body {
		l.Require(kind == bodyJSON || kind == bodyForm, yamlfile.Item(yamlfile.Child(key, "body"), i), "%q is not known: write json or form", kind)
	}
	request := yamlfile.Child(key, "request")
	made.request = l.mapping(request, s.Request, strings.Join(made.operation.memberNames(), ", "))
	made.response = l.mapping(yamlfile.Child(key, "response"), s.Response, "")
	made.headers = l.optional(yamlfile.Child(key, "headers"), s.Headers)
	made.refused = l.optional(yamlfile.Child(key, "refusal"), s.Refusal)
	l.Require(made.refused == nil || made.operation.Page, yamlfile.Child(key, "refusal"), "is for %s only: what a JSON host refuses is made under `errors`", Authorize)
	l.Require(!made.operation.Page || made.method == http.MethodGet || made.method == "", yamlfile.Child(key, "route"), "%s is where a browser comes to: write GET", made.operation.Name)
	l.Require(!made.operation.Page || made.headers == nil, yamlfile.Child(key, "headers"), "are for JSON answers; this route takes a browser on")
	l.keys(request, made)
	return made
}

func (l *loader) unknownOperation(key, written string) {
	if similar := yamlfile.Nearest(written, operationNames()); similar != "" {
		l.Add(key, "%q is not an operation: did you mean %q?", written, similar)
		return
	}
	l.Add(key, "%q is not an operation: they are %s", written, strings.Join(operationNames(), ", "))
}

// address reads "POST api /token". Several hosts stand with commas between.
func (l *loader) address(key, written string, made *route, d *Dialect) {
	parts := routeLine.FindStringSubmatch(written)
	if !l.Require(parts != nil, key, `%q is not a route: write method, host and path, such as "POST api /oauth/token"`, written) {
		return
	}
	made.method, made.path = parts[1], parts[3]
	if len(d.Hosts()) == 0 {
		return // which is said already
	}
	for name := range strings.SplitSeq(parts[2], ",") {
		at := d.host(name)
		if !l.Require(at != nil, key, "%q is not one of the hosts: they are %s", name, strings.Join(d.Hosts(), ", ")) {
			continue
		}
		made.hosts = append(made.hosts, at)
		made.untyped = made.untyped || at.untyped
		if made.limit.requests == 0 {
			made.limit = at.limit
		}
	}
}

// mapping compiles a program that must be there.
func (l *loader) mapping(key string, source yamlfile.Source, such string) *program {
	if strings.TrimSpace(source.Text) == "" {
		if such != "" {
			such = ", which may make " + such
		}
		l.Add(key, "is missing: write a jq program%s", such)
		return nil
	}
	return l.optional(key, source)
}

func (l *loader) optional(key string, source yamlfile.Source) *program {
	if strings.TrimSpace(source.Text) == "" {
		return nil
	}
	compiled, err := compile(key[strings.LastIndex(key, ".")+1:], source, l.definitions)
	if err != nil {
		l.misplaced(key, source, err)
		return nil
	}
	return compiled
}

// keys finds members that the operation does not know, where the mapping writes them out.
func (l *loader) keys(key string, made *route) {
	if made.request == nil {
		return
	}
	for _, name := range writtenKeys(made.request.query) {
		if _, known := made.operation.member(name); known {
			continue
		}
		line, column := made.request.source.At(max(0, offsetOf(made.request.source.Text, name)))
		if len(made.operation.Members) == 0 {
			l.AddAt(line, column, key, "%s is not a member of the operation %s, which takes none: write '{}'", name, made.operation.Name)
			continue
		}
		if similar := yamlfile.Nearest(name, made.operation.memberNames()); similar != "" {
			l.AddAt(line, column, key, "%s is not a member of the operation %s: did you mean %q?", name, made.operation.Name, similar)
			continue
		}
		l.AddAt(line, column, key, "%s is not a member of the operation %s: they are %s", name, made.operation.Name, strings.Join(made.operation.memberNames(), ", "))
	}
}

// writtenKeys are the names of the members that a program is seen to make.
func writtenKeys(query *gojq.Query) (names []string) {
	switch {
	case query == nil:
		return nil
	case query.Op == gojq.OpPipe:
		return writtenKeys(query.Right)
	case query.Op == gojq.OpAdd || query.Op == gojq.OpAlt:
		return append(writtenKeys(query.Left), writtenKeys(query.Right)...)
	case query.Term == nil || len(query.Term.SuffixList) > 0:
		return nil
	case query.Term.Query != nil:
		return writtenKeys(query.Term.Query)
	case query.Term.If != nil:
		for _, other := range query.Term.If.Elif {
			names = append(names, writtenKeys(other.Then)...)
		}
		return append(append(names, writtenKeys(query.Term.If.Then)...), writtenKeys(query.Term.If.Else)...)
	case query.Term.Object == nil:
		return nil
	}
	for _, member := range query.Term.Object.KeyVals {
		if member.Key != "" && !strings.HasPrefix(member.Key, "$") {
			names = append(names, member.Key)
		}
	}
	return names
}

// unique finds two routes for one address.
func (l *loader) unique(d *Dialect) {
	seen := map[string]string{}
	for i, made := range d.routes {
		for _, at := range made.hosts {
			address := made.method + " " + at.name + " " + made.path
			key := yamlfile.Child(yamlfile.Item("routes", i), "route")
			if other, taken := seen[address]; taken {
				l.Add(key, "%s stands at %s too: each address is one operation", address, other)
			}
			seen[address] = key
		}
	}
}
