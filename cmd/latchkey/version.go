package main

import (
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// build is what the binary knows about itself.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version = strings.Trim(info.Main.Version, "()") // a build outside a module's release is "(devel)"
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Revision = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	return b
}

func (p *program) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print which build this is", Args: needs,
		Example: "  latchkey version --json",
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			return p.show(b, func() { p.say("latchkey %s (%s, %s)", b.Version, b.Go, b.Platform) })
		},
	}
}
