package dialect

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/itchyny/gojq"

	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/yamlfile"
)

// mappingSteps is how much a mapping may do, in the interpreter's own steps. An honest one takes a few hundred, and some twenty for each
// member of a long list; this many take a part of a second. It is no length of time: on a busy machine that passes for other reasons.
const mappingSteps = 2_000_000

// maxAnswer bounds what a mapping may make, in bytes of JSON.
const maxAnswer = 256 << 10

// program is a compiled mapping. It is safe for concurrent use.
type program struct {
	name   string // what the file calls it
	source yamlfile.Source
	query  *gojq.Query
	code   *gojq.Code
	quick  step // does what it can; the code does the rest
}

// forbidden reach beyond the one value that a mapping is given, or end more than it.
var forbidden = []string{
	"env", "$ENV", "input", "inputs", "input_filename", "input_line_number", "debug", "stderr", "halt", "halt_error", "now", "localtime", "strflocaltime",
	"modulemeta", "get_search_list",
}

// prelude is what every mapping can use besides jq's own functions.
const prelude = `
def refuse($error; $description): error({error: $error, error_description: $description});
def refuse($error; $description; $status): error({error: $error, error_description: $description, status: $status});
`

// natives are functions of ours that jq would take long for.
var natives = []gojq.CompilerOption{gojq.WithFunction("given", 0, 0, given), gojq.WithFunction("renamed", 2, 2, renamed)}

// given leaves out the members of an object that are null or an empty text.
func given(value any, _ []any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("given is for objects, and this is %s", gojq.TypeOf(value))
	}
	kept := make(map[string]any, len(object))
	for name, member := range object {
		if member != nil && member != "" {
			kept[name] = member
		}
	}
	return kept
}

// renamed writes one word of a text of words, such as a scope, as another. What is no text stays as it is.
func renamed(value any, words []any) any {
	text, isText := value.(string)
	from, fromText := words[0].(string)
	to, toText := words[1].(string)
	if !isText || !fromText || !toText || !strings.Contains(text, from) {
		return value
	}
	list := strings.Split(text, " ")
	for i, word := range list {
		if word == from {
			list[i] = to
		}
	}
	return strings.Join(list, " ")
}

// placedError is a mistake at a byte of a program; -1 is the whole of it.
type placedError struct {
	offset  int
	message string
}

func (e *placedError) Error() string { return e.message }

// compile reads a mapping. The definitions are the file's own functions.
func compile(name string, source yamlfile.Source, definitions []*gojq.FuncDef) (*program, error) {
	query, err := parse(source.Text)
	if err != nil {
		return nil, err
	}
	p := &program{name: name, source: source, query: query}
	whole := *query
	whole.FuncDefs = slices.Concat(preludeFunctions(), definitions, query.FuncDefs)
	if p.code, err = gojq.Compile(&whole, natives...); err != nil {
		return nil, &placedError{offsetOf(source.Text, undefinedName(err)), err.Error()}
	}
	p.quick = quicken(query, definitions)
	return p, nil
}

func parse(text string) (*gojq.Query, error) {
	query, err := gojq.Parse(text)
	if mistake := (*gojq.ParseError)(nil); errors.As(err, &mistake) {
		return nil, &placedError{mistake.Offset - len(mistake.Token), "this is not jq: " + err.Error()}
	}
	if err != nil {
		return nil, &placedError{-1, "this is not jq: " + err.Error()}
	}
	if len(query.Imports) > 0 || query.Meta != nil {
		return nil, &placedError{0, "modules are not read here: write the functions under `definitions`"}
	}
	if name := reaches(query); name != "" {
		return nil, &placedError{offsetOf(text, name), fmt.Sprintf("%s is not there: a mapping sees the request and nothing else", name)}
	}
	return query, nil
}

// reaches finds a function that a mapping must not call.
func reaches(query *gojq.Query) (found string) {
	eachCall(query, func(name string) {
		if slices.Contains(forbidden, name) {
			found = name
		}
	})
	return found
}

// eachCall visits every function call of a syntax tree.
func eachCall(query *gojq.Query, visit func(name string)) { visitCalls(reflect.ValueOf(query), visit) }

func preludeFunctions() []*gojq.FuncDef {
	query, err := gojq.Parse(prelude + ".")
	if err != nil {
		return nil // a test holds it
	}
	return query.FuncDefs
}

// definitions reads functions that mappings share.
func definitions(source yamlfile.Source) ([]*gojq.FuncDef, error) {
	if strings.TrimSpace(source.Text) == "" {
		return nil, nil
	}
	query, err := parse(source.Text + "\n.")
	if err != nil {
		return nil, err
	}
	whole := *query
	whole.FuncDefs = slices.Concat(preludeFunctions(), query.FuncDefs)
	if _, err := gojq.Compile(&whole, natives...); err != nil {
		return nil, &placedError{offsetOf(source.Text, undefinedName(err)), err.Error()}
	}
	return query.FuncDefs, nil
}

func visitCalls(v reflect.Value, visit func(name string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		if call, ok := reflect.TypeAssert[*gojq.Func](v); ok {
			visit(call.Name)
		}
		visitCalls(v.Elem(), visit)
	case reflect.Slice:
		for i := range v.Len() {
			visitCalls(v.Index(i), visit)
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			visitCalls(field, visit)
		}
	}
}

