package config

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
)

const example = "../../docs/reference/latchkey.yaml"

const masterKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// files is a Source over texts by their names' last part.
func files(texts map[string]string) Source {
	return Source{
		Getenv: func(string) string { return "" },
		ReadFile: func(path string) ([]byte, error) {
			if text, ok := texts[path[strings.LastIndex(path, "/")+1:]]; ok {
				return []byte(text), nil
			}
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		},
	}
}

func withSecrets() Source {
	return files(map[string]string{"master.key": "# new\n" + masterKey + "\n", "smtp-password": "s3cret\n"})
}

func exampleText(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestExampleLoads(t *testing.T) {
	config, err := Parse([]byte(exampleText(t)), "/etc/latchkey/latchkey.yaml", withSecrets())
	if err != nil {
		t.Fatal(err)
	}
	if config.Database != "sqlite:/etc/latchkey/latchkey.db" || config.Mail.Password != "s3cret" || config.Mail.Port != 587 {
		t.Errorf("database %q, mail %+v", config.Database, config.Mail)
	}
	if config.LogLevel != slog.LevelInfo || len(config.MasterKeys) != 1 || config.TrustedProxies[0].String() != "127.0.0.1/32" {
		t.Errorf("level %v, %d master keys, proxies %v", config.LogLevel, len(config.MasterKeys), config.TrustedProxies)
	}
	if config.KeepEvents != 365*24*time.Hour {
		t.Errorf("events are kept for %s", config.KeepEvents)
	}
	acme := config.Issuers[0]
	if acme.AccessToken.Kind != issuer.JWT || acme.AccessToken.Alg != jwk.ES256 || acme.Hosts[0] != "login.acme.example" || !acme.SignUp {
		t.Errorf("issuer %+v", acme)
	}
	if acme.Lifetimes.AccessToken != 15*time.Minute || acme.Lifetimes.Code != issuer.DefaultLifetimes().Code {
		t.Errorf("lifetimes %+v", acme.Lifetimes)
	}
	if orders := acme.Scopes[0]; orders.Text["fr"].Title != "Voir vos commandes" || !orders.Sensitive || orders.Text["en"].Detail == "" {
		t.Errorf("scope %+v", orders)
	}
	if write := acme.Scopes[1]; write.GrantableBy(issuer.RoleMember) || !write.Optional {
		t.Errorf("scope %+v", write)
	}
}

// TestAByteOrderMarkIsSkipped: editors of Windows begin a file with one, also the files of secrets.
func TestAByteOrderMarkIsSkipped(t *testing.T) {
	secrets := files(map[string]string{"master.key": "\ufeff" + masterKey + "\r\n", "smtp-password": "\ufeffs3cret\r\n"})
	config, err := Parse([]byte("\ufeff"+exampleText(t)), "/etc/latchkey/latchkey.yaml", secrets)
	if err != nil || len(config.MasterKeys) != 1 || config.Mail.Password != "s3cret" {
		t.Fatal(err)
	}
}

// TestRefusals changes one thing of the example and expects one problem, where it stands and saying what to write.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown key, with a suggestion": {"    title: Acme", "    titel: Acme", `:25:5: issuers[0].titel: is not a key here: did you mean "title"?`},
		"unknown key, far from any":      {"listen: 127.0.0.1:8080", "wibble: 1\nlisten: 127.0.0.1:8080", "2:1: wibble: is not a key here: the keys are listen, admin,"},
		"wrong kind: text":               {"    title: Acme", "    title: 7", "issuers[0].title: must be text, and is a number"},
		"wrong kind: section":            {"admin:\n  listen: 127.0.0.1:9090", "admin: [127.0.0.1:9090]", "admin: must be a section with keys of its own, and is a list"},
		"wrong kind: list":               {"trusted_proxies: [127.0.0.1]", "trusted_proxies: 127.0.0.1", "trusted_proxies: must be a list"},
		"wrong kind: bool":               {"sensitive: true", "sensitive: 1", "scopes[0].sensitive: must be true or false"},
		"wrong kind: number":             {"sample_ratio: 0.01", "sample_ratio: much", "tracing.sample_ratio: must be a number, and is text"},
		"twice":                          {"    title: Acme", "    title: Acme\n    title: Acme", "title"},
		"alias":                          {"    title: Acme", "    title: &a Acme", "issuers[0].title: anchors and aliases are not read here"},
		"tag":                            {"    title: Acme", "    title: !!str Acme", "issuers[0].title: tags are not read here"},
		"no value":                       {"    title: Acme", "    title:", "issuers[0].title: has no value"},
		"a colour without quotes":        {`color: "#1f5fbf"`, `color: #1f5fbf`, "issuers[0].brand.color: has no value: write one or remove the key (a value that begins with # needs quotes)"},
		"several documents":              {"log:", "---\nlog:", "several YAML documents"},
		"broken YAML":                    {"log:", "log: [", "check the indentation and the quotes here"},
		"listen":                         {"listen: 127.0.0.1:8080", "listen: 8080x", "listen: \"8080x\" is not an address"},
		"admin on the public address":    {"listen: 127.0.0.1:9090", "listen: 127.0.0.1:8080", "admin.listen: is the public address"},
		"a certificate without its key":  {"log:", "tls: {cert_file: master.key}\nlog:", "tls.key_file: is missing: name both files"},
		"a key without its certificate":  {"log:", "tls: {key_file: master.key}\nlog:", "tls.cert_file: is missing: name both files"},
		"a key of another certificate":   {"log:", "tls: {cert_file: master.key, key_file: smtp-password}\nlog:", "15:30: tls.key_file: does not go with /etc/latchkey/master.key: "},
		"certificate not there":          {"log:", "tls: {cert_file: a.pem, key_file: master.key}\nlog:", "tls.cert_file: /etc/latchkey/a.pem cannot be read: file does not exist"},
		"no database":                    {"database: sqlite:latchkey.db", "", "database: is missing"},
		"other database":                 {"database: sqlite:latchkey.db", "database: mysql://x", `database: must begin with`},
		"no master key":                  {"master_key_file: master.key", "", "master_key_file: is missing, and so is LATCHKEY_MASTER_KEY"},
		"master key not there":           {"master_key_file: master.key", "master_key_file: other.key", "other.key cannot be read"},
		"a short master key":             {"master_key_file: master.key", "master_key_file: smtp-password", "master_key_file: /etc/latchkey/smtp-password: master key"},
		"proxy":                          {"[127.0.0.1]", "[10.0.0.0/8, proxy]", "trusted_proxies[1]: \"proxy\" is not an address or a network"},
		"mail host with its port":        {"  host: smtp.acme.example\n", "  host: smtp.acme.example:2525\n", "mail.host: \"smtp.acme.example:2525\" has a port: write `host: smtp.acme.example` and `port: 2525`"},
		"mail without host":              {"  host: smtp.acme.example\n", "", "mail.host: is missing"},
		"mail port":                      {"  username: latchkey", "  username: latchkey\n  port: 99999", "mail.port: 99999 is not a port"},
		"mail sender":                    {`"Acme <no-reply@acme.example>"`, "Acme", "mail.from: \"Acme\" is not a sender"},
		"mail in clear":                  {"  username: latchkey", "  username: latchkey\n  security: none", "mail.security: \"none\" is for a server on this machine"},
		"mail security":                  {"  username: latchkey", "  username: latchkey\n  security: ssl", "mail.security: \"ssl\" is not known"},
		"mail password missing":          {"  password_file: smtp-password\n", "", "mail.password_file: is missing, and so is LATCHKEY_MAIL_PASSWORD"},
		"level":                          {"level: info", "level: loud", "log.level: \"loud\" is not known"},
		"sample ratio":                   {"sample_ratio: 0.01", "sample_ratio: 2", "tracing.sample_ratio: must be from 0"},
		"trace endpoint":                 {"endpoint: http://127.0.0.1:4318", "endpoint: 127.0.0.1:4318", "tracing.endpoint: must be the collector's"},
		"hash limit":                     {"log:", "limits: {password_hashes: -1}\nlog:", "limits.password_hashes: must be from 1"},
		"request limit":                  {"log:", "limits: {requests: 0}\nlog:", "limits.requests: must be from 1"},
		"issuer name":                    {"name: acme", "name: Acme", `issuers[0].name: "Acme" is not a name`},
		"http issuer":                    {"url: https://login.acme.example", "url: http://login.acme.example", "issuers[0].url: must begin with https:// (RFC 8414 §2)"},
		"trailing slash":                 {"url: https://login.acme.example", "url: https://login.acme.example/", `issuers[0].url: must end after the host, without a slash, path, query or fragment: write "https://login.acme.example"`},
		"path":                           {"url: https://login.acme.example", "url: https://login.acme.example/a?b", `write "https://login.acme.example"`},
		"fragment":                       {"url: https://login.acme.example", "url: https://login.acme.example#b", `write "https://login.acme.example"`},
		"user in URL":                    {"url: https://login.acme.example", "url: https://me@login.acme.example", `issuers[0].url: must be the issuer's address`},
		"capital host":                   {"url: https://login.acme.example", "url: https://Login.acme.example", `is not a host in small letters`},
		"default port":                   {"url: https://login.acme.example", "url: https://login.acme.example:443", `leave the port :443 out`},
		"host with scheme":               {"    title: Acme", "    title: Acme\n    hosts: [https://a.example]", `issuers[0].hosts[0]: "https://a.example" is not a host`},
		"title missing":                  {"    title: Acme\n", "", `issuers[0].title: is missing`},
		"title with a line break":        {"title: Acme", `title: "Ac\nme"`, `holds a line break`},
		"colour":                         {`color: "#1f5fbf"`, `color: blue`, `issuers[0].brand.color: "blue" is not a colour: write six digits in quotes`},
		"logo":                           {`logo_url: https://www.acme.example/logo.svg`, `logo_url: //evil`, `brand.logo_url: must be an https address`},
		"script as a link":               {`support_url: https://www.acme.example/help`, `support_url: javascript:alert(1)`, `brand.support_url: must be`},
		"http link":                      {`terms_url: https://www.acme.example/terms`, `terms_url: http://www.acme.example/terms`, `brand.terms_url: must be an https address`},
		"audience":                       {"audience: https://api.acme.example", "audience: api", "issuers[0].audience: \"api\" must be an absolute URI without a fragment (RFC 8707 §2)"},
		"resource":                       {"    title: Acme", "    title: Acme\n    resources: ['https://a.example/#x']", "issuers[0].resources[0]:"},
		"token format":                   {"format: jwt", "format: paseto", "access_token.format: \"paseto\" is not known"},
		"token alg":                      {"alg: ES256", "alg: HS256", "access_token.alg: \"HS256\" is not served"},
		"token prefix":                   {"alg: ES256", "alg: ES256\n      prefix: 'a b'", "access_token.prefix: must be"},
		"events kept too short":          {"log:\n", "events:\n  keep: 1h\nlog:\n", "events.keep: 1h is less than a day: write 365d, or 0s to keep all of it for ever"},
		"no length of time":              {"access_token: 15m", "access_token: 15 minutes", `issuers[0].lifetimes.access_token: "15 minutes" is not a length of time`},
		"long code":                      {"access_token: 15m", "code: 30m", "issuers[0].lifetimes.code: 30m is not from 1s to 10m, the most that RFC 6749 §4.1.2 recommends"},
		"no id token alg":                {"    title: Acme", "    title: Acme\n    id_token_algs: []", "id_token_algs: names none"},
		"id token alg twice":             {"    title: Acme", "    title: Acme\n    id_token_algs: [RS256, RS256]", `id_token_algs[1]: "RS256" stands at issuers[0].id_token_algs[0] too`},
		"id token alg none":              {"    title: Acme", "    title: Acme\n    id_token_algs: [none]", `id_token_algs[0]: "none" is not served`},
		"language":                       {"    title: Acme", "    title: Acme\n    languages: [en, de]", `languages[1]: "de" is not a language of the pages`},
		"scope name":                     {"name: orders:read", "name: orders read", `scopes[0].name: "orders read" is not a scope`},
		"scope twice":                    {"name: orders:write", "name: orders:read", `scopes[1].name: "orders:read" stands at issuers[0].scopes[0].name too`},
		"scope without words":            {"        title: {en: Read sales reports, fr: Lire les rapports de vente}\n", "", `scopes[2].title: is missing`},
		"scope without English":          {"title: {en: Read sales reports, fr:", "title: {fr:", `scopes[2].title: needs an "en"`},
		"scope in no language":           {"title: {en: Read sales reports, fr:", "title: {en: Read, english:", `scopes[2].title.english: is not a language`},
		"role":                           {"roles: [owner, admin]", "roles: [owner, boss]", `scopes[1].roles[1]: "boss" is not a role`},
		"role below the managers":        {"    title: Acme", "    title: Acme\n    member_roles: [viewer, admin]", `issuers[0].member_roles[1]: "admin" is always there`},
		"role's name":                    {"    title: Acme", "    title: Acme\n    member_roles: [Team Lead]", `issuers[0].member_roles[0]: "Team Lead" is not a role`},
		"issuer twice": {"issuers:\n", "issuers:\n  - {name: acme, url: 'https://b.example', title: B}\n",
			`issuers[1].name: "acme" stands at issuers[0].name too`},
		"host twice": {"issuers:\n", "issuers:\n  - {name: b, url: 'https://b.example', title: B, hosts: [login.acme.example]}\n",
			`issuers[1].url: "login.acme.example" stands at issuers[0].hosts[0] too`},
	} {
		t.Run(name, func(t *testing.T) { refused(t, c.old, c.new, c.want) })
	}
}

