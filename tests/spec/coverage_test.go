package spec

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// The specifications of which every MUST is listed, in the order of the document.
var specifications = []string{
	"RFC 6749", "OAuth 2.1", "RFC 6750", "RFC 7009", "RFC 7636", "RFC 7591", "RFC 7592", "RFC 7662", "RFC 8252", "RFC 8414", "RFC 8628", "RFC 8707", "RFC 9068", "RFC 9207",
	"OpenID Connect Core", "OpenID Connect Discovery", "OpenID Connect RP-Initiated Logout",
}

type requirement struct {
	specification, section, text, where string
	shownBy                             []string
}

var (
	reference = regexp.MustCompile("`([^`]+)`")
	declared  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)
)

func TestEveryRequirementNamesATestThatExists(t *testing.T) {
	tests := existingTests(t)
	requirements := readRequirements(t)
	for _, r := range requirements {
		if r.where == "" || len(r.shownBy) == 0 {
			t.Errorf("%s §%s: %q has no test or no place", r.specification, r.section, r.text)
		}
		for _, name := range r.shownBy {
			if !tests.has(name) {
				t.Errorf("%s §%s: there is no test %s", r.specification, r.section, name)
			}
		}
	}
	t.Logf("%d requirements, each with a test", len(requirements))
}

func TestSpecificationsStandInOrder(t *testing.T) {
	var seen []string
	for _, r := range readRequirements(t) {
		if !slices.Contains(seen, r.specification) {
			seen = append(seen, r.specification)
		}
	}
	if len(seen) != len(specifications) {
		t.Fatalf("listed: %q", seen)
	}
	for i, name := range specifications {
		if !strings.HasPrefix(seen[i], name) {
			t.Errorf("place %d is %q, want %q", i, seen[i], name)
		}
	}
}

func readRequirements(t *testing.T) []requirement {
	t.Helper()
	file, err := os.Open(filepath.Join(root, "docs", "spec", "coverage.md"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var found []requirement
	var specification string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			specification = heading
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if !strings.HasPrefix(line, "| ") || len(cells) != 4 || strings.Contains(cells[0], "§") || strings.Contains(cells[0], "---") {
			continue
		}
		found = append(found, requirement{
			specification: specification, section: strings.TrimSpace(cells[0]), text: strings.TrimSpace(cells[1]),
			where: strings.TrimSpace(cells[2]), shownBy: references(cells[3]),
		})
	}
	if len(found) < 150 {
		t.Fatalf("read only %d requirements: has the table's form changed?", len(found))
	}
	return found
}

func references(cell string) []string {
	var names []string
	for _, match := range reference.FindAllStringSubmatch(cell, -1) {
		names = append(names, match[1])
	}
	return names
}

// suite is every test by its name: Go tests as package.Test, the cases of web scripts as "web/file.txt case".
type suite struct {
	tests map[string]bool
	cases []string
}

// has tells whether a test exists. A web script's case is named by how it begins: its section, or its heading.
func (s *suite) has(name string) bool {
	return s.tests[name] || slices.ContainsFunc(s.cases, func(c string) bool {
		rest, found := strings.CutPrefix(c, name)
		return found && strings.HasPrefix(name, "web/") && (rest == "" || strings.ContainsAny(rest[:1], " :"))
	})
}

func existingTests(t *testing.T) *suite {
	t.Helper()
	s := &suite{tests: map[string]bool{}}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || (strings.HasPrefix(entry.Name(), ".") && path != root)):
			return filepath.SkipDir
		case strings.HasSuffix(path, "_test.go"):
			return s.addGo(path)
		case filepath.Ext(path) == ".txt" && filepath.Base(filepath.Dir(path)) == "web":
			return s.addScript(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *suite) addGo(path string) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	folder := filepath.Base(filepath.Dir(path))
	for _, match := range declared.FindAllSubmatch(source, -1) {
		s.tests[folder+"."+string(match[1])] = true
	}
	return nil
}

func (s *suite) addScript(path string) error {
	script, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(script)) {
		if heading, found := strings.CutPrefix(line, "== "); found {
			s.cases = append(s.cases, "web/"+filepath.Base(path)+" "+strings.TrimSpace(heading))
		}
	}
	return nil
}

// The check itself: a name that is nearly a test is none.
func TestNamesAreExact(t *testing.T) {
	s := &suite{tests: map[string]bool{"token.TestX": true}, cases: []string{"web/a.txt §2.1 words", "web/a.txt Refresh: words"}}
	for name, want := range map[string]bool{
		"token.TestX": true, "web/a.txt §2.1": true, "web/a.txt Refresh": true,
		"token.TestY": false, "web/a.txt §2": false, "web/a.txt §2.2": false, "web/b.txt §2.1": false, "web/a.txt": true, "": false,
	} {
		if s.has(name) != want {
			t.Errorf("has(%q) = %v", name, !want)
		}
	}
}
