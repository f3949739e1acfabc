package dev

import (
	"latchkey.dev/internal/dev/sampleapp"
	"latchkey.dev/internal/dev/standin"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// nomba is a payments API: a merchant's own server gets its tokens with client credentials, and other apps with PKCE.
func nomba(site sites) (*platform, error) {
	p, err := nombaAt(site, "nomba", "Nomba", site.url("nomba"), site.url("api.nomba"), nombaIDs{
		merchant: "1f0a9a3c-6a34-4c1e-9f4d-2f0f6d1d7a01", other: "1f0a9a3c-6a34-4c1e-9f4d-2f0f6d1d7a02",
		server: "6c4f9f0e-3b52-4a3a-8a57-52bd3c1f0b01", rival: "6c4f9f0e-3b52-4a3a-8a57-52bd3c1f0b02",
		robot: "6c4f9f0e-3b52-4a3a-8a57-52bd3c1f0b03",
	})
	if err != nil {
		return nil, err
	}
	p.hosts["api"] = site.url("api.nomba")
	p.quickstarts = map[string]string{"nomba": p.clients[0].id}
	return p, nil
}

// nombaSandbox is the same with its own data.
func nombaSandbox(site sites) (*platform, error) {
	p, err := nombaAt(site, "nomba-sandbox", "Nomba Sandbox", site.url("nomba-sandbox"), site.url("sandbox.nomba"), nombaIDs{
		merchant: "2e1b8b4d-7b45-4d2f-8e5e-3e1e7e2e8b01", other: "2e1b8b4d-7b45-4d2f-8e5e-3e1e7e2e8b02",
		server: "7d5e8e1f-4c63-4b4b-9b68-63ce4d2e1c01", rival: "7d5e8e1f-4c63-4b4b-9b68-63ce4d2e1c02",
		robot: "7d5e8e1f-4c63-4b4b-9b68-63ce4d2e1c03",
	})
	if err != nil {
		return nil, err
	}
	p.issuer.Policy.SandboxOf = "nomba"
	p.summary = "Nomba’s sandbox: the same, with people, apps and money of its own."
	p.hosts["sandbox"], p.hosts["api"] = site.url("sandbox.nomba"), site.url("sandbox.nomba")
	return p, nil
}

type nombaIDs struct{ merchant, other, server, rival, robot string }

func nombaAt(site sites, name, title, base, api string, ids nombaIDs) (*platform, error) {
	is, err := draft(name, title, "#a16207", base, issuer.Catalogue{
		{Name: "transactions:read", Machine: true}, {Name: "accounts:read", Machine: true},
		{Name: "transfers:write", Machine: true, Sensitive: true, Roles: []issuer.Role{issuer.RoleOwner, issuer.RoleAdmin}},
	})
	if err != nil {
		return nil, err
	}
	is.Audience = api
	all := oauth.ScopeSet{"transactions:read", "accounts:read", "transfers:write"}
	server := func(id, name, owner string) sampleClient {
		return sampleClient{id: id, name: name, owner: owner, metadata: machine(oauth.AuthMethodPost, all, oauth.GrantRefreshToken)}
	}
	read := oauth.ScopeSet{"transactions:read", "accounts:read"}
	return &platform{
		issuer: is, dialect: "nomba", summary: "Payments. A merchant’s server uses its own credentials; other apps are connected with PKCE.",
		api: standin.Balance, checker: "payments-api", robot: ids.robot,
		wire: func(_ *dev, p *platform, robot sampleapp.Platform) sampleapp.Wire {
			return &sampleapp.BusinessWire{API: p.issuer.Audience, ClientID: robot.ClientID}
		},
		hosts: map[string]string{},
		users: []sampleUser{
			{"usr_noura", "noura@" + name + ".example", "Noura Haddad", "en"},
			{"usr_linh", "linh@" + name + ".example", "Linh Tran", "en"},
		},
		accounts: []sampleAccount{owned(ids.merchant, "Noura’s Kitchen", "usr_noura"), owned(ids.other, "Parcel Robot Ltd", "usr_linh")},
		clients: []sampleClient{
			server(ids.server, "Noura’s server", ids.merchant), server(ids.rival, "Parcel Robot’s server", ids.other),
			{id: ids.robot, name: "Parcel Robot", owner: ids.other, metadata: site.parcelRobot(is, publicApp(read, site.callback(name)))},
			{id: "payments-api", name: "Payments API", owner: ids.other, metadata: checker()},
		},
	}, nil
}

// publicApp has no secret, and so proves itself with PKCE (OAuth 2.1 §4.1.1).
func publicApp(scope oauth.ScopeSet, redirectURIs ...string) store.ClientMetadata {
	return app(oauth.AuthMethodNone, scope, redirectURIs...)
}
