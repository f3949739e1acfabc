package dev

import (
	"latchkey.dev/internal/dev/standin"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oauth"
)

// noorle is a platform of agents, which people open to dashboards, chat bots and devices.
func noorle(site sites) (*platform, error) {
	is, err := draft("noorle", "Noorle", "#4338ca", site.url("console.noorle"), issuer.Catalogue{
		{Name: "read", Machine: true},
		{Name: "execute", Machine: true, Roles: []issuer.Role{issuer.RoleOwner, issuer.RoleAdmin, "developer", issuer.RoleMember}},
		{Name: "manage", Roles: []issuer.Role{issuer.RoleOwner, issuer.RoleAdmin, "developer"}, Optional: true},
		{Name: "admin", Roles: []issuer.Role{issuer.RoleOwner}, Sensitive: true, Optional: true},
	})
	if err != nil {
		return nil, err
	}
	is.MemberRoles = []issuer.Role{"developer", issuer.RoleMember, "viewer"}
	is.Audience = site.url("api.noorle")
	is.IDTokenAlgs = []jwk.Alg{jwk.RS256, jwk.ES256}
	all := oauth.ScopeSet{"openid", "profile", "email", "offline_access", "read", "execute", "manage", "admin"}
	mine := func(id, name string) sampleClient { return sampleClient{id: id, name: name, owner: "org_parcel-robot"} }
	robot, spa, bot, device, nightly, quickstart := mine("app_parcelrobot", "Parcel Robot"), mine("app_dashboard", "Agent Dashboard"),
		mine("app_slackbot", "Slack Bot"), mine("app_tv", "Agent TV"), mine("app_nightly", "Nightly Run"), mine("app_quickstart", "Quickstart")
	robot.metadata = site.parcelRobot(is, withoutPKCE(app(oauth.AuthMethodPost, all, site.callback("noorle"))))
	spa.metadata = app(oauth.AuthMethodNone, oauth.ScopeSet{"read", "offline_access"}, "https://dashboard.example/callback")
	bot.metadata = withoutPKCE(app(oauth.AuthMethodBasic, oauth.ScopeSet{"read", "execute", "manage", "offline_access"}, "https://slackbot.example/callback"))
	device.metadata = app(oauth.AuthMethodNone, oauth.ScopeSet{"read", "execute", "offline_access"})
	device.metadata.GrantTypes, device.metadata.ResponseTypes = []oauth.GrantType{oauth.GrantDeviceCode, oauth.GrantRefreshToken}, nil
	nightly.metadata = machine(oauth.AuthMethodPost, oauth.ScopeSet{"read", "execute"})
	quickstart.metadata = withoutPKCE(app(oauth.AuthMethodPost, oauth.ScopeSet{"read", "execute", "offline_access"}, "http://127.0.0.1:8094/callback"))
	return &platform{
		issuer: is, dialect: "noorle", summary: "Agents. People open theirs to dashboards, chat bots and devices.",
		api: standin.Agents, checker: "app_agents-api", robot: "app_parcelrobot", quickstarts: map[string]string{"noorle": "app_quickstart"}, try: "/v1/agents",
		hosts: map[string]string{"console": site.url("console.noorle"), "api": site.url("api.noorle")},
		users: []sampleUser{
			{"usr_noura", "noura@noorle.example", "Noura Haddad", "en"},
			{"usr_omar", "omar@noorle.example", "Omar Benali", "fr"},
			{"usr_theo", "theo@noorle.example", "Theo Laurent", "fr"},
			{"usr_amal", "amal@noorle.example", "Amal Saleh", "ar"},
			{"usr_linh", "linh@noorle.example", "Linh Tran", "en"},
		},
		accounts: []sampleAccount{
			{"org_harbour", "Harbour Labs", map[string]issuer.Role{
				"usr_noura": issuer.RoleOwner, "usr_linh": issuer.RoleAdmin, "usr_theo": "developer", "usr_omar": issuer.RoleMember, "usr_amal": "viewer",
			}},
			owned("org_parcel-robot", "Parcel Robot Ltd", "usr_linh"),
		},
		clients: []sampleClient{robot, spa, bot, device, nightly, quickstart, {id: "app_agents-api", name: "Agents API", owner: "org_parcel-robot", metadata: checker()}},
	}, nil
}
