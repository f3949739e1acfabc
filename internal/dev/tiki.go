package dev

import (
	"latchkey.dev/internal/dev/sampleapp"
	"latchkey.dev/internal/dev/standin"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
)

// tiki is a marketplace whose sellers connect apps to products, orders and stock.
func tiki(site sites) (*platform, error) {
	is, err := draft("tiki", "Tiki", "#0369a1", site.url("tiki"), issuer.Catalogue{
		{Name: "order", Machine: true}, {Name: "product", Machine: true}, {Name: "inventory", Machine: true}, {Name: "multichannel", Machine: true},
		{Name: "all", Sensitive: true},
	})
	if err != nil {
		return nil, err
	}
	is.Audience = site.url("api.tiki")
	usual := oauth.ScopeSet{oidc.ScopeOfflineAccess, "product", "order", "inventory"}
	mine := func(id, name, method string, scope oauth.ScopeSet, redirectURIs ...string) sampleClient {
		return sampleClient{id: id, name: name, owner: "1002", metadata: withoutPKCE(app(method, scope, redirectURIs...))}
	}
	robot := mine("2640175938264015", "Parcel Robot", oauth.AuthMethodBasic, usual, site.callback("tiki"))
	robot.metadata = site.parcelRobot(is, robot.metadata)
	// The app of the platform's own documentation, with the secret that is printed there.
	documented := mine("7590139168389961", "Example", oauth.AuthMethodBasic, usual, "https://example.com/tiki/callback", "https://example.com/auth/tiki/callback")
	documented.secret = "tfSl0c6VFv3fAB_z9F-m22IhEnmwq6ew"
	inHouse := mine("4815162342108642", "Linh’s stock robot", oauth.AuthMethodBasic, nil)
	inHouse.metadata = machine(oauth.AuthMethodBasic, oauth.ScopeSet{"product", "inventory"})
	return &platform{
		issuer: is, dialect: "tiki", summary: "A marketplace. Sellers connect apps to products, orders and stock.",
		api: standin.Sellers, checker: "1618033988749894", robot: "2640175938264015", quickstarts: map[string]string{"tiki": "2718281828459045"},
		wire: func(d *dev, p *platform, robot sampleapp.Platform) sampleapp.Wire {
			return &sampleapp.SellerWire{API: p.issuer.Audience, ClientID: robot.ClientID, ClientSecret: robot.ClientSecret, Scopes: robot.Scopes, Now: d.Clock}
		},
		proposes: []string{"see and process your orders", "create and change your products", "see and change your stock", "keep doing so while you are away"},
		hosts:    map[string]string{"api": site.url("api.tiki")}, wireNames: map[string]string{oidc.ScopeOfflineAccess: "offline"},
		users: []sampleUser{
			{"usr_noura", "noura@tiki.example", "Noura Haddad", "en"},
			{"usr_linh", "linh@tiki.example", "Linh Tran", "vi"},
		},
		accounts: []sampleAccount{
			{"1001", "Noura’s Shop", map[string]issuer.Role{"usr_noura": issuer.RoleOwner, "usr_linh": issuer.RoleMember}},
			owned("1002", "Linh’s Books", "usr_linh"),
		},
		clients: []sampleClient{
			robot, documented,
			mine("3141592653589793", "Label Printer", oauth.AuthMethodPost, oauth.ScopeSet{oidc.ScopeOfflineAccess, "order"}, "https://labels.example/callback"),
			mine("2718281828459045", "Quickstart", oauth.AuthMethodBasic, usual, "http://127.0.0.1:8097/callback"),
			inHouse,
			{id: "1618033988749894", name: "Sellers API", owner: "1002", metadata: checker()},
		},
	}, nil
}
