package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"latchkey.dev/internal/config"
)

var update = flag.Bool("update", false, "write docs/reference/cli.md again")

const reference = "../../docs/reference/cli.md"

// TestCommandReference holds docs/reference/cli.md to what the commands say of themselves.
func TestCommandReference(t *testing.T) {
	var text strings.Builder
	text.WriteString("# Command line\n\n<!-- Made from the commands' own help by `go test ./cmd/latchkey -run TestCommandReference -update`. -->\n\n")
	describe(&text, testProgram().root())
	if *update {
		if err := os.WriteFile(reference, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != text.String() {
		t.Error("docs/reference/cli.md is not what the commands say: run this test with -update, and read what changed")
	}
}

func testProgram() *program {
	return &program{in: strings.NewReader(""), out: io.Discard, err: io.Discard, clock: time.Now, rand: strings.NewReader(""), source: config.System()}
}

// describe writes a command and those below it.
func describe(w io.Writer, cmd *cobra.Command) {
	if cmd.HasParent() {
		fmt.Fprintf(w, "## %s\n\n", cmd.CommandPath()+strings.TrimPrefix(cmd.Use, cmd.Name()))
	}
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	if cmd.HasParent() {
		fmt.Fprintf(w, "%s\n\n", about)
	} else {
		fmt.Fprintf(w, "```\n%s\n```\n\n", about)
	}
	if !cmd.HasSubCommands() || !cmd.HasParent() {
		fmt.Fprintf(w, "```sh\n%s\n```\n\n", unindent(cmd.Example))
	}
	options(w, cmd)
	for _, below := range cmd.Commands() {
		if !below.Hidden {
			describe(w, below)
		}
	}
}

func options(w io.Writer, cmd *cobra.Command) {
	flags := cmd.NonInheritedFlags()
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintln(w, "| option | default | meaning |\n| --- | --- | --- |")
	flags.VisitAll(func(f *pflag.Flag) {
		name, words := pflag.UnquoteUsage(f)
		if f.Name == "help" || f.Hidden {
			return
		}
		fmt.Fprintf(w, "| `%s` | %s | %s |\n", strings.TrimSpace("--"+f.Name+" "+name), strings.Trim(f.DefValue, "[]"), words)
	})
	fmt.Fprintln(w)
}

func unindent(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return strings.Join(lines, "\n")
}

// TestEveryCommandHasAnExample: somebody who asks for help sees a line to copy.
func TestEveryCommandHasAnExample(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Hidden {
			return
		}
		if cmd.Short == "" || !strings.Contains(cmd.Example, cmd.Root().Name()+" ") {
			t.Errorf("`%s` has no words or no example", cmd.CommandPath())
		}
		if strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("`%s`: a short description has no full stop", cmd.CommandPath())
		}
		for _, below := range cmd.Commands() {
			visit(below)
		}
	}
	visit(testProgram().root())
}
