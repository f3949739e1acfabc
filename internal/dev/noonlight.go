package dev

import (
	"latchkey.dev/internal/dev/sampleapp"
	"latchkey.dev/internal/dev/standin"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
)

// noonlight sends help: people let a device maker's app raise alarms for them.
func noonlight(site sites) (*platform, error) {
	p, err := noonlightAt(site, "noonlight", "Noonlight", site.url("account.noonlight"), site.url("api.noonlight"))
	if err != nil {
		return nil, err
	}
	p.hosts = map[string]string{"account": site.url("account.noonlight"), "api": site.url("api.noonlight")}
	p.quickstarts = map[string]string{"noonlight": "quickstart"}
	return p, nil
}

// noonlightSandbox is the same with its own data, where no alarm wakes anybody.
func noonlightSandbox(site sites) (*platform, error) {
	account, api := site.url("account-sandbox.noonlight"), site.url("api-sandbox.noonlight")
	p, err := noonlightAt(site, "noonlight-sandbox", "Noonlight Sandbox", account, api)
	if err != nil {
		return nil, err
	}
	p.issuer.Policy.SandboxOf = "noonlight"
	p.summary = "Noonlight’s sandbox: the same, with people and apps of its own. No alarm wakes anybody."
	p.hosts = map[string]string{"account": account, "api": api, "account-sandbox": account, "api-sandbox": api}
	return p, nil
}

func noonlightAt(site sites, name, title, base, api string) (*platform, error) {
	is, err := draft(name, title, "#1d4ed8", base, issuer.Catalogue{
		{Name: "write:alarm", Sensitive: true}, {Name: "read:alarm"}, {Name: "read:profile.id"}, {Name: "read:profile.phone", Optional: true}, {Name: "verify:pin"},
	})
	if err != nil {
		return nil, err
	}
	is.Audience = api
	all := oauth.ScopeSet{"write:alarm", "read:alarm", "read:profile.id", "read:profile.phone", "verify:pin"}
	mine := func(id, name string, scope oauth.ScopeSet, redirectURIs ...string) sampleClient {
		return sampleClient{id: id, name: name, owner: "acc_lampwright", metadata: withoutPKCE(app(oauth.AuthMethodPost, scope, redirectURIs...))}
	}
	robot := mine("parcel-robot", "Parcel Robot", all, site.callback(name))
	robot.metadata = site.parcelRobot(is, robot.metadata)
	return &platform{
		issuer: is, dialect: "noonlight", summary: "Emergency dispatch. A device’s app calls for help in its owner’s name.",
		api: standin.Alarms, checker: "alarm-api", robot: "parcel-robot",
		wire: func(d *dev, p *platform, robot sampleapp.Platform) sampleapp.Wire {
			return &sampleapp.AlarmWire{
				Account: p.issuer.URL, API: p.issuer.Audience, ClientID: robot.ClientID, ClientSecret: robot.ClientSecret, Scopes: robot.Scopes, Now: d.Clock,
			}
		},
		users: []sampleUser{
			{"usr_noura", "noura@" + name + ".example", "Noura Haddad", "en"},
			{"usr_linh", "linh@" + name + ".example", "Linh Tran", "en"},
		},
		accounts: []sampleAccount{owned("acc_noura", "Noura’s home", "usr_noura"), owned("acc_lampwright", "Lampwright Devices", "usr_linh")},
		clients: []sampleClient{
			robot,
			mine("smart-lamp", "Smart Lamp", oauth.ScopeSet{"write:alarm", "read:alarm"}, "https://your-redirect-uri/", "http://localhost"),
			mine("door-bell", "Door Bell", oauth.ScopeSet{"read:alarm"}, "https://doorbell.example/callback"),
			mine("quickstart", "Quickstart", oauth.ScopeSet{"write:alarm"}, "http://127.0.0.1:8096/callback"),
			{id: "alarm-api", name: "Alarm API", owner: "acc_lampwright", metadata: checker()},
		},
	}, nil
}
