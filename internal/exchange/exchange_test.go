package exchange_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"latchkey.dev/internal/exchange"
	"latchkey.dev/internal/issuer"
	"latchkey.dev/internal/mint"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/serviceaccount"
	"latchkey.dev/internal/store"
	"latchkey.dev/internal/token"
	"latchkey.dev/internal/tokentest"
)

const here = "192.0.2.7"

// fixture is an app whose developers have a service account of their own, and a shop that connected it.
type fixture struct {
	*tokentest.Fixture

	service   *serviceaccount.Service
	tokens    *token.Handler
	handler   *exchange.Handler
	app       tokentest.App
	shop      store.Account // the account that is connected
	grant     store.Grant
	principal *serviceaccount.Principal
	key       *ecdsa.PrivateKey // brought along, so that no test waits for RSA
}

func newFixture(t testing.TB, adjust ...func(*issuer.Issuer)) *fixture {
	t.Helper()
	policy := func(i *issuer.Issuer) {
		i.Policy = issuer.Policy{ServiceSession: true, SingleUseTokens: true, ServiceAccounts: issuer.ServiceAccounts{BareAssertions: true}}
	}
	f := &fixture{Fixture: tokentest.New(t, append([]func(*issuer.Issuer){policy}, adjust...)...)}
	f.service = serviceaccount.New(serviceaccount.Config{
		Issuer: f.Issuer, Store: f.Store, Keys: serviceaccount.NewKeyMaker(rand.Reader), LastUse: f.LastUse, Rand: rand.Reader,
	})
	f.tokens = token.New(token.Config{Issuer: f.Issuer, Store: f.Store, Clients: f.Clients, Mint: f.Mint, LastUse: f.LastUse, ServiceAccounts: f.service})
	f.handler = exchange.New(exchange.Config{Issuer: f.Issuer, Store: f.Store, Clients: f.Clients, Mint: f.Mint, ServiceAccounts: f.service})
	f.app = f.App()
	f.shop = store.Account{Issuer: "acme", ID: "acc_seller", Name: "Seller"}
	f.Tx(func(tx *store.Tx) error { return tx.CreateAccount(f.shop, f.User.ID) })
	f.connect()
	f.principal = &serviceaccount.Principal{ID: "svc-integrator", AccountID: f.Account.ID}
	var err error
	f.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.Must(err)
	return f
}

func (f *fixture) connect() {
	f.Helper()
	f.Tx(func(tx *store.Tx) (err error) {
		f.grant, _, err = tx.SaveConsent(store.Consent{
			Issuer: "acme", UserID: f.User.ID, AccountID: f.shop.ID, ClientID: f.app.ID, Allowed: tokentest.Scopes("orders.read orders.write"),
		})
		return err
	})
}

// redeem buys the single-use token of a code.
func (f *fixture) redeem(code string) (token.Response, error) {
	return f.tokens.Token(f.Context(), token.Request{
		GrantType: oauth.GrantAuthorizationCode, Client: f.app.Credentials(), Code: code, RedirectURI: tokentest.RedirectURI,
		CodeVerifier: tokentest.Verifier, Principal: f.principal,
	})
}

func (f *fixture) token() string {
	f.Helper()
	answer, err := f.redeem(f.Code(f.grant))
	f.Must(err)
	return answer.AccessToken
}

// request exchanges a token for a service account with the fixture's own key.
func (f *fixture) request(accessToken string) exchange.Request {
	f.Helper()
	jwk, err := jose.JSONWebKey{Key: f.key.Public()}.MarshalJSON()
	f.Must(err)
	return exchange.Request{SubjectToken: accessToken, PublicJWK: jwk, Principal: f.principal}
}

func (f *fixture) exchange(accessToken string) exchange.Response {
	f.Helper()
	answer, err := f.handler.Exchange(f.Context(), f.request(accessToken))
	f.Must(err)
	return answer
}

func (f *fixture) refused(request exchange.Request, code, reason string, status int) {
	f.Helper()
	_, err := f.handler.Exchange(f.Context(), request)
	var said *oauth.Error
	if !errors.As(err, &said) || said.Code != code || said.Reason != reason || said.HTTPStatus() != status {
		f.Errorf("got %v, want %d %s (%s)", err, status, code, reason)
	}
}

