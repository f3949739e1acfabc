package web

func ordersScope() Permission {
	return Permission{Scope: "orders:read", Group: "Orders", Title: "See your orders", Consequence: "With customers’ names, addresses and what they bought.", Phrase: "read the orders of", Sensitive: true}
}

func shipScope() Permission {
	return Permission{Scope: "orders:ship", Group: "Orders", Title: "Mark orders as sent", Consequence: "Your customers get a message each time."}
}

func productsScope() Permission {
	return Permission{Scope: "products:read", Group: "Products", Title: "See your products", Consequence: "Names, prices and stock.", Optional: true}
}

func payoutsScope() Permission {
	return Permission{Scope: "payouts:write", Group: "Money", Title: "Pay out money", Consequence: "It can send money from your balance to your bank account.", Sensitive: true, Optional: true, Unticked: true}
}

func builtIn(scopes ...string) []Permission {
	var list []Permission
	for _, scope := range scopes {
		list = append(list, Permission{Scope: scope})
	}
	return list
}

func firstConsent() Consent {
	return Consent{
		Flow: flow(), Account: nouraShop(), ChangeAccount: true, Owner: "Parcel Robot GmbH, Hamburg", Reviewed: true, Users: 1204,
		Permissions: append([]Permission{productsScope(), shipScope(), ordersScope()}, builtIn("offline_access")...),
		HomeURL:     backURL, PrivacyURL: backURL + "privacy", TermsURL: backURL + "terms", AccessDays: 90,
	}
}

func changedConsent() Consent {
	c := firstConsent()
	payouts, ship := payoutsScope(), shipScope()
	payouts.New, ship.New = true, true
	c.Returning, c.Permissions = true, []Permission{ship, payouts}
	c.Given = append([]Permission{ordersScope(), productsScope()}, builtIn("offline_access")...)
	return c
}

func longConsent() Consent {
	c := firstConsent()
	c.Flow.App, c.Reviewed, c.Owner = longApp(), false, "Oberschwarzenbergmühle Rechnungsübermittlungsgesellschaft mbH & Co. KG"
	c.Account = Account{ID: "acc_long", Name: "Donaudampfschifffahrtsgesellschaftskapitänsmützenmanufaktur"}
	c.Flow.RedirectURI = "https://ein-ausgesprochen-langer-name.rechnungsuebermittlungsdienstleistungen.example/callback"
	c.Permissions = append(c.Permissions, payoutsScope(), Permission{Scope: "reports:read", Title: "Umsatzsteuervoranmeldungszusammenfassungen einsehen", Consequence: "Alle Quartale.", Lang: "de"}, Permission{Scope: "undocumented.scope.without.any.wording"})
	return c
}

func arabicConsent() Consent {
	c := firstConsent()
	c.Account = bakery()
	c.Permissions = []Permission{
		{Scope: "orders:read", Group: "الطلبات", Title: "الاطلاع على طلباتك", Consequence: "مع أسماء العملاء وعناوينهم وما اشتروه.", Phrase: "الاطلاع على طلبات", Sensitive: true},
		{Scope: "products:read", Group: "المنتجات", Title: "الاطلاع على منتجاتك", Consequence: "الأسماء والأسعار والمخزون.", Optional: true},
		{Scope: "offline_access"},
	}
	return c
}

func (s samples) consents() []GalleryEntry {
	person := firstConsent()
	person.Account, person.Permissions, person.Reviewed, person.Users = Account{}, builtIn("openid", "profile", "email"), true, 0
	device := firstConsent()
	device.Flow.RedirectURI, device.Reviewed, device.Users, device.Owner = "http://127.0.0.1:7777/callback", false, 0, ""
	device.Permissions = []Permission{ordersScope()}
	testing := firstConsent()
	testing.InTesting, testing.Reviewed, testing.Users = true, false, 3
	again := firstConsent()
	again.Returning, again.AlreadyAllowed = true, true
	plainTitle := firstConsent()
	plainTitle.Permissions = []Permission{{Scope: "stock:read", Title: "See your stock", Consequence: "How much of each product you have."}}
	return []GalleryEntry{
		mine("consent/first", firstConsent()),
		mine("consent/changed", changedConsent()),
		mine("consent/again", again),
		mine("consent/person-only", person),
		mine("consent/this-device", device),
		mine("consent/in-testing", testing),
		mine("consent/one-permission", plainTitle),
		mine("consent/long-names", longConsent()),
		mine("consent/arabic-account", arabicConsent()),
		mine("already-answered/allowed", AlreadyAnswered{Flow: flow(), Account: nouraShop(), Allowed: true, BackURL: backURL}),
		mine("already-answered/allowed-person", AlreadyAnswered{Flow: flow(), Allowed: true, BackURL: backURL}),
		mine("already-answered/denied", AlreadyAnswered{Flow: flow(), BackURL: backURL}),
	}
}
