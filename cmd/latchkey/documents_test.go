package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	shellBlock  = regexp.MustCompile("(?s)\n```(?:sh|ini)\n(.*?)\n```")
	inlineCode  = regexp.MustCompile("`(latchkey [^`]+)`")
	commandLine = regexp.MustCompile(`(?:^|[\s=/|;])latchkey ([a-z][^|)>#\n]*)`)
	oneWord     = regexp.MustCompile(`"[^"]*"|\S+`)
)

// TestDocumentedCommandsExist: every command line in the documents names commands and options that there are.
func TestDocumentedCommandsExist(t *testing.T) {
	count := 0
	check := func(path, text string) {
		for _, match := range commandLine.FindAllStringSubmatch(strings.ReplaceAll(text, "\\\n", " "), -1) {
			count++
			if err := understood(match[1]); err != nil {
				t.Errorf("%s: `latchkey %s`: %v", path, strings.TrimSpace(match[1]), err)
			}
		}
	}
	for _, path := range documentPaths(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range shellBlock.FindAllStringSubmatch(string(data), -1) {
			check(path, block[1])
		}
		for _, code := range inlineCode.FindAllStringSubmatch(string(data), -1) {
			check(path, code[1])
		}
	}
	if count < 20 {
		t.Errorf("only %d command lines were found", count)
	}
}

func documentPaths(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("../../*.md")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir("../../docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// understood finds the command and parses its options, and runs nothing.
func understood(line string) error {
	words := oneWord.FindAllString(line, -1)
	cmd, rest, err := testProgram().root().Find(words)
	if err != nil {
		return err
	}
	if cmd.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		return usage("%q is not a command of `%s`", rest[0], cmd.CommandPath())
	}
	return cmd.ParseFlags(rest)
}
