package dialect

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/itchyny/gojq"
)

// Most mappings do nothing but name members. The interpreter takes 10 to 40 µs for one, most of it allocation; what follows takes one
// or two. A step knows what jq means by the few things it does, and hands everything else, and everything that would be an error,
// over to the interpreter, which does the whole mapping again. A test holds the two to one another.

// step makes a value of another. ok is false where the interpreter must do it.
type step func(in any) (out any, ok bool)

// handOver is a step that is the interpreter's.
func handOver(any) (any, bool) { return nil, false }

// quicken returns the steps of a mapping. scope are the functions that the mapping may call, innermost last.
func quicken(q *gojq.Query, scope []*gojq.FuncDef) step {
	if q == nil || len(q.FuncDefs) > 0 || len(q.Patterns) > 0 {
		return handOver
	}
	if q.Term != nil {
		return quickenTerm(q.Term, scope)
	}
	left, right := quicken(q.Left, scope), quicken(q.Right, scope)
	switch q.Op {
	case gojq.OpPipe:
		return func(in any) (any, bool) {
			between, ok := left(in)
			if !ok {
				return nil, false
			}
			return right(between)
		}
	case gojq.OpAlt:
		return func(in any) (any, bool) {
			if first, ok := left(in); !ok || truth(first) {
				return first, ok
			}
			return right(in)
		}
	case gojq.OpAnd, gojq.OpOr:
		return both(left, right, q.Op)
	case gojq.OpAdd:
		return func(in any) (any, bool) { return onBoth(left, right, in, add) }
	case gojq.OpEq, gojq.OpNe, gojq.OpGt, gojq.OpLt, gojq.OpGe, gojq.OpLe:
		return func(in any) (any, bool) {
			return onBoth(left, right, in, func(l, r any) (any, bool) { return holds(gojq.Compare(l, r), q.Op), true })
		}
	}
	return handOver
}

// truth is jq's: all but null and false.
func truth(value any) bool { return value != nil && value != false }

func both(left, right step, op gojq.Operator) step {
	return func(in any) (any, bool) {
		first, ok := left(in)
		if !ok || truth(first) == (op == gojq.OpOr) {
			return truth(first), ok
		}
		second, ok := right(in)
		return truth(second), ok
	}
}

func onBoth(left, right step, in any, do func(l, r any) (any, bool)) (any, bool) {
	l, ok := left(in)
	if !ok {
		return nil, false
	}
	r, ok := right(in)
	if !ok {
		return nil, false
	}
	return do(l, r)
}

func holds(order int, op gojq.Operator) bool {
	switch op {
	case gojq.OpEq:
		return order == 0
	case gojq.OpNe:
		return order != 0
	case gojq.OpGt:
		return order > 0
	case gojq.OpLt:
		return order < 0
	case gojq.OpGe:
		return order >= 0
	default:
		return order <= 0
	}
}

func add(l, r any) (any, bool) {
	switch left := l.(type) {
	case nil:
		return r, true
	case string:
		if right, ok := r.(string); ok {
			return left + right, true
		}
	case map[string]any:
		if right, ok := r.(map[string]any); ok {
			sum := make(map[string]any, len(left)+len(right))
			maps.Copy(sum, left)
			maps.Copy(sum, right)
			return sum, true
		}
	}
	return l, r == nil
}

func quickenTerm(t *gojq.Term, scope []*gojq.FuncDef) step {
	inner := *t
	inner.SuffixList = nil
	made := quickenBare(&inner, scope)
	for _, suffix := range t.SuffixList {
		if suffix.Iter || suffix.Optional || suffix.Index == nil {
			return handOver
		}
		name, ok := constantName(suffix.Index)
		if !ok {
			return handOver
		}
		made = memberOf(made, name)
	}
	return made
}

func quickenBare(t *gojq.Term, scope []*gojq.FuncDef) step {
	switch t.Type {
	case gojq.TermTypeIdentity:
		return func(in any) (any, bool) { return in, true }
	case gojq.TermTypeNull:
		return constant(nil)
	case gojq.TermTypeTrue:
		return constant(true)
	case gojq.TermTypeFalse:
		return constant(false)
	case gojq.TermTypeNumber:
		if number, err := strconv.Atoi(t.Number); err == nil {
			return constant(number)
		}
	case gojq.TermTypeString:
		return quickenString(t.Str, scope)
	case gojq.TermTypeIndex:
		if name, ok := constantName(t.Index); ok {
			return memberOf(func(in any) (any, bool) { return in, true }, name)
		}
	case gojq.TermTypeQuery:
		return quicken(t.Query, scope)
	case gojq.TermTypeObject:
		return quickenObject(t.Object, scope)
	case gojq.TermTypeArray:
		return quickenArray(t.Array, scope)
	case gojq.TermTypeIf:
		return quickenIf(t.If, scope)
	case gojq.TermTypeFunc:
		return quickenCall(t.Func, scope)
	}
	return handOver
}

func constant(value any) step { return func(any) (any, bool) { return value, true } }

// constantName is the member that .name, ."name" or .["name"] means.
func constantName(index *gojq.Index) (string, bool) {
	switch {
	case index.IsSlice:
		return "", false
	case index.Name != "":
		return index.Name, true
	case index.Str != nil:
		return index.Str.Str, len(index.Str.Queries) == 0
	case index.Start != nil && index.Start.Term != nil && len(index.Start.FuncDefs) == 0 && len(index.Start.Term.SuffixList) == 0 && index.Start.Term.Type == gojq.TermTypeString:
		return index.Start.Term.Str.Str, len(index.Start.Term.Str.Queries) == 0
	}
	return "", false
}

