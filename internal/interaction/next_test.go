package interaction

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/session"
	"latchkey.dev/internal/store"
)

// begun is when every flow of these tests began.
const begun micros.Time = 1_000_000_000

func catalogue() issuer.Catalogue {
	return issuer.Catalogue{
		{Name: "read"}, {Name: "write", Roles: []issuer.Role{issuer.RoleOwner, issuer.RoleAdmin}},
		{Name: "extra", Optional: true}, {Name: "staff", Optional: true, Roles: []issuer.Role{issuer.RoleOwner}},
	}
}

// situation is a flow and its facts, by what differs from the usual: Ada, signed in, owner of one account, asked for read.
type situation struct {
	scopes   string // "read" when empty
	prompt   oidc.Prompt
	maxAge   int64 // seconds; 0 asks for nothing
	hint     string
	hintAcc  string
	chosen   string
	since    micros.Time
	nobody   bool
	authTime micros.Time
	signedIn string // by the flow; the session is "here"
	accounts string // "a:owner b:member …"; "a:owner" when empty, "-" is none
	grants   string // "a" or "a+extra-declined"; living connections by account
	testing  bool
	public   bool
	redirect string
	bounds   bool
}

func (s situation) build() (Flow, Facts) {
	request := &Request{ClientID: "app", Scopes: fields(s.scopes, "read"), Prompt: s.prompt, HintSubject: s.hint, HintAccount: s.hintAcc, RedirectURI: s.redirect}
	if s.maxAge > 0 {
		request.MaxAge = &s.maxAge
	}
	flow := Flow{ID: "f", StartedAt: begun, Request: request, AccountID: s.chosen, SignInSince: max(s.since, request.signInSince(begun)), SignedIn: s.signedIn}
	client := &store.Client{ID: "app", AccountID: "dev", Status: store.ClientActive}
	client.Metadata.TokenEndpointAuthMethod = oauth.AuthMethodBasic
	if s.public {
		client.Metadata.TokenEndpointAuthMethod = oauth.AuthMethodNone
	}
	if s.testing {
		client.Status = store.ClientTesting
	}
	facts := Facts{Client: client, Catalogue: catalogue(), Roles: (&issuer.Issuer{}).Roles(), RoleBounds: s.bounds, Memberships: memberships(s.accounts), Grants: grants(s.grants)}
	if !s.nobody {
		facts.Session = &session.Session{Session: store.Session{ID: "here", UserID: "ada", AuthTime: max(s.authTime, begun-micros.Time(3600e6))}}
	}
	return flow, facts
}

func fields(text, otherwise string) oauth.ScopeSet {
	if text == "" {
		text = otherwise
	}
	set, _ := oauth.ParseScope(text)
	return set
}

func memberships(text string) (list []store.Membership) {
	if text == "-" {
		return nil
	}
	for _, entry := range fields(text, "a:owner") {
		list = append(list, store.Membership{AccountID: entry[:1], Role: issuer.Role(entry[2:])})
	}
	return list
}

// grants reads "a=read,extra/declined b=read".
func grants(text string) (list []store.Grant) {
	for _, entry := range fields(text, "") {
		grant := store.Grant{AccountID: entry[:1], ClientID: "app"}
		for _, scope := range splitComma(entry[2:]) {
			if scope[0] == '!' {
				grant.Declined = append(grant.Declined, scope[1:])
			} else {
				grant.Scopes = append(grant.Scopes, scope)
			}
		}
		list = append(list, grant)
	}
	return list
}

