package dialect

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/yamlfile"
)

// policySection is where a platform differs from the standards' usual answer. What a dialect leaves out stays as it is usual.
type policySection struct {
	Lifetimes            lifetimesSection       `yaml:"lifetimes"`
	AccessToken          tokenSection           `yaml:"access_token"`
	RefreshTokens        string                 `yaml:"refresh_tokens"`
	PKCEOptional         bool                   `yaml:"pkce_optional"`
	SignUp               bool                   `yaml:"sign_up"`
	ScopesNotAllowed     string                 `yaml:"scopes_not_allowed"`
	MinState             int                    `yaml:"min_state"`
	ExactRedirectURIs    bool                   `yaml:"exact_redirect_uris"`
	ExactClientAuth      bool                   `yaml:"exact_client_authentication"`
	ServiceSession       bool                   `yaml:"service_session"`
	SingleUseTokens      bool                   `yaml:"single_use_tokens"`
	MachineRefresh       bool                   `yaml:"machine_refresh"`
	RefreshByAccessToken bool                   `yaml:"refresh_by_access_token"`
	RevokeByToken        bool                   `yaml:"revoke_by_token"`
	AccountBound         bool                   `yaml:"account_bound"`
	MachineAccount       bool                   `yaml:"machine_account"`
	RoleScopes           bool                   `yaml:"role_scopes"`
	Registration         bool                   `yaml:"registration"`
	Device               bool                   `yaml:"device"`
	ClientIDs            credentialSection      `yaml:"client_ids"`
	ClientSecrets        credentialSection      `yaml:"client_secrets"`
	ServiceAccounts      serviceAccountsSection `yaml:"service_accounts"`
}

type lifetimesSection struct {
	Code         yamlfile.Duration `yaml:"code"`
	AccessToken  yamlfile.Duration `yaml:"access_token"`
	RefreshToken yamlfile.Duration `yaml:"refresh_token"`
	RefreshGrace yamlfile.Duration `yaml:"refresh_grace"`
	Device       yamlfile.Duration `yaml:"device"`
	Registration yamlfile.Duration `yaml:"registration"`
}

type tokenSection struct {
	Format        string `yaml:"format"`
	Alg           string `yaml:"alg"`
	Prefix        string `yaml:"prefix"`
	RefreshPrefix string `yaml:"refresh_prefix"`
}

type credentialSection struct {
	Prefix string `yaml:"prefix"`
	Digits int    `yaml:"digits"`
	UUID   bool   `yaml:"uuid"`
}

type serviceAccountsSection struct {
	IDs            credentialSection `yaml:"ids"`
	Keys           credentialSection `yaml:"keys"`
	Channel        string            `yaml:"channel"`
	MaxAge         yamlfile.Duration `yaml:"max_age"`
	BareAssertions bool              `yaml:"bare_assertions"`
	Cookies        []string          `yaml:"cookies"`
	Session        yamlfile.Duration `yaml:"session"`
	ExchangeScope  string            `yaml:"exchange_scope"`
}

// setting brings one key of a policy into an issuer.
type setting struct {
	key   string
	apply func(*policySection, *issuer.Issuer)
}

