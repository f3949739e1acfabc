package token_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"latchkey.dev/internal/client"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/token"
	"latchkey.dev/internal/tokentest"
)

// machine is a service account whose key the test holds.
type machine struct {
	*endpoint

	service *serviceaccount.Service
	account store.ServiceAccount
	keyID   string
	private ed25519.PrivateKey
}

func newMachine(t testing.TB, adjust ...func(*issuer.Issuer)) *machine {
	t.Helper()
	m := &machine{endpoint: newEndpoint(t, adjust...)}
	m.service = serviceaccount.New(serviceaccount.Config{
		Issuer: m.Issuer, Store: m.Store, Keys: serviceaccount.NewKeyMaker(rand.Reader), LastUse: m.LastUse, Rand: rand.Reader,
	})
	m.handler = token.New(token.Config{
		Issuer: m.Issuer, Store: m.Store, Clients: m.Clients, Mint: m.Mint, LastUse: m.LastUse, ServiceAccounts: m.service,
	})
	var err error
	m.account, err = m.service.Create(t.Context(), serviceaccount.Draft{
		AccountID: m.Account.ID, Name: "warehouse", Scopes: tokentest.Scopes("orders.read orders.write"),
	}, "")
	m.Must(err)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	m.Must(err)
	jwk, err := jose.JSONWebKey{Key: public}.MarshalJSON()
	m.Must(err)
	credential, err := m.service.AddKey(t.Context(), m.account, serviceaccount.KeyDraft{PublicJWK: jwk}, "")
	m.Must(err)
	m.keyID, m.private = credential.KeyID, private
	return m
}

func (m *machine) assertion(without ...string) string {
	m.Helper()
	claims := map[string]any{
		"iss": m.keyID, "sub": m.keyID, "aud": m.Issuer.URL, "iat": m.Clock().Unix(), "exp": m.Clock().Unix() + 60, "jti": seal.NewSecret(rand.Reader, ""),
	}
	for _, name := range without {
		delete(claims, name)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: m.private}, nil)
	m.Must(err)
	payload, err := json.Marshal(claims)
	m.Must(err)
	signed, err := signer.Sign(payload)
	m.Must(err)
	text, err := signed.CompactSerialize()
	m.Must(err)
	return text
}

func (m *machine) request(assertion string) token.Request {
	return token.Request{GrantType: oauth.GrantJWTBearer, Assertion: assertion}
}

func TestRFC7523_2_1_AnAssertionBuysAToken(t *testing.T) {
	m := newMachine(t)
	answer := m.must(m.request(m.assertion()))
	if answer.RefreshToken != "" || answer.IDToken != "" || answer.Scope != "orders.read orders.write" || answer.AccountID != m.Account.ID {
		t.Errorf("answer %+v", answer)
	}
	access, state := m.holds(answer.AccessToken)
	if access.Subject != m.account.ID || access.ClientID != m.keyID || state.Ended != "" {
		t.Errorf("token %+v, state %+v", access, state)
	}
	request := m.request(m.assertion())
	request.Scope = "orders.read"
	if narrowed := m.must(request); narrowed.Scope != "orders.read" {
		t.Errorf("scope %q", narrowed.Scope)
	}
	request = m.request(m.assertion())
	request.Scope = "stock.read"
	m.refused(request, oauth.CodeInvalidScope, "")
}

func TestRFC7523_3_1_Refusals(t *testing.T) {
	m := newMachine(t, func(i *issuer.Issuer) { i.Policy.ServiceAccounts.BareAssertions = true })
	m.refused(m.request(""), oauth.CodeInvalidRequest, "")
	m.refused(m.request("x"), oauth.CodeInvalidGrant, "")
	for _, name := range []string{"iss", "aud", "exp", "jti"} { // whatever a session would take
		m.refused(m.request(m.assertion(name)), oauth.CodeInvalidGrant, oauth.ReasonMissing)
	}
	both := m.request(m.assertion())
	both.Client = client.Credentials{ID: m.app.ID, Secret: m.app.Secret, Method: oauth.AuthMethodPost}
	m.refused(both, oauth.CodeInvalidRequest, "")
	spent := m.request(m.assertion())
	m.must(spent)
	m.refused(spent, oauth.CodeInvalidGrant, oauth.ReasonReused)
	e := newEndpoint(t)
	e.refused(token.Request{GrantType: oauth.GrantJWTBearer, Assertion: "x"}, oauth.CodeUnsupportedGrantType, "")
}

