package store_test

import (
	"testing"

	"latchkey.dev/internal/store"
)

// FuzzParseID: whatever is read as an identifier is written and read back as the same.
func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"", "0190a7c4-1f00-7abc-8def-0123456789ab", "0190a7c41f007abc8def0123456789ab", "0190a7c4", "g", "\x00", "----"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := store.ParseID(text)
		if err != nil {
			return
		}
		if again, err := store.ParseID(store.FormatID(id)); err != nil || again != id {
			t.Errorf("%q becomes %x and then %x, %v", text, id, again, err)
		}
	})
}