// signIn signs in with the exchanged key.
func (f *fixture) signIn(keyID string) (serviceaccount.Session, error) {
	return f.service.SignIn(f.Context(), serviceaccount.Assertion{Token: f.assertion(keyID, f.key, jose.ES256), Address: here})
}

func (f *fixture) assertion(keyID string, key any, alg jose.SignatureAlgorithm) string {
	f.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
	f.Must(err)
	payload, err := json.Marshal(map[string]any{
		"iss": keyID, "sub": keyID, "aud": f.Issuer.URL, "iat": f.Clock().Unix(), "exp": f.Clock().Unix() + 60, "jti": seal.NewSecret(rand.Reader, ""),
	})
	f.Must(err)
	signed, err := signer.Sign(payload)
	f.Must(err)
	text, err := signed.CompactSerialize()
	f.Must(err)
	return text
}

func (f *fixture) resume(session serviceaccount.Session) (*serviceaccount.Principal, error) {
	return f.service.Resume(f.Context(), []string{f.service.Cookies(session)[0].Value}, here)
}

func steps(t testing.TB, exchange store.Exchange) (names []string) {
	t.Helper()
	for _, step := range store.Timeline(exchange) {
		name := step.Name
		if step.Reason != "" {
			name += ":" + step.Reason
		}
		names = append(names, name)
	}
	return names
}

func (f *fixture) timeline(id string, want ...string) {
	f.Helper()
	tracked, err := f.Store.Exchange(f.Context(), "acme", id)
	f.Must(err)
	got := steps(f.TB, tracked)
	if len(got) != len(want) {
		f.Fatalf("timeline %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			f.Fatalf("timeline %v, want %v", got, want)
		}
	}
}

func TestConsentEndsInAServiceAccount(t *testing.T) {
	f := newFixture(t)
	answer, err := f.handler.Exchange(t.Context(), exchange.Request{SubjectToken: f.token(), Principal: f.principal})
	f.Must(err)
	if answer.AccountID != f.shop.ID || answer.OwnerID != f.Account.ID || answer.GrantID != f.grant.ID || answer.IssuedAt != f.Clock().Unix() {
		t.Errorf("answer %+v", answer)
	}
	if _, err := store.ParseID(answer.ExchangeID); err != nil {
		t.Errorf("the exchange's identifier is not a UUID: %v", err)
	}
	block, _ := pem.Decode([]byte(answer.PrivateKey))
	private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	f.Must(err)
	session, err := f.service.SignIn(t.Context(), serviceaccount.Assertion{Token: f.assertion(answer.KeyID, private, jose.RS256), Address: here})
	f.Must(err)
	principal, err := f.resume(session)
	f.Must(err)
	if !principal.Delegated || principal.AccountID != f.Account.ID || principal.ID != answer.UserCode {
		t.Errorf("principal %+v", principal)
	}
	for account, may := range map[string]bool{f.shop.ID: true, f.Account.ID: false, "acc_other": false} {
		got, err := f.service.MayActFor(t.Context(), principal, account)
		if err != nil || got != may {
			t.Errorf("may act for %s: %v, %v", account, got, err)
		}
	}
	f.timeline(answer.ExchangeID, store.StepCodeIssued, store.StepTokenCreated, store.StepServiceAccountCreated, store.StepKeyIssued)
	for _, list := range []func() ([]store.Exchange, error){
		func() ([]store.Exchange, error) {
			return f.Store.ExchangesOfClient(t.Context(), "acme", f.app.ID, store.LastEvent, 10)
		},
		func() ([]store.Exchange, error) {
			return f.Store.ExchangesOfAccount(t.Context(), "acme", f.shop.ID, store.LastEvent, 10)
		},
	} {
		if found, err := list(); err != nil || len(found) != 1 || found[0].ID != answer.ExchangeID {
			t.Errorf("listed %v, %v", found, err)
		}
	}
	if tokentest.Count(f.Events(), store.EventServiceAccountCreated) != 1 {
		t.Error("the person is not told that a service account was made")
	}
}

