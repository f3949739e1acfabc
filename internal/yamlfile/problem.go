package yamlfile

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a file.
type Problem struct {
	// Line and Column count from 1; they are 0 when the mistake stands at no place in the file.
	Line, Column int
	// Key is the path of the key, such as "issuers[0].lifetimes.code".
	Key string
	// Message says what is wrong and what to write instead.
	Message string
}

// Error is every mistake found in one file. It never holds a secret.
type Error struct {
	File     string
	Problems []Problem
}

// Error has one line for each problem, so that an editor can jump to it.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.line(e.File)
	}
	return strings.Join(lines, "\n")
}

func (p Problem) line(file string) string {
	place := file
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", file, p.Line, p.Column)
	}
	if p.Key == "" {
		return place + ": " + p.Message
	}
	return place + ": " + p.Key + ": " + p.Message
}

// position is where a key stands.
type position struct{ line, column int }

// Problems gathers mistakes, so that one run of the program tells them all.
type Problems struct {
	list []Problem
	// where holds the place of every key that the file has.
	where map[string]position
}

// NewProblems returns none yet.
func NewProblems() *Problems { return &Problems{where: map[string]position{}} }

// Add notes a mistake at a key; one that the file lacks is placed at the section it belongs to.
func (ps *Problems) Add(key, format string, args ...any) {
	at := ps.place(key)
	ps.list = append(ps.list, Problem{Line: at.line, Column: at.column, Key: key, Message: fmt.Sprintf(format, args...)})
}

func (ps *Problems) place(key string) position {
	for ; key != ""; key = parentKey(key) {
		if at, ok := ps.where[key]; ok {
			return at
		}
	}
	return position{}
}

// AddAt notes a mistake at a place inside a key's value.
func (ps *Problems) AddAt(line, column int, key, format string, args ...any) {
	ps.list = append(ps.list, Problem{Line: line, Column: column, Key: key, Message: fmt.Sprintf(format, args...)})
}

// Has tells whether the file has the key.
func (ps *Problems) Has(key string) bool {
	_, ok := ps.where[key]
	return ok
}

// Any tells whether there was a mistake so far.
func (ps *Problems) Any() bool { return len(ps.list) > 0 }

func parentKey(key string) string {
	return key[:max(0, strings.LastIndexAny(key, ".["))]
}

// Require notes a mistake unless the condition holds.
func (ps *Problems) Require(ok bool, key, format string, args ...any) bool {
	if !ok {
		ps.Add(key, format, args...)
	}
	return ok
}

// Err is an *Error, or nil when there was no mistake.
func (ps *Problems) Err(file string) error {
	if len(ps.list) == 0 {
		return nil
	}
	slices.SortStableFunc(ps.list, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return &Error{File: file, Problems: ps.list}
}

// Child is the path of a key in a section.
func Child(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

// Item is the path of an entry of a list.
func Item(parent string, i int) string { return fmt.Sprintf("%s[%d]", parent, i) }
