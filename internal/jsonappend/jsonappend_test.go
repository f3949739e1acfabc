package jsonappend_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"latchkey.dev/internal/jsonappend"
)

func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "plain", `"\`, "<&>", "\x00\x1f\x7f", "ünï\u2028", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(map[string]any{"a": text, "b": []string{text, "x"}, "c": true, "d": -1}); err != nil {
			t.Fatal(err)
		}
		b := jsonappend.Text([]byte{'{'}, "a", text)
		b = jsonappend.Texts(b, "b", []string{text, "x"})
		b = jsonappend.Number(jsonappend.Bool(b, "c", true), "d", -1)
		if got := string(append(b, "}\n"...)); got != want.String() {
			t.Errorf("%s, and encoding/json writes\n%s", got, &want)
		}
	})
}
