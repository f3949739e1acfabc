package dialect

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/itchyny/gojq"

	"latchkey.dev/internal/yamlfile"
)

// In jq a name that is not there is null: a typo would lose a member of an answer in silence. Most of what a mapping sees has a closed set
// of names, so a name outside of it is a mistake. Not judged is what others choose or an expression makes: bodies, queries, headers and
// cookies, names that are computed, and what comes out of a function.

// requestNames are what a request mapping sees; what is in them is the app's choice.
var requestNames = map[string]any{"method": "", "path": "", "query": nil, "header": nil, "cookie": nil, "body": nil, "bearer": ""}

// see tells the names that no input of a mapping has.
func (l *loader) see(key string, p *program, input map[string]any) {
	if p == nil {
		return
	}
	s := sight{missing: map[string][]string{}}
	s.query(p.query, input)
	for _, name := range slices.Sorted(maps.Keys(s.missing)) {
		there := s.missing[name]
		line, column := p.source.At(placeOf(p.source.Text, name))
		similar := yamlfile.Nearest(name, there)
		switch {
		case len(there) == 0:
			l.AddAt(line, column, key, "%s is not there: this mapping sees an empty object", name)
		case similar != "":
			l.AddAt(line, column, key, "%s is not there: did you mean %q?", name, similar)
		default:
			l.AddAt(line, column, key, "%s is not there: it has %s", name, strings.Join(there, ", "))
		}
	}
}

// placeOf finds where a member is asked for, as best one can: the syntax tree does not say.
func placeOf(text, name string) int {
	name = regexp.QuoteMeta(name)
	for _, form := range []string{`\.(` + name + `)\b`, `\b(` + name + `)\b`} {
		if at := regexp.MustCompile(form).FindStringSubmatchIndex(text); at != nil {
			return at[2]
		}
	}
	return 0
}

// sight walks a syntax tree with what `.` is at each place: an object is a map, and nil is what cannot be judged.
type sight struct {
	missing map[string][]string // what is asked for, and the names that there are
}

// query returns what a query makes of its input.
func (s *sight) query(q *gojq.Query, in any) (out any) {
	switch {
	case q == nil || in == nil:
		return nil
	case q.Term != nil:
		return s.term(q.Term, in)
	case q.Op == gojq.OpPipe && len(q.Patterns) == 0:
		return s.query(q.Right, s.query(q.Left, in))
	case q.Op == gojq.OpPipe: // `left as $name | right`: both have the same input
		s.query(q.Left, in)
		return s.query(q.Right, in)
	case slices.Contains(assigning, q.Op):
		return nil // it may make a member
	}
	s.query(q.Left, in)
	s.query(q.Right, in)
	return nil
}

var assigning = []gojq.Operator{
	gojq.OpAssign, gojq.OpModify, gojq.OpUpdateAdd, gojq.OpUpdateSub, gojq.OpUpdateMul, gojq.OpUpdateDiv, gojq.OpUpdateMod, gojq.OpUpdateAlt,
}

func (s *sight) term(t *gojq.Term, in any) (out any) {
	switch t.Type {
	case gojq.TermTypeIdentity:
		out = in
	case gojq.TermTypeIndex:
		out = s.index(t.Index, in, in)
	case gojq.TermTypeQuery:
		out = s.query(t.Query, in)
	case gojq.TermTypeObject:
		s.object(t.Object, in)
	case gojq.TermTypeArray:
		s.query(t.Array.Query, in)
	case gojq.TermTypeUnary:
		s.term(t.Unary.Term, in)
	case gojq.TermTypeString, gojq.TermTypeFormat:
		s.text(t.Str, in)
	case gojq.TermTypeIf:
		s.query(t.If.Cond, in)
		s.query(t.If.Then, in)
		for _, other := range t.If.Elif {
			s.query(other.Cond, in)
			s.query(other.Then, in)
		}
		s.query(t.If.Else, in)
	case gojq.TermTypeTry:
		s.query(t.Try.Body, in)
	}
	for _, suffix := range t.SuffixList {
		switch {
		case suffix.Index != nil:
			out = s.index(suffix.Index, out, in)
		case suffix.Iter:
			out = nil
		}
	}
	return out
}

// index returns the member of a value; what stands in brackets sees the whole input.
func (s *sight) index(index *gojq.Index, of, in any) any {
	if name, constant := constantName(index); constant {
		return s.member(of, name)
	}
	s.text(index.Str, in)
	s.query(index.Start, in)
	s.query(index.End, in)
	return nil
}

func (s *sight) member(of any, name string) any {
	object, judged := of.(map[string]any)
	value, there := object[name]
	if judged && !there {
		s.missing[name] = slices.Sorted(maps.Keys(object))
	}
	return value
}

func (s *sight) object(o *gojq.Object, in any) {
	for _, member := range o.KeyVals {
		s.text(member.KeyString, in)
		s.query(member.KeyQuery, in)
		switch {
		case member.Val != nil:
			s.query(member.Val, in)
		case member.KeyString != nil && len(member.KeyString.Queries) == 0: // {"name"} is {name: .name}
			s.member(in, member.KeyString.Str)
		case member.Key != "" && !strings.HasPrefix(member.Key, "$"):
			s.member(in, member.Key)
		}
	}
}

func (s *sight) text(text *gojq.String, in any) {
	if text == nil {
		return
	}
	for _, part := range text.Queries {
		s.query(part, in)
	}
}
