// Package dialects holds the dialects that come with the program. Each file is what one platform's own clients expect;
// docs/guides/replace-your-oauth-server.md explains every key.
package dialects

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Names lists the dialects, in alphabetical order.
func Names() []string {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil // an embedded folder is always there
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = strings.TrimSuffix(entry.Name(), ".yaml")
	}
	return names
}

// Read returns a dialect's text by its name. The error is fs.ErrNotExist when there is none.
func Read(name string) ([]byte, error) { return files.ReadFile(name + ".yaml") }
