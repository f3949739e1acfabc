package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFileSize bounds what the parser works on. A configuration with a thousand issuers fits.
const maxFileSize = 4 << 20

// maxNesting bounds how many brackets may stand open: the library's memory grows with their square, to gigabytes for 100,000.
const maxNesting = 1000

// defaulter is a section that knows what it may leave out.
type defaulter interface{ SetDefaults() }

// Read fills a structure, which must be a pointer to a struct whose fields are all tagged `yaml`, and notes every key that it does
// not know and every value of the wrong kind. The library's own strict mode stops at the first. empty says what to write into a
// file that holds nothing.
func Read(data []byte, into any, ps *Problems, empty string) {
	if section, ok := into.(defaulter); ok {
		section.SetDefaults()
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // a byte order mark (YAML 1.2.2 §5.2), as editors of Windows write it
	if line := tooDeep(data); line > 0 {
		ps.AddAt(line, 1, "", "more than %d brackets are open here: close them", maxNesting)
		return
	}
	root, err := parse(data)
	if err != nil {
		ps.list = append(ps.list, syntaxProblem(err))
		return
	}
	if root == nil {
		ps.Add("", "the file is empty: %s", empty)
		return
	}
	r := reader{ps, strings.Split(string(data), "\n")}
	r.read(root, reflect.ValueOf(into).Elem(), "")
}

// tooDeep is the line at which too many brackets are open; 0 when there is none. Those in text count too, and do no harm.
func tooDeep(data []byte) int {
	depth, line := 0, 1
	for _, letter := range data {
		switch letter {
		case '\n':
			line++
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		}
		if depth > maxNesting {
			return line
		}
	}
	return 0
}

// parse returns the root of the only document, or nil when there is none.
func parse(data []byte) (root ast.Node, err error) {
	if len(data) > maxFileSize {
		return nil, fmt.Errorf("the file is larger than %d MiB", maxFileSize>>20)
	}
	// The library has panicked on damaged input before; for the operator that is a damaged file, not a damaged program.
	defer func() {
		if recover() != nil {
			err = errors.New("this is not YAML")
		}
	}()
	parsed, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, err
	}
	for _, doc := range parsed.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			return nil, errors.New("the file holds several YAML documents: keep one, without ---")
		}
		root = doc.Body
	}
	return root, nil
}

func syntaxProblem(err error) Problem {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil || at.GetToken().Position == nil {
		return Problem{Message: err.Error()}
	}
	where := at.GetToken().Position
	return Problem{Line: where.Line, Column: where.Column, Message: at.GetMessage() + ": check the indentation and the quotes here"}
}

type reader struct {
	ps    *Problems
	lines []string
}

func (r reader) read(node ast.Node, into reflect.Value, key string) {
	if r.note(node, key); !r.plain(node, key) {
		return
	}
	switch into.Interface().(type) {
	case Duration:
		r.duration(node, into, key)
		return
	case Source:
		r.source(node, into, key)
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		r.mapping(node, key, func(name string, at, value ast.Node) { r.field(name, at, value, into, key) })
	case reflect.Map:
		r.words(node, into, key)
	case reflect.Slice:
		r.sequence(node, into, key)
	default:
		r.scalar(node, into, key)
	}
}

// note remembers where the key stands, unless its name's place is known already.
func (r reader) note(node ast.Node, key string) {
	if _, known := r.ps.where[key]; known || node == nil || node.GetToken() == nil || node.GetToken().Position == nil {
		return
	}
	at := node.GetToken().Position
	r.ps.where[key] = position{at.Line, at.Column}
}

// plain refuses what only makes a configuration harder to read, or its reader's memory grow: aliases, tags and empty values.
func (r reader) plain(node ast.Node, key string) bool {
	switch node.(type) {
	case *ast.NullNode, nil:
		r.ps.Add(key, `has no value: write one or remove the key (a value that begins with # needs quotes)`)
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		r.ps.Add(key, "anchors and aliases are not read here: write the value out")
	case *ast.TagNode:
		r.ps.Add(key, "tags are not read here: write the plain value")
	default:
		return true
	}
	return false
}

