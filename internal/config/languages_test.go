package config

import (
	"slices"
	"testing"

	"latchkey.dev/internal/web"
)

// TestLanguagesAreThoseOfThePages: a language that pages learn can be configured, and no other.
func TestLanguagesAreThoseOfThePages(t *testing.T) {
	ours, pages := slices.Sorted(slices.Values(languages)), slices.Sorted(slices.Values(web.Languages()))
	if !slices.Equal(ours, pages) {
		t.Errorf("the configuration allows %v, and the pages speak %v", ours, pages)
	}
}