func TestRFC7523_3_7_OneOfManyIsAccepted(t *testing.T) {
	m := newMachine(t)
	request := m.request(m.assertion())
	var won atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			_, err := m.handler.Token(t.Context(), request)
			var meant *oauth.Error
			if err == nil {
				won.Add(1)
			} else if !errors.As(err, &meant) || meant.Reason != oauth.ReasonReused {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("accepted %d times", won.Load())
	}
}

// A key's end is its tokens' end.
func TestTheTokensOfARemovedKeyEnd(t *testing.T) {
	m := newMachine(t)
	answer := m.must(m.request(m.assertion()))
	_, err := m.service.RemoveKey(t.Context(), m.account, m.keyID, "")
	m.Must(err)
	if _, state := m.holds(answer.AccessToken); state.Ended != oauth.ReasonRevoked {
		t.Errorf("the token's state is %+v", state)
	}
	m.refused(m.request(m.assertion()), oauth.CodeInvalidGrant, serviceaccount.ReasonKeyRemoved)
}

func TestTheTokensOfAnExpiredKeyEnd(t *testing.T) {
	m := newMachine(t)
	answer := m.must(m.request(m.assertion()))
	m.Tx(func(tx *store.Tx) error {
		_, err := tx.ExpireServiceKeys(m.Issuer.Name, m.account.ID, tx.Now().Add(time.Minute))
		return err
	})
	m.Advance(time.Minute)
	if _, state := m.holds(answer.AccessToken); state.Ended != oauth.ReasonExpired {
		t.Errorf("the token's state is %+v", state)
	}
}

// Where the issuer asks for a service account's session, the client's secret alone opens nothing.
func TestAClientsSecretIsNotASession(t *testing.T) {
	m := newMachine(t, func(i *issuer.Issuer) { i.Policy.ServiceSession = true })
	request := m.codeRequest(m.Code(m.grant))
	m.refused(request, oauth.CodeInvalidClient, serviceaccount.ReasonSessionRequired)
	request.Principal = &serviceaccount.Principal{ID: "svc", AccountID: "acc_other"}
	m.refused(request, oauth.CodeUnauthorizedClient, serviceaccount.ReasonWrongAccount)
	request.Principal = &serviceaccount.Principal{ID: "svc", AccountID: m.Account.ID, Delegated: true}
	m.refused(request, oauth.CodeUnauthorizedClient, serviceaccount.ReasonWrongAccount)
	request.Principal = &serviceaccount.Principal{ID: m.account.ID, AccountID: m.Account.ID}
	m.must(request)
	m.must(m.request(m.assertion())) // the assertion is the proof itself
}

func TestASingleUseTokenComesWithoutARefreshToken(t *testing.T) {
	m := newMachine(t, func(i *issuer.Issuer) { i.Policy.SingleUseTokens = true })
	if answer := m.redeemed(); answer.RefreshToken != "" {
		t.Error("a refresh token would buy a second one")
	}
}

// RFC 6749 §5.1, §3.3: scope is optional, and never an empty text.
func TestRFC6749_5_1_NoScopeIsLeftOut(t *testing.T) {
	answer := token.Response{AccessToken: "a", TokenType: "Bearer"}
	if text := string(answer.AppendJSON(nil)); strings.Contains(text, "scope") {
		t.Error(text)
	}
	answer.Scope = "orders.read"
	if text := string(answer.AppendJSON(nil)); !strings.Contains(text, `"scope":"orders.read"`) {
		t.Error(text)
	}
}
