package docs

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// documents are all that a reader of the repository may open.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(text)
	}
	return texts
}

var goBlock = regexp.MustCompile("(?s)\n```go\n(.*?)\n```")

// TestGoCodeCompiles builds every Go program of the documents against this module, without writing into it.
func TestGoCodeCompiles(t *testing.T) {
	module, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	overlay, packages := map[string]string{}, []string{}
	for path, text := range documents(t) {
		for i, block := range goBlock.FindAllStringSubmatch(text, -1) {
			name := fmt.Sprintf("%s-%d", strings.TrimSuffix(filepath.Base(path), ".md"), i+1)
			file := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(file, []byte(block[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			overlay[filepath.Join(module, "docs-code", name, "main.go")] = file
			packages = append(packages, "./docs-code/"+name)
		}
	}
	if len(packages) < 2 {
		t.Fatalf("only %v was found: are the fences still ```go?", packages)
	}
	plan, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	planFile := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(planFile, plan, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", append([]string{"build", "-overlay", planFile, "-o", t.TempDir()}, packages...)...)
	build.Dir = module
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)

// TestLinksLead follows every relative link.
func TestLinksLead(t *testing.T) {
	for path, text := range documents(t) {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), match[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, match[1], err)
			}
		}
	}
}

// importsOf lists every package that the module's own files import.
func importsOf(t *testing.T) map[string]bool {
	t.Helper()
	imports := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{"tools", "node_modules", ".git", ".cache", "artefacts", "testdata"}, entry.Name()) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return nil //nolint:nilerr // somebody is in the middle of writing it; the compiler says more
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			imports[name] = err == nil
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}

var required = regexp.MustCompile(`(?m)^\t(\S+\.\S+/?\S*) v\S+`)

// TestEveryLibraryHasItsReason holds ADR 8 to the modules that are imported directly, both ways.
func TestEveryLibraryHasItsReason(t *testing.T) {
	modFile, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(root + "/docs/adr/0008-libraries.md")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for name := range importsOf(t) {
		longest := ""
		for _, match := range required.FindAllStringSubmatch(string(modFile), -1) {
			if module := match[1]; (name == module || strings.HasPrefix(name, module+"/")) && len(module) > len(longest) {
				longest = module
			}
		}
		used[longest] = true
	}
	delete(used, "") // the standard library and our own
	for module := range used {
		if !strings.Contains(string(text), "| `"+module+"` | ") {
			t.Errorf("%s is imported, and docs/adr/0008-libraries.md does not say why", module)
		}
	}
	for _, match := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ").FindAllStringSubmatch(string(text), -1) {
		if !used[match[1]] {
			t.Errorf("docs/adr/0008-libraries.md gives a reason for %s, which nothing imports", match[1])
		}
	}
}

// TestEveryPackageHasItsPlace: who looks for something in the tree finds it in ARCHITECTURE.md.
func TestEveryPackageHasItsPlace(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	tree, _, _ := strings.Cut(string(text), "Imports run one way")
	folders, err := os.ReadDir(filepath.Join(root, "internal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		if !regexp.MustCompile(`\b` + folder.Name() + `\b`).MatchString(tree) {
			t.Errorf("internal/%s has no line in the tree of ARCHITECTURE.md", folder.Name())
		}
	}
}

// TestDecisionsAreListed: every ADR is in the list, by its own title.
func TestDecisionsAreListed(t *testing.T) {
	list, err := os.ReadFile(root + "/docs/adr/README.md")
	if err != nil {
		t.Fatal(err)
	}
	records, err := filepath.Glob(root + "/docs/adr/0*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range records {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		title, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
		_, title, _ = strings.Cut(title, ". ")
		if !strings.Contains(string(list), "["+title+"]("+filepath.Base(path)+")") {
			t.Errorf("docs/adr/README.md does not list %q, %s", title, filepath.Base(path))
		}
	}
}
