package interaction

import (
	"net/url"
	"slices"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/session"
	"latchkey.dev/internal/store"
)

// Step is what a flow needs next.
type Step string

// The steps. All but Done show the person a page.
const (
	StepSignIn        Step = "sign_in"
	StepChooseAccount Step = "choose_account"
	StepNoAccount     Step = "no_account"  // the person has none that the app could be connected to
	StepNotAllowed    Step = "not_allowed" // their role may not give what the app needs
	StepInTesting     Step = "in_testing"  // the app is open to its own account's members only
	StepConsent       Step = "consent"
	StepDone          Step = "done"
)

// Facts are what the database says about a flow now.
type Facts struct {
	Client      *store.Client
	Catalogue   issuer.Catalogue
	Roles       []issuer.Role    // the least first
	RoleBounds  bool             // a token never does more than the person's role may (issuer.Policy.RoleScopes)
	Session     *session.Session // nil: nobody is signed in
	Memberships []store.Membership
	Grants      []store.Grant // the person's living connections with the client
}

// Outcome is where a flow stands.
type Outcome struct {
	Step Step
	// Account is settled from StepNotAllowed on.
	Account store.Membership
	// Grant is the living connection of that account; nil is none.
	Grant *store.Grant
	// Asked is what of the request the person's role may give.
	Asked oauth.ScopeSet
	// Needs are the roles that may give all that the app needs; set with StepNotAllowed.
	Needs []issuer.Role
}

// Next says what a flow needs, from nothing but its arguments. It is asked afresh at every page.
func Next(flow Flow, facts Facts) Outcome {
	switch {
	case !signedIn(flow, facts.Session):
		return Outcome{Step: StepSignIn}
	case !openTo(facts.Client, facts.Memberships):
		return Outcome{Step: StepInTesting}
	case len(facts.Memberships) == 0:
		return Outcome{Step: StepNoAccount}
	}
	account, settled := settle(flow, facts)
	if !settled {
		return Outcome{Step: StepChooseAccount}
	}
	return decide(flow, facts, Outcome{Account: account, Grant: grantOf(facts.Grants, account.AccountID)})
}

// signedIn: somebody is, recently enough, and it is who the app expects (OpenID Connect Core §3.1.2.1, id_token_hint).
func signedIn(flow Flow, current *session.Session) bool {
	return current != nil && recent(flow, current) &&
		(flow.Request.HintSubject == "" || flow.Request.HintSubject == current.UserID)
}

// recent: the sign-in is of this flow, or not older than it asks for.
func recent(flow Flow, current *session.Session) bool {
	return flow.SignedIn != "" && current.ID == flow.SignedIn || current.AuthTime >= flow.SignInSince
}

// openTo keeps an app in testing among the members of its own account.
func openTo(client *store.Client, memberships []store.Membership) bool {
	return client.Status != store.ClientTesting ||
		slices.ContainsFunc(memberships, func(m store.Membership) bool { return m.AccountID == client.AccountID })
}

// settle finds the account without asking, where there is no choice to make or it was made.
func settle(flow Flow, facts Facts) (store.Membership, bool) {
	if account, ok := member(facts.Memberships, flow.AccountID); ok {
		return account, true
	}
	if flow.Request.Prompt.Has(oidc.PromptSelectAccount) {
		return store.Membership{}, false
	}
	if account, ok := member(facts.Memberships, flow.Request.HintAccount); ok {
		return account, true
	}
	if len(facts.Memberships) == 1 {
		return facts.Memberships[0], true
	}
	if flow.Request.Prompt.Has(oidc.PromptNone) && len(facts.Grants) == 1 { // the app can only mean its one connection
		return member(facts.Memberships, facts.Grants[0].AccountID)
	}
	return store.Membership{}, false
}

func member(memberships []store.Membership, accountID string) (store.Membership, bool) {
	i := slices.IndexFunc(memberships, func(m store.Membership) bool { return m.AccountID == accountID })
	if i < 0 {
		return store.Membership{}, false
	}
	return memberships[i], true
}

