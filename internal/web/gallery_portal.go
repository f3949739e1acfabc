package web

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	firefoxLinux = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	safariPhone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
	chromeWin    = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)

func (s samples) parcelConnection() Connection {
	return Connection{
		App: parcelRobot(), Account: nouraShop(), Owner: "Parcel Robot GmbH, Hamburg", Offline: true, ConnectedAt: s.ago(40 * day), LastUsedAt: s.ago(7 * time.Minute),
		Permissions: append([]Permission{s.ordersScope(), s.shipScope(), s.productsScope()}, builtIn("offline_access")...),
	}
}

func (s samples) manyConnections() []Connection {
	second := s.parcelConnection()
	second.Account, second.LastUsedAt, second.ConnectedAt = harbour(), time.Time{}, s.ago(3*time.Hour)
	return []Connection{
		s.parcelConnection(), second,
		{App: ledgerly(), Account: bakery(), Owner: "Ledgerly Ltd", Permissions: []Permission{s.payoutsScope()}, ConnectedAt: s.ago(400 * day), LastUsedAt: s.ago(2 * day), Suspended: true},
		{App: longApp(), Account: nouraShop(), Permissions: builtIn("openid", "email"), ConnectedAt: s.ago(5 * day), LastUsedAt: s.ago(26 * time.Hour)},
	}
}

func (s samples) connections() []GalleryEntry {
	many := s.manyConnections()
	return []GalleryEntry{
		mine("connected/empty", Connected{}),
		mine("connected/one", Connected{Connections: many[:1]}),
		mine("connected/many", Connected{Connections: many}),
		mine("disconnect/account", Disconnect{Connection: many[0]}),
		mine("disconnected/account", Disconnected{App: parcelRobot(), Account: nouraShop()}),
		mine("disconnected/person", Disconnected{App: ledgerly()}),
	}
}

func (s samples) activities() []GalleryEntry {
	var all []Event
	for i, kind := range append(eventKinds(), "something_new") {
		all = append(all, Event{
			Kind: kind, At: s.ago(time.Duration(i*i) * time.Hour), App: parcelRobot(), Account: nouraShop(), Person: "Sami Khalil", Role: RoleAdmin,
			Address: "203.0.113.7",
		})
	}
	return []GalleryEntry{
		mine("activity/empty", Activity{}),
		mine("activity/few", Activity{Events: all[8:12]}),
		mine("activity/all", Activity{Events: all, Paging: Paging{Next: "/activity?before=1", From: 1, To: len(all)}}),
		mine("activity/filter-empty", Activity{Filter: FilterAccounts}),
	}
}

func (s samples) settings() []GalleryEntry {
	here := SessionRow{ID: "s1", UserAgent: firefoxLinux, Address: "203.0.113.7", SignedInAt: s.ago(3 * time.Hour), LastSeenAt: s.now, Current: true}
	others := []SessionRow{
		here,
		{ID: "s2", UserAgent: safariPhone, Address: "198.51.100.20", SignedInAt: s.ago(12 * day), LastSeenAt: s.ago(20 * time.Minute)},
		{ID: "s3", UserAgent: chromeWin, Address: "2001:db8:0:0:8:800:200c:417a", SignedInAt: s.ago(90 * day), LastSeenAt: s.ago(9 * day)},
		{ID: "s4", SignedInAt: s.ago(day), LastSeenAt: s.ago(day)},
	}
	wrong := Errors{{Field: FieldCurrentPassword, Problem: ProblemPasswordWrong}, {Field: FieldNewPassword, Problem: ProblemPasswordShort, N: 10}}
	return []GalleryEntry{
		mine("security/one-browser", Security{Sessions: others[:1], MinPassword: 10}),
		mine("security/many-browsers", Security{Sessions: others, MinPassword: 10, PasswordChanged: s.ago(50 * day), Language: "ar"}),
		mine("security/errors", Security{Sessions: others[:1], MinPassword: 10, Errors: wrong}),
		mine("security/limited", Security{Sessions: others[:1], MinPassword: 10, Until: s.in(5 * time.Minute)}),
		mine("security/password-changed", Security{Sessions: others[:1], MinPassword: 10, Notice: NoticePasswordChanged, PasswordChanged: s.now}),
		mine("security/session-ended", Security{Sessions: others[:2], MinPassword: 10, Notice: NoticeSessionEnded}),
		mine("security/others-ended", Security{Sessions: others[:1], MinPassword: 10, Notice: NoticeOthersEnded}),
		mine("security/language-saved", Security{Sessions: others[:1], MinPassword: 10, Notice: NoticeLanguageSaved, Language: "fr"}),
	}
}

