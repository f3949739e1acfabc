package dialect

import (
	"latchkey.dev/internal/yamlfile"
)

// file is a dialect as it is written. Every field is a key.
type file struct {
	Name        string                 `yaml:"name"`
	About       string                 `yaml:"about"`
	Hosts       map[string]hostSection `yaml:"hosts"`
	Definitions yamlfile.Source        `yaml:"definitions"`
	Errors      errorsSection          `yaml:"errors"`
	Routes      []routeSection         `yaml:"routes"`
	Policy      policySection          `yaml:"policy"`
}

type hostSection struct {
	Answers     string   `yaml:"answers"`
	Needs       []string `yaml:"needs_headers"`
	UntypedBody string   `yaml:"untyped_body"`
	Limit       string   `yaml:"limit"`
}

type errorsSection struct {
	Status yamlfile.Source `yaml:"status"`
	Body   yamlfile.Source `yaml:"body"`
}

type routeSection struct {
	Route     string          `yaml:"route"`
	Operation string          `yaml:"operation"`
	Body      []string        `yaml:"body"`
	Browsers  bool            `yaml:"browsers"`
	Limit     string          `yaml:"limit"`
	Status    int             `yaml:"status"`
	Request   yamlfile.Source `yaml:"request"`
	Response  yamlfile.Source `yaml:"response"`
	Refusal   yamlfile.Source `yaml:"refusal"`
	Headers   yamlfile.Source `yaml:"headers"`
}

// SetDefaults gives a route what it may leave out.
func (r *routeSection) SetDefaults() {
	r.Body = []string{bodyJSON}
	r.Status = 200
	r.Response.Text = "{}"
}

// SetDefaults gives a host what it may leave out.
func (h *hostSection) SetDefaults() { h.Answers = bodyJSON }