func refused(t *testing.T, old, changed, want string) {
	t.Helper()
	text := exampleText(t)
	if !strings.Contains(text, old) {
		t.Fatalf("the example has no %q", old)
	}
	_, err := Parse([]byte(strings.Replace(text, old, changed, 1)), "/etc/latchkey/latchkey.yaml", withSecrets())
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error:\n%v\nwant in it:\n%s", err, want)
	}
}

func TestRefusalsOfSettingsForAgents(t *testing.T) {
	for setting, want := range map[string]string{
		"refresh_tokens: never":                  `issuers[0].refresh_tokens: "never" is not known: write offline_access or always`,
		"registration_limit: 0":                  `issuers[0].registration_limit: must be from 1`,
		"redirect_schemes: [cursor, javascript]": `issuers[0].redirect_schemes[1]: "javascript" is not the scheme of an app`,
		"redirect_schemes: ['cursor://']":        `issuers[0].redirect_schemes[0]: "cursor://" is not the scheme`,
		"redirect_schemes: [com.example.app]":    `issuers[0].redirect_schemes[0]: "com.example.app" is not the scheme`,
	} {
		refused(t, "    title: Acme", "    title: Acme\n    "+setting, want)
	}
}

// TestAPrefixIsBoundedAsInDialects: both files have the key.
func TestAPrefixIsBoundedAsInDialects(t *testing.T) {
	for length, fine := range map[int]bool{32: true, 33: false} {
		text := strings.Replace(exampleText(t), "alg: ES256", "alg: ES256\n      prefix: "+strings.Repeat("p", length), 1)
		if _, err := Parse([]byte(text), "/etc/latchkey/latchkey.yaml", withSecrets()); (err == nil) != fine {
			t.Errorf("%d letters: %v", length, err)
		}
	}
}