// settings are every key of a policy, as a file writes them. A test holds them to the section's fields.
var settings = []setting{
	{"lifetimes.code", func(p *policySection, is *issuer.Issuer) { is.Lifetimes.Code = time.Duration(p.Lifetimes.Code) }},
	{"lifetimes.access_token", func(p *policySection, is *issuer.Issuer) {
		is.Lifetimes.AccessToken = time.Duration(p.Lifetimes.AccessToken)
	}},
	{"lifetimes.refresh_token", func(p *policySection, is *issuer.Issuer) {
		is.Lifetimes.RefreshToken = time.Duration(p.Lifetimes.RefreshToken)
	}},
	{"lifetimes.refresh_grace", func(p *policySection, is *issuer.Issuer) {
		is.Lifetimes.RefreshGrace = time.Duration(p.Lifetimes.RefreshGrace)
	}},
	{"lifetimes.device", func(p *policySection, is *issuer.Issuer) { is.Lifetimes.Device = time.Duration(p.Lifetimes.Device) }},
	{"lifetimes.registration", func(p *policySection, is *issuer.Issuer) {
		is.Lifetimes.Registration = time.Duration(p.Lifetimes.Registration)
	}},
	{"access_token.format", func(p *policySection, is *issuer.Issuer) { is.AccessToken.Kind = p.AccessToken.Format }},
	{"access_token.alg", func(p *policySection, is *issuer.Issuer) { is.AccessToken.Alg = jwk.Alg(p.AccessToken.Alg) }},
	{"access_token.prefix", func(p *policySection, is *issuer.Issuer) { is.AccessToken.AccessPrefix = p.AccessToken.Prefix }},
	{"access_token.refresh_prefix", func(p *policySection, is *issuer.Issuer) { is.AccessToken.RefreshPrefix = p.AccessToken.RefreshPrefix }},
	{"refresh_tokens", func(p *policySection, is *issuer.Issuer) { is.Policy.RefreshAlways = p.RefreshTokens == refreshAlways }},
	{"pkce_optional", func(p *policySection, is *issuer.Issuer) { is.PKCEOptional = p.PKCEOptional }},
	{"sign_up", func(p *policySection, is *issuer.Issuer) { is.SignUp = p.SignUp }},
	{"scopes_not_allowed", func(p *policySection, is *issuer.Issuer) { is.Policy.DropScopes = p.ScopesNotAllowed == scopesDropped }},
	{"min_state", func(p *policySection, is *issuer.Issuer) { is.Policy.MinState = p.MinState }},
	{"exact_redirect_uris", func(p *policySection, is *issuer.Issuer) { is.Policy.ExactRedirectURIs = p.ExactRedirectURIs }},
	{"exact_client_authentication", func(p *policySection, is *issuer.Issuer) { is.Policy.ExactClientAuth = p.ExactClientAuth }},
	{"service_session", func(p *policySection, is *issuer.Issuer) { is.Policy.ServiceSession = p.ServiceSession }},
	{"single_use_tokens", func(p *policySection, is *issuer.Issuer) { is.Policy.SingleUseTokens = p.SingleUseTokens }},
	{"machine_refresh", func(p *policySection, is *issuer.Issuer) { is.Policy.MachineRefresh = p.MachineRefresh }},
	{"refresh_by_access_token", func(p *policySection, is *issuer.Issuer) { is.Policy.RefreshByAccessToken = p.RefreshByAccessToken }},
	{"revoke_by_token", func(p *policySection, is *issuer.Issuer) { is.Policy.RevokeByToken = p.RevokeByToken }},
	{"account_bound", func(p *policySection, is *issuer.Issuer) { is.Policy.AccountBound = p.AccountBound }},
	{"machine_account", func(p *policySection, is *issuer.Issuer) { is.Policy.MachineAccount = p.MachineAccount }},
	{"role_scopes", func(p *policySection, is *issuer.Issuer) { is.Policy.RoleScopes = p.RoleScopes }},
	{"registration", func(p *policySection, is *issuer.Issuer) { is.Policy.Registration = p.Registration }},
	{"device", func(p *policySection, is *issuer.Issuer) { is.Policy.Device = p.Device }},
	{"client_ids", func(p *policySection, is *issuer.Issuer) { is.Policy.ClientIDs = issuer.CredentialFormat(p.ClientIDs) }},
	{"client_secrets", func(p *policySection, is *issuer.Issuer) {
		is.Policy.ClientSecrets = issuer.CredentialFormat(p.ClientSecrets)
	}},
	{"service_accounts", applyServiceAccounts},
}

// The answers to what happens to scopes that an app may not ask for, and when there are refresh tokens.
const (
	scopesRefused = "refuse"
	scopesDropped = "drop"
	refreshAlways = "always"
)

func applyServiceAccounts(p *policySection, is *issuer.Issuer) {
	s := p.ServiceAccounts
	is.Policy.ServiceAccounts = issuer.ServiceAccounts{
		IDs: issuer.CredentialFormat(s.IDs), Keys: issuer.CredentialFormat(s.Keys), Channel: s.Channel, MaxAge: time.Duration(s.MaxAge),
		BareAssertions: s.BareAssertions, Cookies: s.Cookies, Session: time.Duration(s.Session), ExchangeScope: s.ExchangeScope,
		Audiences: is.Policy.ServiceAccounts.Audiences,
	}
}

// Apply gives an issuer the dialect's policy, before the issuer is used. own tells which of the settings the issuer's own
// configuration made, by the key that both have, such as "lifetimes.code": those stay.
func (d *Dialect) Apply(is *issuer.Issuer, own func(key string) bool) {
	for _, setting := range settings {
		if d.written("policy."+setting.key) && !own(setting.key) {
			setting.apply(&d.policy, is)
		}
	}
	is.Dialect = d.Name
}

