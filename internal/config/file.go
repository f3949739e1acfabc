package config

import (
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/yamlfile"
)

// file is the configuration file as it is written. Every field is a key; docs/reference/configuration.md explains each.
type file struct {
	Listen         string        `yaml:"listen"`
	Admin          adminSection  `yaml:"admin"`
	TLS            tlsSection    `yaml:"tls"`
	Database       string        `yaml:"database"`
	MasterKeyFile  string        `yaml:"master_key_file"`
	TrustedProxies []string      `yaml:"trusted_proxies"`
	Mail           mailSection   `yaml:"mail"`
	Log            logSection    `yaml:"log"`
	Tracing        traceSection  `yaml:"tracing"`
	Limits         limitsSection `yaml:"limits"`
	Events         eventsSection `yaml:"events"`
	Issuers        []section     `yaml:"issuers"`
}

type adminSection struct {
	Listen string `yaml:"listen"`
}

type tlsSection struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

type mailSection struct {
	Host         string `yaml:"host"`
	Port         int    `yaml:"port"`
	Security     string `yaml:"security"`
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	From         string `yaml:"from"`
}

type logSection struct {
	Level string `yaml:"level"`
}

type traceSection struct {
	Endpoint    string  `yaml:"endpoint"`
	SampleRatio float64 `yaml:"sample_ratio"`
}

type limitsSection struct {
	Requests       int `yaml:"requests"`
	PasswordHashes int `yaml:"password_hashes"`
}

type eventsSection struct {
	Keep yamlfile.Duration `yaml:"keep"`
}

// section is one issuer.
type section struct {
	Name         string           `yaml:"name"`
	URL          string           `yaml:"url"`
	Hosts        []string         `yaml:"hosts"`
	Title        string           `yaml:"title"`
	Brand        brandSection     `yaml:"brand"`
	MemberRoles  []string         `yaml:"member_roles"`
	Scopes       []scopeSection   `yaml:"scopes"`
	Audience     string           `yaml:"audience"`
	Resources    []string         `yaml:"resources"`
	AccessToken  tokenSection     `yaml:"access_token"`
	Lifetimes    lifetimesSection `yaml:"lifetimes"`
	IDTokenAlgs  []string         `yaml:"id_token_algs"`
	SignUp       bool             `yaml:"sign_up"`
	PKCEOptional bool             `yaml:"pkce_optional"`
	Device       bool             `yaml:"device"`
	Registration bool             `yaml:"registration"`
	Languages    []string         `yaml:"languages"`

	RefreshTokens     string   `yaml:"refresh_tokens"`
	RegistrationLimit int      `yaml:"registration_limit"`
	RedirectSchemes   []string `yaml:"redirect_schemes"`

	Dialect      string            `yaml:"dialect"`
	DialectHosts map[string]string `yaml:"dialect_hosts"`
	SandboxOf    string            `yaml:"sandbox_of"`
}

type brandSection struct {
	Color      string `yaml:"color"`
	LogoURL    string `yaml:"logo_url"`
	SupportURL string `yaml:"support_url"`
	PrivacyURL string `yaml:"privacy_url"`
	TermsURL   string `yaml:"terms_url"`
}

type scopeSection struct {
	Name      string            `yaml:"name"`
	Title     map[string]string `yaml:"title"`
	Detail    map[string]string `yaml:"detail"`
	Phrase    map[string]string `yaml:"phrase"`
	Group     map[string]string `yaml:"group"`
	Roles     []string          `yaml:"roles"`
	Optional  bool              `yaml:"optional"`
	Sensitive bool              `yaml:"sensitive"`
	Machine   bool              `yaml:"machine"`
}

type tokenSection struct {
	Format        string `yaml:"format"`
	Alg           string `yaml:"alg"`
	Prefix        string `yaml:"prefix"`
	RefreshPrefix string `yaml:"refresh_prefix"`
}

type lifetimesSection struct {
	Code         yamlfile.Duration `yaml:"code"`
	AccessToken  yamlfile.Duration `yaml:"access_token"`
	IDToken      yamlfile.Duration `yaml:"id_token"`
	RefreshToken yamlfile.Duration `yaml:"refresh_token"`
	RefreshGrace yamlfile.Duration `yaml:"refresh_grace"`
	Session      yamlfile.Duration `yaml:"session"`
	Interaction  yamlfile.Duration `yaml:"interaction"`
	EmailCode    yamlfile.Duration `yaml:"email_code"`
	Invitation   yamlfile.Duration `yaml:"invitation"`
	Device       yamlfile.Duration `yaml:"device"`
	Registration yamlfile.Duration `yaml:"registration"`
}

// SetDefaults gives the file what it may leave out.
func (f *file) SetDefaults() {
	f.Listen, f.Admin.Listen = "127.0.0.1:8080", "127.0.0.1:9090"
	f.Mail.Port, f.Mail.Security = 587, "starttls"
	f.Log.Level = "info"
	f.Tracing.SampleRatio = 0.01
	f.Limits.Requests = 1024
	f.Events.Keep = yamlfile.Duration(365 * 24 * time.Hour) // what PCI DSS 4 (10.5.1) asks of an audit log
}

// SetDefaults gives an issuer what it may leave out.
func (s *section) SetDefaults() {
	defaults := issuer.DefaultLifetimes()
	s.Lifetimes = lifetimesSection{
		Code: yamlfile.Duration(defaults.Code), AccessToken: yamlfile.Duration(defaults.AccessToken), IDToken: yamlfile.Duration(defaults.IDToken),
		RefreshToken: yamlfile.Duration(defaults.RefreshToken), RefreshGrace: yamlfile.Duration(defaults.RefreshGrace), Session: yamlfile.Duration(defaults.Session),
		Interaction: yamlfile.Duration(defaults.Interaction), EmailCode: yamlfile.Duration(defaults.EmailCode), Invitation: yamlfile.Duration(defaults.Invitation),
		Device: yamlfile.Duration(defaults.Device), Registration: yamlfile.Duration(defaults.Registration),
	}
	s.AccessToken = tokenSection{Format: issuer.Opaque, Alg: string(jwk.ES256), Prefix: "lk_at_", RefreshPrefix: "lk_rt_"}
	for _, alg := range jwk.Algs() {
		s.IDTokenAlgs = append(s.IDTokenAlgs, string(alg))
	}
	s.SignUp = true
	s.RefreshTokens = refreshOfflineAccess
	s.RegistrationLimit = issuer.UsualRegistrationLimit
}
