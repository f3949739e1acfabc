package web

import (
	"net/http"
	"time"
)

// samples makes the gallery's entries out of a small invented world.
type samples struct {
	now  time.Time
	lang string // of the catalogue
}

func (s samples) ago(d time.Duration) time.Time { return s.now.Add(-d) }
func (s samples) in(d time.Duration) time.Time  { return s.now.Add(d) }

const day = 24 * time.Hour

func noura() User { return User{Name: "Noura Haddad", Email: "noura@example.com"} }

func parcelRobot() App {
	return App{ID: "parcel-robot", Name: "Parcel Robot", LogoURL: "/static/sample/parcel-robot.svg"}
}

func ledgerly() App {
	return App{ID: "ledgerly", Name: "Ledgerly", LogoURL: "/static/sample/ledgerly.svg"}
}

func longApp() App {
	return App{ID: "rechnung", Name: "Rechnungsübermittlungsdienstleistungen Oberschwarzenbergmühle & Partner"}
}

func nouraShop() Account {
	return Account{ID: "acc_noura", Name: "Noura’s Shop", LogoURL: "/static/sample/noura-shop.svg"}
}
func harbour() Account { return Account{ID: "acc_harbour", Name: "Harbour Coffee"} }
func bakery() Account  { return Account{ID: "acc_bakery", Name: "مخبز السلام"} }

func flow() Flow {
	return Flow{R: "sample", App: parcelRobot(), RedirectURI: "https://parcelrobot.example/callback"}
}

const backURL = "https://parcelrobot.example/"

// entry is a page that nobody is signed in on.
func entry(name string, page Page) GalleryEntry {
	return GalleryEntry{Name: name, Status: http.StatusOK, Page: page}
}

// mine is a page of someone signed in.
func mine(name string, page Page) GalleryEntry {
	return GalleryEntry{Name: name, Status: http.StatusOK, Page: page, User: noura()}
}

// failed is a page with a status of trouble.
func failed(name string, status int, page Page) GalleryEntry {
	return GalleryEntry{Name: name, Status: status, Page: page}
}

func (s samples) signingIn() []GalleryEntry {
	missing := Errors{{Field: FieldEmail, Problem: ProblemEmailMissing}, {Field: FieldPassword, Problem: ProblemPasswordMissing}}
	signUp := Errors{{Field: FieldName, Problem: ProblemNameMissing}, {Field: FieldEmail, Problem: ProblemEmailInvalid}, {Field: FieldPassword, Problem: ProblemPasswordShort, N: 10}}
	noApp := Flow{}
	long := flow()
	long.App = longApp()
	return []GalleryEntry{
		entry("sign-in/fresh", SignIn{Flow: noApp, SignUp: true}),
		entry("sign-in/for-app", SignIn{Flow: flow(), SignUp: true}),
		entry("sign-in/long-app", SignIn{Flow: long, SignUp: true}),
		entry("sign-in/no-sign-up", SignIn{Flow: flow()}),
		entry("sign-in/login-hint", SignIn{Flow: flow(), Email: "noura@example.com", SignUp: true}),
		failed("sign-in/missing", http.StatusUnprocessableEntity, SignIn{Flow: flow(), Errors: missing, SignUp: true}),
		failed("sign-in/wrong", http.StatusUnauthorized, SignIn{Flow: flow(), Email: "noura@example.com", Problem: SignInWrong, SignUp: true}),
		failed("sign-in/limited", http.StatusTooManyRequests, SignIn{Flow: flow(), Email: "noura@example.com", Problem: SignInLimited, Until: s.in(15 * time.Minute)}),
		mine("sign-in/again", SignIn{Flow: flow(), Email: "noura@example.com", Again: true}),
		mine("sign-in/someone-else", SignIn{Flow: flow(), Email: "sami@example.com", Expected: "sami@example.com"}),
		entry("sign-up/fresh", SignUp{Flow: flow(), MinPassword: 10}),
		entry("sign-up/without-app", SignUp{MinPassword: 10}),
		failed("sign-up/errors", http.StatusUnprocessableEntity, SignUp{Flow: flow(), Email: "noura@", Errors: signUp, MinPassword: 10}),
		failed("sign-up/closed", http.StatusForbidden, SignUp{Flow: flow(), Closed: true}),
		entry("verify-email/waiting", VerifyEmail{Flow: flow(), Email: "noura@example.com"}),
		entry("verify-email/resent", VerifyEmail{Flow: flow(), Email: "noura@example.com", State: VerifyResent}),
		entry("verify-email/elsewhere", VerifyEmail{State: VerifyElsewhere}),
		failed("verify-email/missing", http.StatusUnprocessableEntity, VerifyEmail{Flow: flow(), Email: "noura@example.com", Errors: Errors{{Field: FieldCode, Problem: ProblemCodeMissing}}}),
		failed("verify-email/wrong", http.StatusUnprocessableEntity, VerifyEmail{Flow: flow(), Email: "noura@example.com", State: VerifyWrong}),
		failed("verify-email/expired", http.StatusUnprocessableEntity, VerifyEmail{Flow: flow(), Email: "noura@example.com", State: VerifyExpired}),
		failed("verify-email/too-many", http.StatusTooManyRequests, VerifyEmail{Flow: flow(), Email: "noura@example.com", State: VerifyTooMany}),
		failed("verify-email/too-many-wait", http.StatusTooManyRequests, VerifyEmail{Flow: flow(), Email: "noura@example.com", State: VerifyTooMany, Until: s.in(10 * time.Minute)}),
		mine("sign-out/confirm", SignOut{}),
		mine("sign-out/asked-by-app", SignOut{R: "sample", App: parcelRobot()}),
		entry("sign-out/done", SignedOut{}),
		entry("sign-out/done-for-app", SignedOut{App: parcelRobot(), BackURL: backURL}),
	}
}

