package interaction

import (
	"crypto/rand"
	"reflect"
	"strings"
	"testing"

	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/oidc"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/session"
	"latchkey.dev/internal/store"
)

func newSealer(t testing.TB, issuer string) sealer {
	t.Helper()
	keyring, err := seal.NewKeyring(make([]byte, seal.MinMasterKey))
	if err != nil {
		t.Fatal(err)
	}
	return sealer{keyring: keyring, issuer: []byte(issuer), rand: rand.Reader}
}

func TestAFlowComesBackAsItWasSealed(t *testing.T) {
	age := int64(0)
	s := newSealer(t, "acme")
	flow := Flow{
		ID: "id", StartedAt: begun, AccountID: "acc", SignInSince: begun, SignedIn: "session", Seen: 3, ShownTo: "ada", ShownAs: "admin",
		Request: &Request{
			ClientID: "app", RedirectURI: "https://app.example/cb?a=1&b=2", State: `<"\ü>`, Scopes: oauth.ScopeSet{"openid", "read"}, CodeChallenge: "c",
			Nonce: "n", Resources: []string{"https://api.example"}, Prompt: oidc.PromptLogin, MaxAge: &age, HintSubject: "ada", HintAccount: "acc",
			LoginHint: "ada@example.org", UILocales: "fr en",
		},
	}
	r, err := s.seal(flow)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.open(r)
	if err != nil || !reflect.DeepEqual(got, flow) {
		t.Errorf("open = %+v, %v\nwant   %+v", got, err, flow)
	}
	if strings.Contains(r, "ada") {
		t.Error("the flow can be read")
	}
}

func TestAFlowOfAnotherIssuerIsNone(t *testing.T) {
	r, err := newSealer(t, "acme").seal(Flow{ID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newSealer(t, "other").open(r); err == nil {
		t.Error("opened")
	}
}

func FuzzFlow(f *testing.F) {
	s := newSealer(f, "acme")
	s.rand = strings.NewReader(strings.Repeat("n", 64)) // every fuzzing process must know the same good one
	r, err := s.seal(Flow{ID: "id"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r)
	f.Add("")
	f.Add(strings.Repeat("A", longestFlow+1))
	f.Add(r[:len(r)-1] + "_")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := s.open(text); err == nil && text != r {
			t.Errorf("%q was not sealed by us, and opens", text)
		}
	})
}

// While nodes are replaced one by one, a page that an earlier build showed is answered at a new one: it says nothing of the role.
func TestAPageOfAnEarlierBuildIsAnswered(t *testing.T) {
	for role, want := range map[issuer.Role]bool{issuer.RoleAdmin: true, "": true, issuer.RoleMember: false} {
		shown := &turn{
			flow: Flow{ShownTo: "ada", ShownAs: role}, session: &session.Session{Session: store.Session{UserID: "ada"}},
			outcome: Outcome{Account: store.Membership{Role: issuer.RoleAdmin}},
		}
		if got := new(Handler).asShown(shown); got != want {
			t.Errorf("shown as %q: %v", role, got)
		}
	}
}
