package interaction

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"time"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/seal"
)

// Request is an authorization request in which everything was checked. Where it is answered is proven again at each page.
type Request struct {
	ClientID string `json:"client"`
	// RedirectURI is as requested: empty when the only registered one was left to be understood (RFC 6749 §3.1.2.3).
	RedirectURI   string         `json:"redirect,omitempty"`
	State         string         `json:"state,omitempty"`
	Scopes        oauth.ScopeSet `json:"scopes"`
	CodeChallenge string         `json:"challenge,omitempty"` // S256
	Nonce         string         `json:"nonce,omitempty"`
	Resources     []string       `json:"resources,omitempty"`
	Prompt        oidc.Prompt    `json:"prompt,omitempty"`
	// MaxAge is how old the sign-in may be, in seconds; nil asks for nothing.
	MaxAge *int64 `json:"max_age,omitempty"`
	// HintSubject must be who signs in, and HintAccount is the account their last ID Token named.
	HintSubject string `json:"hint,omitempty"`
	HintAccount string `json:"hint_account,omitempty"`
	LoginHint   string `json:"login_hint,omitempty"`
	// Face names the way the request came, where that is not the standard's: the answer goes back in its words.
	Face      string `json:"face,omitempty"`
	UILocales string `json:"locales,omitempty"`
	// Device waits for the answer; nil when the answer goes back by redirect.
	Device *Device `json:"device,omitempty"`
}

// Flow is where a person's way through the pages stands. It travels sealed in r.
type Flow struct {
	// ID is random; a code is made from it, so that one flow yields one code for an account.
	ID        string      `json:"id"`
	StartedAt micros.Time `json:"at"`
	// Request is nil when no app sent the person.
	Request *Request `json:"request,omitempty"`
	// Next is the local path where a sign-in without an app ends.
	Next string `json:"next,omitempty"`
	// AccountID is the account that was chosen, or that there was no choice about.
	AccountID string `json:"account,omitempty"`
	// SignInSince: an older sign-in does not count (prompt=login, max_age, "use another user").
	SignInSince micros.Time `json:"since,omitempty"`
	// SignedIn is the session that a sign-in on the way began. It counts whatever its time: the clock of the node that it was made
	// at may be behind the one that reckoned SignInSince, and the person would be asked again without a word.
	SignedIn string `json:"signed_in,omitempty"`
	// Seen is the version of the grant that the consent page showed; 0 is none.
	Seen int64 `json:"seen,omitempty"`
	// ShownTo is the user whom the consent page spoke to, and ShownAs their role then, which decides what the page asks for.
	ShownTo string      `json:"shown_to,omitempty"`
	ShownAs issuer.Role `json:"shown_as,omitempty"`
	// MailedTo is where a reset link was sent, if that address has a user; the page after the form says it.
	MailedTo string `json:"mailed_to,omitempty"`
	// Changed is set once a reset link did its work.
	Changed *passwordChanged `json:"changed,omitempty"`
}

// passwordChanged is what the page after a new password says.
type passwordChanged struct {
	SessionsEnded int `json:"ended"`
}

// longestFlow bounds a sealed flow in characters, so that r fits beside other parameters into the 8 KiB of a query.
const longestFlow = 7 << 10

// flowPurpose keeps sealed flows apart from everything else that is sealed.
const flowPurpose = "flow"

// errFlow: r is not one of ours, or was damaged.
var errFlow = errors.New("interaction: r cannot be read")

// sealer seals the flows of one issuer.
type sealer struct {
	keyring *seal.Keyring
	issuer  []byte
	rand    io.Reader
}

// seal writes a flow as r.
func (s sealer) seal(flow Flow) (string, error) {
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false) // r is not shown, and must stay short
	if err := encoder.Encode(flow); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.keyring.Seal(flowPurpose, s.issuer, plain.Bytes(), s.rand)), nil
}

// open reads r back.
func (s sealer) open(r string) (flow Flow, err error) {
	if len(r) > longestFlow {
		return Flow{}, errFlow
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(r)
	if err != nil {
		return Flow{}, errFlow
	}
	plain, err := s.keyring.Open(flowPurpose, s.issuer, sealed)
	if err != nil || json.Unmarshal(plain, &flow) != nil {
		return Flow{}, errFlow
	}
	return flow, nil
}

// signInSince is the earliest sign-in that satisfies the request (OpenID Connect Core §3.1.2.1, prompt and max_age). It is
// reckoned from the flow's start: however long the person reads the consent page, they are not sent back to sign in.
func (r *Request) signInSince(started micros.Time) micros.Time {
	if r.Prompt.Has(oidc.PromptLogin) {
		return started
	}
	if r.MaxAge != nil {
		return started.Add(-time.Duration(*r.MaxAge) * time.Second)
	}
	return 0
}