var cookieName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// policy checks what is written; what is left out is never looked at.
func (l *loader) policy(p *policySection) {
	within := func(key string, d yamlfile.Duration, most time.Duration) {
		if l.Has("policy." + key) {
			l.Require(d > 0 && time.Duration(d) <= most, "policy."+key, "%s is not from 1s to %s", yamlfile.FormatDuration(time.Duration(d)), yamlfile.FormatDuration(most))
		}
	}
	const year = 365 * 24 * time.Hour
	within("lifetimes.code", p.Lifetimes.Code, 10*time.Minute) // RFC 6749 §4.1.2
	within("lifetimes.access_token", p.Lifetimes.AccessToken, year)
	within("lifetimes.refresh_token", p.Lifetimes.RefreshToken, 10*year)
	within("lifetimes.refresh_grace", p.Lifetimes.RefreshGrace, 10*time.Minute)
	within("lifetimes.device", p.Lifetimes.Device, 24*time.Hour)
	within("lifetimes.registration", p.Lifetimes.Registration, year)
	within("service_accounts.max_age", p.ServiceAccounts.MaxAge, 10*time.Minute)
	within("service_accounts.session", p.ServiceAccounts.Session, year)
	l.oneOf("access_token.format", p.AccessToken.Format, issuer.Opaque, issuer.JWT)
	l.oneOf("access_token.alg", p.AccessToken.Alg, string(jwk.RS256), string(jwk.ES256), string(jwk.EdDSA))
	l.oneOf("scopes_not_allowed", p.ScopesNotAllowed, scopesRefused, scopesDropped)
	l.oneOf("refresh_tokens", p.RefreshTokens, refreshAlways, oidc.ScopeOfflineAccess)
	l.Require(p.MinState >= 0 && p.MinState <= 64, "policy.min_state", "%d is not from 0 to 64", p.MinState)
	for key, prefix := range map[string]string{
		"access_token.prefix": p.AccessToken.Prefix, "access_token.refresh_prefix": p.AccessToken.RefreshPrefix, "client_ids.prefix": p.ClientIDs.Prefix,
		"client_secrets.prefix": p.ClientSecrets.Prefix, "service_accounts.ids.prefix": p.ServiceAccounts.IDs.Prefix,
		"service_accounts.keys.prefix": p.ServiceAccounts.Keys.Prefix,
	} {
		l.Require(issuer.ValidPrefix(prefix), "policy."+key, issuer.PrefixRule)
	}
	l.digits("client_ids.digits", p.ClientIDs.Digits)
	l.digits("service_accounts.ids.digits", p.ServiceAccounts.IDs.Digits)
	l.Require(!p.ClientIDs.UUID || p.ClientIDs.Prefix == "" && p.ClientIDs.Digits == 0, "policy.client_ids.uuid", "stands alone: leave prefix and digits out")
	l.Require(!p.ClientSecrets.UUID, "policy.client_secrets.uuid", "is for identifiers: a secret has its own length")
	l.Require(p.ClientSecrets.Digits == 0, "policy.client_secrets.digits", "is for identifiers: a secret of digits could be guessed")
	for i, name := range p.ServiceAccounts.Cookies {
		l.Require(cookieName.MatchString(name), yamlfile.Item("policy.service_accounts.cookies", i), "%q is not a cookie's name", name)
	}
}

func (l *loader) oneOf(key, value string, known ...string) {
	if l.Has("policy." + key) {
		l.Require(slices.Contains(known, value), "policy."+key, "%q is not known: write %s", value, strings.Join(known, " or "))
	}
}

func (l *loader) digits(key string, digits int) {
	l.Require(digits == 0 || digits >= 8 && digits <= 32, "policy."+key, "%d is not from 8 to 32: fewer would run out, or be guessed", digits)
}

// Policy lists what the dialect sets, key by key, as the file writes it.
func (d *Dialect) Policy() []Setting {
	var set []Setting
	d.collect(reflect.ValueOf(d.policy), "", &set)
	return set
}

// Setting is one key of a policy with its value.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func (d *Dialect) collect(section reflect.Value, prefix string, into *[]Setting) {
	for field, value := range section.Fields() {
		key := yamlfile.Child(prefix, field.Tag.Get("yaml"))
		if !d.written("policy." + key) {
			continue
		}
		if value.Kind() == reflect.Struct {
			d.collect(value, key, into)
			continue
		}
		*into = append(*into, Setting{key, shown(value.Interface())})
	}
}

func shown(value any) string {
	switch value := value.(type) {
	case yamlfile.Duration:
		return yamlfile.FormatDuration(time.Duration(value))
	case []string:
		return strings.Join(value, ", ")
	default:
		return fmt.Sprint(value)
	}
}