func TestATokenBuysOneServiceAccountWhateverRaces(t *testing.T) {
	f := newFixture(t)
	request := f.request(f.token())
	var won atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			_, err := f.handler.Exchange(t.Context(), request)
			var said *oauth.Error
			if err == nil {
				won.Add(1)
			} else if !errors.As(err, &said) || said.Code != oauth.CodeInvalidGrant || said.Reason != oauth.ReasonReused {
				t.Error(err)
			}
		})
	}
	all.Wait()
	made, err := f.Store.ServiceAccounts(t.Context(), "acme", f.Account.ID, "", 100)
	if won.Load() != 1 || err != nil || len(made) != 1 {
		t.Errorf("%d won, %d service accounts were made, %v", won.Load(), len(made), err)
	}
}

func TestASpentTokenIsRefusedAndInactive(t *testing.T) {
	f := newFixture(t)
	accessToken := f.token()
	answer := f.exchange(accessToken)
	f.Advance(time.Second)
	f.refused(f.request(accessToken), oauth.CodeInvalidGrant, oauth.ReasonReused, 400)
	access, err := f.Mint.ReadAccessToken(t.Context(), accessToken)
	f.Must(err)
	state, err := f.Store.TokenState(t.Context(), store.TokenRef{Issuer: "acme", JTI: access.JTI, FamilyID: access.FamilyID, ClientID: access.ClientID, IssuedAt: access.IssuedAt})
	if err != nil || state.Ended == "" {
		t.Errorf("a spent token still holds: %+v, %v", state, err)
	}
	_, err = f.signIn(answer.KeyID) // what it bought is not hurt
	f.Must(err)
	f.timeline(answer.ExchangeID, store.StepCodeIssued, store.StepTokenCreated, store.StepServiceAccountCreated, store.StepKeyIssued,
		store.StepRefused+":"+oauth.ReasonReused)
}

func TestWhoMayNotExchange(t *testing.T) {
	f := newFixture(t, func(i *issuer.Issuer) { i.Policy.ServiceAccounts.ExchangeScope = "orders.write" })
	accessToken := f.token()
	for name, test := range map[string]struct {
		change       func(*exchange.Request)
		code, reason string
		status       int
	}{
		"nobody signed in": {func(r *exchange.Request) { r.Principal = nil }, oauth.CodeInvalidClient, serviceaccount.ReasonSessionRequired, 401},
		"another account's service account": {func(r *exchange.Request) {
			r.Principal = &serviceaccount.Principal{ID: "x", AccountID: f.shop.ID}
		}, oauth.CodeUnauthorizedClient, serviceaccount.ReasonWrongAccount, 403},
		"one that a consent made": {func(r *exchange.Request) {
			r.Principal = &serviceaccount.Principal{ID: "x", AccountID: f.Account.ID, Delegated: true}
		}, oauth.CodeUnauthorizedClient, serviceaccount.ReasonWrongAccount, 403},
		"no token":     {func(r *exchange.Request) { r.SubjectToken = "" }, oauth.CodeInvalidRequest, "", 400},
		"not a token":  {func(r *exchange.Request) { r.SubjectToken = "x" }, oauth.CodeInvalidGrant, oauth.ReasonUnknown, 400},
		"an untracked": {func(r *exchange.Request) { r.SubjectToken, _ = f.Access(f.grant) }, oauth.CodeInvalidGrant, oauth.ReasonUnknown, 400},
		"a client's own": {func(r *exchange.Request) {
			r.SubjectToken, _ = f.Access(f.grant, func(a *mint.Access) { a.FamilyID, a.GrantID = "", "" })
		}, oauth.CodeInvalidGrant, oauth.ReasonUnknown, 400},
		"too little scope": {func(r *exchange.Request) {
			r.SubjectToken, _ = f.Access(f.grant, func(a *mint.Access) { a.Scopes = tokentest.Scopes("orders.read") })
		}, oauth.CodeInsufficientScope, "", 403},
		"a private key": {func(r *exchange.Request) {
			r.PublicJWK, _ = jose.JSONWebKey{Key: f.key}.MarshalJSON()
		}, oauth.CodeInvalidRequest, "", 400},
	} {
		t.Run(name, func(*testing.T) {
			request := f.request(accessToken)
			test.change(&request)
			f.refused(request, test.code, test.reason, test.status)
		})
	}
	f.exchange(accessToken) // none of that spent it
}