func undefinedName(err error) string {
	_, name, _ := strings.Cut(err.Error(), "not defined: ")
	name, _, _ = strings.Cut(name, "/")
	return name
}

// offsetOf finds where a name stands, as best one can: the syntax tree does not say.
func offsetOf(text, name string) int {
	if name == "" {
		return -1
	}
	return strings.Index(text, name)
}

// failure is a mapping that went wrong. It is ours, never the client's; its text says nothing of what was in the request.
type failure struct {
	route, mapping, what string

	detail string // with values: for who writes the dialect, never for a log
}

func (f *failure) Error() string {
	return fmt.Sprintf("dialect: route %s: the mapping %s failed: %s", f.route, f.mapping, f.what)
}

// run maps one value. It returns exactly one, or the refusal that the mapping asks for, or a *failure.
func (p *program) run(ctx context.Context, route string, input any) (mapped any, err error) {
	if made, ok := p.quick(input); ok {
		return made, nil
	}
	return p.interpret(ctx, route, input)
}

// interpret runs the whole of jq.
func (p *program) interpret(ctx context.Context, route string, input any) (mapped any, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			mapped, err = nil, &failure{route: route, mapping: p.name, what: "it broke the interpreter"}
		}
	}()
	results := p.code.RunWithContext(&fuel{Context: ctx, steps: mappingSteps}, input)
	first, ok := results.Next()
	if !ok {
		return nil, &failure{route: route, mapping: p.name, what: "it makes nothing"}
	}
	if thrown, ok := first.(error); ok {
		return nil, p.thrown(route, thrown)
	}
	if _, more := results.Next(); more {
		return nil, &failure{route: route, mapping: p.name, what: "it makes more than one value"}
	}
	return first, nil
}

// fuel is a context that ends after so many steps: gojq asks for Done before each.
type fuel struct {
	context.Context

	steps int
}

var errSpent = errors.New("all steps are spent")

// over is what has ended.
var over = func() <-chan struct{} {
	ended := make(chan struct{})
	close(ended)
	return ended
}()

func (f *fuel) Done() <-chan struct{} {
	if f.steps--; f.steps < 0 {
		return over
	}
	return f.Context.Done()
}

func (f *fuel) Err() error {
	if f.steps < 0 {
		return errSpent
	}
	return f.Context.Err()
}

// thrown tells a refusal that the mapping asks for from a mistake in it.
func (p *program) thrown(route string, thrown error) error {
	if value, ok := errors.AsType[gojq.ValueError](thrown); ok {
		if asked, ok := value.Value().(map[string]any); ok {
			return refusal(asked)
		}
		return &failure{route: route, mapping: p.name, what: "it calls error without an object"}
	}
	if errors.Is(thrown, errSpent) {
		return &failure{route: route, mapping: p.name, what: "it does not end"}
	}
	if errors.Is(thrown, context.Canceled) || errors.Is(thrown, context.DeadlineExceeded) {
		return thrown // the client has gone
	}
	return &failure{route: route, mapping: p.name, what: withoutValues(thrown.Error()), detail: thrown.Error()}
}

// withoutValues keeps of the interpreter's message what comes before it quotes values: they may be secrets.
func withoutValues(message string) string {
	if i := strings.IndexAny(message, `(:"[{`); i >= 0 {
		message = message[:i]
	}
	return strings.TrimSpace(message)
}

// refusal is what a mapping refuses a request with: error({error, error_description, reason?, status?}).
func refusal(asked map[string]any) error {
	text := func(name string) string {
		value, _ := asked[name].(string)
		return value
	}
	refused := oauth.InvalidRequest("%s", text("error_description")).With(text("reason"))
	if code := text("error"); code != "" {
		refused.Code = code
	}
	if status, ok := whole(asked["status"]); ok && status >= 400 && status < 600 {
		refused.Status = status
	}
	return refused
}

// whole reads a number that jq made.
func whole(value any) (int, bool) {
	switch value := value.(type) {
	case int:
		return value, true
	case float64:
		return int(value), value == float64(int(value))
	}
	return 0, false
}

// object runs a mapping that must make an object.
func (p *program) object(ctx context.Context, route string, input any) (map[string]any, error) {
	mapped, err := p.run(ctx, route, input)
	if err != nil {
		return nil, err
	}
	object, ok := mapped.(map[string]any)
	if !ok {
		return nil, &failure{route: route, mapping: p.name, what: "it makes " + gojq.TypeOf(mapped) + " instead of an object"}
	}
	return object, nil
}

// encode writes what a mapping made, whole or not at all.
func (p *program) encode(route string, object map[string]any) ([]byte, error) {
	encoded, err := gojq.Marshal(object)
	if err != nil {
		return nil, &failure{route: route, mapping: p.name, what: "what it makes is not JSON"}
	}
	if len(encoded) > maxAnswer {
		return nil, &failure{route: route, mapping: p.name, what: "what it makes is too large"}
	}
	return append(encoded, '\n'), nil
}
