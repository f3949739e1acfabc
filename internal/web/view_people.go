package web

import "time"

// SignInProblem is why a sign-in was refused.
type SignInProblem string

// The refusals of a sign-in. None tells whether the address has an account.
const (
	SignInWrong   SignInProblem = "wrong"   // e-mail and password do not belong together
	SignInLimited SignInProblem = "limited" // too many attempts; Until says when to try again
)

// SignIn asks for e-mail and password. It posts email, password and r to /sign-in.
type SignIn struct {
	Flow     Flow
	Email    string // prefilled: login_hint, or what was typed before
	Problem  SignInProblem
	Until    time.Time // with SignInLimited; zero says "in a while"
	Errors   Errors    // FieldEmail, FieldPassword
	Again    bool      // the person is signed in and must show again that it is them (prompt=login, max_age)
	Expected string    // the address the app asks for, when someone else is signed in (id_token_hint, login_hint)
	SignUp   bool      // offer sign-up
}

func (v SignIn) page() meta {
	title := say("sign_in.title")
	if v.Again {
		title = say("sign_in.again_title")
	}
	return meta{template: "sign-in", layout: cardLayout, title: title, problem: v.Problem != "" || len(v.Errors) > 0, flow: v.Flow}
}

// SignUp asks for a new user's name, e-mail and password. It posts name, email, password and r to /sign-up.
type SignUp struct {
	Flow        Flow
	Name        string
	Email       string
	Errors      Errors // FieldName, FieldEmail, FieldPassword
	MinPassword int    // least number of characters, said before they type
	Closed      bool   // the issuer takes no new users by itself
}

func (v SignUp) page() meta {
	title := say("sign_up.title")
	if v.Closed {
		title = say("sign_up.closed_title")
	}
	return meta{template: "sign-up", layout: cardLayout, title: title, problem: len(v.Errors) > 0, flow: v.Flow}
}

// VerifyState is where the verification of an address stands.
type VerifyState string

// The states of a verification.
const (
	VerifyWaiting VerifyState = ""         // the code was sent
	VerifyResent  VerifyState = "resent"   // a new code was sent on request
	VerifyWrong   VerifyState = "wrong"    // another code was expected
	VerifyExpired VerifyState = "expired"  // the code is too old; ask for a new one
	VerifyTooMany VerifyState = "too_many" // too many wrong codes; the code is void
	// VerifyElsewhere: the mail's link was opened in a browser that asked for no code.
	VerifyElsewhere VerifyState = "elsewhere"
)

// VerifyEmail asks for the six digits sent to an address. It posts code and r to /verify, and action=resend to ask for a new code.
type VerifyEmail struct {
	Flow   Flow
	Email  string
	State  VerifyState
	Errors Errors    // FieldCode, when nothing was typed
	Until  time.Time // with VerifyTooMany: when a new code can be sent; zero: now
}

func (v VerifyEmail) page() meta {
	problem := v.State == VerifyWrong || v.State == VerifyExpired || v.State == VerifyTooMany || len(v.Errors) > 0
	title := say("verify.title")
	if v.State == VerifyElsewhere {
		title = say("verify.elsewhere_title")
	}
	return meta{template: "verify-email", layout: cardLayout, title: title, problem: problem, flow: v.Flow}
}

// Wrong returns the mistakes to show at the code's field.
func (v VerifyEmail) Wrong() Errors {
	if v.State == VerifyWrong {
		return Errors{{Field: FieldCode, Problem: ProblemCodeWrong}}
	}
	return v.Errors
}

// ResetPassword asks where to send a reset link. It posts email and r to /reset-password.
type ResetPassword struct {
	Flow   Flow
	Email  string
	Errors Errors    // FieldEmail
	Until  time.Time // set: too many requests, try again then
}

func (v ResetPassword) page() meta {
	return meta{template: "reset-password", layout: cardLayout, title: say("reset.title"), problem: len(v.Errors) > 0 || !v.Until.IsZero(), flow: v.Flow}
}

// ResetSent says that a link was sent if the address has an account: the same words either way.
type ResetSent struct {
	Flow  Flow
	Email string
}

func (v ResetSent) page() meta {
	return meta{template: "reset-sent", layout: cardLayout, title: say("reset.sent_title"), flow: v.Flow}
}

// LinkState is whether a link from a mail can still be used.
type LinkState string

// The states of a mailed link.
const (
	LinkValid   LinkState = ""
	LinkExpired LinkState = "expired"
	LinkUsed    LinkState = "used"
)

// NewPassword takes the new password of someone who followed a reset link. It posts token, new_password and r to /new-password.
type NewPassword struct {
	Flow        Flow
	Token       string // from the link; goes back in a hidden field
	Email       string // whose password; shown, and read by password managers
	State       LinkState
	Errors      Errors // FieldNewPassword
	MinPassword int
}

func (v NewPassword) page() meta {
	title := map[LinkState]string{LinkValid: "new_password.title", LinkExpired: "new_password.expired_title", LinkUsed: "new_password.used_title"}[v.State]
	return meta{template: "new-password", layout: cardLayout, title: say(title), problem: v.State != LinkValid || len(v.Errors) > 0, flow: v.Flow}
}

// PasswordChanged says that the new password holds and what ended with the old one.
type PasswordChanged struct {
	Flow          Flow
	ContinueURL   string // where the button leads; empty: /sign-in
	SessionsEnded int    // how many other sign-ins were ended
}

func (v PasswordChanged) page() meta {
	return meta{template: "password-changed", layout: cardLayout, title: say("password_changed.title"), flow: v.Flow}
}

// SignOut asks whether to sign out. It posts r to /sign-out, or to Action when set.
type SignOut struct {
	R      string // sealed RP-initiated logout request, if an app sent the person
	App    App    // the app that sent them; Name empty: none
	Action string // where the form posts; empty: /sign-out
	StayTo string // where "stay signed in" leads; empty: /connected
	BackTo string // where the app gets them back, if it said: allowed as a target of the form
}

func (v SignOut) page() meta {
	return meta{template: "sign-out", layout: cardLayout, title: say("sign_out.title"), flow: Flow{R: v.R, RedirectURI: v.BackTo}}
}

// SignedOut says that the sign-in of this browser ended.
type SignedOut struct {
	App     App    // the app they came from; Name empty: none
	BackURL string // its post_logout_redirect_uri, if there is one
}

func (v SignedOut) page() meta {
	return meta{template: "signed-out", layout: cardLayout, title: say("signed_out.title")}
}