func splitComma(text string) (parts []string) {
	start := 0
	for i := range len(text) + 1 {
		if i == len(text) || text[i] == ',' {
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return parts
}

func TestNext(t *testing.T) {
	const native = "com.example.app:/cb"
	for name, c := range map[string]struct {
		situation

		want Step
	}{
		"nobody is signed in":                        {situation{nobody: true}, StepSignIn},
		"first time":                                 {situation{}, StepConsent},
		"allowed before":                             {situation{grants: "a=read"}, StepDone},
		"allowed before, for another account":        {situation{grants: "b=read"}, StepConsent},
		"asks for more":                              {situation{scopes: "read write", grants: "a=read"}, StepConsent},
		"asks for what was declined":                 {situation{scopes: "read extra", grants: "a=read,!extra"}, StepDone},
		"asks only for what was declined":            {situation{scopes: "extra", grants: "a=read,!extra"}, StepConsent},
		"openid is asked like any other":             {situation{scopes: "openid read", grants: "a=read"}, StepConsent},
		"prompt=consent":                             {situation{prompt: oidc.PromptConsent, grants: "a=read"}, StepConsent},
		"prompt=none is no reason to go on":          {situation{prompt: oidc.PromptNone}, StepConsent},
		"prompt=none, allowed":                       {situation{prompt: oidc.PromptNone, grants: "a=read"}, StepDone},
		"prompt=login, signed in before":             {situation{prompt: oidc.PromptLogin, authTime: begun - 1, grants: "a=read"}, StepSignIn},
		"prompt=login, signed in on the way":         {situation{prompt: oidc.PromptLogin, authTime: begun - 1, signedIn: "here", grants: "a=read"}, StepDone},
		"prompt=login, another browser did":          {situation{prompt: oidc.PromptLogin, authTime: begun - 1, signedIn: "there", grants: "a=read"}, StepSignIn},
		"prompt=login, signed in since":              {situation{prompt: oidc.PromptLogin, authTime: begun, grants: "a=read"}, StepDone},
		"max_age over":                               {situation{maxAge: 60, authTime: begun - 60e6 - 1, grants: "a=read"}, StepSignIn},
		"max_age not over":                           {situation{maxAge: 60, authTime: begun - 60e6, grants: "a=read"}, StepDone},
		"another user wanted":                        {situation{since: begun + 5, authTime: begun + 4, grants: "a=read"}, StepSignIn},
		"hint of who is signed in":                   {situation{hint: "ada", grants: "a=read"}, StepDone},
		"hint of somebody else":                      {situation{hint: "bob", grants: "a=read"}, StepSignIn},
		"no account":                                 {situation{accounts: "-"}, StepNoAccount},
		"no account, select_account":                 {situation{accounts: "-", prompt: oidc.PromptSelectAccount}, StepNoAccount},
		"two accounts":                               {situation{accounts: "a:owner b:owner"}, StepChooseAccount},
		"two accounts, one connected":                {situation{accounts: "a:owner b:owner", grants: "b=read"}, StepChooseAccount},
		"two accounts, one connected, none":          {situation{accounts: "a:owner b:owner", grants: "b=read", prompt: oidc.PromptNone}, StepDone},
		"two accounts, both connected, none":         {situation{accounts: "a:owner b:owner", grants: "a=read b=read", prompt: oidc.PromptNone}, StepChooseAccount},
		"two accounts, hinted one":                   {situation{accounts: "a:owner b:owner", grants: "a=read", hint: "ada", hintAcc: "a"}, StepDone},
		"two accounts, one chosen":                   {situation{accounts: "a:owner b:owner", grants: "b=read", chosen: "b"}, StepDone},
		"two accounts, hinted one, other chosen":     {situation{accounts: "a:owner b:owner", grants: "a=read", hintAcc: "a", chosen: "b"}, StepConsent},
		"two accounts, a lost one chosen":            {situation{accounts: "a:owner b:owner", chosen: "z"}, StepChooseAccount},
		"one account, select_account":                {situation{prompt: oidc.PromptSelectAccount, grants: "a=read"}, StepChooseAccount},
		"one account, select_account, chosen":        {situation{prompt: oidc.PromptSelectAccount, grants: "a=read", chosen: "a"}, StepDone},
		"hinted account, select_account":             {situation{prompt: oidc.PromptSelectAccount, hintAcc: "a"}, StepChooseAccount},
		"member asked for what managers give":        {situation{accounts: "a:member", scopes: "read write"}, StepNotAllowed},
		"admin asked for what managers give":         {situation{accounts: "a:admin", scopes: "read write"}, StepConsent},
		"member asked for an optional one":           {situation{accounts: "a:member", scopes: "read staff"}, StepConsent},
		"member asked for an optional one, allowed":  {situation{accounts: "a:member", scopes: "read staff", grants: "a=read"}, StepDone},
		"member bound by the role":                   {situation{accounts: "a:member", scopes: "read write", bounds: true}, StepConsent},
		"member bound to nothing":                    {situation{accounts: "a:member", scopes: "openid write", bounds: true}, StepNotAllowed},
		"member asked for nothing that they give":    {situation{accounts: "a:member", scopes: "staff"}, StepNotAllowed},
		"not allowed though granted as owner before": {situation{accounts: "a:member", scopes: "write", grants: "a=write"}, StepNotAllowed},
		"in testing, a stranger":                     {situation{testing: true}, StepInTesting},
		"in testing, one of its own":                 {situation{testing: true, accounts: "a:owner d:member"}, StepInTesting},
		"RFC8252_8_6 private-use scheme":             {situation{public: true, redirect: native, grants: "a=read"}, StepConsent},
		"RFC8252_8_6 loopback":                       {situation{public: true, redirect: "http://127.0.0.1:5/cb", grants: "a=read"}, StepConsent},
		"RFC8252_8_6 a claimed https address":        {situation{public: true, redirect: "https://app.example/cb", grants: "a=read"}, StepDone},
		"RFC8252_8_6 a client that proves itself":    {situation{redirect: "http://127.0.0.1:5/cb", grants: "a=read"}, StepDone},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Next(c.build()); got.Step != c.want {
				t.Errorf("Next = %s, want %s", got.Step, c.want)
			}
		})
	}
}

