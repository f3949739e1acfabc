package config

import (
	"strings"
	"testing"
	"time"
)

const cornerDialect = `name: corner
hosts: {api: {answers: json}, door: {answers: pages}}
errors: {body: '{error}'}
routes:
  - {route: POST api /token, operation: token, request: '.body | {grant_type}', response: '{access_token}'}
policy:
  lifetimes: {code: 5m, access_token: 2h, refresh_token: 7d}
  access_token: {format: opaque, prefix: corner_}
  min_state: 8
  sign_up: false
`

// spoken is the example with a dialect; its section sets the access token's lifetime and format itself.
const spoken = "    title: Acme\n    dialect: ./corner.yaml\n    dialect_hosts: {api: api.acme.example, door: login.acme.example}\n"

func parseSpoken(t *testing.T, section string) (*Config, error) {
	t.Helper()
	source := files(map[string]string{
		"master.key": masterKey, "smtp-password": "s3cret", "corner.yaml": cornerDialect, "wrong.yaml": "name: wrong\nerror: x\n",
	})
	return Parse([]byte(strings.Replace(exampleText(t), "    title: Acme\n", section, 1)), "/etc/latchkey/latchkey.yaml", source)
}

func TestDialectFillsWhatTheSectionLeavesOut(t *testing.T) {
	config, err := parseSpoken(t, spoken)
	if err != nil {
		t.Fatal(err)
	}
	acme := config.Issuers[0]
	if config.Dialects["acme"] == nil || acme.Dialect != "corner" || acme.DialectHosts["api"] != "api.acme.example" {
		t.Errorf("%v, %+v", config.Dialects, acme)
	}
	if acme.Lifetimes.Code != 5*time.Minute || acme.Policy.MinState != 8 || acme.SignUp || acme.AccessToken.AccessPrefix != "corner_" {
		t.Errorf("the dialect's policy is not there: %+v", acme)
	}
	if acme.Lifetimes.AccessToken != 15*time.Minute || acme.AccessToken.Kind != "jwt" || acme.Lifetimes.RefreshToken != 90*24*time.Hour {
		t.Errorf("the section's own settings are gone: %+v", acme)
	}
}

// sandboxWith makes the example's issuer live, and puts its sandbox before it.
func sandboxWith(settings string) string {
	return "    title: Sandbox\n    sandbox_of: live\n    " + settings + "\n  - name: live\n    url: https://live.acme.example\n    title: Acme\n"
}

func TestDialectRefusals(t *testing.T) {
	for name, c := range map[string]struct{ section, want string }{
		"no such dialect": {strings.Replace(spoken, "./corner.yaml", "nobody", 1), `:26:5: issuers[0].dialect: "nobody" is neither a file nor one of `},
		"no such file":    {strings.Replace(spoken, "./corner.yaml", "./none.yaml", 1), `issuers[0].dialect: "./none.yaml" is neither a file`},
		"with mistakes":   {strings.Replace(spoken, "./corner.yaml", "./wrong.yaml", 1), `issuers[0].dialect: /etc/latchkey/wrong.yaml has 1 mistakes, the first at line 2: is not a key here`},
		"a host missing":  {strings.Replace(spoken, "api: api.acme.example, ", "", 1), "issuers[0].dialect_hosts: api is missing: the dialect corner answers there"},
		"a host too many": {strings.Replace(spoken, "{api:", "{back: b.acme.example, api:", 1), "issuers[0].dialect_hosts.back: is not a host of the dialect corner: it has api, door"},
		"no host":         {strings.Replace(spoken, "api.acme.example", "https://api.acme.example", 1), `issuers[0].dialect_hosts.api: "https://api.acme.example" is not a host`},
		"hosts alone":     {"    title: Acme\n    dialect_hosts: {api: a.example}\n", "issuers[0].dialect_hosts: are the addresses of a dialect, and dialect is missing"},
		"a sandbox that speaks otherwise": {sandboxWith("dialect: ./corner.yaml\n    dialect_hosts: {api: api.sandbox.example, door: login.acme.example}\n    scopes: [{name: orders:read, title: {en: See}}]"),
			`issuers[0].dialect: is "corner", and that of live, whose sandbox this is, "": write the same`},
		"a sandbox with other scopes": {sandboxWith("scopes: [{name: orders:read, title: {en: See}}]"),
			`issuers[0].scopes: one of this and live, whose sandbox it is, lacks "orders:write": declare the same in both`},
		"a sandbox with a scope more": {sandboxWith("scopes: [{name: orders:read, title: {en: See}}, {name: orders:write, title: {en: Change}}, {name: reports, title: {en: Read}}, {name: more, title: {en: More}}]"),
			`issuers[0].scopes: one of this and live, whose sandbox it is, lacks "more": declare the same in both`},
		"sandbox of none": {"    title: Acme\n    sandbox_of: live\n", `issuers[0].sandbox_of: "live" is not the name of another issuer`},
		"another's host":  {spoken + "  - {name: other, url: https://api.acme.example, title: Other}\n  - name: third\n    url: https://third.example\n    title: Third\n", `"api.acme.example" stands at issuers[0].dialect_hosts.api too`},
	} {
		_, err := parseSpoken(t, c.section)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
}
