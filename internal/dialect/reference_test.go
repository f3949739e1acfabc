package dialect

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"latchkey.dev/internal/yamlfile"
)

// TestTheReferenceIsComplete: docs/reference/dialect.md names every key of a file, every operation, and all that goes in and comes out.
func TestTheReferenceIsComplete(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/dialect.md")
	if err != nil {
		t.Fatal(err)
	}
	named := func(what string) {
		if !strings.Contains(string(text), "`"+what+"`") {
			t.Errorf("docs/reference/dialect.md does not name `%s`", what)
		}
	}
	var visit func(section reflect.Type, prefix string)
	visit = func(section reflect.Type, prefix string) {
		for field := range section.Fields() {
			key := strings.TrimPrefix(yamlfile.Child(prefix, field.Tag.Get("yaml")), "policy.")
			switch kind := field.Type; {
			case kind == reflect.TypeFor[yamlfile.Source](), kind.Kind() != reflect.Struct && kind.Kind() != reflect.Map && (kind.Kind() != reflect.Slice || kind.Elem().Kind() != reflect.Struct):
				named(key)
			case kind == reflect.TypeFor[credentialSection]():
				named(key + ".prefix")
			case kind.Kind() == reflect.Map:
				visit(kind.Elem(), key+".*")
			case kind.Kind() == reflect.Slice:
				visit(kind.Elem(), key+"[]")
			default:
				visit(kind, strings.TrimPrefix(key, "policy"))
			}
		}
	}
	visit(reflect.TypeFor[file](), "")
	for _, operation := range Operations {
		named(operation.Name)
		for _, member := range operation.Members {
			named(member.Name)
		}
		for name := range operation.Answer {
			named(name)
		}
	}
}
