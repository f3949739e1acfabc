package main

import (
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/dev"
	"latchkey.dev/internal/observe"
)

func (p *program) dev() *cobra.Command {
	var addr, data, database string
	var verbose bool
	cmd := &cobra.Command{
		Use: "dev", Short: "Run everything with sample data on this machine, to try it and to build against it", Args: needs,
		Long: "Run everything with sample data on this machine: six platforms and two sandboxes with people and apps, a sample app with a Connect button for each,\n" +
			"the APIs that it calls, and mail on a page instead of sent. It prints what to open. Nothing is kept unless --data names a folder.\n" +
			"--database needs --data too: the folder keeps the master key that the database's contents are sealed with.",
		Example: "  latchkey dev\n  latchkey dev --addr 127.0.0.1:9000 --data ~/latchkey-dev",
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8080", "loopback `address` to listen on")
	cmd.Flags().StringVar(&data, "data", "", "`folder` to keep the data in; empty: a temporary one")
	cmd.Flags().StringVar(&database, "database", "", "PostgreSQL `database` to use instead of an embedded one, as postgres://USER@HOST/NAME")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "log every request on standard error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if database != "" && data == "" {
			return usage("--database needs --data DIR: the folder keeps the master key that the database's contents are sealed with")
		}
		level := slog.LevelWarn
		if verbose {
			level = slog.LevelInfo
		}
		err := dev.Run(cmd.Context(), dev.Config{
			Addr: addr, Data: data, Database: database, Ready: p.greet, Log: observe.NewLogger(p.err, level), Metrics: observe.NewMetrics(thisBuild().Version), Clock: p.clock, Rand: p.rand,
		})
		if refused := (*dev.AddressError)(nil); errors.As(err, &refused) {
			return usage("%s", refused)
		}
		return err
	}
	return cmd
}

// greet says what to click.
func (p *program) greet(places dev.Places) error {
	return p.show(places, func() {
		p.say("Latchkey is running. Open %s\n", places.Front)
		p.say("  Connect an app     %s", places.App)
		p.say("  Connected apps     %s", places.ConnectedApps)
		p.say("  Mail               %s", places.Mail)
		p.say("  Sign in as         %s, password %s", places.Email, places.Password)
		p.say("  For scripts        %s\n", places.Manifest)
		p.say("Press Ctrl-C to stop.")
	})
}
