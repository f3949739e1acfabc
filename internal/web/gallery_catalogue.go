package web

// wording is what an issuer's catalogue says of one scope.
type wording struct{ group, title, consequence, phrase string }

// catalogue is the invented shop platform's scopes in every language.
func catalogue() map[string]map[string]wording {
	return map[string]map[string]wording{
		"orders:read": {
			"en": {"Orders", "See your orders", "With customers’ names, addresses and what they bought.", "read the orders of"},
			"ar": {"الطلبات", "الاطلاع على طلباتك", "مع أسماء العملاء وعناوينهم وما اشتروه.", "الاطلاع على طلبات"},
			"vi": {"Đơn hàng", "Xem đơn hàng của bạn", "Cùng tên, địa chỉ của khách và những gì họ đã mua.", "xem đơn hàng của"},
			"fr": {"Commandes", "Voir vos commandes", "Avec le nom et l’adresse des clients et ce qu’ils ont acheté.", "consulter les commandes de"},
		},
		"orders:ship": {
			"en": {"Orders", "Mark orders as sent", "Your customers get a message each time.", ""},
			"ar": {"الطلبات", "تعليم الطلبات كمرسلة", "تصل عملاءك رسالة في كل مرة.", ""},
			"vi": {"Đơn hàng", "Đánh dấu đơn hàng đã gửi", "Khách của bạn nhận được tin nhắn mỗi lần.", ""},
			"fr": {"Commandes", "Marquer des commandes comme envoyées", "Vos clients reçoivent un message à chaque fois.", ""},
		},
		"products:read": {
			"en": {"Products", "See your products", "Names, prices and stock.", ""},
			"ar": {"المنتجات", "الاطلاع على منتجاتك", "الأسماء والأسعار والمخزون.", ""},
			"vi": {"Sản phẩm", "Xem sản phẩm của bạn", "Tên, giá và số lượng tồn kho.", ""},
			"fr": {"Produits", "Voir vos produits", "Noms, prix et stock.", ""},
		},
		"payouts:write": {
			"en": {"Money", "Pay out money", "It can send money from your balance to your bank account.", ""},
			"ar": {"الأموال", "تحويل الأموال", "يستطيع إرسال المال من رصيدك إلى حسابك المصرفي.", ""},
			"vi": {"Tiền", "Rút tiền", "Ứng dụng có thể chuyển tiền từ số dư đến tài khoản ngân hàng của bạn.", ""},
			"fr": {"Argent", "Verser de l’argent", "Elle peut envoyer de l’argent de votre solde vers votre compte bancaire.", ""},
		},
	}
}

// permission words a scope of the catalogue.
func (s samples) permission(scope string) Permission {
	w := catalogue()[scope][s.lang]
	return Permission{Scope: scope, Group: w.group, Title: w.title, Consequence: w.consequence, Phrase: w.phrase}
}

func (s samples) ordersScope() Permission {
	p := s.permission("orders:read")
	p.Sensitive = true
	return p
}

func (s samples) shipScope() Permission { return s.permission("orders:ship") }

func (s samples) productsScope() Permission {
	p := s.permission("products:read")
	p.Optional = true
	return p
}

func (s samples) payoutsScope() Permission {
	p := s.permission("payouts:write")
	p.Sensitive, p.Optional, p.Unticked = true, true, true
	return p
}

// builtIn asks for scopes that need no wording of their own.
func builtIn(scopes ...string) []Permission {
	var list []Permission
	for _, scope := range scopes {
		list = append(list, Permission{Scope: scope})
	}
	return list
}