// mapping hands every key and value of a YAML mapping to each, once a name.
func (r reader) mapping(node ast.Node, key string, each func(name string, at, value ast.Node)) {
	pairs, ok := node.(ast.MapNode)
	if !ok {
		r.ps.Add(key, "must be a section with keys of its own, and is %s", kindOf(node))
		return
	}
	seen := map[string]bool{}
	for iter := pairs.MapRange(); iter.Next(); {
		name, ok := text(iter.Key())
		full := Child(key, name)
		if !ok {
			r.ps.Add(key, "a key must be a plain word")
			continue
		}
		r.note(iter.Key(), full)
		if !r.ps.Require(!seen[name], full, "is there twice: keep one") {
			continue
		}
		seen[name] = true
		each(name, iter.Key(), iter.Value())
	}
}

func (r reader) field(name string, at, value ast.Node, into reflect.Value, key string) {
	full := Child(key, name)
	var names []string
	for i := range into.NumField() {
		known := into.Type().Field(i).Tag.Get("yaml")
		if known == name {
			r.read(value, into.Field(i), full)
			return
		}
		names = append(names, known)
	}
	r.note(at, full)
	if similar := Nearest(name, names); similar != "" {
		r.ps.Add(full, "is not a key here: did you mean %q?", similar)
		return
	}
	r.ps.Add(full, "is not a key here: the keys are %s", strings.Join(names, ", "))
}

// words fills a map of names to texts or sections.
func (r reader) words(node ast.Node, into reflect.Value, key string) {
	into.Set(reflect.MakeMap(into.Type()))
	r.mapping(node, key, func(name string, _, value ast.Node) {
		entry := reflect.New(into.Type().Elem())
		if section, ok := reflect.TypeAssert[defaulter](entry); ok {
			section.SetDefaults()
		}
		r.read(value, entry.Elem(), Child(key, name))
		into.SetMapIndex(reflect.ValueOf(name), entry.Elem())
	})
}

func (r reader) sequence(node ast.Node, into reflect.Value, key string) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		r.ps.Add(key, "must be a list, each entry after a dash or all in [brackets], and is %s", kindOf(node))
		return
	}
	items := reflect.MakeSlice(into.Type(), len(list.Values), len(list.Values))
	for i, value := range list.Values {
		if section, ok := reflect.TypeAssert[defaulter](items.Index(i).Addr()); ok {
			section.SetDefaults()
		}
		r.read(value, items.Index(i), Item(key, i))
	}
	into.Set(items)
}

func (r reader) scalar(node ast.Node, into reflect.Value, key string) {
	switch into.Kind() {
	case reflect.String:
		value, ok := text(node)
		if r.ps.Require(ok, key, "must be text, and is %s: put it in quotes", kindOf(node)) {
			into.SetString(value)
		}
	case reflect.Bool:
		value, ok := node.(*ast.BoolNode)
		if r.ps.Require(ok, key, "must be true or false, and is %s", kindOf(node)) {
			into.SetBool(value.Value)
		}
	case reflect.Int:
		value, ok := integer(node)
		if r.ps.Require(ok, key, "must be a whole number, and is %s", kindOf(node)) {
			into.SetInt(value)
		}
	case reflect.Float64:
		value, ok := number(node)
		if r.ps.Require(ok, key, "must be a number, and is %s", kindOf(node)) {
			into.SetFloat(value)
		}
	}
}

func (r reader) duration(node ast.Node, into reflect.Value, key string) {
	written, ok := text(node)
	if !r.ps.Require(ok, key, "must be a length of time such as 30s, 10m or 90d, and is %s", kindOf(node)) {
		return
	}
	value, err := ParseDuration(written)
	if err != nil {
		r.ps.Add(key, "%v", err)
		return
	}
	into.SetInt(int64(value))
}
