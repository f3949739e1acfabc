package dev

import (
	"latchkey.dev/internal/dev/sampleapp"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
)

// noon is a marketplace whose sellers give an integrator a service account in their project.
func noon(site sites) (*platform, error) {
	managers := []issuer.Role{issuer.RoleOwner, issuer.RoleAdmin}
	is, err := draft("noon", "Noon", "#b45309", site.url("oauth.noon"), issuer.Catalogue{{Name: "access:grant", Sensitive: true, Roles: managers}})
	if err != nil {
		return nil, err
	}
	is.Audience = site.url("gateway.noon")
	grant := oauth.ScopeSet{"access:grant"}
	integration := func(callback string) sampleClient {
		metadata := withoutPKCE(app(oauth.AuthMethodPost, grant, callback))
		metadata.GrantTypes = []oauth.GrantType{oauth.GrantAuthorizationCode}
		return sampleClient{owner: "PRJ90001", metadata: metadata}
	}
	clients := []sampleClient{
		integration(site.callback("noon")).named("parcel-robot", "Parcel Robot"),
		integration("https://yourapp.com/callback").named("abc123xyz", "Your App"),
		integration("http://127.0.0.1:8091/oauth/callback").named("quickstart-go", "Quickstart in Go"),
		integration("http://127.0.0.1:8092/oauth/callback").named("quickstart-python", "Quickstart in Python"),
		integration("http://127.0.0.1:8093/oauth/callback").named("quickstart-node", "Quickstart in Node"),
		integration("https://ledgerly.example/callback").named("ledgerly", "Ledgerly").ownedBy("PRJ90002"),
	}
	clients[0].metadata = site.parcelRobot(is, clients[0].metadata)
	return &platform{
		issuer: is, dialect: "noon", summary: "A marketplace. Sellers give an app a service account in their project.",
		hosts: map[string]string{"oauth": site.url("oauth.noon"), "gateway": site.url("gateway.noon")},
		users: []sampleUser{
			{"usr_noura", "noura@noon.example", "Noura Haddad", "en"},
			{"usr_omar", "omar@noon.example", "Omar Benali", "ar"},
			{"usr_linh", "linh@noon.example", "Linh Tran", "en"},
		},
		accounts: []sampleAccount{
			{"PRJ12345", "Noura’s Store", map[string]issuer.Role{"usr_noura": issuer.RoleOwner, "usr_omar": issuer.RoleMember}},
			owned("PRJ23456", "Omar Electronics", "usr_omar"),
			owned("PRJ90001", "Parcel Robot Ltd", "usr_linh"), owned("PRJ90002", "Ledgerly GmbH", "usr_linh"),
		},
		quickstarts: map[string]string{"noon": "quickstart-go", "noon-python": "quickstart-python", "noon-node": "quickstart-node"},
		clients:     clients, robot: "parcel-robot", startPath: "/connect-seller",
		wire: func(d *dev, p *platform, robot sampleapp.Platform) sampleapp.Wire {
			own := p.credentials[0]
			return &sampleapp.ProjectWire{
				OAuth: p.issuer.URL, Gateway: p.issuer.Audience, ClientID: robot.ClientID, ClientSecret: robot.ClientSecret, Now: d.Clock, Random: d.Rand,
				Own: sampleapp.ProjectKey{KeyID: own.KeyID, PrivateKey: own.PrivateKey, ProjectCode: own.ProjectCode},
			}
		},
		services: []sampleService{
			{"parcel-robot", "Parcel Robot’s backend", "PRJ90001"}, {"ledgerly", "Ledgerly’s backend", "PRJ90002"},
		},
	}, nil
}

func (c sampleClient) named(id, name string) sampleClient {
	c.id, c.name = id, name
	return c
}

func (c sampleClient) ownedBy(account string) sampleClient {
	c.owner = account
	return c
}
