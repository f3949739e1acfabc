package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// platformNames are those whose wire formats live in dialects/.
var platformNames = regexp.MustCompile(`(?i)noon|noorle|nomba|tiki`)

// seeds are the sample data of dev mode, and the list of it.
var seeds = regexp.MustCompile(`^internal/dev/((noon|noorle|nomba|noonlight|tiki|platform)\.go|permissions\.yaml)$`)

// TestTheProgramKnowsNoPlatformsName: what is particular to a platform stands in its dialect. The sample data of dev mode is the one
// exception.
func TestTheProgramKnowsNoPlatformsName(t *testing.T) {
	root, read := filepath.Join("..", ".."), 0
	for _, folder := range []string{"internal", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil || seeds.MatchString(filepath.ToSlash(name)) {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			read++
			if found := platformNames.FindString(name + "\n" + string(text)); found != "" {
				t.Errorf("%s says %q", name, found)
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