func (s samples) shopDetail() AccountDetail {
	return AccountDetail{
		Account: nouraShop(), Role: RoleOwner, Manage: true,
		Members: []Member{
			{UserID: "u1", Name: "Noura Haddad", Email: "noura@example.com", Role: RoleOwner, You: true},
			{UserID: "u2", Name: "سامي خليل", Email: "sami@example.com", Role: RoleAdmin},
			{UserID: "u3", Name: "Nguyễn Thị Thanh Huyền", Email: "huyen.with.a.very.long.address.indeed@subdomain.example.com", Role: RoleMember},
		},
		Connections: s.manyConnections()[:1],
	}
}

func (s samples) accounts() []GalleryEntry {
	rows := []AccountRow{
		{Account: nouraShop(), Role: RoleOwner, Members: 3, Apps: 2}, {Account: harbour(), Role: RoleAdmin, Members: 12, Apps: 1}, {Account: bakery(), Role: RoleMember, Members: 1},
	}
	alone, member, invited, errors := s.shopDetail(), s.shopDetail(), s.shopDetail(), s.shopDetail()
	alone.Members, alone.Connections, alone.Notice = alone.Members[:1], nil, NoticeAccountCreated
	member.Role, member.Manage = RoleMember, false
	invited.Invitations = []PendingInvitation{
		{ID: "i1", Email: "lea@example.com", Role: RoleMember, ExpiresAt: s.in(6 * day)}, {ID: "i2", Email: "omar@example.com", Role: RoleOwner, ExpiresAt: s.in(40 * day), Fixed: true},
	}
	errors.Errors = Errors{{Field: FieldEmail, Problem: ProblemAlreadyMember}, {Field: FieldRole, Problem: ProblemRoleMissing}}
	errors.InviteEmail = "sami@example.com"
	entries := []GalleryEntry{
		mine("accounts/empty", Accounts{Create: true}),
		mine("accounts/many", Accounts{Accounts: rows, Create: true, Paging: Paging{Previous: "/accounts?page=1", Next: "/accounts?page=3", From: 21, To: 40, Named: true}}),
		mine("accounts/developer", Accounts{Accounts: rows, Create: true, Exchanges: true}),
		mine("account/alone", alone),
		mine("account/owner", s.shopDetail()),
		mine("account/member", member),
		mine("account/invited", invited),
		{Name: "account/errors", Status: http.StatusUnprocessableEntity, Page: errors, User: noura()},
		mine("remove-member/with-apps", RemoveMember{Account: nouraShop(), Member: member.Members[1], Apps: 2}),
		mine("remove-member/without-apps", RemoveMember{Account: nouraShop(), Member: member.Members[2]}),
	}
	for _, notice := range []AccountNotice{NoticeAccountRenamed, NoticeRoleChanged, NoticeMemberRemoved, NoticeInvitationRevoked, NoticeInvitationAgain, NoticeJoined} {
		detail := s.shopDetail()
		detail.Notice = notice
		entries = append(entries, mine("account/notice-"+string(notice), detail))
	}
	return append(entries, s.invitations()...)
}

func (s samples) invitations() []GalleryEntry {
	valid := Invitation{Token: "sample", Account: nouraShop(), Role: RoleAdmin, Inviter: "Sami Khalil", Email: "noura@example.com"}
	unnamed, wrong, expired, used := valid, valid, valid, valid
	unnamed.Inviter = ""
	wrong.State, wrong.Email = InvitationWrongUser, "lea@example.com"
	expired.State, used.State = InvitationExpired, InvitationUsed
	return []GalleryEntry{
		mine("invitation/valid", valid),
		mine("invitation/without-inviter", unnamed),
		mine("invitation/wrong-user", wrong),
		{Name: "invitation/expired", Status: http.StatusGone, Page: expired},
		{Name: "invitation/used", Status: http.StatusGone, Page: used},
		mine("invitation/sent", InvitationSent{Account: nouraShop(), Email: "lea@example.com", Role: RoleMember, ExpiresAt: s.in(7 * day)}),
	}
}

