package web

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
)

// script is a file of cases.
type script struct {
	settings []string // what is special about its issuer
	cases    []testCase
}

type testCase struct {
	name  string
	line  int
	steps []step
}

// step is one line with the lines that belong to it.
type step struct {
	line    int
	words   []string
	details []string
	expect  []expectation
}

type expectation struct {
	line int
	text string
}

func readScript(t *testing.T, path string) (s script) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		if err := s.add(number, lines.Text()); err != nil {
			t.Fatalf("%s:%d: %v", path, number, err)
		}
	}
	return s
}

func (s *script) add(number int, line string) error {
	trimmed := strings.TrimSpace(line)
	switch {
	case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		return nil
	case strings.HasPrefix(line, "== "):
		s.cases = append(s.cases, testCase{name: line[3:], line: number})
		return nil
	case len(s.cases) == 0:
		s.settings = append(s.settings, trimmed)
		return nil
	}
	current := &s.cases[len(s.cases)-1]
	if line[0] != '>' && line[0] != ' ' {
		words, err := split(trimmed)
		current.steps = append(current.steps, step{line: number, words: words})
		return err
	}
	if len(current.steps) == 0 {
		return fmt.Errorf("%q belongs to no step", trimmed)
	}
	last := &current.steps[len(current.steps)-1]
	if line[0] == ' ' {
		last.details = append(last.details, trimmed)
		return nil
	}
	last.expect = append(last.expect, expectation{number, strings.TrimSpace(line[1:])})
	return nil
}

// split cuts a line into words; double quotes hold words together, also within one (scope="openid email").
func split(line string) (words []string, err error) {
	var word strings.Builder
	quoted, begun := false, false
	for _, c := range line {
		switch {
		case c == '"':
			quoted, begun = !quoted, true
		case c == ' ' && !quoted:
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	if quoted {
		err = fmt.Errorf("a quote is not closed")
	}
	return words, err
}
