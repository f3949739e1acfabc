package dialect

import (
	"testing"

	"latchkey.dev/dialects"
)

func TestDialectsLoad(t *testing.T) {
	for _, name := range dialects.Names() {
		data, err := dialects.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Load(data, name+".yaml"); err != nil {
			t.Error(err)
		}
	}
}
