package dev

import (
	"fmt"
	"net/http"
	"strings"
)

// quickstarts are what the programs in examples/ find in their environment, by the name of the example: variables as NAME=value lines,
// for `env $(curl -s http://localhost:8080/dev/env/EXAMPLE) go run ./examples/EXAMPLE`.
func (d *dev) quickstarts(platforms []*platform) map[string]string {
	all := map[string]string{}
	for _, p := range platforms {
		for example, clientID := range p.quickstarts {
			all[example] = d.variables(p, p.client(clientID))
		}
	}
	return all
}

func (d *dev) variables(p *platform, client sampleClient) string {
	prefix := strings.ToUpper(strings.ReplaceAll(p.issuer.Name, "-", "_")) + "_"
	var lines strings.Builder
	set := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&lines, "%s%s=%s\n", prefix, name, value)
		}
	}
	for name, base := range p.hosts {
		set(strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"_URL", base)
	}
	set("CLIENT_ID", client.id)
	if client.metadata.TokenEndpointAuthMethod != "none" {
		set("CLIENT_SECRET", d.secret(p, client))
	}
	if len(client.metadata.RedirectURIs) > 0 {
		set("REDIRECT_URI", client.metadata.RedirectURIs[0])
	}
	set("ACCOUNT_ID", client.owner)
	if len(p.services) > 0 {
		set("CREDENTIALS", d.credentialFile(p, p.services[0]))
	}
	return lines.String()
}

// serveQuickstart answers GET /dev/env/{example}. The answer holds a sample secret, so no page of another site may read it: it
// carries no CORS header, and the Host was checked before.
func (d *dev) serveQuickstart(all map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		variables, known := all[r.PathValue("example")]
		if !known {
			http.Error(w, "There is no such example.", http.StatusNotFound)
			return
		}
		header := w.Header()
		header.Set("Content-Type", "text/plain; charset=utf-8")
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write([]byte(variables)) // the reader may have gone
	}
}
