package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// platformNames are those whose wire formats live in dialects/.
var platformNames = regexp.MustCompile(`(?i)noon|noorle|nomba|tiki`)

// TestTheProgramKnowsNoPlatformsName: what is particular to a platform stands in its dialect. The sample data of dev mode is the one
// exception.
func TestTheProgramKnowsNoPlatformsName(t *testing.T) {
	read := 0
	for _, folder := range []string{"internal", "cmd"} {
		err := filepath.WalkDir(filepath.Join("..", "..", folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				if err == nil && strings.HasSuffix(filepath.ToSlash(path), "internal/dev") {
					return fs.SkipDir
				}
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			read++
			if found := platformNames.Find(text); found != nil {
				t.Errorf("%s says %q", path, found)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read < 300 {
		t.Errorf("read only %d files: is this the right folder?", read)
	}
}
