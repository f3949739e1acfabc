package config

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net"
	netmail "net/mail"
	"net/netip"
	"net/url"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"latchkey.dev/internal/dialect"
	"latchkey.dev/internal/mail"
	"latchkey.dev/internal/yamlfile"
)

// validator turns what was written into what the program uses, and tells everything that is wrong with it.
type validator struct {
	problems
	source Source
	folder string // relative paths begin here

	dialects map[string]*dialect.Dialect // by the issuer's name
}

func (v *validator) config(f *file) *Config {
	return &Config{
		Listen:         v.address("listen", f.Listen),
		AdminListen:    v.admin(f),
		TLS:            v.tls(f.TLS),
		Database:       v.database(f.Database),
		MasterKeys:     v.masterKeys(f.MasterKeyFile),
		TrustedProxies: v.proxies(f.TrustedProxies),
		Mail:           v.mail(f.Mail),
		LogLevel:       v.logLevel(f.Log.Level),
		Tracing:        v.tracing(f.Tracing),
		Limits:         v.limits(f.Limits),
		KeepEvents:     v.keepEvents(f.Events.Keep),
		Issuers:        v.issuers(f.Issuers),
		Dialects:       v.dialects,
	}
}

func (v *validator) address(key, address string) string {
	_, port, err := net.SplitHostPort(address)
	number, portErr := strconv.ParseUint(port, 10, 16)
	v.require(err == nil && portErr == nil && number <= 65535, key, `%q is not an address: write it as host:port, such as "127.0.0.1:8080" or ":8443"`, address)
	return address
}

func (v *validator) admin(f *file) string {
	v.require(f.Admin.Listen != f.Listen || strings.HasSuffix(f.Listen, ":0"), "admin.listen",
		"is the public address: metrics, health and profiles need one of their own")
	return v.address("admin.listen", f.Admin.Listen)
}

func (v *validator) tls(s tlsSection) TLS {
	if s.CertFile == "" && s.KeyFile == "" {
		return TLS{}
	}
	const both = "is missing: name both files, or neither when a proxy in front ends TLS"
	if v.require(s.CertFile != "", "tls.cert_file", both) && v.require(s.KeyFile != "", "tls.key_file", both) {
		v.certificate(s)
	}
	return TLS{CertFile: v.absolute(s.CertFile), KeyFile: v.absolute(s.KeyFile)}
}

// certificate checks that key and certificate belong together, before somebody relies on them.
func (v *validator) certificate(s tlsSection) {
	certificate, readable := v.read("tls.cert_file", s.CertFile)
	key, keyReadable := v.read("tls.key_file", s.KeyFile)
	if readable && keyReadable {
		_, err := tls.X509KeyPair(certificate, key)
		v.require(err == nil, "tls.key_file", "does not go with %s: %v", v.absolute(s.CertFile), err)
	}
}

// read is a file's content; ok is false when it cannot be read, and that was told.
func (v *validator) read(key, name string) (data []byte, ok bool) {
	full := v.absolute(name)
	data, err := v.source.ReadFile(full)
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // a byte order mark, as editors of Windows write it
	return data, v.require(err == nil, key, "%s cannot be read: %v", full, withoutPath(err))
}

func (v *validator) absolute(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	joined := filepath.Join(v.folder, name)
	if full, err := filepath.Abs(joined); err == nil {
		return full
	}
	return joined
}

func (v *validator) database(written string) string {
	if fromEnv := v.source.Getenv(EnvDatabase); fromEnv != "" {
		written = fromEnv
	}
	scheme, rest, _ := strings.Cut(written, ":")
	switch {
	case scheme == "sqlite" && rest != "":
		return "sqlite:" + v.absolute(rest)
	case scheme == "postgres" || scheme == "postgresql":
		_, err := url.Parse(written)
		v.require(err == nil, "database", "is not a URL: write postgres://USER@HOST/NAME") // err would quote the password
		return written
	case written == "":
		v.add("database", `is missing: write "sqlite:latchkey.db" or "postgres://USER@HOST/NAME", or set %s`, EnvDatabase)
	default:
		v.add("database", `must begin with "sqlite:" or "postgres://"`)
	}
	return ""
}

func (v *validator) proxies(written []string) []netip.Prefix {
	prefixes := make([]netip.Prefix, 0, len(written))
	for i, text := range written {
		prefix, err := netip.ParsePrefix(text)
		if address, addressErr := netip.ParseAddr(text); addressErr == nil {
			prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if v.require(err == nil, item("trusted_proxies", i), `%q is not an address or a network: write "10.0.0.0/8" or "10.1.2.3"`, text) {
			prefixes = append(prefixes, prefix.Masked())
		}
	}
	return prefixes
}

func (v *validator) mail(s mailSection) Mail {
	v.require(s.Host != "", "mail.host", "is missing: sign-up and password reset send mail")
	host, port, notSplit := net.SplitHostPort(s.Host)
	v.require(notSplit != nil, "mail.host", "%q has a port: write `host: %s` and `port: %s`", s.Host, host, port)
	v.require(s.Port >= 1 && s.Port <= 65535, "mail.port", "%d is not a port: write 587, or 465 with security: tls", s.Port)
	_, err := netmail.ParseAddress(s.From)
	v.require(err == nil, "mail.from", `%q is not a sender: write it as "Acme <no-reply@acme.example>"`, s.From)
	switch s.Security {
	case mail.StartTLS, mail.ImplicitTLS:
	case mail.NoTLS:
		v.require(mail.OnThisMachine(s.Host), "mail.security", `"none" is for a server on this machine: mails carry links that sign people in (RFC 8314 §3); write starttls or tls`)
	default:
		v.add("mail.security", "%q is not known: write starttls, tls or none", s.Security)
	}
	return Mail{Host: s.Host, Port: s.Port, Security: s.Security, Username: s.Username, Password: v.mailPassword(s), From: s.From}
}

func (v *validator) logLevel(written string) slog.Level {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[written]
	v.require(ok, "log.level", "%q is not known: write debug, info, warn or error", written)
	return level
}

func (v *validator) tracing(s traceSection) Tracing {
	v.require(s.SampleRatio >= 0 && s.SampleRatio <= 1, "tracing.sample_ratio", "must be from 0 (none) to 1 (every request)")
	if s.Endpoint != "" {
		at, err := url.Parse(s.Endpoint)
		v.require(err == nil && (at.Scheme == "http" || at.Scheme == "https") && at.Host != "" && at.User == nil && at.RawQuery == "", "tracing.endpoint",
			`must be the collector's OTLP/HTTP address, such as "http://127.0.0.1:4318"`)
	}
	return Tracing(s)
}

func (v *validator) limits(s limitsSection) Limits {
	v.require(s.PasswordHashes >= 0 && s.PasswordHashes <= 1024, "limits.password_hashes", "must be from 1 to 1024, or 0 to choose by the number of processors")
	v.require(s.Requests >= 1 && s.Requests <= 1_000_000, "limits.requests", "must be from 1 to 1000000")
	if s.PasswordHashes == 0 {
		s.PasswordHashes = max(1, runtime.GOMAXPROCS(0)/2) // the other half is for whoever asks for a token
	}
	return Limits(s)
}

// keepEvents: a log that is gone before anybody looks proves nothing.
func (v *validator) keepEvents(written yamlfile.Duration) time.Duration {
	keep := time.Duration(written)
	v.require(keep == 0 || keep >= 24*time.Hour, "events.keep", "%s is less than a day: write 365d, or 0s to keep all of it for ever", yamlfile.FormatDuration(keep))
	return keep
}
