package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"latchkey.dev/dialects"
	"latchkey.dev/internal/dialect"
	"latchkey.dev/internal/yamlfile"
)

func (p *program) dialect() *cobra.Command {
	cmd := group("dialect", "The wire formats that platforms' own clients know", p.dialectCheck(), p.dialectShow(), p.dialectReplay())
	cmd.Long = "The wire formats that platforms' own clients know. docs/guides/replace-your-oauth-server.md writes one from start to finish."
	cmd.Example = "  latchkey dialect check acme.yaml"
	return cmd
}

func (p *program) dialectCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check FILE", Short: "Find every mistake in a dialect", Args: needs,
		Long: "Find every mistake in a dialect, each with its line and column, and what to write instead. Every mapping is also run on examples:\n" +
			"one that would fail on a request that lacks something, or on an answer without a member that is not always there, is told too.",
		Example: "  latchkey dialect check acme.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			loaded, err := p.loadDialect(args[0])
			if err != nil {
				return err
			}
			return p.show(map[string]any{"dialect": loaded.Name, "routes": len(loaded.Routes()), "hosts": loaded.Hosts()}, func() {
				p.say("%s is right: %s at %s.", args[0], counted(len(loaded.Routes()), "route"), strings.Join(loaded.Hosts(), ", "))
			})
		},
	}
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// loadDialect reads one that comes with the program, by name, or a file.
func (p *program) loadDialect(name string) (*dialect.Dialect, error) {
	text, err := dialects.Read(name)
	if strings.ContainsAny(name, "./"+string(filepath.Separator)) {
		text, err = p.source.ReadFile(name)
	}
	if err != nil {
		return nil, refuse(exitNotFound, "%s is neither a file that can be read nor a dialect of this program: those are %s", name, strings.Join(dialects.Names(), ", "))
	}
	loaded, err := dialect.Load(text, name)
	if told := (*yamlfile.Error)(nil); errors.As(err, &told) {
		return nil, refuse(exitConfiguration, "the dialect is not right\n%s", told.Error())
	}
	return loaded, err
}

func (p *program) dialectShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME|FILE", Short: "Show what a dialect answers, how it maps and what its policy is", Args: needs,
		Long: "Show what a dialect answers, how it maps and what its policy is: one that comes with the program (" + strings.Join(dialects.Names(), ", ") +
			"),\nor a file.",
		Example: "  latchkey dialect show ./acme.yaml\n  latchkey dialect show ./acme.yaml --json",
		RunE: func(_ *cobra.Command, args []string) error {
			loaded, err := p.loadDialect(args[0])
			if err != nil {
				return err
			}
			v := dialectView{
				Name: loaded.Name, About: loaded.About, Hosts: loaded.HostTable(), Routes: loaded.Routes(), Policy: loaded.Policy(),
				ErrorStatus: loaded.ErrorStatus(), ErrorBody: loaded.ErrorBody(),
				Definitions: loaded.Definitions(),
			}
			return p.show(v, func() { p.showDialect(v) })
		},
	}
}

type dialectView struct {
	Name        string            `json:"name"`
	About       string            `json:"about"`
	Hosts       []dialect.Host    `json:"hosts"`
	Routes      []dialect.Route   `json:"routes"`
	ErrorStatus string            `json:"error_status,omitempty"`
	ErrorBody   string            `json:"error_body"`
	Definitions string            `json:"definitions,omitempty"`
	Policy      []dialect.Setting `json:"policy"`
}

func (p *program) showDialect(v dialectView) {
	p.say("%s: %s\n", v.Name, v.About)
	var hosts, routes, policy [][]string
	for _, h := range v.Hosts {
		hosts = append(hosts, []string{h.Name, h.Answers, strings.Join(h.Needs, " "), yes(h.Untyped)})
	}
	p.table("HOST | ANSWERS | NEEDS HEADERS | JSON WITHOUT A TYPE", hosts, "")
	for _, r := range v.Routes {
		routes = append(routes, []string{r.Method, strings.Join(r.Hosts, ","), r.Path, r.Operation, strings.Join(r.Body, " "), strconv.Itoa(r.Status), r.Limit})
	}
	p.say("")
	p.table("METHOD | HOST | PATH | OPERATION | BODY | STATUS | LIMIT", routes, "")
	for _, r := range v.Routes {
		p.say("\n%s %s %s: %s", r.Method, strings.Join(r.Hosts, ","), r.Path, r.About)
		p.mapping("request", r.Request)
		p.mapping("response", r.Response)
		p.mapping("refusal", r.Refusal)
		p.mapping("headers", r.Headers)
	}
	p.say("\nEvery refusal:")
	p.mapping("status", v.ErrorStatus)
	p.mapping("body", v.ErrorBody)
	if v.Definitions != "" {
		p.say("\nShared by the mappings:")
		p.mapping("define", v.Definitions)
	}
	for _, s := range v.Policy {
		policy = append(policy, []string{s.Key, s.Value})
	}
	p.say("")
	p.table("POLICY | VALUE", policy, "The policy is the usual one.")
}

// mapping prints a program below its name; one that is not there is left out.
func (p *program) mapping(name, text string) {
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if i == 0 && line == "" {
			return
		}
		label := ""
		if i == 0 {
			label = name
		}
		p.say("%s", strings.TrimRight(fmt.Sprintf("  %-10s%s", label, printable(line)), " "))
	}
}
