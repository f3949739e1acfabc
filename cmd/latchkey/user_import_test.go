package main

import (
	"strings"
	"testing"
)

// TestImportNamesTheLineThatIsTakenMeanwhile: somebody signs up with an address of the file after it was checked.
func TestImportNamesTheLineThatIsTakenMeanwhile(t *testing.T) {
	l := newLeaving(t)
	file := strings.NewReader(`{"id": "6", "email": "layla@acme.example", "name": "Layla"}` + "\n\n" +
		`{"id": "7", "email": "` + l.noura.Email + `", "name": "N"}` + "\n")
	err := bringAll(t.Context(), l.in, file, &importResult{People: 2}, func(int64, int64) {})
	code, said := explain(err)
	if want := "line 3: 7 (noura@acme.example): somebody else has this address"; code != exitConflict || !strings.HasPrefix(said, want) {
		t.Errorf("%d %s\nwant %s", code, said, want)
	}
}
