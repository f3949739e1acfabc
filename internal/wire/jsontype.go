package wire

import (
	"encoding/json"
	"reflect"
	"strings"
)

// members are what an object will be decoded into: a struct's members by
// name, or for a map the one type of every member. Both are empty where
// nothing of ours will look.
type members struct {
	byName map[string]reflect.Type
	every  reflect.Type
}

func membersOf(t reflect.Type) members {
	t = pointee(t)
	switch {
	case t == nil || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
		return members{} // it reads itself
	case t.Kind() == reflect.Map:
		return members{every: t.Elem()}
	case t.Kind() == reflect.Interface:
		return members{every: t} // any within any
	case t.Kind() != reflect.Struct:
		return members{}
	}
	m := members{byName: map[string]reflect.Type{}}
	for _, f := range reflect.VisibleFields(t) {
		if name, ok := memberName(f); ok {
			m.byName[name] = f.Type
		}
	}
	return m
}

// memberName is encoding/json's rule for the name of a field.
func memberName(f reflect.StructField) (string, bool) {
	tag := f.Tag.Get("json")
	name, _, _ := strings.Cut(tag, ",")
	switch {
	case tag == "-" || !f.IsExported():
		return "", false
	case name != "":
		return name, true
	}
	return f.Name, !f.Anonymous
}

// find returns the type that a member will be decoded into, nil when there is
// no such member. similar is a member whose name differs only in case:
// encoding/json would take the one for the other, and other readers of the
// same document would not.
func (m members) find(name string) (t reflect.Type, similar string) {
	if m.byName == nil {
		return m.every, ""
	}
	if t, ok := m.byName[name]; ok {
		return t, ""
	}
	for member := range m.byName {
		if strings.EqualFold(member, name) {
			return nil, member
		}
	}
	return nil, ""
}

// elementOf returns what the elements of an array will be decoded into.
func elementOf(t reflect.Type) reflect.Type {
	t = pointee(t)
	switch {
	case t == nil:
		return nil
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Array:
		return t.Elem()
	case t.Kind() == reflect.Interface:
		return t
	}
	return nil
}

func pointee(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}