func grantOf(grants []store.Grant, accountID string) *store.Grant {
	i := slices.IndexFunc(grants, func(g store.Grant) bool { return g.AccountID == accountID })
	if i < 0 {
		return nil
	}
	return &grants[i]
}

// decide: the account is settled, and the question is what the app gets.
func decide(flow Flow, facts Facts, outcome Outcome) Outcome {
	request := flow.Request
	outcome.Asked = facts.Catalogue.Grantable(request.Scopes, outcome.Account.Role)
	if !facts.mayConnect(request.Scopes, outcome.Account.Role) {
		outcome.Step, outcome.Needs = StepNotAllowed, facts.rolesFor(request.Scopes)
		return outcome
	}
	outcome.Step = StepConsent
	if !request.Prompt.Has(oidc.PromptConsent) && alreadyDecided(outcome) && !impersonable(facts.Client, request) {
		outcome.Step = StepDone
	}
	return outcome
}

// ungrantable are the scopes that the app insists on and the role may not give.
func ungrantable(catalogue issuer.Catalogue, requested oauth.ScopeSet, role issuer.Role) (needed oauth.ScopeSet) {
	for _, name := range requested {
		if scope, ok := catalogue.Find(name); ok && !scope.Optional && !scope.GrantableBy(role) {
			needed = append(needed, name)
		}
	}
	return needed
}

// mayConnect: the role may give every scope that is not optional; or, where the role bounds every token anyway, some of what it opens.
func (f *Facts) mayConnect(requested oauth.ScopeSet, role issuer.Role) bool {
	grantable := f.Catalogue.Grantable(requested, role)
	if len(grantable) == 0 || len(ungrantable(f.Catalogue, requested, role)) == 0 {
		return len(grantable) > 0
	}
	return f.RoleBounds && slices.ContainsFunc(grantable, func(name string) bool { return !issuer.IsStandard(name) })
}

// rolesFor are those of the roles that may connect the app, the most first.
func (f *Facts) rolesFor(requested oauth.ScopeSet) (may []issuer.Role) {
	for _, role := range slices.Backward(f.Roles) {
		if f.mayConnect(requested, role) {
			may = append(may, role)
		}
	}
	return may
}

// alreadyDecided: the person was asked about all of it before, and gave some.
func alreadyDecided(outcome Outcome) bool {
	grant := outcome.Grant
	return grant != nil && grant.Scopes.Union(grant.Declined).Contains(outcome.Asked) && len(outcome.Asked.Intersect(grant.Scopes)) > 0
}

// impersonable: any program on the person's device could send this request in the app's name, since a public client proves
// itself by its redirect URI alone and neither loopback nor a private-use scheme belongs to one app. So the person is asked
// each time (RFC 8252 §8.6, RFC 6749 §10.2). And anybody may have sent the person a device's code (RFC 8628 §5.4).
func impersonable(client *store.Client, request *Request) bool {
	if request.Device != nil {
		return true
	}
	requested := request.RedirectURI
	if !client.Public() {
		return false
	}
	if requested == "" && len(client.Metadata.RedirectURIs) > 0 {
		requested = client.Metadata.RedirectURIs[0]
	}
	u, err := url.Parse(requested)
	if err != nil {
		return true
	}
	switch u.Scheme {
	case "https":
		return false
	case "http":
		return slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname())
	default:
		return true
	}
}

// refusal is the answer to prompt=none when the step needs a page (OpenID Connect Core §3.1.2.6).
func (s Step) refusal() *oauth.Error {
	switch s {
	case StepSignIn:
		return oauth.LoginRequired("the person must sign in, and prompt=none forbids to ask")
	case StepChooseAccount:
		return oauth.AccountSelectionRequired("the person has several accounts and must choose one, and prompt=none forbids to ask")
	case StepConsent:
		return oauth.ConsentRequired("the person must be asked to consent, and prompt=none forbids to ask")
	default:
		return oauth.InteractionRequired("this cannot go on without telling the person why, and prompt=none forbids that (%s)", string(s))
	}
}