func (s samples) passwords() []GalleryEntry {
	email := "noura@example.com"
	return []GalleryEntry{
		entry("reset-password/fresh", ResetPassword{Flow: flow()}),
		failed("reset-password/errors", http.StatusUnprocessableEntity, ResetPassword{Email: "noura", Errors: Errors{{Field: FieldEmail, Problem: ProblemEmailInvalid}}}),
		failed("reset-password/limited", http.StatusTooManyRequests, ResetPassword{Email: email, Until: s.in(30 * time.Minute)}),
		entry("reset-password/sent", ResetSent{Flow: flow(), Email: email}),
		entry("new-password/valid", NewPassword{Token: "sample", Email: email, MinPassword: 10}),
		failed("new-password/errors", http.StatusUnprocessableEntity, NewPassword{Token: "sample", Email: email, MinPassword: 10, Errors: Errors{{Field: FieldNewPassword, Problem: ProblemPasswordCommon}}}),
		failed("new-password/expired", http.StatusGone, NewPassword{State: LinkExpired}),
		failed("new-password/used", http.StatusGone, NewPassword{State: LinkUsed}),
		entry("new-password/changed", PasswordChanged{}),
		entry("new-password/changed-others-ended", PasswordChanged{Flow: flow(), SessionsEnded: 3}),
	}
}

