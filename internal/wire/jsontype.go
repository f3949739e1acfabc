package wire

import (
	"encoding/json"
	"reflect"
	"strings"

	"latchkey.dev/internal/oauth"
)

// memberOf returns the type that member name of a t will be decoded into, nil
// when t has no such member. A name that differs from a member of t only in
// case is refused, as encoding/json would take it for that member and other
// readers of the same document would not.
func memberOf(t reflect.Type, name string) (reflect.Type, error) {
	if t == nil {
		return nil, nil
	}
	if t.Kind() == reflect.Map {
		return t.Elem(), nil
	}
	var similar string
	for _, f := range reflect.VisibleFields(t) {
		member, known := memberName(f)
		switch {
		case !known:
		case member == name:
			return f.Type, nil
		case strings.EqualFold(member, name):
			similar = member
		}
	}
	if similar != "" {
		return nil, oauth.InvalidRequest("member names are case-sensitive: write %s, not %s", similar, nameForPeople(name))
	}
	return nil, nil
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

// structOf returns the struct or map that an object will be decoded into, nil
// when the object is decoded by something that reads it itself or not at all.
func structOf(t reflect.Type) reflect.Type {
	t = pointee(t)
	if t == nil || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	if t.Kind() == reflect.Struct || t.Kind() == reflect.Map {
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
