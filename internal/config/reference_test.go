package config

import (
	"bytes"
	"os"
	"reflect"
	"regexp"
	"slices"
	"testing"
)

// keysOf lists every key that the file can have, as the reference writes them.
func keysOf(t reflect.Type, prefix string) []string {
	switch t.Kind() {
	case reflect.Struct:
		var keys []string
		for field := range t.Fields() {
			keys = append(keys, keysOf(field.Type, child(prefix, field.Tag.Get("yaml")))...)
		}
		return keys
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			return keysOf(t.Elem(), prefix+"[]")
		}
	case reflect.Map:
		return []string{prefix + ".*"}
	}
	return []string{prefix}
}

// TestReferenceIsComplete: docs/reference/configuration.md explains every key, and none that is not there.
func TestReferenceIsComplete(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_.\\[\\]*]+)` \\| .+ \\| .+ \\|$").FindAllSubmatch(text, -1) {
		documented = append(documented, string(row[1]))
	}
	keys := keysOf(reflect.TypeFor[file](), "")
	for _, key := range keys {
		if !slices.Contains(documented, key) {
			t.Errorf("%s is not in the reference", key)
		}
	}
	for _, key := range documented {
		if !slices.Contains(keys, key) {
			t.Errorf("the reference explains %s, which is not a key", key)
		}
	}
	if len(documented) != len(keys) {
		t.Errorf("%d rows for %d keys: is one there twice?", len(documented), len(keys))
	}
}

// TestReferenceNamesTheEnvironment: so does every variable that is read.
func TestReferenceNamesTheEnvironment(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{EnvMasterKey, EnvDatabase, EnvMailPassword} {
		if !bytes.Contains(text, []byte("| `"+name+"` |")) {
			t.Errorf("%s is not in the reference", name)
		}
	}
}