// TestAllAtOnce: every mistake in one go, in the order of the file.
func TestAllAtOnce(t *testing.T) {
	text := "listen: nowhere\nissuers:\n  - name: A\n    url: http://a.example/\n"
	var failure *Error
	if _, err := Parse([]byte(text), "latchkey.yaml", withSecrets()); !errors.As(err, &failure) {
		t.Fatalf("error %v", err)
	}
	keys := map[string]bool{}
	line := 0
	for _, p := range failure.Problems {
		keys[p.Key] = true
		if p.Line < line {
			t.Errorf("%s at line %d comes after line %d", p.Key, p.Line, line)
		}
		line = p.Line
	}
	for _, want := range []string{"listen", "database", "master_key_file", "mail.host", "mail.from", "issuers[0].name", "issuers[0].url", "issuers[0].title"} {
		if !keys[want] {
			t.Errorf("nothing is said about %s in:\n%v", want, failure)
		}
	}
}

func TestSecretsFromTheEnvironment(t *testing.T) {
	second := strings.Replace(masterKey, "MD", "MT", 1)
	source := files(nil)
	source.Getenv = func(name string) string {
		return map[string]string{EnvMasterKey: masterKey + "," + second, EnvDatabase: "postgres://u:hunter2@db/x", EnvMailPassword: "p"}[name]
	}
	text := strings.NewReplacer("master_key_file: master.key", "", "  password_file: smtp-password\n", "").Replace(exampleText(t))
	config, err := Parse([]byte(text), "latchkey.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	if len(config.MasterKeys) != 2 || config.Database != "postgres://u:hunter2@db/x" || config.Mail.Password != "p" {
		t.Errorf("%d keys, database %q, password %q", len(config.MasterKeys), config.Database, config.Mail.Password)
	}
}