func memberOf(of step, name string) step {
	return func(in any) (any, bool) {
		value, ok := of(in)
		if !ok || value == nil {
			return nil, ok
		}
		object, ok := value.(map[string]any)
		return object[name], ok
	}
}

// quickenString puts a text together; only texts and whole numbers go in.
func quickenString(s *gojq.String, scope []*gojq.FuncDef) step {
	if s.Queries == nil {
		return constant(s.Str)
	}
	parts := make([]step, len(s.Queries))
	for i, part := range s.Queries {
		parts[i] = quicken(part, scope)
	}
	return func(in any) (any, bool) {
		var text strings.Builder
		for _, part := range parts {
			value, ok := part(in)
			if !ok {
				return nil, false
			}
			written, ok := toText(value)
			if !ok {
				return nil, false
			}
			text.WriteString(written.(string))
		}
		return text.String(), true
	}
}

func toText(value any) (any, bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case int:
		return strconv.Itoa(value), true
	}
	return nil, false
}

func quickenObject(o *gojq.Object, scope []*gojq.FuncDef) step {
	names, values := make([]string, len(o.KeyVals)), make([]step, len(o.KeyVals))
	for i, member := range o.KeyVals {
		switch {
		case member.Key != "" && member.Key[0] != '$':
			names[i] = member.Key
		case member.KeyString != nil && len(member.KeyString.Queries) == 0:
			names[i] = member.KeyString.Str
		default:
			return handOver
		}
		if values[i] = quicken(member.Val, scope); member.Val == nil {
			values[i] = memberOf(func(in any) (any, bool) { return in, true }, names[i])
		}
	}
	return func(in any) (any, bool) {
		object := make(map[string]any, len(names))
		for i, name := range names {
			value, ok := values[i](in)
			if !ok {
				return nil, false
			}
			object[name] = value
		}
		return object, true
	}
}

func quickenArray(a *gojq.Array, scope []*gojq.FuncDef) step {
	var entries []step
	for rest := a.Query; rest != nil; {
		if rest.Op != gojq.OpComma || len(rest.FuncDefs) > 0 {
			entries = append(entries, quicken(rest, scope))
			break
		}
		entries, rest = append(entries, quicken(rest.Right, scope)), rest.Left // a, b, c is (a, b), c
	}
	return func(in any) (any, bool) {
		list := make([]any, len(entries))
		for i, entry := range entries {
			value, ok := entry(in)
			if !ok {
				return nil, false
			}
			list[len(entries)-1-i] = value
		}
		return list, true
	}
}

func quickenIf(choice *gojq.If, scope []*gojq.FuncDef) step {
	otherwise := func(in any) (any, bool) { return in, true }
	if choice.Else != nil {
		otherwise = quicken(choice.Else, scope)
	}
	for _, other := range slices.Backward(choice.Elif) {
		otherwise = choose(quicken(other.Cond, scope), quicken(other.Then, scope), otherwise)
	}
	return choose(quicken(choice.Cond, scope), quicken(choice.Then, scope), otherwise)
}

func choose(condition, then, otherwise step) step {
	return func(in any) (any, bool) {
		chosen, ok := condition(in)
		switch {
		case !ok:
			return nil, false
		case truth(chosen):
			return then(in)
		default:
			return otherwise(in)
		}
	}
}

// quickenCall knows the functions of the file, in which a name means what was defined before, and a few others.
func quickenCall(call *gojq.Func, scope []*gojq.FuncDef) step {
	for i, function := range slices.Backward(scope) {
		if function.Name == call.Name && len(function.Args) == len(call.Args) {
			if len(call.Args) > 0 || callsItself(function) {
				return handOver
			}
			return quicken(function.Body, scope[:i])
		}
	}
	switch {
	case call.Name == "given" && len(call.Args) == 0:
		return func(in any) (any, bool) {
			object, ok := in.(map[string]any)
			if !ok {
				return nil, false
			}
			return given(object, nil), true
		}
	case call.Name == "renamed" && len(call.Args) == 2:
		from, to := quicken(call.Args[0], scope), quicken(call.Args[1], scope)
		return func(in any) (any, bool) {
			return onBoth(from, to, in, func(from, to any) (any, bool) { return renamed(in, []any{from, to}), true })
		}
	case call.Name == "map" && len(call.Args) == 1:
		return quickenMap(quicken(call.Args[0], scope))
	case call.Name == "tostring" && len(call.Args) == 0:
		return toText
	case call.Name == "not" && len(call.Args) == 0:
		return func(in any) (any, bool) { return !truth(in), true }
	case call.Name == "todate" && len(call.Args) == 0:
		return toDate
	}
	return handOver
}

// quickenMap does one thing to each entry of a list; jq would take an object's values too.
func quickenMap(each step) step {
	return func(in any) (any, bool) {
		list, ok := in.([]any)
		mapped := make([]any, len(list))
		for i := 0; ok && i < len(list); i++ {
			mapped[i], ok = each(list[i])
		}
		return mapped, ok
	}
}

// callsItself keeps recursion with the interpreter, which can stop it.
func callsItself(function *gojq.FuncDef) bool {
	found := false
	eachCall(function.Body, func(name string) { found = found || name == function.Name })
	return found
}

// latestDate is the end of the year 9999, beyond which dates have another form.
const latestDate = 253402300799

func toDate(in any) (any, bool) {
	seconds, ok := whole(in)
	if !ok || seconds < 0 || seconds > latestDate {
		return nil, false
	}
	return time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339), true
}
