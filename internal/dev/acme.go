package dev

import (
	"latchkey.dev/internal/dev/standin"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/jwk"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/store"
)

// acmeIssuer is the sample platform without a dialect: a marketplace whose sellers connect apps to their shops.
func acmeIssuer(base, api string) *issuer.Issuer {
	return &issuer.Issuer{
		Name: "acme", URL: base, Hosts: []string{hostOf(base)}, Title: "Acme",
		Brand: issuer.Brand{
			Color: "#0b6e4f", SupportURL: "https://acme.example/help", PrivacyURL: "https://acme.example/privacy", TermsURL: "https://acme.example/terms",
		},
		Scopes:      acmeScopes(),
		Audience:    api,
		AccessToken: issuer.TokenFormat{Kind: issuer.Opaque, Alg: jwk.ES256, AccessPrefix: "lk_at_", RefreshPrefix: "lk_rt_"},
		Lifetimes:   issuer.DefaultLifetimes(),
		IDTokenAlgs: []jwk.Alg{jwk.RS256, jwk.ES256, jwk.EdDSA},
		SignUp:      true,
		Policy:      issuer.Policy{Device: true, Registration: true},
	}
}

func acme(site sites) (*platform, error) {
	is := acmeIssuer(site.url("acme"), site.url("api.acme"))
	authorizationCode := []oauth.GrantType{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}
	return &platform{
		issuer: is, summary: "A marketplace that speaks the standards alone. Parcel Robot ships what its sellers sold.",
		api: standin.New, checker: "orders-api", robot: "parcel-robot", try: "/orders",
		hosts: map[string]string{"issuer": is.URL, "api": site.url("api.acme"), "app": site.url("app")},
		users: []sampleUser{
			{"usr_noura", "noura@acme.example", "Noura Haddad", "en"},
			{"usr_omar", "omar@acme.example", "Omar Benali", "fr"},
			{"usr_linh", "linh@acme.example", "Linh Tran", "vi"},
		},
		accounts: []sampleAccount{
			{"acc_nouras-shop", "Noura's Shop", map[string]issuer.Role{"usr_noura": issuer.RoleOwner, "usr_omar": issuer.RoleMember}},
			{"acc_harbour-books", "Harbour Books", map[string]issuer.Role{"usr_noura": issuer.RoleAdmin, "usr_linh": issuer.RoleOwner}},
			{"acc_parcel-robot", "Parcel Robot Ltd", map[string]issuer.Role{"usr_linh": issuer.RoleOwner}},
		},
		clients: []sampleClient{
			{id: "parcel-robot", name: "Parcel Robot", owner: "acc_parcel-robot", metadata: store.ClientMetadata{
				RedirectURIs: []string{site.url("app") + "/callback/acme"}, PostLogoutRedirectURIs: []string{site.url("app") + "/"},
				TokenEndpointAuthMethod: "client_secret_basic", GrantTypes: authorizationCode, ResponseTypes: []string{"code"}, ApplicationType: "web",
				Scope:     oauth.ScopeSet{"openid", "profile", "email", "offline_access", "orders:read", "orders:write", "products:read", "payouts:read"},
				ClientURI: site.url("app"), LogoURI: site.url("acme") + "/static/sample/parcel-robot.svg", PolicyURI: "https://parcelrobot.example/privacy", Reviewed: true,
			}},
			{id: "shop-cli", name: "Shop CLI", owner: "acc_parcel-robot", metadata: store.ClientMetadata{
				RedirectURIs: []string{"http://127.0.0.1/callback"}, TokenEndpointAuthMethod: "none", GrantTypes: append(authorizationCode[:2:2], oauth.GrantDeviceCode),
				ResponseTypes: []string{"code"}, ApplicationType: "native",
				Scope: oauth.ScopeSet{"openid", "profile", "email", "offline_access", "orders:read", "products:read"},
			}},
			{id: "nightly-reports", name: "Nightly Reports", owner: "acc_parcel-robot", metadata: store.ClientMetadata{
				TokenEndpointAuthMethod: "client_secret_post", GrantTypes: []oauth.GrantType{oauth.GrantClientCredentials}, Scope: oauth.ScopeSet{"reports:read"},
			}},
			{id: "orders-api", name: "Acme Orders API", owner: "acc_parcel-robot", metadata: store.ClientMetadata{
				TokenEndpointAuthMethod: "client_secret_basic", GrantTypes: []oauth.GrantType{oauth.GrantClientCredentials}, Introspects: true,
			}},
		},
	}, nil
}

