package yamlfile

import (
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Source is a program that stands in the file. It knows where each of its letters stands there.
type Source struct {
	Text string

	// line and column are where the text begins. In a block each further line begins at the same column; otherwise there is one line.
	line, column int
	block        bool
}

// At is the place in the file of a byte of the text.
func (s Source) At(offset int) (line, column int) {
	before := s.Text[:min(max(offset, 0), len(strings.TrimRight(s.Text, "\n")))]
	if !s.block {
		return s.line, s.column + len([]rune(before))
	}
	last := strings.LastIndexByte(before, '\n')
	return s.line + strings.Count(before, "\n"), s.column + len([]rune(before[last+1:]))
}

func (r reader) source(node ast.Node, into reflect.Value, key string) {
	written, ok := text(node)
	if !r.ps.Require(ok, key, "must be text, and is %s: put it in quotes, or below a |", kindOf(node)) {
		return
	}
	at := Source{Text: written}
	if block, ok := node.(*ast.LiteralNode); ok {
		at.block = block.Start.Type == token.LiteralType // the lines of a folded one (>) are joined
		at.line, at.column = r.blockBegins(block.Start.Position.Line)
	} else {
		begins := node.GetToken()
		at.line, at.column = begins.Position.Line, begins.Position.Column
		if begins.Type == token.SingleQuoteType || begins.Type == token.DoubleQuoteType {
			at.column++
		}
	}
	into.Set(reflect.ValueOf(at))
}

// blockBegins is the first line below the one with the |, and how far its text is indented.
func (r reader) blockBegins(line int) (int, int) {
	for below := line; below < len(r.lines); below++ {
		if unindented := strings.TrimLeft(r.lines[below], " "); unindented != "" {
			return line + 1, 1 + len(r.lines[below]) - len(unindented)
		}
	}
	return line + 1, 1
}
