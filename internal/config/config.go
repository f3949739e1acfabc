package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"latchkey.dev/internal/dialect"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/yamlfile"
)

// Environment variables that hold secrets in place of a file.
const (
	EnvMasterKey    = "LATCHKEY_MASTER_KEY"    // base64; several, separated by commas, while one is replaced
	EnvDatabase     = "LATCHKEY_DATABASE"      // replaces the key database, whose URL may hold a password
	EnvMailPassword = "LATCHKEY_MAIL_PASSWORD" // replaces the key mail.password_file
)

// Config is the validated configuration.
type Config struct {
	// Listen is where people and apps reach the server, as host:port.
	Listen string
	// AdminListen is where metrics, health and profiles are served, apart from the public.
	AdminListen string
	TLS         TLS
	// Database is "sqlite:PATH" with an absolute path, or a postgres URL, which may hold a password: never log it.
	Database string
	// MasterKeys derive every other key. The first seals; all of them open.
	MasterKeys [][]byte
	// TrustedProxies may say in X-Forwarded-For where a request came from.
	TrustedProxies []netip.Prefix
	Mail           Mail
	LogLevel       slog.Level
	Tracing        Tracing
	Limits         Limits
	// KeepEvents is how long the audit log is kept; 0 means for ever.
	KeepEvents time.Duration
	// Issuers has at least one; names and hosts are unique.
	Issuers []*issuer.Issuer
	// Dialects are what issuers speak besides the standards, by the issuer's name. Their policies are in the issuers already.
	Dialects map[string]*dialect.Dialect
}

// TLS names the files of a certificate chain and its key. Both are empty when a proxy in front ends TLS.
type TLS struct{ CertFile, KeyFile string }

// Enabled tells whether the public listener speaks TLS itself.
func (t TLS) Enabled() bool { return t.CertFile != "" }

// Mail is the server that takes mail for delivery.
type Mail struct {
	Host     string
	Port     int
	Security string // mail.StartTLS, mail.ImplicitTLS or mail.NoTLS
	// Username and Password are empty when the server asks for none.
	Username, Password string
	// From is the sender's address, perhaps with a name: "Acme <no-reply@acme.example>".
	From string
}

// Tracing sends OpenTelemetry traces over OTLP/HTTP when Endpoint is set.
type Tracing struct {
	Endpoint    string
	SampleRatio float64
}

// Limits bound what the process takes on.
type Limits struct {
	// Requests is how many requests are handled at once; more hear that the server is busy.
	Requests int
	// PasswordHashes is how many passwords are checked at once, at 19 MiB each.
	PasswordHashes int
}

// Source is where configuration comes from besides the file itself.
type Source struct {
	Getenv   func(string) string
	ReadFile func(string) ([]byte, error)
	// AllowHTTP admits issuers without TLS, for development on the loopback.
	AllowHTTP bool
}

// System is the process's own environment and files.
func System() Source { return Source{Getenv: os.Getenv, ReadFile: os.ReadFile} }

// Load reads and validates a file. Mistakes in it are an *Error.
func Load(path string, source Source) (*Config, error) {
	data, err := source.ReadFile(path)
	if err != nil {
		return nil, &Error{File: path, Problems: []Problem{{Message: fmt.Sprintf("cannot be read: %v", withoutPath(err))}}}
	}
	return Parse(data, path, source)
}

// Parse validates the text of a file. Relative paths in it are taken from path's folder.
func Parse(data []byte, path string, source Source) (*Config, error) {
	ps := problems{yamlfile.NewProblems()}
	var written file
	yamlfile.Read(data, &written, ps.Problems, "start from the example in docs/reference/configuration.md")
	if err := ps.Err(path); err != nil {
		return nil, err // what follows would only repeat it
	}
	v := validator{problems: ps, source: source, folder: filepath.Dir(path), dialects: map[string]*dialect.Dialect{}}
	config := v.config(&written)
	if err := ps.Err(path); err != nil {
		return nil, err
	}
	return config, nil
}