func (s samples) choosing() []GalleryEntry {
	one := []AccountChoice{{Account: nouraShop(), Role: RoleOwner}}
	many := []AccountChoice{
		{Account: nouraShop(), Role: RoleOwner, Connected: true}, {Account: harbour(), Role: RoleAdmin}, {Account: bakery(), Role: RoleOwner},
		{Account: Account{ID: "acc_guild", Name: "Bookbinders’ Guild"}, Role: RoleMember, Refused: true, Needs: []string{RoleOwner, RoleAdmin}},
	}
	return []GalleryEntry{
		mine("choose-account/one", ChooseAccount{Flow: flow(), Accounts: one, Total: 1, Create: true}),
		mine("choose-account/many", ChooseAccount{Flow: flow(), Accounts: many, Total: 4, Create: true}),
		mine("choose-account/too-many", ChooseAccount{Flow: flow(), Accounts: append(many, manyAccounts()...), Total: 212, Create: true}),
		mine("choose-account/search", ChooseAccount{Flow: flow(), Accounts: many[1:2], Query: "coffee", Total: 1}),
		mine("choose-account/none-found", ChooseAccount{Flow: flow(), Query: "zebra"}),
		mine("new-account/in-flow", NewAccount{Flow: flow()}),
		mine("new-account/portal", NewAccount{}),
		mine("new-account/errors", NewAccount{Flow: flow(), Errors: Errors{{Field: FieldAccountName, Problem: ProblemAccountNameMissing}}}),
		mine("no-account/create", NoAccount{Flow: flow(), BackURL: backURL}),
		mine("not-allowed-by-role/others", NotAllowedByRole{Flow: flow(), Account: nouraShop(), Role: RoleMember, Needs: []string{RoleOwner, RoleAdmin}, Others: true, BackURL: backURL}),
		mine("not-allowed-by-role/only", NotAllowedByRole{Flow: flow(), Account: harbour(), Role: RoleMember, Needs: []string{RoleOwner}, BackURL: backURL}),
	}
}

func manyAccounts() []AccountChoice {
	var list []AccountChoice
	for _, name := range []string{"Almond Street Press", "Blue Door Ceramics", "Cedar & Sons", "Donaudampfschifffahrtsgesellschaftskapitänsmützenmanufaktur", "Elm Row Garden Centre"} {
		list = append(list, AccountChoice{Account: Account{ID: "acc_" + initial(name), Name: name}, Role: RoleMember})
	}
	return list
}

func (s samples) troubles() []GalleryEntry {
	detail := "redirect_uri is not one of the registered addresses of client parcel-robot. Compare them character by character (RFC 6749 §3.1.2.3)."
	return []GalleryEntry{
		failed("error/invalid-request", http.StatusBadRequest, Error{Code: "invalid_request", Detail: "code_challenge is missing: this app must use PKCE with S256."}),
		failed("error/unknown-app", http.StatusBadRequest, Error{Code: "invalid_client"}),
		failed("error/redirect-uri", http.StatusBadRequest, Error{Code: "invalid_redirect_uri", Detail: detail}),
		failed("error/unauthorized-client", http.StatusBadRequest, Error{Code: "unauthorized_client"}),
		failed("error/cross-origin", http.StatusForbidden, Error{Code: "cross_origin"}),
		failed("error/server-error", http.StatusInternalServerError, Error{Code: "server_error"}),
		failed("error/ours", http.StatusBadRequest, Error{Code: "invalid_request", Ours: true}),
		{Name: "error/not-allowed", Status: http.StatusForbidden, Page: Error{Code: "access_denied", Ours: true}, User: noura()},
		failed("error/other", http.StatusBadRequest, Error{Code: "access_denied"}),
		failed("flow-expired/app", http.StatusBadRequest, FlowExpired{App: parcelRobot(), BackURL: backURL}),
		failed("flow-expired/no-link", http.StatusBadRequest, FlowExpired{App: parcelRobot()}),
		failed("app-suspended/app", http.StatusForbidden, AppSuspended{App: parcelRobot(), BackURL: backURL}),
		{Name: "app-in-testing/app", Status: http.StatusForbidden, Page: AppInTesting{App: parcelRobot(), BackURL: backURL}, User: noura()},
		failed("server-busy/seconds", http.StatusServiceUnavailable, ServerBusy{RetryAfter: 5 * time.Second, RetryURL: "/connected"}),
		failed("server-busy/minute", http.StatusServiceUnavailable, ServerBusy{}),
		failed("too-many-requests/until", http.StatusTooManyRequests, TooManyRequests{Until: s.in(2 * time.Minute)}),
		failed("not-found/page", http.StatusNotFound, NotFound{}),
		failed("method-not-allowed/page", http.StatusMethodNotAllowed, MethodNotAllowed{}),
	}
}