func TestNextInTestingForAMemberOfItsAccount(t *testing.T) {
	flow, facts := situation{testing: true}.build()
	facts.Client.AccountID = "a"
	if got := Next(flow, facts); got.Step != StepConsent {
		t.Errorf("Next = %s", got.Step)
	}
}

func TestNextSaysWhichRolesMay(t *testing.T) {
	flow, facts := situation{accounts: "a:member", scopes: "read write"}.build()
	if got := Next(flow, facts); !slices.Equal(got.Needs, []issuer.Role{issuer.RoleOwner, issuer.RoleAdmin}) {
		t.Errorf("Needs = %v", got.Needs)
	}
}

func TestOpenIDConnectCore_3_1_2_6_EveryStepHasItsErrorForPromptNone(t *testing.T) {
	for step, want := range map[Step]string{
		StepSignIn: oauth.CodeLoginRequired, StepChooseAccount: oauth.CodeAccountSelectionRequired, StepConsent: oauth.CodeConsentRequired,
		StepNoAccount: oauth.CodeInteractionRequired, StepNotAllowed: oauth.CodeInteractionRequired, StepInTesting: oauth.CodeInteractionRequired,
	} {
		if got := step.refusal(); got.Code != want {
			t.Errorf("%s: %s, want %s", step, got.Code, want)
		}
	}
}

// What must hold whatever the situation: nothing is given away without a living grant that covers it, by a member who may.
func TestNextNeverGivesMoreThanWasAllowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flow, facts := anySituation(t).build()
		got := Next(flow, facts)
		if got.Step == StepSignIn {
			return
		}
		if facts.Session == nil || facts.Session.AuthTime < flow.SignInSince {
			t.Fatalf("%s without a sign-in that counts", got.Step)
		}
		if got.Step != StepDone {
			return
		}
		account, ok := member(facts.Memberships, got.Account.AccountID)
		if !ok || !facts.Catalogue.Grantable(got.Asked, account.Role).Contains(got.Asked) {
			t.Fatalf("done for %+v", got.Account)
		}
		if got.Grant == nil || got.Grant.AccountID != account.AccountID || !got.Grant.Scopes.Union(got.Grant.Declined).Contains(got.Asked) {
			t.Fatalf("done with %+v, asked %v", got.Grant, got.Asked)
		}
		if flow.Request.Prompt.Has(oidc.PromptConsent) || (flow.Request.Prompt.Has(oidc.PromptSelectAccount) && flow.AccountID == "") {
			t.Fatalf("done without asking, though prompt=%s", flow.Request.Prompt)
		}
	})
}

func anySituation(t *rapid.T) situation {
	pick := func(name string, values ...string) string { return rapid.SampledFrom(values).Draw(t, name) }
	return situation{
		scopes:   pick("scopes", "read", "read write", "extra", "read extra staff", "openid read"),
		prompt:   rapid.SampledFrom([]oidc.Prompt{0, oidc.PromptNone, oidc.PromptLogin, oidc.PromptConsent, oidc.PromptSelectAccount}).Draw(t, "prompt"),
		maxAge:   rapid.Int64Range(0, 7200).Draw(t, "max_age"),
		hint:     pick("hint", "", "", "ada", "bob"),
		hintAcc:  pick("hinted account", "", "a", "b", "z"),
		chosen:   pick("chosen", "", "a", "b", "z"),
		nobody:   rapid.Bool().Draw(t, "nobody"),
		authTime: micros.Time(rapid.Int64Range(int64(begun)-7200e6, int64(begun)+10).Draw(t, "auth_time")),
		accounts: pick("accounts", "-", "a:owner", "a:member", "a:owner b:member", "a:member b:admin"),
		grants:   pick("grants", "", "a=read", "a=read,!extra", "a=read,write b=read", "b=openid,read"),
		testing:  rapid.Bool().Draw(t, "testing"),
		public:   rapid.Bool().Draw(t, "public"),
		redirect: pick("redirect", "https://app.example/cb", "http://127.0.0.1/cb", "com.example.app:/cb"),
	}
}
