package dialect

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"testing"

	"github.com/itchyny/gojq"

	"latchkey.dev/dialects"
	"latchkey.dev/internal/yamlfile"
)

// sampler are mappings of every form that steps know, and of many that they must leave to the interpreter.
var sampler = []string{
	`.`, `.a`, `.a.b`, `."a"`, `.["a-b"]`, `.["a"].b`, `.a["b"]`, `.a // .b`, `.a // "x"`, `(.a // .b) // null`, `{a, b: .c, "d-e": .a.b}`, `{(.a): 1}`, `{"x\(.a)": 1}`, `.a | {b}`,
	`{a} + {b: .a}`, `.a + .b`, `null + .a`, `.a + null`, `"s\(.a)t\(.b)"`, `"\(1)"`, `[.a, .b, .c]`, `[]`, `[.a]`, `[.a[]]`, `if .a then .b else .c end`, `if .a == "x" then 1 end`,
	`if .a then 1 elif .b then 2 elif .c == 3 then 4 else 5 end`, `.a == .b`, `.a != .b`, `.a < .b`, `.a >= .b`, `.a and .b`, `.a or .b`, `.a and (.b or .c)`, `.a | not`, `.a | tostring`, `.a | todate`,
	`given`, `.a | given`, `.a | renamed("x"; "y")`, `renamed("x"; .a)`, `twice`, `twice | twice`, `outer`, `recursive`, `with(.a)`, `local(1)`, `.a?`, `.[0]`, `.a[1:]`, `-.a`, `.a * 2`, `.a - 1`, `1.5`, `12345678901234567890`,
	`empty`, `.a, .b`, `error(.a)`, `reduce .a as $x (0; . + 1)`, `.a as $x | $x`, `def f: .a; f`, `try .a catch .b`, `true`, `false`, `null`, `"t"`, `{}`, `{a: {b: [.c, {d: .a}]}}`, `. as {a: $x} | $x`, `@base64`, `.a | length`,
	`.a | map(.b)`, `map({a})`, `[.a, .b] | map(. // 1)`, `[.a] | map(twice)`, `.a | map(empty)`, `.a | map(., .)`, `(.a) + (.b)`, `.a | . + "z"`, `[.a, (.b, .c)]`, `[(.a | .b), .c]`, `.a.b.c.d`, `.. `, `[.a] + [.b]`, `{a: 1} == {a: 1}`, `refuse("x"; "y")`,
}

const samplerFunctions = `def twice: {t: ., u: .a}; def outer: twice | .u; def recursive: if .a then .a | recursive else . end; def with(f): f; def local($x): $x; def given: "mine";`

// everyMapping is the sampler and all mappings of the dialects that come with the program.
func everyMapping(t testing.TB) []*program {
	t.Helper()
	functions, err := definitions(yamlfile.Source{Text: samplerFunctions})
	if err != nil {
		t.Fatal(err)
	}
	var programs []*program
	for _, scope := range [][]*gojq.FuncDef{functions, functions[:5]} { // with and without a given of the file's own
		for _, text := range sampler {
			p, err := compile(text, yamlfile.Source{Text: text}, scope)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			programs = append(programs, p)
		}
	}
	for _, name := range dialects.Names() {
		text, err := dialects.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := Load(text, name)
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, loaded.refusal.body)
		for _, route := range loaded.routes {
			programs = append(programs, route.request, route.response)
		}
	}
	return programs
}

// same holds what the steps make of a value to what the interpreter makes of it. That they make nothing is always right.
func same(t *testing.T, p *program, input any) (quick bool) {
	t.Helper()
	made, ok := p.quick(input)
	if !ok {
		return false
	}
	want, err := p.interpret(context.Background(), "", input)
	if err != nil {
		t.Errorf("%s of %v: steps make %v, jq says %v", p.source.Text, input, made, err)
		return true
	}
	madeJSON, _ := gojq.Marshal(made)
	if wantJSON, _ := gojq.Marshal(want); !bytes.Equal(madeJSON, wantJSON) {
		t.Errorf("%s of %v: steps make %s, jq makes %s", p.source.Text, input, madeJSON, wantJSON)
	}
	return true
}

func oddInputs() []any {
	values := []any{nil, true, false, "", "x", "x y x", 0, 1, 7, -1, 1767225600, 1.5, 1e300, 253402300800, []any{}, []any{"a", 1}, map[string]any{}, map[string]any{"b": "c"}, map[string]any{"b": nil, "c": map[string]any{"d": 1}}}
	inputs := append([]any{}, values...)
	for _, a := range values {
		for _, b := range values {
			inputs = append(inputs, map[string]any{"a": a, "b": b, "c": 3, "a-b": "q", "x": a, "body": map[string]any{"code": a, "scope": b}, "query": map[string]any{}, "header": map[string]any{}})
		}
	}
	for _, operation := range Operations {
		inputs = append(inputs, operation.Answer)
		for name := range operation.Answer {
			without := maps.Clone(operation.Answer)
			delete(without, name)
			inputs = append(inputs, without)
		}
	}
	return append(inputs, errorSample(), refusalSample())
}

func TestStepsAreJQ(t *testing.T) {
	programs, inputs, quick, slow := everyMapping(t), oddInputs(), 0, 0
	for _, p := range programs {
		for _, input := range inputs {
			if same(t, p, input) {
				quick++
			} else {
				slow++
			}
		}
	}
	if quick < slow {
		t.Errorf("the steps did %d of %d mappings", quick, quick+slow)
	}
}

// TestMappingsOfTheDialectsAreQuick: what every request needs is done by steps alone.
func TestMappingsOfTheDialectsAreQuick(t *testing.T) {
	for _, name := range dialects.Names() {
		text, err := dialects.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := Load(text, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, route := range loaded.routes {
			if _, ok := route.response.quick(route.answerSample()); !ok {
				t.Errorf("%s: the answer of %s needs the interpreter", name, route.name)
			}
			empty := map[string]any{"body": map[string]any{}, "query": map[string]any{}, "header": map[string]any{}}
			if _, ok := route.request.quick(empty); !ok {
				t.Errorf("%s: the request of %s needs the interpreter", name, route.name)
			}
		}
	}
}

func FuzzSteps(f *testing.F) {
	for _, input := range oddInputs() {
		if text, err := json.Marshal(input); err == nil {
			f.Add(text)
		}
	}
	programs := everyMapping(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var input any
		if json.Unmarshal(data, &input) != nil {
			return
		}
		for _, p := range programs {
			same(t, p, input)
		}
	})
}
