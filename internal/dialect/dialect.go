package dialect

import (
	"slices"
)

// Dialect is a compiled file. It is safe for concurrent use, and may serve several issuers: a sandbox speaks as its live twin does.
type Dialect struct {
	// Name is the platform's; About is a line on what it is.
	Name, About string
	// File is where it was read from, for messages.
	File string

	hosts   []*host
	routes  []*route
	refusal errorMapping
	policy  policySection
	// functions are what the mappings share, as the file has them.
	functions string
	written   func(key string) bool // of the policy
}

// host is one of the platform's addresses, by the name that the dialect gives it.
type host struct {
	name    string
	pages   bool // people come here, so what is not found is a page
	needs   []string
	untyped bool
	limit   limit
}

// route is one operation at one address.
type route struct {
	name      string // as the file writes it, for the log
	method    string
	path      string
	hosts     []*host
	operation *Operation
	bodies    []string
	untyped   bool
	cors      bool
	status    int
	limit     limit

	request, response, headers, refused *program // headers and refused may be nil
}

// errorMapping makes every refusal on a JSON host. status may be nil.
type errorMapping struct{ status, body *program }

// Hosts lists the names that the dialect gives its hosts.
func (d *Dialect) Hosts() []string {
	names := make([]string, len(d.hosts))
	for i, host := range d.hosts {
		names[i] = host.name
	}
	return names
}

func (d *Dialect) host(name string) *host {
	i := slices.IndexFunc(d.hosts, func(h *host) bool { return h.name == name })
	if i < 0 {
		return nil
	}
	return d.hosts[i]
}

// at tells whether the route answers at a host.
func (r *route) at(name string) bool {
	return slices.ContainsFunc(r.hosts, func(h *host) bool { return h.name == name })
}