func (s samples) exchanges() []GalleryEntry {
	taken := func(steps ...StepTaken) Exchange {
		return Exchange{ID: "0198f3c4-7a51-7c3e-9d2f-0c1b2a394857", App: parcelRobot(), Account: nouraShop(), Taken: steps}
	}
	allowed, traded := StepTaken{Step: StepCodeIssued, At: s.ago(3 * time.Minute)}, StepTaken{Step: StepTokenCreated, At: s.ago(2 * time.Minute)}
	refused := StepTaken{Step: StepRefused, At: s.ago(time.Minute), Reason: "wrong_account"}
	done := taken(allowed, traded, StepTaken{Step: StepServiceAccountCreated, At: s.ago(time.Minute)}, StepTaken{Step: StepKeyIssued, At: s.ago(time.Minute)})
	done.ServiceAccount, done.Key = "svc-kq5xq2hhd3xkz6jd", "lk-key-30b1a2c4d5e6f708192a3b4c5d6e7f80"
	again := done
	again.Taken = append(again.Taken[:4:4], StepTaken{Step: StepRefused, At: s.ago(time.Second), Reason: "reused"})
	foreign := taken(allowed, traded, StepTaken{Step: StepRefused, At: s.ago(time.Minute), Reason: "something_new"})
	entries := []GalleryEntry{
		mine("exchanges/empty", Exchanges{}),
		mine("exchanges/many", Exchanges{Exchanges: []Exchange{taken(allowed), taken(allowed, traded, refused), done}, Paging: Paging{Next: "/exchanges?before=1"}}),
		mine("exchange/person", ExchangeDetail{Exchange: done}),
	}
	for name, exchange := range map[string]Exchange{
		"code": taken(allowed), "token": taken(allowed, traded), "refused": taken(allowed, traded, refused), "refused-otherwise": foreign, "done": done, "used-again": again,
	} {
		entries = append(entries, mine("exchange/"+name, ExchangeDetail{Exchange: exchange, Developer: true}))
	}
	slices.SortFunc(entries[3:], func(a, b GalleryEntry) int { return strings.Compare(a.Name, b.Name) })
	return entries
}

func (s samples) sandboxes() []GalleryEntry {
	entries := []GalleryEntry{
		{Name: "sandbox/ask", Status: http.StatusOK, Page: Sandbox{}},
		{Name: "sandbox/problem", Status: http.StatusUnprocessableEntity, Page: Sandbox{Problem: "this token was not issued by this sandbox"}},
	}
	for _, fault := range sandboxFaults() {
		entries = append(entries, GalleryEntry{Name: "sandbox/" + fault, Status: http.StatusOK, Page: Sandbox{Done: fault, App: parcelRobot().ID, Times: 3}})
	}
	return entries
}

func (s samples) mails() []GalleryEntry {
	link := "https://acme.example/new-password?token=sample"
	mail := func(name string, m Mail) GalleryEntry {
		return GalleryEntry{Name: "mail/" + name, Status: http.StatusOK, Mail: m}
	}
	return []GalleryEntry{
		mail("verify", VerifyMail{Code: "402913", Minutes: 15}),
		mail("already-registered", AlreadyRegisteredMail{Name: "Noura", SignInURL: "https://acme.example/sign-in", ResetURL: "https://acme.example/reset-password"}),
		mail("reset", ResetMail{Name: "Noura", URL: link, Minutes: 30}),
		mail("password-changed", PasswordChangedMail{Name: "Noura", At: s.now, Device: firefoxLinux, ResetURL: link}),
		mail("invitation", InvitationMail{Inviter: "Sami Khalil", Account: "Noura’s Shop", Role: RoleAdmin, URL: "https://acme.example/invitations/sample", ExpiresAt: s.in(7 * day)}),
		mail("new-sign-in", NewSignInMail{Name: "Noura", At: s.now, Device: safariPhone, Address: "203.0.113.7", SecurityURL: "https://acme.example/security"}),
		mail("app-connected", AppConnectedMail{Name: "Noura", App: "Parcel Robot", Account: "Noura’s Shop", At: s.now, ConnectedURL: "https://acme.example/connected"}),
	}
}