func TestAnExpiredTokenIsRefusedAndTold(t *testing.T) {
	f := newFixture(t)
	accessToken := f.token()
	f.Advance(f.Issuer.Lifetimes.AccessToken)
	f.refused(f.request(accessToken), oauth.CodeInvalidGrant, oauth.ReasonExpired, 400)
	access, err := f.Mint.ReadAccessToken(t.Context(), accessToken)
	f.Must(err)
	f.timeline(access.FamilyID, store.StepCodeIssued, store.StepTokenCreated, store.StepRefused+":"+oauth.ReasonExpired)
}

func TestARevokedConnectionBuysNothing(t *testing.T) {
	f := newFixture(t)
	accessToken := f.token()
	f.RevokeGrant(f.grant.ID)
	f.refused(f.request(accessToken), oauth.CodeInvalidGrant, oauth.ReasonRevokedByUser, 400)
}

func TestAnExpiredCodeIsToldInTheTimeline(t *testing.T) {
	f := newFixture(t)
	id := f.Store.NewID()
	code := f.Code(f.grant, func(c *store.Code) { c.FamilyID = id })
	f.Tx(func(tx *store.Tx) error {
		return tx.TrackCode(store.Code{FamilyID: id, Issuer: "acme", ClientID: f.app.ID, Grant: f.grant})
	})
	f.timeline(id, store.StepCodeIssued)
	f.Advance(f.Issuer.Lifetimes.Code)
	if _, err := f.redeem(code); err == nil {
		t.Fatal("an expired code was redeemed")
	}
	f.timeline(id, store.StepCodeIssued, store.StepRefused+":"+oauth.ReasonExpired)
}

