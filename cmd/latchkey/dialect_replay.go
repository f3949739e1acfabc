package main

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"latchkey.dev/internal/dialect"
	"latchkey.dev/internal/dialect/replay"
)

func (p *program) dialectReplay() *cobra.Command {
	var targets []string
	var replacements string
	cmd := &cobra.Command{
		Use: "replay FILE RECORDING", Short: "Play recorded traffic of the old server against the new one", Args: needs,
		Long: "Play recorded traffic of the old server against the new one, and tell where the answers differ in shape: status, headers that clients\n" +
			"act on, members, types, forms of text, orders of magnitude. The recording is a HAR file, as browsers and proxies write it.\n\n" +
			"What the old server gave out, such as a refresh token, is sent as what the new one gave out in its place. What it knew, such as a\n" +
			"client's secret, stands in the file of --replace, one OLD=NEW a line. Requests that need a person are left out.",
		Example: "  latchkey dialect replay acme.yaml recording.har --target https://login.acme.example\n" +
			"  latchkey dialect replay acme.yaml recording.har --target api=http://api.acme.localhost:8080 --replace secrets.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := p.loadDialect(args[0])
			if err != nil {
				return err
			}
			config := replay.Config{Dialect: loaded, Client: replayClient()}
			if config.Targets, err = targetsOf(loaded, targets); err != nil {
				return err
			}
			if config.Replace, err = p.replacements(replacements); err != nil {
				return err
			}
			return p.replay(cmd.Context(), args[1], config)
		},
	}
	cmd.Flags().StringArrayVar(&targets, "target", nil, "`URL` of the new server, or HOST=URL for one of the dialect's hosts; may be repeated")
	cmd.Flags().StringVar(&replacements, "replace", "", "`file` of lines OLD=NEW: what the recording says, and what to send instead")
	return cmd
}

func targetsOf(loaded *dialect.Dialect, written []string) (map[string]string, error) {
	targets := map[string]string{}
	for _, text := range written {
		host, base, named := strings.Cut(text, "=")
		if !named || strings.Contains(host, "/") {
			host, base = "", text
		}
		at, err := url.Parse(base)
		if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
			return nil, usage("--target %q is not an address: write https://api.acme.example, or HOST=https://api.acme.example", text)
		}
		targets[host] = base
	}
	if len(targets) == 0 {
		return nil, usage("--target is missing: say where the new server answers at %s", strings.Join(loaded.Hosts(), ", "))
	}
	return targets, nil
}

func (p *program) replacements(path string) (map[string]string, error) {
	replace := map[string]string{}
	if path == "" {
		return replace, nil
	}
	text, err := p.source.ReadFile(path)
	if err != nil {
		return nil, refuse(exitNotFound, "%s cannot be read", path)
	}
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		was, is, ok := strings.Cut(line, "=")
		if !ok || was == "" {
			return nil, usage("line %d of %s is not OLD=NEW", i+1, path)
		}
		replace[was] = is
	}
	return replace, nil
}

// replayClient follows no redirect, keeps no cookie, and finds *.localhost on this machine (RFC 6761 §6.3).
func replayClient() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".localhost") {
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return dialer.DialContext(ctx, network, address)
	}}
	return &http.Client{
		Transport: transport, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (p *program) replay(ctx context.Context, path string, config replay.Config) error {
	text, err := p.source.ReadFile(path)
	if err != nil {
		return refuse(exitNotFound, "%s cannot be read", path)
	}
	recording, err := replay.Read(text)
	if err != nil {
		return refuse(exitUsage, "%s: %v", path, err)
	}
	results, err := replay.Play(ctx, recording, config)
	if err != nil {
		return err
	}
	differ := 0
	for _, result := range results {
		if len(result.Differences) > 0 {
			differ++
		}
	}
	if err := p.show(map[string]any{"requests": results, "differing": differ}, func() { p.showReplay(results) }); err != nil || differ == 0 {
		return err
	}
	return refuse(exitFailure, "%d of %d requests are answered in another shape", differ, len(results))
}

func (p *program) showReplay(results []replay.Result) {
	for _, result := range results {
		switch {
		case result.Skipped != "":
			p.say("skip  %s: %s", printable(result.Request), result.Skipped)
		case len(result.Differences) == 0:
			p.say("same  %s (%d)", printable(result.Request), result.Status)
		default:
			p.say("DIFF  %s", printable(result.Request))
			for _, difference := range result.Differences {
				p.say("      %s", printable(difference))
			}
		}
	}
}
