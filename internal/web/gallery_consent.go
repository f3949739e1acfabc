package web

func (s samples) firstConsent() Consent {
	return Consent{
		Flow: flow(), Account: nouraShop(), ChangeAccount: true, Owner: "Parcel Robot GmbH, Hamburg", Reviewed: true, Users: 1204,
		Permissions: append([]Permission{s.productsScope(), s.shipScope(), s.ordersScope()}, builtIn("offline_access")...),
		HomeURL:     backURL, PrivacyURL: backURL + "privacy", TermsURL: backURL + "terms", AccessDays: 90,
	}
}

func (s samples) changedConsent() Consent {
	c := s.firstConsent()
	payouts, ship := s.payoutsScope(), s.shipScope()
	payouts.New, ship.New = true, true
	c.Returning, c.Permissions = true, []Permission{ship, payouts}
	c.Given = append([]Permission{s.ordersScope(), s.productsScope()}, builtIn("offline_access")...)
	return c
}

func (s samples) longConsent() Consent {
	c := s.firstConsent()
	c.Flow.App, c.Reviewed, c.Owner = longApp(), false, "Oberschwarzenbergmühle Rechnungsübermittlungsgesellschaft mbH & Co. KG"
	c.Account = Account{ID: "acc_long", Name: "Donaudampfschifffahrtsgesellschaftskapitänsmützenmanufaktur"}
	c.Flow.RedirectURI = "https://ein-ausgesprochen-langer-name.rechnungsuebermittlungsdienstleistungen.example/callback"
	c.Permissions = append(c.Permissions, s.payoutsScope(), Permission{Scope: "reports:read", Title: "Umsatzsteuervoranmeldungszusammenfassungen einsehen", Consequence: "Alle Quartale.", Lang: "de"}, Permission{Scope: "undocumented:permission-without-any-wording"})
	return c
}

func (s samples) bakeryConsent() Consent {
	c := s.firstConsent()
	c.Account = bakery()
	c.Permissions = append([]Permission{s.ordersScope(), s.productsScope()}, builtIn("offline_access")...)
	return c
}

func (s samples) consents() []GalleryEntry {
	person := s.firstConsent()
	person.Permissions, person.Users = builtIn("openid", "profile", "email"), 0
	device := s.firstConsent()
	device.Flow.RedirectURI, device.Reviewed, device.Users, device.Owner = "http://127.0.0.1:7777/callback", false, 0, ""
	device.Permissions = []Permission{s.ordersScope()}
	away := s.firstConsent()
	away.Permissions, away.OfflineAccess = []Permission{s.ordersScope(), s.shipScope()}, true
	testing := s.firstConsent()
	testing.InTesting, testing.Reviewed, testing.Users = true, false, 3
	again := s.firstConsent()
	again.Returning, again.AlreadyAllowed = true, true
	plainTitle := s.firstConsent()
	plainTitle.Permissions = []Permission{s.shipScope()}
	foreign := s.firstConsent()
	foreign.Permissions = []Permission{{Scope: "reports:read", Group: "Berichte", Title: "Berichte einsehen", Consequence: "Alle Quartale und alle Jahre.", Phrase: "die Berichte einsehen von", Lang: "de", Sensitive: true}}
	return []GalleryEntry{
		mine("consent/first", s.firstConsent()),
		mine("consent/changed", s.changedConsent()),
		mine("consent/again", again),
		mine("consent/while-away", away),
		mine("consent/person-only", person),
		mine("consent/this-device", device),
		mine("consent/in-testing", testing),
		mine("consent/one-permission", plainTitle),
		mine("consent/other-language", foreign),
		mine("consent/long-names", s.longConsent()),
		mine("consent/arabic-account", s.bakeryConsent()),
		mine("already-answered/allowed", AlreadyAnswered{Flow: flow(), Account: nouraShop(), BackURL: backURL}),
		mine("already-answered/ended", AlreadyAnswered{Flow: flow(), BackURL: backURL}),
	}
}
