package servertest

import (
	"reflect"
	"testing"

	"latchkey.dev/dialects"
	"latchkey.dev/internal/dialect"
	"latchkey.dev/internal/issuer"
)

// Dialect compiles one of the dialects that come with the program.
func Dialect(t testing.TB, name string) *dialect.Dialect {
	t.Helper()
	data, err := dialects.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	spoken, err := dialect.Load(data, name+".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return spoken
}

// Worded gives scopes a wording, for tests that look at none.
func Worded(scopes issuer.Catalogue) issuer.Catalogue {
	for i := range scopes {
		scopes[i].Text = map[string]issuer.Wording{"en": {Title: "Do " + scopes[i].Name}}
	}
	return scopes
}

// AnyText stands for a text that is only looked at for being there.
const AnyText = "…"

// Alike holds JSON to what is wanted of it: the same members and entries, no others, and AnyText for any text that is not empty.
func Alike(got, want any) bool {
	switch want := want.(type) {
	case string:
		text, ok := got.(string)
		return ok && (text == want || want == AnyText && text != "")
	case int:
		return got == float64(want)
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok || len(object) != len(want) {
			return false
		}
		for name := range want {
			if !Alike(object[name], want[name]) {
				return false
			}
		}
		return true
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return false
		}
		for i := range want {
			if !Alike(list[i], want[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(got, want)
}