// TestMailPasswordRefusals: each is told as what it is, and once.
func TestMailPasswordRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		file, env string
		without   []string // lines of the example
		want      string
	}{
		"an empty file": {file: "\n", want: "mail.password_file: /etc/latchkey/smtp-password is empty"},
		"no file":       {want: "mail.password_file: /etc/latchkey/smtp-password cannot be read: file does not exist"},
		"a variable for nobody": {
			env: "hunter2", without: []string{"  username: latchkey\n", "  password_file: smtp-password\n"},
			want: "mail.username: is missing: LATCHKEY_MAIL_PASSWORD is set",
		},
	} {
		texts := map[string]string{"master.key": masterKey}
		if c.file != "" {
			texts["smtp-password"] = c.file
		}
		source := files(texts)
		source.Getenv = func(name string) string { return map[string]string{EnvMailPassword: c.env}[name] }
		text := exampleText(t)
		for _, line := range c.without {
			text = strings.Replace(text, line, "", 1)
		}
		_, err := Parse([]byte(text), "/etc/latchkey/latchkey.yaml", source)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v\nwant only: %s", name, err, c.want)
		}
	}
}

// TestNoSecretInMessages: a key or password that is wrong is never quoted.
func TestNoSecretInMessages(t *testing.T) {
	source := withSecrets()
	source.Getenv = func(name string) string {
		return map[string]string{EnvMasterKey: "hunter2hunter2", EnvDatabase: "postgres://u:hunter2@%zz/x", EnvMailPassword: "hunter2"}[name]
	}
	_, err := Parse([]byte(exampleText(t)), "latchkey.yaml", source)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
	source.Getenv = func(name string) string { return map[string]string{EnvMasterKey: "hunter2hunter2"}[name] }
	_, err = Parse([]byte(strings.Replace(exampleText(t), "master_key_file: master.key", "", 1)), "latchkey.yaml", source)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}

