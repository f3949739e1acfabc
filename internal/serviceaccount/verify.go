package serviceaccount

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"latchkey.dev/internal/micros"
	"latchkey.dev/internal/oauth"
	"latchkey.dev/internal/reqlog"
	"latchkey.dev/internal/store"
)

const (
	usualMaxAge = time.Minute      // how far from now an iat may be
	leeway      = 10 * time.Second // for exp and nbf: clocks differ (RFC 7523 §3, rules 4 and 5)
	mostAhead   = time.Hour        // an exp further ahead would keep its jti for long (RFC 7523 §3, rule 4)
)

// rules are what an assertion must say.
type rules struct {
	// standard asks for iss, sub, aud and exp (RFC 7523 §3). Otherwise iat bounds it.
	standard bool
	status   int // of refusals; 0 means that of invalid_grant
}

func (r rules) refuse(reason, format string, args ...any) *oauth.Error {
	return oauth.InvalidGrant(format, args...).With(reason).WithStatus(r.status)
}

// unproven is the one answer to a caller that has proven nothing: whether a key exists is not told. The log says more.
func (r rules) unproven(why error) error {
	return fmt.Errorf("%w (%w)", oauth.InvalidGrant("the assertion was not signed by a key of a service account here").WithStatus(r.status), why)
}

// proof is an assertion that holds, and has not been spent.
type proof struct {
	store.ServicePrincipal

	hash  []byte // of issuer, key and jti
	until micros.Time
	rules rules
}

// verify checks an assertion, in an order that tells a caller nothing before it has proven to hold the key.
func (s *Service) verify(ctx context.Context, assertion Assertion, rules rules) (*proof, error) {
	said, err := readAssertion(assertion.Token)
	if err != nil {
		return nil, rules.unproven(err)
	}
	holder, err := s.holder(ctx, &said)
	if missing(err) {
		return nil, rules.unproven(errors.New("no such key"))
	}
	if err != nil {
		return nil, err
	}
	signed, err := said.verify(holder.Key.Alg, holder.Key.PublicKey)
	if err != nil {
		return nil, err
	}
	if !signed {
		return nil, rules.unproven(fmt.Errorf("the signature is not of key %s", holder.Key.ID))
	}
	reqlog.From(ctx).Client = holder.Key.ID
	now := s.Store.Now()
	for _, check := range []error{
		checkNames(&said, holder, rules),
		s.checkAudience(&said, rules),
		s.checkTimes(&said, now, rules),
		checkPrincipal(holder, assertion.Address, now, rules),
	} {
		if check != nil {
			return nil, check
		}
	}
	return &proof{ServicePrincipal: holder, hash: s.assertionHash(holder.Key.ID, said.claims.ID), until: s.spentUntil(&said), rules: rules}, nil
}

// holder finds the key that the header names, or else the subject: both are hints until the signature fits.
func (s *Service) holder(ctx context.Context, said *statement) (store.ServicePrincipal, error) {
	for _, id := range []string{said.kid, said.claims.Subject} {
		if id == "" {
			continue
		}
		holder, err := s.Store.ServiceKey(ctx, s.Issuer.Name, id)
		if !missing(err) {
			return holder, err
		}
	}
	return store.ServicePrincipal{}, store.ErrNotFound
}

// checkNames: subject and issuer are the service account, by any of its names, or its key (RFC 7523 §3, rules 1 and 2).
func checkNames(said *statement, holder store.ServicePrincipal, rules rules) error {
	names := []string{holder.Key.ID, holder.Account.ID, holder.Account.Channel}
	switch {
	case said.claims.ID == "":
		return rules.refuse(oauth.ReasonMissing, "the assertion has no jti; give each one its own, such as a random UUID")
	case !slices.Contains(names, said.claims.Subject):
		return rules.refuse(oauth.ReasonMalformed, "the sub of the assertion must be the key's identifier or the service account's")
	case said.claims.Issuer == "" && rules.standard:
		return rules.refuse(oauth.ReasonMissing, "the assertion has no iss (RFC 7523 section 3)")
	case said.claims.Issuer != "" && !slices.Contains(names, said.claims.Issuer):
		return rules.refuse(oauth.ReasonMalformed, "the iss of the assertion must be the key's identifier or the service account's")
	}
	return nil
}

// checkAudience: made for us and nobody else (RFC 7523 §3, rule 3).
func (s *Service) checkAudience(said *statement, rules rules) error {
	audience := said.claims.Audience
	if len(audience) == 0 {
		if rules.standard {
			return rules.refuse(oauth.ReasonMissing, "the assertion has no aud; it must be %s", s.Issuer.URL)
		}
		return nil
	}
	if us := append([]string{s.Issuer.URL, s.Issuer.Endpoint("/oauth/token")}, s.policy().Audiences...); slices.ContainsFunc(us, audience.Has) {
		return nil
	}
	return rules.refuse(ReasonWrongAudience, "the assertion was made for somebody else; its aud must be %s", s.Issuer.URL)
}