func acmeScopes() issuer.Catalogue {
	orders := map[string]string{"en": "Orders", "ar": "الطلبات", "vi": "Đơn hàng", "fr": "Commandes"}
	shop := map[string]string{"en": "Your shop", "ar": "متجرك", "vi": "Cửa hàng của bạn", "fr": "Votre boutique"}
	return issuer.Catalogue{
		{Name: "orders:read", Group: orders, Text: map[string]issuer.Wording{
			"en": {Title: "See your orders", Detail: "With customers' names, addresses and what they bought.", Phrase: "see the orders of"},
			"ar": {Title: "الاطلاع على طلباتك", Detail: "بما فيها أسماء العملاء وعناوينهم وما اشتروه.", Phrase: "الاطلاع على طلبات"},
			"vi": {Title: "Xem đơn hàng của bạn", Detail: "Gồm tên, địa chỉ của khách và những gì họ đã mua.", Phrase: "xem đơn hàng của"},
			"fr": {Title: "Voir vos commandes", Detail: "Avec le nom et l'adresse des clients, et ce qu'ils ont acheté.", Phrase: "voir les commandes de"},
		}},
		{Name: "orders:write", Group: orders, Optional: true, Text: map[string]issuer.Wording{
			"en": {Title: "Change your orders", Detail: "Mark them as shipped, add a tracking number, or cancel them.", Phrase: "change the orders of"},
			"ar": {Title: "تعديل طلباتك", Detail: "تأكيد شحنها أو إضافة رقم تتبع أو إلغاؤها.", Phrase: "تعديل طلبات"},
			"vi": {Title: "Thay đổi đơn hàng của bạn", Detail: "Đánh dấu đã gửi, thêm mã vận đơn hoặc hủy đơn.", Phrase: "thay đổi đơn hàng của"},
			"fr": {Title: "Modifier vos commandes", Detail: "Les marquer comme expédiées, ajouter un numéro de suivi ou les annuler.", Phrase: "modifier les commandes de"},
		}},
		{Name: "products:read", Group: shop, Text: map[string]issuer.Wording{
			"en": {Title: "See your products", Detail: "With prices and how many are in stock.", Phrase: "see the products of"},
			"ar": {Title: "الاطلاع على منتجاتك", Detail: "مع الأسعار والكميات المتوفرة.", Phrase: "الاطلاع على منتجات"},
			"vi": {Title: "Xem sản phẩm của bạn", Detail: "Kèm giá và số lượng còn trong kho.", Phrase: "xem sản phẩm của"},
			"fr": {Title: "Voir vos produits", Detail: "Avec les prix et les quantités en stock.", Phrase: "voir les produits de"},
		}},
		{Name: "payouts:read", Group: shop, Sensitive: true, Optional: true, Roles: []issuer.Role{issuer.RoleOwner, issuer.RoleAdmin},
			Text: map[string]issuer.Wording{
				"en": {Title: "See your payouts", Detail: "How much you were paid, when, and to which bank account.", Phrase: "see the payouts of"},
				"ar": {Title: "الاطلاع على دفعاتك", Detail: "المبالغ المدفوعة لك وتواريخها والحساب المصرفي المستلم.", Phrase: "الاطلاع على دفعات"},
				"vi": {Title: "Xem các khoản thanh toán cho bạn", Detail: "Bạn được trả bao nhiêu, khi nào và vào tài khoản ngân hàng nào.", Phrase: "xem các khoản thanh toán cho"},
				"fr": {Title: "Voir vos versements", Detail: "Combien vous avez reçu, quand, et sur quel compte bancaire.", Phrase: "voir les versements de"},
			}},
		{Name: "reports:read", Group: shop, Machine: true, Text: map[string]issuer.Wording{
			"en": {Title: "See market reports", Detail: "Figures about the whole market, none about your shop."},
			"ar": {Title: "الاطلاع على تقارير السوق", Detail: "أرقام عن السوق بأكمله، وليس عن متجرك."},
			"vi": {Title: "Xem báo cáo thị trường", Detail: "Số liệu về toàn thị trường, không có số liệu của cửa hàng bạn."},
			"fr": {Title: "Voir les rapports de marché", Detail: "Des chiffres sur l'ensemble du marché, aucun sur votre boutique."},
		}},
	}
}
