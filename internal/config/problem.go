package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in the configuration.
type Problem struct {
	// Line and Column count from 1; they are 0 when the mistake stands at no place in the file.
	Line, Column int
	// Key is the path of the key, such as "issuers[0].lifetimes.code".
	Key string
	// Message says what is wrong and what to write instead.
	Message string
}

// Error is every mistake found in one configuration. It never holds a secret.
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

// problems gathers mistakes, so that one run of the program tells them all.
type problems struct {
	list []Problem
	// where holds the place of every key that the file has.
	where map[string]position
}

func newProblems() *problems { return &problems{where: map[string]position{}} }

// add notes a mistake at a key; one that the file lacks is placed at the section it belongs to.
func (ps *problems) add(key, format string, args ...any) {
	at := ps.place(key)
	ps.list = append(ps.list, Problem{Line: at.line, Column: at.column, Key: key, Message: fmt.Sprintf(format, args...)})
}

func (ps *problems) place(key string) position {
	for ; key != ""; key = parentKey(key) {
		if at, ok := ps.where[key]; ok {
			return at
		}
	}
	return position{}
}

func parentKey(key string) string {
	return key[:max(0, strings.LastIndexAny(key, ".["))]
}

// require notes a mistake unless the condition holds.
func (ps *problems) require(ok bool, key, format string, args ...any) bool {
	if !ok {
		ps.add(key, format, args...)
	}
	return ok
}

// err is nil when there was no mistake.
func (ps *problems) err(file string) error {
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

func child(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

func item(parent string, i int) string { return fmt.Sprintf("%s[%d]", parent, i) }
