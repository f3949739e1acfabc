package serviceaccount

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/seal"
	"latchkey.dev/internal/store"
)

// usualSession is how long a service account stays signed in.
const usualSession = 30 * 24 * time.Hour

// Session is a service account's new sign-in.
type Session struct {
	Principal Principal   `json:"principal"`
	ExpiresAt micros.Time `json:"-"`

	secrets []string // one for each cookie, in the policy's order
}

// SignIn starts a session for whoever holds the key that signed the assertion. Refusals are 401: of a caller that proved to hold a
// key with the reason, of any other all the same.
func (s *Service) SignIn(ctx context.Context, assertion Assertion) (Session, error) {
	proof, err := s.verify(ctx, assertion, rules{standard: !s.policy().BareAssertions, status: http.StatusUnauthorized})
	if err != nil {
		return Session{}, err
	}
	session := Session{Principal: principalOf(proof.ServicePrincipal), secrets: s.newSecrets()}
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := s.spend(tx, proof); err != nil {
			return err
		}
		session.Principal.SessionID, session.ExpiresAt = tx.NewID(), tx.Now().Add(cmp.Or(s.policy().Session, usualSession))
		err := tx.CreateServiceSession(store.ServiceSession{
			Hash: sessionHash(session.secrets), ID: session.Principal.SessionID, Issuer: s.Issuer.Name, KeyID: proof.Key.ID,
			Address: assertion.Address, ExpiresAt: session.ExpiresAt,
		})
		if err != nil {
			return err
		}
		return tx.Record(s.event(store.EventServiceAccountSignedIn, proof.Account, "", keyDetail(proof.Account, proof.Key.ID)))
	})
	if err != nil {
		return Session{}, err
	}
	s.touch(ctx, proof.Account)
	return session, nil
}

func (s *Service) newSecrets() []string {
	secrets := make([]string, len(s.cookieNames()))
	for i := range secrets {
		secrets[i] = seal.NewSecret(s.Rand, "lk_svc_")
	}
	return secrets
}

// sessionHash keys a session by all of its cookies: each has 256 random bits, and none is worth anything without the others.
func sessionHash(secrets []string) []byte { return store.Hash(strings.Join(secrets, ".")) }

// Claimant is the service account that an assertion proved, at the token endpoint.
type Claimant struct {
	Principal Principal
	// Scopes are the most that its access token may carry; AccountID is the account it acts for, by the connection GrantID where
	// that is not its own.
	Scopes             oauth.ScopeSet
	AccountID, GrantID string

	proof *proof
}

// Prove checks an assertion that is to buy an access token (RFC 7523 §2.1). Nothing is spent before Spend.
func (s *Service) Prove(ctx context.Context, assertion Assertion) (*Claimant, error) {
	proof, err := s.verify(ctx, assertion, rules{standard: true})
	if err != nil {
		return nil, err
	}
	acting, err := s.actsFor(ctx, proof.Account)
	if missing(err) {
		return nil, proof.rules.refuse(ReasonDisconnected, "the connection that this service account was made for has ended")
	}
	if err != nil {
		return nil, err
	}
	claimant := &Claimant{
		Principal: principalOf(proof.ServicePrincipal), Scopes: proof.Account.Scopes,
		AccountID: acting.AccountID, GrantID: acting.GrantID, proof: proof,
	}
	if acting.GrantID != "" { // what the person took back since is gone
		grant, err := s.Store.Grant(ctx, s.Issuer.Name, acting.GrantID)
		if err != nil {
			return nil, err
		}
		claimant.Scopes = claimant.Scopes.Intersect(grant.Scopes)
	}
	return claimant, nil
}

// Spend accepts the claimant's assertion, once, and writes that it bought a token.
func (s *Service) Spend(tx *store.Tx, claimant *Claimant) error {
	if err := s.spend(tx, claimant.proof); err != nil {
		return err
	}
	account := claimant.proof.Account
	return tx.Record(s.event(store.EventServiceAccountSignedIn, account, "", keyDetail(account, claimant.Principal.KeyID)))
}
