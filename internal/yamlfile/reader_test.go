package yamlfile

import (
	"strings"
	"testing"
)

// TestReadRefusesWhatWouldTakeAllMemory: 200 KB of brackets took two gigabytes.
func TestReadRefusesWhatWouldTakeAllMemory(t *testing.T) {
	var into struct {
		Name string `yaml:"name"`
	}
	ps := NewProblems()
	Read([]byte("name:\n  "+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)), &into, ps, "write a name")
	if err := ps.Err("deep.yaml"); err == nil || err.Error() != "deep.yaml:2:1: more than 1000 brackets are open here: close them" {
		t.Errorf("%v", err)
	}
	ps = NewProblems()
	Read([]byte("name: '"+strings.Repeat("}", 5000)+strings.Repeat("[", 900)+"'"), &into, ps, "write a name")
	if err := ps.Err("text.yaml"); err != nil || len(into.Name) != 5900 {
		t.Errorf("%v", err)
	}
}

// TestAByteOrderMarkIsSkipped: editors of Windows begin a file with one (YAML 1.2.2 §5.2).
func TestAByteOrderMarkIsSkipped(t *testing.T) {
	var into struct {
		Name string `yaml:"name"`
	}
	ps := NewProblems()
	Read([]byte("\ufeffname: Ada\n"), &into, ps, "write a name")
	if err := ps.Err("mark.yaml"); err != nil || into.Name != "Ada" {
		t.Errorf("%q, %v", into.Name, err)
	}
}