// Whatever ends the connection ends all that the key can do, at once.
func TestTheServiceAccountEndsWithTheConnection(t *testing.T) {
	for name, end := range map[string]func(*fixture){
		"disconnected": func(f *fixture) { f.RevokeGrant(f.grant.ID) },
		"the user is suspended": func(f *fixture) {
			f.Tx(func(tx *store.Tx) error { return tx.SuspendUser("acme", f.User.ID, true) })
		},
		"the app is suspended": func(f *fixture) {
			f.Tx(func(tx *store.Tx) error { return tx.SetClientStatus("acme", f.app.ID, store.ClientSuspended) })
		},
		"the app is deleted": func(f *fixture) {
			f.Tx(func(tx *store.Tx) error { return tx.DeleteClient("acme", f.app.ID) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			answer := f.exchange(f.token())
			session, err := f.signIn(answer.KeyID)
			f.Must(err)
			end(f)
			var said *oauth.Error
			if _, err := f.resume(session); !errors.As(err, &said) || said.Reason != serviceaccount.ReasonDisconnected {
				t.Errorf("the session: %v", err)
			}
			if _, err := f.signIn(answer.KeyID); !errors.As(err, &said) || said.Reason != serviceaccount.ReasonDisconnected {
				t.Errorf("signing in: %v", err)
			}
		})
	}
}

func TestConnectingAgainDoesNotReviveTheOldKey(t *testing.T) {
	f := newFixture(t)
	answer := f.exchange(f.token())
	f.RevokeGrant(f.grant.ID)
	f.connect()
	if _, err := f.signIn(answer.KeyID); err == nil {
		t.Error("a key of the old connection signs in")
	}
	renewed := f.exchange(f.token())
	_, err := f.signIn(renewed.KeyID)
	f.Must(err)
}

// RFC 6749 §4.1.2: what a code bought ends when it comes again, and the service account is what its token bought.
func TestRFC6749_4_1_2_AReplayedCodeEndsTheServiceAccount(t *testing.T) {
	f := newFixture(t)
	code := f.Code(f.grant)
	bought, err := f.redeem(code)
	f.Must(err)
	answer := f.exchange(bought.AccessToken)
	f.Advance(time.Second)
	if _, err := f.redeem(code); err == nil {
		t.Fatal("a code was redeemed twice")
	}
	var said *oauth.Error
	if _, err := f.signIn(answer.KeyID); !errors.As(err, &said) || said.Reason != serviceaccount.ReasonKeyRemoved {
		t.Errorf("signing in: %v", err)
	}
}

func TestTheKeysOfAnExchangedServiceAccountRotate(t *testing.T) {
	f := newFixture(t)
	answer := f.exchange(f.token())
	more, err := f.service.CredentialCreate(t.Context(), f.principal, serviceaccount.CredentialCreate{
		ChannelIdentifier: answer.ChannelIdentifier, PublicJWK: f.request("").PublicJWK,
	})
	f.Must(err)
	if more.AccountID != f.shop.ID {
		t.Errorf("it acts for %s", more.AccountID)
	}
	removed, err := f.service.CredentialRemove(t.Context(), f.principal, serviceaccount.CredentialRemove{UserCode: answer.UserCode, KeyID: answer.KeyID})
	if err != nil || !removed.Success {
		t.Errorf("removed %+v, %v", removed, err)
	}
	_, err = f.signIn(more.KeyID)
	f.Must(err)
	f.RevokeGrant(f.grant.ID)
	_, err = f.service.CredentialCreate(t.Context(), f.principal, serviceaccount.CredentialCreate{UserCode: answer.UserCode, PublicJWK: f.request("").PublicJWK})
	var said *oauth.Error
	if !errors.As(err, &said) || said.Reason != serviceaccount.ReasonDisconnected {
		t.Errorf("a key for what has ended: %v", err)
	}
}

func TestDatabaseTroubleIsNeverARefusal(t *testing.T) {
	f := newFixture(t)
	request := f.request(f.token())
	f.Unavailable()
	if _, err := f.handler.Exchange(t.Context(), request); !tokentest.IsUnavailable(err) {
		t.Errorf("got %v, want trouble with the database", err)
	}
}

func TestAnIssuerThatExchangesNothing(t *testing.T) {
	f := newFixture(t, func(i *issuer.Issuer) { i.Policy.SingleUseTokens = false })
	accessToken := f.token()
	f.refused(f.request(accessToken), oauth.CodeUnsupportedGrantType, "", 400)
}

// RFC 7523 §2.1: the same key buys access tokens, for the account that was connected and with what is allowed now.
func TestRFC7523_2_1_AnExchangedKeyBuysTokensWhileConnected(t *testing.T) {
	f := newFixture(t)
	answer := f.exchange(f.token())
	f.Tx(func(tx *store.Tx) error {
		_, _, err := tx.SaveConsent(store.Consent{
			Issuer: "acme", UserID: f.User.ID, AccountID: f.shop.ID, ClientID: f.app.ID, Declined: tokentest.Scopes("orders.write"),
		})
		return err
	})
	ask := func() (token.Response, error) {
		return f.tokens.Token(t.Context(), token.Request{GrantType: oauth.GrantJWTBearer, Assertion: f.assertion(answer.KeyID, f.key, jose.ES256), Address: here})
	}
	bought, err := ask()
	f.Must(err)
	if bought.AccountID != f.shop.ID || bought.Scope != "orders.read" {
		t.Errorf("bought %+v", bought)
	}
	access, err := f.Mint.ReadAccessToken(t.Context(), bought.AccessToken)
	f.Must(err)
	f.RevokeGrant(f.grant.ID)
	state, err := f.Store.TokenState(t.Context(), store.TokenRef{Issuer: "acme", JTI: access.JTI, ClientID: access.ClientID, IssuedAt: access.IssuedAt})
	if err != nil || state.Ended == "" {
		t.Errorf("the token outlives the connection: %+v, %v", state, err)
	}
	var said *oauth.Error
	if _, err := ask(); !errors.As(err, &said) || said.Reason != serviceaccount.ReasonDisconnected {
		t.Errorf("another token: %v", err)
	}
}