// checkTimes is RFC 7523 §3, rules 4 to 6. iat is held to be near now, so that a jti need not be remembered for long.
func (s *Service) checkTimes(said *statement, now micros.Time, rules rules) error {
	expiry, issued := said.claims.Expiry, said.claims.IssuedAt
	switch {
	case expiry == nil && rules.standard:
		return rules.refuse(oauth.ReasonMissing, "the assertion has no exp (RFC 7523 section 3)")
	case expiry != nil && expiry.time().Add(leeway) <= now:
		return rules.refuse(oauth.ReasonExpired, "the assertion has expired; make a new one for each request")
	case said.claims.NotBefore.time() > now.Add(leeway):
		return rules.refuse(ReasonStale, "the assertion is not valid yet; check this machine's clock")
	case issued == nil && !rules.standard:
		return rules.refuse(oauth.ReasonMissing, "the assertion has no iat")
	case issued == nil && expiry.time() > now.Add(mostAhead):
		return rules.refuse(ReasonStale, "the exp of an assertion without iat may be at most an hour ahead")
	case issued != nil && s.far(issued.time(), now):
		return rules.refuse(ReasonStale, "the iat of the assertion must be within %d seconds of now; make a new one for each request, and check this machine's clock",
			int(s.maxAge().Seconds()))
	}
	return nil
}

// far compares whole seconds: a clock that gives no fraction must not cost the client one.
func (s *Service) far(issued, now micros.Time) bool {
	distance := now.Unix() - issued.Unix()
	most := int64(s.maxAge().Seconds())
	return distance > most || distance < -most
}

func (s *Service) maxAge() time.Duration { return cmp.Or(s.policy().MaxAge, usualMaxAge) }

// spentUntil is when the assertion would be refused for its age anyway.
func (s *Service) spentUntil(said *statement) micros.Time {
	if issued := said.claims.IssuedAt; issued != nil {
		return issued.time().Add(s.maxAge() + time.Second)
	}
	return said.claims.Expiry.time().Add(leeway + time.Second)
}

// checkPrincipal tells whether a key can be used now, from there.
func checkPrincipal(holder store.ServicePrincipal, address string, now micros.Time, rules rules) error {
	reason, description := whyNot(holder, address, now)
	if reason == "" {
		return nil
	}
	return rules.refuse(reason, "%s", description)
}

func whyNot(holder store.ServicePrincipal, address string, now micros.Time) (reason, description string) {
	switch key := holder.Key; {
	case !key.RevokedAt.Never():
		return ReasonKeyRemoved, "this key was removed"
	case !key.ExpiresAt.Never() && key.ExpiresAt <= now:
		return ReasonKeyExpired, "this key has expired"
	case !holder.Connected():
		return ReasonDisconnected, "the connection that this service account was made for has ended"
	case !allowed(key.Addresses, address):
		return ReasonAddressNotAllowed, "this key may not be used from this address"
	}
	return "", ""
}

// assertionHash has a fixed length whatever a client puts into its jti. Lengths stand before the parts, so that no two divide
// the same bytes differently.
func (s *Service) assertionHash(parts ...string) []byte {
	hash := sha256.New()
	for _, part := range append([]string{s.Issuer.Name}, parts...) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		hash.Write([]byte(part))
	}
	return hash.Sum(nil)
}

// spend accepts the proof, once.
func (s *Service) spend(tx *store.Tx, proof *proof) error {
	err := tx.SpendAssertion(proof.hash, proof.until)
	if errors.Is(err, store.ErrConflict) {
		return proof.rules.refuse(oauth.ReasonReused, "an assertion with this jti was used before; make a new one for each request")
	}
	if err != nil {
		return err
	}
	err = tx.UseServiceKey(s.Issuer.Name, proof.Key.ID)
	if errors.Is(err, store.ErrNotFound) {
		return proof.rules.refuse(ReasonKeyRemoved, "this key was removed")
	}
	return err
}

// touch tells the connected-apps page that the connection is in use. The assertion is spent by then, so a failure is for the log alone.
func (s *Service) touch(ctx context.Context, account store.ServiceAccount) {
	acting, err := s.actsFor(ctx, account)
	if err != nil && !missing(err) {
		reqlog.From(ctx).Err = err
		return
	}
	s.LastUse.Touch(acting.GrantID)
}
