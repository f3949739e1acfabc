package dialect

// Route is one line of a dialect's table, resolved.
type Route struct {
	Method    string   `json:"method"`
	Hosts     []string `json:"hosts"`
	Path      string   `json:"path"`
	Operation string   `json:"operation"`
	About     string   `json:"about"`
	Page      bool     `json:"page,omitempty"`
	Body      []string `json:"body,omitempty"`
	Status    int      `json:"status"`
	Limit     string   `json:"limit,omitempty"`
	// The mappings, as the file has them.
	Request  string `json:"request"`
	Response string `json:"response"`
	Refusal  string `json:"refusal,omitempty"`
	Headers  string `json:"headers,omitempty"`
}

// Routes lists what the dialect answers, in the order of the file.
func (d *Dialect) Routes() []Route {
	shown := make([]Route, len(d.routes))
	for i, r := range d.routes {
		shown[i] = Route{
			Method: r.method, Path: r.path, Operation: r.operation.Name, About: r.operation.About, Page: r.operation.Page, Status: r.status,
			Limit: r.limit.String(), Request: r.request.text(), Response: r.response.text(), Refusal: r.refused.text(), Headers: r.headers.text(),
		}
		for _, host := range r.hosts {
			shown[i].Hosts = append(shown[i].Hosts, host.name)
		}
		if r.method != "GET" {
			shown[i].Body = r.bodies
		}
	}
	return shown
}

// text is the mapping as its file has it; "" where there is none.
func (p *program) text() string {
	if p == nil {
		return ""
	}
	return p.source.Text
}

// Host is one of the platform's addresses.
type Host struct {
	Name    string   `json:"name"`
	Answers string   `json:"answers"`
	Needs   []string `json:"needs_headers,omitempty"`
	Untyped bool     `json:"untyped_json,omitempty"`
}

// HostTable lists the hosts and what holds for all their routes.
func (d *Dialect) HostTable() []Host {
	shown := make([]Host, len(d.hosts))
	for i, h := range d.hosts {
		shown[i] = Host{Name: h.name, Answers: "json", Needs: h.needs, Untyped: h.untyped}
		if h.pages {
			shown[i].Answers = "pages"
		}
	}
	return shown
}

// Definitions are the functions that the mappings share, as the file has them.
func (d *Dialect) Definitions() string { return d.functions }

// ErrorStatus and ErrorBody are what makes refusals, as the file has it; no status means the standard's.
func (d *Dialect) ErrorStatus() string { return d.refusal.status.text() }

// ErrorBody is the mapping of a refusal's body.
func (d *Dialect) ErrorBody() string { return d.refusal.body.text() }