func TestDevelopmentAllowsHTTP(t *testing.T) {
	source := withSecrets()
	source.AllowHTTP = true
	text := strings.Replace(exampleText(t), "https://login.acme.example", "http://acme.localhost:8080", 1)
	config, err := Parse([]byte(text), "latchkey.yaml", source)
	if err != nil || config.Issuers[0].Hosts[0] != "acme.localhost:8080" {
		t.Fatalf("error %v", err)
	}
}

func TestLoadOfNoFile(t *testing.T) {
	_, err := Load("/nowhere/latchkey.yaml", files(nil))
	if err == nil || err.Error() != "/nowhere/latchkey.yaml: cannot be read: file does not exist" {
		t.Errorf("error %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(exampleText(f)))
	for _, text := range []string{"", "listen", "listen: [", "a: &a [*a, *a]", "<<: {listen: x}", "issuers: [{}]", "issuers:\n- name: a\n- 1", "? [a]\n: b",
		"listen: !!binary aGVsbG8=", "a:\n\t- b", "--- \n---\n", "\xff\xfe", "issuers: [{lifetimes: {code: 1d1d}}]", "listen: |\n  a\n  b", "1: 2", "{a: {a: {a: {a: }}}}"} {
		f.Add([]byte(text))
	}
	source := withSecrets()
	f.Fuzz(func(t *testing.T, data []byte) {
		config, err := Parse(data, "latchkey.yaml", source)
		var failure *Error
		switch {
		case err == nil && (len(config.Issuers) == 0 || len(config.MasterKeys) == 0):
			t.Error("accepted without issuers or keys")
		case err != nil && (!errors.As(err, &failure) || len(failure.Problems) == 0):
			t.Errorf("error of the wrong kind: %v", err)
		}
	})
}

// What anybody could come in by is closed until the configuration opens it (RFC 8628, RFC 7591).
func TestDevicesAndRegistrationAreOpenedByName(t *testing.T) {
	closed, err := Parse([]byte(exampleText(t)), "/etc/latchkey/latchkey.yaml", withSecrets())
	if err != nil || closed.Issuers[0].Policy.Device || closed.Issuers[0].Policy.Registration {
		t.Errorf("%v, %+v", err, closed.Issuers[0].Policy)
	}
	text := strings.Replace(exampleText(t), "  - name: acme\n", "  - name: acme\n    device: true\n    registration: true\n", 1)
	opened, err := Parse([]byte(text), "/etc/latchkey/latchkey.yaml", withSecrets())
	if err != nil {
		t.Fatal(err)
	}
	agents := strings.Replace(text, "  - name: acme\n", "  - name: acme\n    refresh_tokens: always\n    registration_limit: 5000\n    redirect_schemes: [cursor, vscode]\n", 1)
	forAgents, err := Parse([]byte(agents), "/etc/latchkey/latchkey.yaml", withSecrets())
	if err != nil {
		t.Fatal(err)
	}
	if p := forAgents.Issuers[0].Policy; !p.RefreshAlways || p.RegistrationLimit != 5000 || len(p.RedirectSchemes) != 2 {
		t.Errorf("%+v", p)
	}
	if p := opened.Issuers[0].Policy; p.RefreshAlways || p.RegistrationLimit != 30 || len(p.RedirectSchemes) != 0 {
		t.Errorf("by default %+v", p)
	}
	if is := opened.Issuers[0]; !is.Policy.Device || !is.Policy.Registration || is.Lifetimes.Device != 30*time.Minute || is.Lifetimes.Registration != 7*24*time.Hour {
		t.Errorf("%+v, %+v", is.Policy, is.Lifetimes)
	}
}
