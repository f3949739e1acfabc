package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/config"
)

// program is what every command works with: where it reads and writes, and the options that all share.
type program struct {
	in       io.Reader
	out, err io.Writer
	clock    func() time.Time
	rand     io.Reader
	source   config.Source

	json       bool
	configPath string
	issuerName string
}

const rootHelp = `Latchkey lets a platform open its users' accounts to third-party apps: an OAuth 2.1 and
OpenID Connect authorization server with its pages, in one binary.

Commands read a configuration file and work on the database that it names, except dev, bench,
dialect, version, "migrate copy" and "key generate-master". A running server sees what they
change within a second.

Exit codes:
  0  done
  1  failed for another reason, said on standard error
  2  the command line is wrong, or a value was refused
  3  the configuration is wrong
  4  the database does not answer, or its schema is older than this program needs
  5  what was named is not there
  6  it is there already, or changed meanwhile`

const rootExample = `  latchkey dev                             # everything with sample data, on http://localhost:8080
  latchkey serve --config latchkey.yaml    # production`

// run runs one command line and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code, message := explain(err)
	_, _ = fmt.Fprintf(p.err, "latchkey: %s\n", message) // the exit code tells as well
	return code
}

func (p *program) root() *cobra.Command {
	root := group("latchkey", "An OAuth 2.1 and OpenID Connect authorization server", p.serve(), p.dev(), p.migrate(), p.backup(), p.key(), p.user(), p.client(), p.serviceAccount(), p.event(), p.issuer(), p.dialect(), p.bench(), p.version())
	root.Long, root.Example = rootHelp, rootExample
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Use: "help", Short: "Explain a command, as --help does", Hidden: true, RunE: func(_ *cobra.Command, args []string) error {
		asked, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return usage("%q is not a command of latchkey: see `latchkey --help`", strings.Join(args, " "))
		}
		return asked.Help()
	}})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%v: see `%s --help`", err, cmd.CommandPath())
	})
	root.PersistentFlags().BoolVar(&p.json, "json", false, "print JSON for programs")
	return root
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return usage("%q is not a command of `%s`%s", args[0], cmd.CommandPath(), suggestion(cmd, args[0]))
	}}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(commands...)
	return cmd
}

func suggestion(cmd *cobra.Command, name string) string {
	if similar := cmd.SuggestionsFor(name); len(similar) > 0 {
		return fmt.Sprintf(": did you mean %q?", similar[0])
	}
	return fmt.Sprintf(": see `%s --help`", cmd.CommandPath())
}

// needs takes exactly the arguments that the command's Use names.
func needs(cmd *cobra.Command, args []string) error {
	names := strings.Fields(cmd.Use)[1:]
	switch {
	case len(args) < len(names):
		return usage("%s is missing: see `%s --help`", names[len(args)], cmd.CommandPath())
	case len(args) > len(names):
		return usage("%q is one argument too many: see `%s --help`", args[len(names)], cmd.CommandPath())
	}
	return nil
}

// withConfig adds --config.
func (p *program) withConfig(cmd *cobra.Command) *cobra.Command {
	cmd.PersistentFlags().StringVar(&p.configPath, "config", "latchkey.yaml", "configuration `file`")
	return cmd
}

// withIssuer adds --config and --issuer.
func (p *program) withIssuer(cmd *cobra.Command) *cobra.Command {
	cmd.PersistentFlags().StringVar(&p.issuerName, "issuer", "", "`name` of the issuer; needed when there are several")
	return p.withConfig(cmd)
}
