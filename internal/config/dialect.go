package config

import (
	"cmp"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"latchkey.dev/dialects"
	"latchkey.dev/internal/dialect"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/yamlfile"
)

// speak gives an issuer its dialect, and the dialect's policy where the section says nothing itself.
func (v *validator) speak(key string, s *section, made *issuer.Issuer) {
	v.require(s.Dialect != "" || len(s.DialectHosts) == 0, child(key, "dialect_hosts"), "are the addresses of a dialect, and dialect is missing")
	if s.Dialect == "" {
		return
	}
	spoken := v.dialect(child(key, "dialect"), s.Dialect)
	if spoken == nil {
		return
	}
	spoken.Apply(made, func(setting string) bool { return v.Has(child(key, setting)) })
	made.DialectHosts = s.DialectHosts
	for _, name := range spoken.Hosts() {
		_, given := s.DialectHosts[name]
		v.require(given, child(key, "dialect_hosts"), "%s is missing: the dialect %s answers there", name, spoken.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(s.DialectHosts)) {
		at := child(child(key, "dialect_hosts"), name)
		v.require(slices.Contains(spoken.Hosts(), name), at, "is not a host of the dialect %s: it has %s", spoken.Name, strings.Join(spoken.Hosts(), ", "))
		v.require(hostName.MatchString(s.DialectHosts[name]), at, `%q is not a host: write it in small letters without https://, such as "api.acme.example"`, s.DialectHosts[name])
	}
	v.dialects[made.Name] = spoken
}

// dialect reads one of those that come with the program, by name, or a file.
func (v *validator) dialect(key, written string) *dialect.Dialect {
	text, err := dialects.Read(written)
	path := written
	if strings.ContainsAny(written, "./"+string(filepath.Separator)) {
		path = v.absolute(written)
		text, err = v.source.ReadFile(path)
	}
	if !v.require(err == nil, key, "%q is neither a file nor one of %s", written, strings.Join(dialects.Names(), ", ")) {
		return nil
	}
	spoken, err := dialect.Load(text, path)
	if told := (*yamlfile.Error)(nil); errors.As(err, &told) {
		v.add(key, "%s has %d mistakes, the first at line %d: %s; see them all with `latchkey dialect check %s`",
			path, len(told.Problems), told.Problems[0].Line, told.Problems[0].Message, written)
		return nil
	}
	return spoken
}

// dialectHosts are nobody else's. One may be the issuer's own.
func (v *validator) dialectHosts(key string, made *issuer.Issuer, hosts map[string]string) {
	var seen []string
	for _, name := range slices.Sorted(maps.Keys(made.DialectHosts)) {
		host := made.DialectHosts[name]
		if slices.Contains(made.Hosts, host) || slices.Contains(seen, host) {
			continue
		}
		seen = append(seen, host)
		v.unique(hosts, child(child(key, "dialect_hosts"), name), host)
	}
}

// sandboxes name an issuer that is there and is none itself, and mirror it.
func (v *validator) sandboxes(issuers []*issuer.Issuer) {
	for i, is := range issuers {
		if is.Policy.SandboxOf == "" {
			continue
		}
		key := item("issuers", i)
		at := slices.IndexFunc(issuers, func(other *issuer.Issuer) bool {
			return other.Name == is.Policy.SandboxOf && other.Policy.SandboxOf == ""
		})
		if v.require(at >= 0, child(key, "sandbox_of"), "%q is not the name of another issuer that is live itself", is.Policy.SandboxOf) {
			v.mirrors(key, is, issuers[at])
		}
	}
}

// mirrors holds a sandbox to what an app would meet at the live issuer.
func (v *validator) mirrors(key string, is, live *issuer.Issuer) {
	v.require(is.Dialect == live.Dialect, child(key, "dialect"), "is %q, and that of %s, whose sandbox this is, %q: write the same", is.Dialect, live.Name, live.Dialect)
	differs := cmp.Or(is.Scopes.Unknown(live.Scopes.Names()), live.Scopes.Unknown(is.Scopes.Names()))
	v.require(differs == "", child(key, "scopes"), "one of this and %s, whose sandbox it is, lacks %q: declare the same in both", live.Name, differs)
}
