package store_test

import (
	"bytes"
	"testing"

	"latchkey.dev/internal/store"
)

func TestCodesAreKeptInTheOrderOfTheirTime(t *testing.T) {
	early, late := store.CodeHash(store.CodeText(1, [32]byte{9})), store.CodeHash(store.CodeText(1<<40, [32]byte{1}))
	if bytes.Compare(early, late) >= 0 {
		t.Error("a later code comes first")
	}
	if bytes.Equal(early, store.CodeHash(store.CodeText(1, [32]byte{8}))) {
		t.Error("two codes of one moment are one")
	}
}

func TestWhatIsNoCodeHasAKeyToo(t *testing.T) {
	code := store.CodeText(1, [32]byte{9})
	for _, text := range []string{"", "x", code[1:], code + "A", "!" + code[1:], code[:len(code)-1]} {
		if key := store.CodeHash(text); len(key) != 32 || bytes.Equal(key, store.CodeHash(code)) {
			t.Errorf("%q is kept under %x", text, key)
		}
	}
}
