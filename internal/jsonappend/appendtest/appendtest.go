// Package appendtest holds what writes itself with jsonappend to what encoding/json writes.
package appendtest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// Same sets every member of a T, each alone and all together, to texts that need an escape and to texts that need none, to numbers and
// to empty values, and compares what both ways write.
func Same[T any](t *testing.T, appendJSON func(*T, []byte) []byte) {
	t.Helper()
	check := func(v *T) {
		t.Helper()
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(v); err != nil {
			t.Fatal(err)
		}
		if got := string(appendJSON(v, []byte("x"))) + "\n"; got != "x"+want.String() {
			t.Errorf("%s, and encoding/json writes\n%s", got, &want)
		}
	}
	for round, text := range []string{"", "plain ~", "a\"b\\c", "<&>", "\x00\x7f", "ünï\u2028", "\xff"} {
		all := new(T)
		for _, place := range members(reflect.ValueOf(all).Elem()) {
			fill(place, text, round)
		}
		check(all)
		for i := range members(reflect.ValueOf(all).Elem()) {
			one := new(T)
			fill(members(reflect.ValueOf(one).Elem())[i], text, round)
			check(one)
		}
	}
}

// members are the fields that are written, those of embedded structs among them.
func members(v reflect.Value) (places []reflect.Value) {
	for i := range v.NumField() {
		switch field := v.Type().Field(i); {
		case field.Anonymous:
			places = append(places, members(v.Field(i))...)
		case field.Tag.Get("json") != "-":
			places = append(places, v.Field(i))
		}
	}
	return places
}

func fill(place reflect.Value, text string, round int) {
	switch place.Kind() {
	case reflect.String:
		place.SetString(text)
	case reflect.Int64:
		place.SetInt(int64(round) - 2)
	case reflect.Bool:
		place.SetBool(round%2 == 0)
	case reflect.Pointer:
		value := reflect.New(place.Type().Elem())
		fill(value.Elem(), text, round)
		place.Set(value)
	case reflect.Slice:
		texts := []string{text, text}[:round%3] // none, one and two
		place.Set(reflect.ValueOf(texts).Convert(place.Type()))
	default:
		panic("appendtest: no value for a " + place.Kind().String())
	}
}
