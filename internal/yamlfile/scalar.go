package yamlfile

import "github.com/goccy/go-yaml/ast"

// text is the value of a word, quoted or not.
func text(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return node.Value.Value, true
	}
	return "", false
}

// integer refuses what an int of 32 bits cannot hold; no setting needs more.
func integer(node ast.Node) (int64, bool) {
	whole, ok := node.(*ast.IntegerNode)
	if !ok {
		return 0, false
	}
	switch value := whole.Value.(type) {
	case int64:
		return value, value == int64(int32(value))
	case uint64:
		return int64(value), value < 1<<31
	}
	return 0, false
}

func number(node ast.Node) (float64, bool) {
	if fraction, ok := node.(*ast.FloatNode); ok {
		return fraction.Value, true
	}
	whole, ok := integer(node)
	return float64(whole), ok
}

// kindOf names a value's kind as its writer would.
func kindOf(node ast.Node) string {
	switch node.(type) {
	case ast.MapNode:
		return "a section"
	case *ast.SequenceNode:
		return "a list"
	case *ast.BoolNode:
		return "true or false"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	default:
		return "something else"
	}
}
